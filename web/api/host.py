"""What the host system reports: customers, services, usage. Idempotent by its own references."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from engine import host_reports
from planshift_client import shapes
from web.api.auth import HostKey, transaction_for
from web.api.bodies import CustomerBody, ServiceBody, Usage
from web.api.fields import REF
from web.api.views import customer_view, reported_view, service_view

router = APIRouter(prefix="/v1", tags=["host system"])
PathRef = Annotated[str, Path(max_length=128, pattern=REF, description="The host system's `ref`.")]
QuoteId = Annotated[str, Path(max_length=64, pattern=r"^qt_[0-9a-z]+$", description="The quote's id.")]


@router.put("/customers/{ref}")
def put_customer(ref: PathRef, body: CustomerBody, caller: HostKey) -> shapes.Customer:
    """Creates or updates a customer."""
    with transaction_for(caller) as tx:
        return customer_view(host_reports.put_customer(tx.session, tx.provider, ref, body.model_dump()))


@router.put("/services/{ref}")
def put_service(ref: PathRef, body: ServiceBody, caller: HostKey) -> shapes.ReportedService:
    """Creates a service, or takes over its status, and that its running period was paid.

    A later report repeats what was reported at creation, or what we hold now; anything else is answered with 409
    `service_differs`. One that makes the service active again may say a new period; `correct: true` puts right what was
    reported wrong. Leaving `active` cancels unpaid changes; `canceled` and `terminated` cancel scheduled ones, too.
    """
    with transaction_for(caller) as tx:
        return reported_view(host_reports.put_service(tx.session, tx.now, tx.provider, ref, body.report()))


@router.put("/services/{ref}/usage")
def put_usage(ref: PathRef, body: Usage, caller: HostKey) -> shapes.Service:
    """How much of each limit is used: `{"zones": 3}`."""
    with transaction_for(caller) as tx:
        return service_view(host_reports.put_usage(tx.session, tx.provider, ref, body))
