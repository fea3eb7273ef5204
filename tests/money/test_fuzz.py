"""Twenty thousand hostile requests over raw sockets: no answer is an error of ours, and memory stays where it was."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import socket
import time
from base64 import b64decode, b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.payment import Payment
from models.provider import Provider
from tests.support.money_play import MoneyPlay
from tests.support.receiver import ReceiverProcess, receiver

REQUESTS = 20_000
SENDERS = 4
AUTHENTIC_EVERY = 20
STRIPE_SECRET = "whsec_stripe_in_the_fuzz_test"
Request = tuple[bytes, list[tuple[bytes, bytes]], bytes]


def hostile_bodies(rng: random.Random) -> bytes:
    """One body: deep, huge, doubled, cut off, or of no language at all."""
    event = {"id": "evt_1", "type": "payment.succeeded", "occurred_at": "2027-07-17T03:05:00Z", "data": {}}
    return rng.choice(
        (
            lambda: b"",
            lambda: b"[" * rng.choice((10, 1_000, 20_000)),
            lambda: b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
            lambda: b'{"id": ' + b"9" * rng.choice((20, 400, 5_000)) + b"}",
            lambda: b'{"id": "a", "id": "b", "type": 1, "type": 2}',
            lambda: json.dumps(event | {"amount": 1e308}).encode()[: rng.randrange(1, 90)],
            lambda: "ключ ☃ \u202e".encode()[: rng.randrange(1, 17)],
            lambda: rng.randbytes(rng.randrange(1, 300)),
            lambda: json.dumps(event | {"id": "\ud800"}).encode(),
            lambda: json.dumps(event | {"id": "x\x00y", "data": {"payment": None}}).encode(),
            lambda: json.dumps({"id": "evt", "type": "payment_intent.succeeded", "created": -1, "data": 5}).encode(),
            lambda: b"id=" + rng.choice((b"tr_1", b"tr_%00", b"tr_'--", b"", b"tr_" + b"x" * 200)),
            lambda: b'{"id":"evt_1","type":"refund.succeeded","data":{"payment":{"amount":NaN,"refunded":-0}}}',
        )
    )()


def hostile_headers(rng: random.Random) -> list[tuple[bytes, bytes]]:
    """Signatures that are none."""
    now = str(int(time.time())).encode()
    names = (b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"stripe-signature", b"x-mollie-signature")
    values = (
        b"",
        b"\xff\xfe\xe9",
        now,
        b"-" + now,
        now + b".9",
        b"9" * 400,
        b"v1," + b64encode(rng.randbytes(32)),
        b"v1,====",
        b"v1," * 50,
        b"t=" + now + b",v1=" + b"0" * 64,
        b"t=" + now + b",v1=" + "é".encode() * 32,
        b"t=,v1=",
        b"evt_1",
        b"evt.1",
        b"1_795_000",
        b"sha256=" + b"f" * 64,
    )
    headers = [(name, rng.choice(values)) for name in names if rng.random() < 0.8]
    return [*headers, rng.choice(headers)] if headers and rng.random() < 0.2 else headers


def signed(secret: str, rng: random.Random, body: bytes) -> list[tuple[bytes, bytes]]:
    """Rightly signed: what stands in it is the gateway's own nonsense."""
    event_id = f"evt_{rng.getrandbits(64):x}".encode()
    stamp = str(int(time.time())).encode()
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, b".".join((event_id, stamp, body)), hashlib.sha256)
    names = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")
    return list(zip(names, (event_id, stamp, b"v1," + b64encode(digest)), strict=True))


def requests(seed: int, count: int, accounts: dict[str, str], secret: str) -> list[Request]:
    rng = random.Random(seed)
    paths = [f"/webhooks/{gateway}/{account}".encode() for gateway, account in accounts.items()] * 5
    paths += [b"/webhooks/standard/nobody", b"/webhooks/acme/x", b"/webhooks/standard/%00", b"/webhooks//", b"/%ff/.."]
    made: list[Request] = []
    for number in range(count):
        body = hostile_bodies(rng)
        if number % AUTHENTIC_EVERY == 0:
            made.append((f"/webhooks/standard/{accounts['standard']}".encode(), signed(secret, rng, body), body))
        else:
            made.append((rng.choice(paths), hostile_headers(rng), body))
    return made


def post_all(port: int, todo: list[Request]) -> Counter[int]:
    """Answers by status; a connection that is closed is opened again, 0 counts requests that nobody answered."""
    answers: Counter[int] = Counter()
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    for path, headers, body in todo:
        lines = [b"POST " + path + b" HTTP/1.1", b"host: x", b"content-length: " + str(len(body)).encode()]
        lines += [name + b": " + value for name, value in headers]
        try:
            connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            status, closes = answer(connection)
        except OSError:
            status, closes = 0, True
        answers[status] += 1
        if closes:
            connection.close()
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.close()
    return answers


def answer(connection: socket.socket) -> tuple[int, bool]:
    """The status, and whether the server closes the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        if not part:
            return (int(received.split()[1]) if received else 0), True
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length:
        part = connection.recv(65_536)
        if not part:
            return 0, True
        body += part
    return int(head.split()[1]), fields.get(b"connection") == b"close"


def all_gateways(servers: Stack) -> tuple[MoneyPlay, dict[str, str], str]:
    """A provider at every gateway; the one at `standard` has a secret that the test knows."""
    plays = {name: MoneyPlay.of(servers) for name in GATEWAYS}
    with transaction() as session:
        for name, play in plays.items():
            connection = play.gateway(session)
            if name != "standard":
                connection.adapter, connection.secrets = name, (STRIPE_SECRET,)
        secret = plays["standard"].gateway(session).secrets[0]
    return plays["standard"], {name: play.slug for name, play in plays.items()}, secret


def send(process: ReceiverProcess, accounts: dict[str, str], secret: str, seed: int, count: int) -> Counter[int]:
    batches = [requests(seed + number, count // SENDERS, accounts, secret) for number in range(SENDERS)]
    with ThreadPoolExecutor(SENDERS) as senders:
        return sum(senders.map(lambda todo: post_all(process.port, todo), batches), Counter())


def test_hostile_requests(servers: Stack) -> None:
    play, accounts, secret = all_gateways(servers)
    with receiver() as process:
        send(process, accounts, secret, 1_000_000, 2_000)  # until every cache is as large as it gets
        before = process.memory_kib()
        answers = send(process, accounts, secret, 1, REQUESTS - 2_000)
        after = process.memory_kib()
        print(f"{dict(answers)}, {before} → {after} KiB")
        assert not [status for status in answers if status >= 500 or status == 0]
        assert answers[400] > REQUESTS / 3
        assert answers[200] >= (REQUESTS - 2_000) // AUTHENTIC_EVERY
        assert after - before < 50_000, "memory grows with what strangers send"
    slugs = list(accounts.values())
    with transaction() as session:
        providers = select(Provider.id).where(Provider.slug.in_(slugs))
        events = list(session.scalars(select(InboxEvent.id).where(InboxEvent.provider_id.in_(providers))))
    for event_id in events:
        play.process(event_id)
    with transaction() as session:
        query = select(InboxEvent.status, func.count()).where(InboxEvent.id.in_(events)).group_by(InboxEvent.status)
        statuses = {status: count for status, count in session.execute(query)}
        assert set(statuses) <= {"poison", "ignored", "parked"}, statuses
        assert statuses["poison"] > 500
        assert session.scalars(select(Payment).where(Payment.provider_id.in_(providers))).all() == []
