"""A storm of webhooks: what is sent, by whom, and what must be true afterwards.

Senders do as gateways do: a delivery that is not answered with 2xx is sent again, after a pause, signed afresh.
Forgeries are sent until somebody answers them.
"""

from __future__ import annotations

import http.client
import json
import random
import secrets
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from standardwebhooks import Webhook

from tests.money.crowd import Awaiting
from tests.support.receiver import ReceiverProcess

TOTAL = 373
SENDERS = 8
FORGERIES = ("no signature", "other secret", "other body", "too old", "from the future", "other event id")
POISON = (b"[]", b"not json", b'{"id": 5}', b"\xff\xfe\x00", b'{"id": "evt", "type": "payment.succeeded"}')


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request. `forged` names what is wrong with it; None is authentic."""

    event_id: str
    body: bytes
    forged: str | None = None


@dataclass
class Payers:
    """Who of the crowd is paid, and how their gateway notifies."""

    unpaid: list[Awaiting]
    once: list[Awaiting]
    often: list[Awaiting]
    two_ids: list[Awaiting]
    declined_first: list[Awaiting]

    @classmethod
    def of(cls, crowd: list[Awaiting]) -> Payers:
        """In tenths: 1 unpaid, 2 once, 3 often, 2 under two ids, 2 declined first."""
        tenth = len(crowd) // 10
        cuts = [0, tenth, 3 * tenth, 6 * tenth, 8 * tenth, len(crowd)]
        return cls(*(crowd[start:end] for start, end in pairwise(cuts)))

    @property
    def paid(self) -> list[Awaiting]:
        return [*self.once, *self.often, *self.two_ids, *self.declined_first]


@dataclass
class Sent:
    """What senders saw: answers by status, seconds to each answer, and how often nobody answered."""

    statuses: Counter[tuple[bool, int]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def p99(self) -> float:
        ordered = sorted(self.seconds)
        return ordered[int(len(ordered) * 0.99)]


def deliveries(payers: Payers, seed: int) -> list[Delivery]:
    """Everything that is sent, in random order."""
    rng = random.Random(seed)
    sent = list(_authentic(payers))
    for number, awaiting in enumerate(payers.unpaid):
        for turn in range(3):
            forged = FORGERIES[(number + turn) % len(FORGERIES)]
            sent.append(Delivery(f"evt_forged_{number}_{turn}", _event(awaiting, "succeeded", "evt_f"), forged))
    sent += [Delivery(f"evt_poison_{number}", POISON[number % len(POISON)]) for number in range(60)]
    rng.shuffle(sent)
    return sent


def _authentic(payers: Payers) -> Iterator[Delivery]:
    for awaiting in payers.once:
        yield _notification(awaiting, "succeeded", "a")
    for awaiting in payers.often:
        yield from [_notification(awaiting, "succeeded", "a")] * 5
    for awaiting in payers.two_ids:
        yield from [_notification(awaiting, "succeeded", "a"), _notification(awaiting, "succeeded", "b")] * 2
    for awaiting in payers.declined_first:
        yield from [_notification(awaiting, "failed", "a"), _notification(awaiting, "succeeded", "b")] * 2


def _notification(awaiting: Awaiting, status: str, letter: str) -> Delivery:
    event_id = f"evt_{awaiting.attempt_id}_{letter}"
    return Delivery(event_id, _event(awaiting, status, event_id))


def _event(awaiting: Awaiting, status: str, event_id: str) -> bytes:
    payment = {"id": f"gw_{awaiting.attempt_id}", "reference": awaiting.attempt_id, "amount": TOTAL, "currency": "JPY"}
    payment |= {"status": status, "paid_at": "2027-07-17T03:05:00Z" if status == "succeeded" else None}
    event = {"id": event_id, "type": f"payment.{status}", "occurred_at": "2027-07-17T03:05:00Z"}
    return json.dumps(event | {"data": {"payment": payment}}).encode()


def _headers(delivery: Delivery, secret: str) -> tuple[bytes, dict[str, str]]:
    """Signed by the vendors' own library, unless somebody forged it."""
    at, event_id, body, forged = datetime.now(UTC), delivery.event_id, delivery.body, delivery.forged
    if forged == "too old":
        at -= timedelta(minutes=6)
    elif forged == "from the future":
        at += timedelta(minutes=6)
    elif forged == "other secret":
        secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    text = body.decode("latin-1") if forged else body.decode("utf-8", "surrogateescape")
    headers = {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = _signature(secret, event_id, at, text, body)
    if forged == "no signature":
        del headers["webhook-signature"]
    elif forged == "other body":
        body = body.replace(b'"JPY"', b'"USD"')
    elif forged == "other event id":
        headers["webhook-id"] = event_id + "_x"
    return body, headers


def _signature(secret: str, event_id: str, at: datetime, text: str, body: bytes) -> str:
    try:
        return str(Webhook(secret).sign(event_id, at, text))
    except UnicodeEncodeError:  # the library signs text only; a gateway may sign any bytes
        import hashlib
        import hmac
        from base64 import b64decode

        signed = b".".join((event_id.encode(), str(int(at.timestamp())).encode(), body))
        digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
        return "v1," + b64encode(digest).decode()


def send_all(receiver: ReceiverProcess, path: str, secret: str, todo: list[Delivery], kills: int) -> Sent:
    """Sends everything with SENDERS threads, and kills the receiver so many times on the way."""
    sent, queue, total = Sent(), list(reversed(todo)), len(todo)
    threads = [
        threading.Thread(target=_send, args=(receiver, path, secret, queue, sent), daemon=True) for _ in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for number in range(kills):
        while len(queue) > total * (kills - number) / (kills + 1):
            time.sleep(0.002)
        receiver.kill()
        receiver.start()
    for thread in threads:
        thread.join(timeout=240)
        assert not thread.is_alive(), "a sender is stuck"
    return sent


def _send(receiver: ReceiverProcess, path: str, secret: str, queue: list[Delivery], sent: Sent) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)) as connection:
        while True:
            with sent.lock:
                if not queue:
                    return
                delivery = queue.pop()
            while not _one(connection, path, secret, delivery, sent):
                time.sleep(0.05)


def _one(connection: http.client.HTTPConnection, path: str, secret: str, delivery: Delivery, sent: Sent) -> bool:
    """Whether the gateway is done with it."""
    body, headers = _headers(delivery, secret)
    began = time.perf_counter()
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        with sent.lock:
            sent.unanswered += 1
        return False
    with sent.lock:
        sent.seconds.append(time.perf_counter() - began)
        sent.statuses[delivery.forged is not None, answer.status] += 1
    return answer.status == 200 or (delivery.forged is not None and answer.status < 500)
