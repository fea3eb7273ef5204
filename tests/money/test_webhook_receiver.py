"""The webhook receiver when secrets change, when forgeries pour in, and when the database is away."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from redis import Redis
from sqlalchemy import select, update
from standardwebhooks import Webhook

from cli.sandbox import set_up_provider
from gateways.protocol import Account, BadSignature
from gateways.registry import GATEWAYS
from local.folders import temporary_folder
from local.postgres import Postgres
from local.stack import Stack
from models.database import transaction
from models.inbox import REFUSED_KEPT, InboxEvent, RefusedWebhook
from models.migrate import migrate
from models.payment import PaymentAttempt
from models.provider import Connection
from settings import settings
from tests.conftest import METRICS_KEY, catalog_named, environment, new_slug
from tests.support import loopback
from tests.support.money_play import MoneyPlay
from tests.support.receiver import ReceiverProcess, receiver
from tests.support.waiting import until
from web.webhooks import accounts
from web.webhooks.accounts import Accounts, KnownAccount
from web.webhooks.unsigned import ACCOUNT_MAX, UNKNOWN_MAX, TooManyUnsigned, Unsigned

BODY = b'{"id": "evt_1", "type": "payout.paid", "occurred_at": "2027-07-17T03:05:00Z"}'


def new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def signed(secret: str, event_id: str, body: bytes = BODY) -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(event_id, now, body.decode())
    return {"webhook-id": event_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def post(process: ReceiverProcess, slug: str, headers: dict[str, str], body: bytes = BODY) -> int:
    url = f"http://127.0.0.1:{process.port}/webhooks/standard/{slug}"
    return loopback.post(url, content=body, headers=headers).status_code


def set_secrets(play: MoneyPlay, *values: str) -> None:
    with transaction() as session:
        play.gateway(session).secrets = values


@pytest.fixture(scope="module")
def receiver_process(_servers: tuple[Stack, dict[str, str]]) -> Iterator[ReceiverProcess]:
    """One receiver for this file's tests, in the environment of the servers."""
    with environment(_servers[1]), receiver() as process:
        yield process


def test_a_secret_is_rotated_without_losing_a_webhook(servers: Stack, receiver_process: ReceiverProcess) -> None:
    play = MoneyPlay.of(servers)
    old, new = new_secret(), new_secret()
    set_secrets(play, old)
    assert post(receiver_process, play.slug, signed(old, "evt_1")) == 200
    assert post(receiver_process, play.slug, signed(new, "evt_2")) == 400
    set_secrets(play, old, new)
    time.sleep(1.1)  # what the receiver knows of an account is at most a second old when a signature does not fit
    assert post(receiver_process, play.slug, signed(new, "evt_2")) == 200
    assert post(receiver_process, play.slug, signed(old, "evt_3")) == 200
    set_secrets(play, new)
    deadline = time.monotonic() + 20
    while post(receiver_process, play.slug, signed(old, "evt_4")) == 200:
        assert time.monotonic() < deadline, "a secret that was taken away is believed for some seconds only"
        time.sleep(0.5)
    assert post(receiver_process, play.slug, signed(new, "evt_5")) == 200


def test_without_a_secret_nothing_is_believed(servers: Stack, receiver_process: ReceiverProcess) -> None:
    play = MoneyPlay.of(servers)
    set_secrets(play)
    for secret in (new_secret(), "whsec_", "whsec_AAAA"):
        headers = signed(secret, "evt_1") if len(secret) > 20 else signed(new_secret(), "evt_1")
        assert post(receiver_process, play.slug, headers) == 400
    with transaction() as session:
        query = select(InboxEvent).where(InboxEvent.provider_id == play.provider(session).id)
        assert session.scalars(query).all() == []


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_every_gateway_refuses_without_a_secret_or_only_fetches(name: str) -> None:
    account = Account("dns", "http://127.0.0.1:1", "key", ())
    for headers, body in (([], b""), ([], BODY), ([(b"stripe-signature", b"t=1,v1=00")], BODY), ([], b"id=tr_abc")):
        try:
            delivery = GATEWAYS[name].verify(account, headers, body, datetime.now(UTC))
        except BadSignature:
            continue
        assert delivery.fetch_only, f"{name} believes what nobody signed"


def test_operators_see_a_bounded_sample_of_forgeries_and_a_counter(
    servers: Stack, receiver_process: ReceiverProcess
) -> None:
    play = MoneyPlay.of(servers)
    deadline = time.monotonic() + 4
    sent = 0
    while time.monotonic() < deadline:
        assert post(receiver_process, play.slug, signed(new_secret(), "evt_1")) == 400
        sent += 1
    with transaction() as session:
        query = select(RefusedWebhook).join(Connection).where(Connection.provider_id == play.provider(session).id)
        kept = session.scalars(query).all()
    assert 1 <= len(kept) <= min(REFUSED_KEPT, 6) < sent, "about one a second, however many there are"
    assert "No secret of this account" in kept[0].reason
    assert "webhook-signature" in kept[0].headers
    assert kept[0].body_start == BODY
    key = {"Authorization": f"Bearer {METRICS_KEY}"}
    metrics = loopback.get(f"http://127.0.0.1:{receiver_process.port}/metrics", headers=key).text
    [count] = [line.split()[-1] for line in metrics.splitlines() if 'answer="400",gateway="standard"' in line][:1]
    assert float(count) >= sent


