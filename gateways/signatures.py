"""The Standard Webhooks signature, checked so that every doubt is a no.

Source: the Standard Webhooks specification, symmetric scheme v1: HMAC-SHA256 over `id.timestamp.body`, base64. The
vendors' own library lets junk inside base64 and fractional timestamps pass and raises whatever it meets on the way.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from gateways.protocol import BadSignature

Headers = Sequence[tuple[bytes, bytes]]

TOLERANCE_SECONDS = 300  # of the specification, both ways
_KEY_BYTES_MIN = 24  # of the specification; an empty key would let everybody sign
_SIGNATURES_MAX = 16  # more than any rotation needs
_ID = re.compile(rb"[A-Za-z0-9_:-]{1,200}")  # no full stop, which separates the signed parts
_TIMESTAMP = re.compile(rb"[1-9][0-9]{0,11}")
_SIGNATURE = re.compile(rb"v[0-9]+[a-z]*,[A-Za-z0-9+/]+={0,2}")


def verify(secrets: Sequence[str], headers: Headers, body: bytes, received_at: datetime) -> str:
    """The webhook's id, if one of the secrets signed exactly these bytes about now. Raises BadSignature."""
    message_id = _only(headers, b"webhook-id", _ID)
    timestamp = _only(headers, b"webhook-timestamp", _TIMESTAMP)
    skew = received_at.timestamp() - int(timestamp)
    if abs(skew) > TOLERANCE_SECONDS:
        raise BadSignature(f"The webhook was signed {abs(skew):.0f} s {'ago' if skew > 0 else 'from now'}.")
    presented = list(_presented(headers))
    signed = b".".join((message_id, timestamp, body))
    # Compared as text in bytes: only the one canonical base64 form of the right signature is equal.
    matches = [
        hmac.compare_digest(base64.b64encode(hmac.digest(key, signed, hashlib.sha256)), signature)
        for key in map(_key, secrets)
        for signature in presented
        if key is not None
    ]
    if not any(matches):
        raise BadSignature("No secret of this account made the webhook's signature.")
    return message_id.decode()


def _only(headers: Headers, name: bytes, grammar: re.Pattern[bytes]) -> bytes:
    values = [value for key, value in headers if key.lower() == name]
    if len(values) != 1 or not grammar.fullmatch(values[0]):
        raise BadSignature(f"The webhook needs exactly one well-formed {name.decode()} header.")
    return values[0]


def _presented(headers: Headers) -> Iterator[bytes]:
    values = [value for key, value in headers if key.lower() == b"webhook-signature"]
    entries = values[0].split(b" ") if len(values) == 1 else []
    if not 0 < len(entries) <= _SIGNATURES_MAX or not all(map(_SIGNATURE.fullmatch, entries)):
        raise BadSignature("The webhook needs exactly one well-formed webhook-signature header.")
    for entry in entries:
        version, _, signature = entry.partition(b",")
        if version == b"v1":  # other versions are of schemes that were not agreed on
            yield signature


def _key(secret: str) -> bytes | None:
    """The key in `whsec_…`; None for what is no secret, which then signs nothing."""
    prefix, _, encoded = secret.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if prefix == "whsec" and len(key) >= _KEY_BYTES_MIN else None
