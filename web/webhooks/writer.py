"""Writes what came while the last ones were written: webhooks that arrive together share one commit.

A webhook waits for nobody but the database: the first one is written at once. Each is answered after its own commit.
"""

from __future__ import annotations

import asyncio

import anyio
from anyio.to_thread import run_sync
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from engine.payments.inbox_store import ReceivedWebhook, receive_events
from models.database import RECEIVER_CONNECTIONS, single_statement

AT_ONCE_MAX = 50

# The id of the row to process; None where an unsigned webhook leads to nothing new.
Filed = str | None
Waiting = tuple[ReceivedWebhook, "asyncio.Future[Filed]"]


class InboxWriter:
    """One for each event loop."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._busy: set[asyncio.Task[None]] = set()
        self._threads: anyio.CapacityLimiter | None = None

    async def write(self, webhook: ReceivedWebhook) -> Filed:
        """The row's id, once it is committed. Raises SQLAlchemyError."""
        future: asyncio.Future[Filed] = asyncio.get_running_loop().create_future()
        self._waiting.append((webhook, future))
        if len(self._busy) < RECEIVER_CONNECTIONS:
            self._busy.add(asyncio.create_task(self._run()))
        return await future

    async def _run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(RECEIVER_CONNECTIONS)
        try:
            while batch := self._next():
                await self._answer(batch)
        finally:
            # No await since nothing was found: what comes from now on starts another, and waits for nobody.
            self._busy.discard(task)

    async def _answer(self, batch: list[Waiting]) -> None:
        webhooks = [webhook for webhook, _ in batch]
        try:
            filed = await run_sync(write_down, webhooks, limiter=self._threads)
            answers: list[Filed | SQLAlchemyError] = list(filed)
        except SQLAlchemyError as error:
            answers = [error] * len(batch) if len(batch) == 1 or isinstance(error, OperationalError) else []
            if not answers:  # one of them is to blame, and the others shall not suffer for it
                answers = [await self._alone(webhook) for webhook in webhooks]
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # its sender was answered 503 meanwhile
                continue
            if isinstance(answer, SQLAlchemyError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _alone(self, webhook: ReceivedWebhook) -> Filed | SQLAlchemyError:
        try:
            return (await run_sync(write_down, [webhook], limiter=self._threads))[0]
        except SQLAlchemyError as error:
            return error

    def _next(self) -> list[Waiting]:
        """Those that may share a statement: of one kind, and no two of one key. The others wait for the next; whose
        sender was answered 503 meanwhile, is dropped: it comes again."""
        batch, left, keys = list[Waiting](), list[Waiting](), set[tuple[str, str]]()
        for waiting in self._waiting:
            webhook, future = waiting
            if future.done():
                continue
            alike = not batch or batch[0][0].delivery.fetch_only == webhook.delivery.fetch_only
            if alike and webhook.key not in keys and len(batch) < AT_ONCE_MAX:
                batch.append(waiting)
                keys.add(webhook.key)
            else:
                left.append(waiting)
        self._waiting = left
        return batch


def write_down(webhooks: list[ReceivedWebhook]) -> list[Filed]:
    """Committed when it returns. Raises SQLAlchemyError."""
    for last_try in (False, True):
        try:
            with single_statement() as connection:
                return receive_events(connection, webhooks)
        except OperationalError as error:
            # A connection that was cut while it lay in the pool says nothing about the database now.
            if last_try or not error.connection_invalidated:
                raise
    raise AssertionError("the second try returns or raises")
