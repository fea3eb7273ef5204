"""What a tenant does to its neighbours by way of its own systems: a gateway or a host that never comes to an end, an
answer that is huge once it is unpacked, a gateway whose webhooks nobody signs."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import ColumnElement, Update, func, select, update
from sqlalchemy.orm import Session

from models.database import transaction
from models.inbox import InboxEvent
from models.payment import PaymentAttempt
from models.provider import Connection, provider_by_slug
from tests.support import loopback
from tests.support.client import AUGUST, JULY, ApiClient
from tests.support.slow_systems import bomb, dripping
from tests.support.waiting import until

CHANGES = 8
GOES_ON_SECONDS = 45
ANONYMOUS = [f"tr_{number}" for number in range(3_000)]


def dripping_systems(other: ApiClient) -> Counter[int]:
    """Eight changes at a gateway that drips a byte now and then for ever; the host does the same."""
    with dripping() as url:
        return _at_the_mercy_of(url, other)


def packed_answers(other: ApiClient) -> Counter[int]:
    """The same with answers that are 300 MB once they are unpacked."""
    with bomb() as url:
        return _at_the_mercy_of(url, other)


def anonymous_webhooks(other: ApiClient) -> Counter[int]:
    """Names of payments that nobody opened, to an account whose gateway signs nothing. They are answered as if they
    were believed; what was is a row."""
    with transaction() as session:
        session.execute(_connections(session, other).where(Connection.kind == "gateway").values(adapter="mollie"))
    url = f"{other.ready['api']}/webhooks/mollie/{other.provider}"

    def send(names: list[str]) -> Counter[int]:
        with loopback.Client() as client:
            return Counter(client.post(url, content=f"id={name}".encode()).status_code for name in names)

    with ThreadPoolExecutor(8) as pool:
        codes = sum(pool.map(send, [ANONYMOUS[part::8] for part in range(8)]), Counter[int]())
    with transaction() as session:
        named = InboxEvent.event_key.in_([f"look:{name}" for name in ANONYMOUS])
        believed = session.scalar(select(func.count()).where(named)) or 0
    codes[404] += codes.pop(200, 0) - believed
    return codes + Counter({200: believed})


def _at_the_mercy_of(url: str, other: ApiClient) -> Counter[int]:
    """Changes of a tenant whose gateway and host are there; until each was tried in vain, and then for as long as
    they are tried again. What the gateway took counts as accepted."""
    for number in range(CHANGES):
        other.new_service(f"slow-{number}", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    other.set_clock("2027-07-17T03:00:00Z")
    with transaction() as session:
        session.execute(_connections(session, other).values(base_url=url))
    accept = {"accept_total": {"amount": 373, "currency": "JPY"}}
    for number in range(CHANGES):
        other.request(f"slow-{number}", "start", "monthly", f"slow-{number}", accept)
    in_vain = PaymentAttempt.error.is_not(None)
    until(lambda: _attempts(other, in_vain) >= CHANGES or None, "each of them to have been tried in vain", 150)
    time.sleep(GOES_ON_SECONDS)
    opened = _attempts(other, PaymentAttempt.gateway_ref.is_not(None))
    return Counter({200: opened, 422: CHANGES - opened})


def _connections(session: Session, other: ApiClient) -> Update:
    provider = provider_by_slug(session, other.provider)
    assert provider is not None
    return update(Connection).where(Connection.provider_id == provider.id)


def _attempts(other: ApiClient, which: ColumnElement[bool]) -> int:
    with transaction() as session:
        provider = provider_by_slug(session, other.provider)
        assert provider is not None
        return session.scalar(select(func.count()).where(PaymentAttempt.provider_id == provider.id, which)) or 0
