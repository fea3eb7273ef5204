"""A sample of refused webhooks for operators: at most one a second and process, and a fixed number for each account,
so that a flood of forgeries costs next to nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Lock

from sqlalchemy.exc import SQLAlchemyError

from models.database import transaction
from models.inbox import REFUSED_KEPT, keep_refused

HEADERS_MAX, BODY_MAX = 2_000, 500
_EVERY_SECONDS = 1.0

log = logging.getLogger(__name__)


class RefusedSample:
    """Keeps one refused webhook now and then."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._lock = Lock()

    def keep(self, connection_id: str, reason: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Called after the answer; what cannot be kept is not missed."""
        with self._lock:
            now = time.monotonic()
            if now < self._next_at:
                return
            self._next_at = now + _EVERY_SECONDS
        shown = b"\n".join(b": ".join(header) for header in headers)[:HEADERS_MAX].decode("latin-1")
        values: dict[str, str | bytes] = {
            "reason": reason[:500],
            "headers": shown.replace("\0", "�"),
            "body_start": body[:BODY_MAX],
        }
        try:
            with transaction() as session:
                keep_refused(session, connection_id, int(time.time()) % REFUSED_KEPT, values)
        except SQLAlchemyError as error:
            log.warning("a refused webhook could not be kept: %s", error)
