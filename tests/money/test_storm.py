"""Nothing lost, nothing twice, nothing forged: over real HTTP and PostgreSQL, with the receiver killed on the way."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from engine.inbox import allocation
from engine.inbox.ownership import PaymentTarget
from gateways.protocol import GatewayEvent
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.ledger import LedgerBalance
from models.payment import Payment
from tests.money.crowd import Awaiting, crowd
from tests.money.storm import TOTAL, Payers, Sent, deliveries, send_all
from tests.support.money_play import MoneyPlay
from tests.support.receiver import receiver

KILLS = 3
MUTANT = [sys.executable, "-m", "tests.money.mutants"]


def storm(servers: Stack, invoices: int, command: list[str] | None = None) -> tuple[MoneyPlay, Payers, Sent, int]:
    """Sends everything, and books what was written down."""
    play = MoneyPlay.of(servers)
    payers = Payers.of(crowd(play, invoices))
    todo = deliveries(payers, seed=invoices)
    with transaction() as session:
        secret = play.gateway(session).secrets[0]
    with receiver(command) as process:
        sent = send_all(process, f"/webhooks/standard/{play.slug}", secret, todo, KILLS)
        time.sleep(0.5)  # for a mutant that is still writing
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(play.process, [event.id for event in inbox(play)]))
    return play, payers, sent, len(todo)


def inbox(play: MoneyPlay) -> list[InboxEvent]:
    with transaction() as session:
        query = select(InboxEvent).where(InboxEvent.provider_id == play.provider(session).id)
        return list(session.scalars(query))


def faults(play: MoneyPlay, payers: Payers) -> set[str]:
    """What is wrong with the books, in words."""
    with transaction() as session:
        provider_id = play.provider(session).id
        query = select(LedgerBalance).where(LedgerBalance.provider_id == provider_id)
        balances = {(row.account, row.owner): row.balance_minor for row in session.scalars(query)}
        payments = list(session.scalars(select(Payment).where(Payment.provider_id == provider_id)))

    def held(awaiting: Awaiting) -> int:
        return balances.pop(("held", awaiting.change_id), 0)

    found = set()
    for awaiting in payers.paid:
        amount = held(awaiting)
        if amount != TOTAL:
            found.add("lost" if amount < TOTAL else "twice")
    if any(held(awaiting) for awaiting in payers.unpaid):
        found.add("forged")
    if any(balances.values()):
        found.add(f"money elsewhere: {balances}")
    if len(payments) != len(payers.paid) and not found:
        found.add("payments that are not in the books")
    return found


def test_the_storm(servers: Stack, record_property: Callable[[str, object], None]) -> None:
    play, payers, sent, total = storm(servers, 1_000)
    record_property("deliveries", total)
    record_property("p99_ms", round(sent.p99() * 1000))
    print(f"{total} deliveries, {sent.unanswered} unanswered, p99 {sent.p99() * 1000:.0f} ms, {dict(sent.statuses)}")
    assert total >= 3_000
    assert sent.unanswered > 0, "nobody was cut off, so nothing was proved"
    assert {status for forged, status in sent.statuses if forged} == {400}
    assert {status for forged, status in sent.statuses if not forged} <= {200, 503}
    assert faults(play, payers) == set()
    events = inbox(play)
    assert not [event.id for event in events if event.status not in ("processed", "poison")]
    assert not [event.event_key for event in events if event.event_key.startswith("evt_forged")]
    assert not any(event.conflicting for event in events)
    assert sum(event.status == "poison" for event in events) == 60
    assert sent.p99() < 2.0, "two shared cores; the benchmark holds the 250 ms"
    # What is held settles, once, and nothing is left over.
    for awaiting in payers.paid[::20]:
        assert play.steps("settle settle", awaiting.change_id) == "paid"
    settled = len(payers.paid[::20])
    ledger = play.ledger()
    assert ledger["clearing:standard"] == TOTAL * len(payers.paid)
    assert ledger["held"] == -TOTAL * (len(payers.paid) - settled)
    assert (ledger["sales"], ledger["tax:jp-10"]) == (-339 * settled, -34 * settled)


def test_answering_before_the_commit_is_caught(servers: Stack) -> None:
    play, payers, _, _ = storm(servers, 100, MUTANT)
    assert faults(play, payers) == {"lost"}


def test_deduplicating_by_the_events_id_alone_is_caught(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    real = allocation.new_payment

    def by_event_id(
        session: object, event: InboxEvent, gateway_event: GatewayEvent, target: PaymentTarget | None, outcome: str
    ) -> Payment | None:
        return real(session, event, replace(gateway_event, gateway_object=event.event_key), target, outcome)  # type: ignore[arg-type]

    monkeypatch.setattr(allocation, "new_payment", by_event_id)
    play, payers, _, _ = storm(servers, 60)
    assert faults(play, payers) == {"twice"}
