"""Waiting for plan changes to move: one look at the database for all who wait in this process, never one for each."""

from __future__ import annotations

import asyncio

from anyio.to_thread import run_sync

from models.change_version import change_versions
from models.database import transaction

LOOK_EVERY_SECONDS = 0.1

# A change's version grows whenever something of it is to be seen that was not there before.
_Waiting = dict[asyncio.Future[int], tuple[str, int]]


class Watch:
    """Looks only while somebody waits."""

    def __init__(self) -> None:
        self._waiting: _Waiting = {}
        self._looking: asyncio.Task[None] | None = None

    async def moved_on(self, change_id: str, version: int, seconds: float) -> bool:
        """Whether the change left this version within so many seconds. Raises what the database raises."""
        news: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[news] = change_id, version
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
                versions = await run_sync(
                    _read_versions, sorted({change_id for change_id, _ in self._waiting.values()})
                )
            except Exception as error:  # whatever it is, it is of those who wait
                for news in self._undecided():
                    news.set_exception(error)
                return
            for news in self._undecided():
                change_id, version = self._waiting[news]
                if versions.get(change_id, version) != version:
                    news.set_result(versions[change_id])
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _undecided(self) -> list[asyncio.Future[int]]:
        return [news for news in self._waiting if not news.done()]


def _read_versions(change_ids: list[str]) -> dict[str, int]:
    with transaction() as session:
        return change_versions(session, change_ids)


watch = Watch()