def test_hundreds_of_names_that_nobody_signed(servers: Stack, receiver_process: ReceiverProcess) -> None:
    """The account of a gateway that cannot sign: no row and no task; a payment of ours is one task."""
    play, signing = MoneyPlay.of(servers), MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    ours = play.attempts(change_id)[0].gateway_ref or ""
    with transaction() as session:
        connection = play.gateway(session)
        connection.adapter, connection.secrets = "mollie", ()
        session.execute(update(PaymentAttempt).where(PaymentAttempt.gateway_ref == ours).values(gateway_ref="tr_ours"))
        [secret] = signing.gateway(session).secrets
    url = f"http://127.0.0.1:{receiver_process.port}/webhooks/mollie/{play.slug}"
    with Redis.from_url(settings().require_broker_url()) as broker, loopback.Client() as client:
        before = broker.llen("events")
        statuses = [client.post(url, content=b"id=tr_ours").status_code for _ in range(30)]
        statuses += [client.post(url, content=f"id=tr_{n}".encode()).status_code for n in range(300)]
        assert post(receiver_process, signing.slug, signed(secret, "evt_1")) == 200, "others are not concerned"
        until(lambda: broker.llen("events") - before >= 2 or None, "one task for ours, one for the signed one")
        assert broker.llen("events") - before == 2
    assert statuses[:30] == [200] * 30
    assert set(statuses) <= {200, 429}
    with transaction() as session:
        query = select(InboxEvent.event_key).where(InboxEvent.provider_id == play.provider(session).id)
        assert session.scalars(query).all() == ["look:tr_ours"]


def test_names_that_nobody_signed_are_counted_by_address_and_by_account() -> None:
    async def posted() -> None:
        unsigned = Unsigned()
        for _ in range(UNKNOWN_MAX):
            await unsigned.check("con_1", "192.0.2.1")
            await unsigned.was_dropped("con_1", "192.0.2.1")
        with pytest.raises(TooManyUnsigned):
            await unsigned.check("con_1", "192.0.2.1")
        await unsigned.check("con_2", "192.0.2.1")
        for _ in range(UNKNOWN_MAX, ACCOUNT_MAX):
            await unsigned.check("con_1", "192.0.2.2")
        with pytest.raises(TooManyUnsigned):
            await unsigned.check("con_1", "192.0.2.2")

    anyio.run(posted)


def test_a_storm_reads_an_account_once(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, read = new_secret(), list[str]()

    def reading(gateway: str, account: str) -> KnownAccount:
        read.append(account)
        known = Account(account, "http://127.0.0.1:1", "key", (secret,))
        return KnownAccount("prv_1", "con_1", GATEWAYS[gateway], known, time.monotonic())

    async def storm() -> set[str]:
        monkeypatch.setattr(accounts, "_read", reading)
        headers = [(name.encode(), value.encode()) for name, value in signed(secret, "evt_1").items()]
        of_process = Accounts()
        verified = [of_process.verified("standard", "dns", headers, BODY) for _ in range(20)]
        return {delivery.event_key for _, delivery in await asyncio.gather(*verified)}

    assert asyncio.run(storm()) == {"evt_1"}
    assert read == ["dns"]


def test_addresses_that_are_none_and_what_is_not_posted(receiver_process: ReceiverProcess) -> None:
    url = f"http://127.0.0.1:{receiver_process.port}/webhooks"
    for path in ("", "/", "/standard", "/standard/", "//dns", "/standard/dns/", "/standard/dns/more"):
        assert loopback.post(url + path, content=BODY).status_code == 404, path
    for method in ("GET", "PUT", "DELETE"):
        answer = loopback.request(method, f"{url}/standard/dns")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@contextmanager
def own_database() -> Iterator[Postgres]:
    """A PostgreSQL that this test may stop and freeze."""
    with temporary_folder("receiver") as folder, Postgres(folder / "postgres", fsync=False) as postgres:
        variables = dict(os.environ) | {"PLANSHIFT_DATABASE_URL": postgres.url}
        with environment(variables):
            migrate()
            yield postgres


def test_while_the_database_is_away_the_gateway_gets_503_within_four_seconds(servers: Stack) -> None:
    with own_database() as postgres:
        slug = new_slug("dns")
        set_up_provider(catalog_named(slug, "dns"), servers.addresses)
        with transaction() as session:
            secret = session.scalars(select(Connection).where(Connection.kind == "gateway")).one().secrets[0]
        with receiver() as process:
            assert post(process, slug, signed(secret, "evt_1")) == 200

            def answer(event_id: str) -> tuple[int, bool]:
                began = time.monotonic()
                return post(process, slug, signed(secret, event_id)), time.monotonic() - began < 4.0

            # Frozen: the connection stands, and nobody answers on it.
            server = postgres.process.pid
            frozen = [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]
            try:
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)
                assert answer("evt_2") == (503, True)
            finally:
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
            # Gone: nobody listens.
            postgres.kill()
            assert answer("evt_3") == (503, True)
            assert answer("evt_3") == (503, True)
            postgres.start()
            assert answer("evt_3")[0] == 200, "it is back, and the gateway's repetition is written down"
        with transaction() as session:
            keys = session.scalars(select(InboxEvent.event_key)).all()
    assert {"evt_1", "evt_3"} <= set(keys)
