"""What the host system reports: its customers, their services, and how much of each is used.

`reports` are the values that come in. A service that is new is created (services), of one that we hold a report may
repeat what we hold (differences), bring it back in service (resumption), or put right what was reported before
(corrections); what was billed before us is an import (imports).
"""

from engine.host_reports.corrections import NotCorrectable
from engine.host_reports.customers import put_customer, put_usage
from engine.host_reports.differences import ServiceDiffers
from engine.host_reports.reports import (
    BillingReport,
    OtherCustomersService,
    PeriodRunsBackwards,
    ServiceReport,
    UnknownCustomer,
    UnknownDiscount,
)
from engine.host_reports.services import Taken, put_service

__all__ = [
    "BillingReport",
    "NotCorrectable",
    "OtherCustomersService",
    "PeriodRunsBackwards",
    "ServiceDiffers",
    "ServiceReport",
    "Taken",
    "UnknownCustomer",
    "UnknownDiscount",
    "put_customer",
    "put_service",
    "put_usage",
]
