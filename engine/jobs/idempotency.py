"""Idempotency keys: the same key and request are the same row, however often and from however many sides they come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.saved_answer import SavedAnswer


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


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """An operator's request under its key, and the digest of all that was asked for."""

    key: str
    sha256: str

    @classmethod
    def of(cls, key: str, *what: Any) -> KeyedRequest:
        """`what` is anything that JSON can hold."""
        return cls(key, hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest())


def earlier_answer(session: Session, provider_id: str, request: KeyedRequest | None) -> dict[str, Any] | None:
    """What this request was answered before; holds the key until the transaction ends.

    Raises RequestInFlight, KeyReused.
    """
    if request is None:
        return None
    saved = earlier_row(session, SavedAnswer, provider_id, request.key, request.sha256)
    return None if saved is None else saved.answer


def once(
    session: Session, provider_id: str, request: KeyedRequest | None, act: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """Does what is asked and saves the answer, or returns the saved one; and whether it was that. Without a key it is
    done each time. What raises saves nothing, and may be tried again under its key.

    Raises RequestInFlight, KeyReused, and what `act` raises.
    """
    if (saved := earlier_answer(session, provider_id, request)) is not None:
        return saved, True
    answer = act()
    if request is not None:
        values = {"idempotency_key": request.key, "request_sha256": request.sha256, "answer": answer}
        session.add(SavedAnswer(provider_id=provider_id, **values))
        session.flush()
    return answer, False
