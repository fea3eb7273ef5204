"""The sandbox clock, health and metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import select

from engine.accounts.providers import set_clock
from models.database import transaction
from models.inbox import foreign_events
from models.provider import Connection, Provider
from planshift_client import shapes
from tasks.watch import found, tell, tell_troubles
from web.api.auth import AnyKey, transaction_for
from web.api.bodies import TestClockBody
from web.api.problems import Problem
from web.metrics import KEY_MISSING, may_read

router = APIRouter()


@router.put("/v1/test-clock", tags=["sandbox"])
def put_test_clock(body: TestClockBody, caller: AnyKey) -> shapes.TestClock:
    """Sets a sandbox provider's clock, where it stands until it is set again; it never runs backwards."""
    with transaction_for(caller) as tx:
        provider = tx.session.get_one(Provider, tx.provider.id, with_for_update=True)
        return shapes.TestClock(now=set_clock(tx.session, provider, body.now))


@router.get("/healthz", tags=["operations"])
def healthz() -> shapes.Health:
    """The process is up."""
    return shapes.Health(status="ok")


@router.get("/readyz", tags=["operations"])
def readyz() -> shapes.Health:
    """The process is up, reaches the database, and has the secret key that its rows were encrypted with."""
    with transaction() as session:
        session.scalars(select(Connection.secrets).limit(1)).first()
    tell_troubles()  # whoever watches a process asks it every few seconds, also where nothing else runs any more
    return shapes.Health(status="ready")


@router.get("/metrics", tags=["operations"], include_in_schema=False)
def metrics(authorization: Annotated[str | None, Header()] = None) -> Response:
    """Prometheus metrics of this process, and the count of gateway events that are not ours."""
    if not may_read(authorization):
        raise Problem("not_authenticated", KEY_MISSING)
    with transaction() as session:
        counted = foreign_events(session)
    own = CollectorRegistry()
    gauge = Gauge("planshift_foreign_events", "Events of other applications", ["provider", "gateway"], registry=own)
    for provider, gateway, count in counted:
        gauge.labels(provider, gateway).set(count)
    wrong = found()
    tell(wrong)
    trouble = Gauge("planshift_trouble", "What planshift doctor says", ["kind", "subject"], registry=own)
    for one in wrong:
        trouble.labels(one.kind, one.subject).set(1)
    return Response(generate_latest() + generate_latest(own), media_type=CONTENT_TYPE_LATEST)
