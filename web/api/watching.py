"""Waiting for plan changes and invoices to move: one look at the database for all who wait in this process, never one
for each."""

from __future__ import annotations

import asyncio

from anyio.to_thread import run_sync

from models.database import transaction
from models.versions import versions_of

LOOK_EVERY_SECONDS = 0.1

# A row's version grows whenever something of it is to be seen that was not there before.
_Waiting = dict[asyncio.Future[int], tuple[str, int]]


class Watch:
    """Looks only while somebody waits."""

    def __init__(self) -> None:
        self._waiting: _Waiting = {}
        self._looking: asyncio.Task[None] | None = None

    async def moved_on(self, row_id: str, version: int, seconds: float) -> bool:
        """Whether the row left this version within so many seconds. Raises what the database raises."""
        news: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[news] = row_id, version
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait_for(news, max(0, seconds))
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(news, None)
        return True

    async def _look(self) -> None:
        while self._waiting:
            try:
                versions = await run_sync(_read_versions, sorted({row_id for row_id, _ in self._waiting.values()}))
            except Exception as error:  # whatever it is, it is of those who wait
                for news in self._undecided():
                    news.set_exception(error)
                return
            for news in self._undecided():
                row_id, version = self._waiting[news]
                if versions.get(row_id, version) != version:
                    news.set_result(versions[row_id])
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _undecided(self) -> list[asyncio.Future[int]]:
        return [news for news in self._waiting if not news.done()]


def _read_versions(row_ids: list[str]) -> dict[str, int]:
    with transaction() as session:
        return versions_of(session, row_ids)


watch = Watch()
