"""A webhook is believed only if the account's secret signed exactly these bytes about now."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from gateways.protocol import BadSignature
from gateways.signatures import Headers, verify

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
OLD, NEW = "whsec_b2xkIHNlY3JldCBvZiB0aGUgc2FuZGJveA==", "whsec_bmV3IHNlY3JldCBvZiB0aGUgc2FuZGJveA=="
BODY = b'{"id":"evt_1","type":"payment.succeeded"}'


def sign(secret: str = NEW, at: datetime = NOW, body: bytes = BODY, message_id: str = "evt_1") -> str:
    return Webhook(secret).sign(message_id, at, body.decode())


def headers(signature: str | bytes, at: datetime = NOW, message_id: str = "evt_1") -> list[tuple[bytes, bytes]]:
    raw = signature if isinstance(signature, bytes) else signature.encode()
    stamp = str(int(at.timestamp())).encode()
    return [(b"webhook-id", message_id.encode()), (b"webhook-timestamp", stamp), (b"webhook-signature", raw)]


def refused(given_headers: Headers, body: bytes = BODY, secrets: tuple[str, ...] = (NEW, OLD)) -> bool:
    with pytest.raises(BadSignature):
        verify(secrets, given_headers, body, NOW)
    return True


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_every_active_secret_is_tried(secret: str) -> None:
    assert verify((NEW, OLD), headers(sign(secret)), BODY, NOW) == "evt_1"


def test_one_good_signature_among_others_is_enough() -> None:
    other = sign("whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk=")
    assert verify((NEW,), headers(f"v1a,AAAA {other} {sign()}"), BODY, NOW) == "evt_1"


def test_header_names_in_any_case() -> None:
    loud = [(name.title(), value) for name, value in headers(sign())]
    assert verify((NEW,), loud, BODY, NOW) == "evt_1"


@pytest.mark.parametrize(
    ("seconds", "believed"), [(0, True), (300, True), (-300, True), (301, False), (-301, False), (-31_536_000, False)]
)
def test_the_window_is_five_minutes_both_ways(seconds: int, believed: bool) -> None:
    at = NOW - timedelta(seconds=seconds)
    if believed:
        assert verify((NEW,), headers(sign(at=at), at), BODY, NOW) == "evt_1"
    else:
        assert refused(headers(sign(at=at), at))


def test_what_was_signed_may_not_change() -> None:
    good = sign()
    assert refused(headers(good), BODY + b" ")
    assert refused(headers(good, message_id="evt_2"))
    assert refused(headers(good, NOW + timedelta(seconds=1)))
    assert refused(headers(sign("whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk=")))


def _with(name: bytes, *values: bytes) -> list[tuple[bytes, bytes]]:
    """Good headers, but with these values for `name`."""
    return [pair for pair in headers(sign()) if pair[0] != name] + [(name, value) for value in values]


@pytest.mark.parametrize("name", [b"webhook-id", b"webhook-timestamp", b"webhook-signature"])
def test_each_header_exactly_once(name: bytes) -> None:
    value = dict(headers(sign()))[name]
    assert refused(_with(name))
    assert refused(_with(name, value, value))
    assert refused(_with(name, b""))


STAMP = str(int(NOW.timestamp())).encode()


@pytest.mark.parametrize(
    "stamp", [STAMP + b".9", b"+" + STAMP, b"0" + STAMP, STAMP + b" ", b"1_795_262_400", b"-1", b"\xb2", b"9" * 40]
)
def test_a_timestamp_is_plain_digits(stamp: bytes) -> None:
    signed = base64.b64encode(hmac.digest(base64.b64decode(NEW[6:]), b"evt_1." + stamp + b"." + BODY, hashlib.sha256))
    assert refused([(b"webhook-id", b"evt_1"), (b"webhook-timestamp", stamp), (b"webhook-signature", b"v1," + signed)])


def test_junk_around_a_good_signature_is_refused() -> None:
    good = sign().encode()
    spoiled = [
        good[:10] + b"*" + good[10:],  # b64decode would skip it
        good[:10] + b"\n" + good[10:],
        good + b"=",
        good.rstrip(b"="),
        good.replace(b"v1,", b"v1"),
        good.replace(b"v1,", b"v1a,"),
        good.replace(b"v1,", b"V1,"),
        good.replace(b"v1,", b"v1,,"),
        good + b" ",
        b" " + good,
        good + b", " + good,
        b" ".join([good] * 17),
        "v1,é".encode(),
        b"\xff",
    ]
    assert all(refused(headers(one)) for one in spoiled)
    last = good[3:-1].decode()  # the same bytes in another base64 form: the bits behind the end are not zero
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = f"v1,{last[:-1]}{alphabet[alphabet.index(last[-1]) + 1]}="
    assert base64.b64decode(twin[3:]) == base64.b64decode(good[3:])
    assert refused(headers(twin))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "whsec_*", NEW[6:], "whsec_é", NEW.replace("whsec", "wh")]
)
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    empty = hmac.digest(b"", b".".join((b"evt_1", STAMP, BODY)), hashlib.sha256)
    assert refused(headers(b"v1," + base64.b64encode(empty)), secrets=(secret,))
    assert verify((secret, NEW), headers(sign()), BODY, NOW) == "evt_1"


def test_no_secret_believes_nobody() -> None:
    assert refused(headers(sign()), secrets=())


@given(
    st.lists(
        st.tuples(st.sampled_from([b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"x"]), st.binary())
    ),
    st.binary(),
    st.lists(st.text(max_size=40), max_size=2),
)
def test_nothing_else_is_ever_raised(some: list[tuple[bytes, bytes]], body: bytes, secrets: list[str]) -> None:
    assert refused(some, body, tuple(secrets))
    assert refused([*_with(b"x"), *some], body, tuple(secrets))
