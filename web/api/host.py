"""What the host system reports: customers, services, usage. Idempotent by its own references."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from engine.host_reports import put_customer, put_service, put_usage
from web.api.auth import HostKey, transaction_for
from web.api.bodies import CustomerBody, ServiceBody, Usage
from web.api.views import customer_view, service_view

router = APIRouter(prefix="/v1", tags=["host system"])
PathRef = Annotated[str, Path(max_length=128, pattern=r"^[A-Za-z0-9._~-]+$")]


@router.put("/customers/{ref}")
def put_customer_route(ref: PathRef, body: CustomerBody, caller: HostKey) -> dict[str, Any]:
    """Creates or updates a customer."""
    with transaction_for(caller) as tx:
        return customer_view(put_customer(tx.session, tx.provider, ref, body.model_dump()))


@router.put("/services/{ref}")
def put_service_route(ref: PathRef, body: ServiceBody, caller: HostKey) -> dict[str, Any]:
    """Creates a service, or takes over its status: plan and period count at creation only. That the running period
    was paid opens the way for changes later, too.

    Leaving `active` cancels unpaid and scheduled changes.
    """
    with transaction_for(caller) as tx:
        service, canceled = put_service(tx.session, tx.now, tx.provider, ref, body.report())
        view = service_view(service)
    return view | {"canceled_plan_changes": canceled}


@router.put("/services/{ref}/usage")
def put_usage_route(ref: PathRef, body: Usage, caller: HostKey) -> dict[str, Any]:
    """How much of each limit is used: `{"zones": 3}`."""
    with transaction_for(caller) as tx:
        return service_view(put_usage(tx.session, tx.provider, ref, body))
