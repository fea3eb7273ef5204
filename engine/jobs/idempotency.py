"""Idempotency keys: the same key and request are the same row, however often and from however many sides they come."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session


class KeyReused(Exception):
    """The idempotency key came with another request before."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency key {key} was used for another request. Send a new key for a new request.")


class RequestInFlight(Exception):
    """The same key is being worked on at this moment."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The request with idempotency key {key} is being taken in right now. Send it again shortly.")


def earlier_row(session: Session, row: type[Any], provider_id: str, key: str, request_sha256: str) -> Any:
    """The row that this request made before, if any; holds the key until the transaction ends.

    Raises RequestInFlight, and KeyReused where the key came with another request.
    """
    lock = func.hashtextextended(f"{provider_id}:{key}", 0)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        raise RequestInFlight(key)
    earlier = session.scalar(select(row).where(row.provider_id == provider_id, row.idempotency_key == key))
    if earlier is not None and earlier.request_sha256 != request_sha256:
        raise KeyReused(key)
    return earlier


def hold(session: Session, *name: str) -> None:
    """Whoever asks for the same name waits until this transaction ends: of two first reports at once, the second finds
    what the first has written. A statement of its own; read after it."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(":".join(name), 1))))
