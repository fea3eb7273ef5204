"""The rows: SQLAlchemy mappings, the constraints that the database itself keeps, and named queries.

`database.transaction()` is the only way in; nothing here commits. A row comes with what it is never used without, and
raises for what its query has not loaded (decision 39).
"""

from models import (
    arrived_credit,
    audit,
    billed_item,
    customer,
    ending,
    heartbeat,
    inbox,
    invoice,
    ledger,
    outbox,
    payment,
    plan_change,
    provider,
    rejected,
    renewal,
    resumption,
    saved_answer,
    sessions,
)
from models.base import Base

metadata = Base.metadata

__all__ = [
    "arrived_credit",
    "audit",
    "billed_item",
    "customer",
    "ending",
    "heartbeat",
    "inbox",
    "invoice",
    "ledger",
    "metadata",
    "outbox",
    "payment",
    "plan_change",
    "provider",
    "rejected",
    "renewal",
    "resumption",
    "saved_answer",
    "sessions",
]
