"""Webhooks that nobody signed are counted: anybody can send them. Who names payments that we never opened is told to
wait, and of one account so many are looked at and no more. Nothing is lost by it: the gateway sends its own again, and
open payments are fetched now and then anyway."""

from __future__ import annotations

from limits.aio.storage import MemoryStorage

WINDOW_SECONDS = 10
# Of one address, those that name no payment of ours; of one account, all. In a window and process.
UNKNOWN_MAX, ACCOUNT_MAX = 50, 1_000


class TooManyUnsigned(Exception):
    """This address, or this account, has had its share for a moment."""

    def __init__(self) -> None:
        super().__init__(f"Too many webhooks that nobody signed. Send it again in {WINDOW_SECONDS} s.")


class Unsigned:
    """The counts of one process."""

    def __init__(self) -> None:
        self._counts = MemoryStorage()

    async def check(self, connection_id: str, address: str) -> None:
        """Before it is looked at. Raises TooManyUnsigned."""
        if await self._counts.get(f"{connection_id}/{address}") >= UNKNOWN_MAX:
            raise TooManyUnsigned
        if await self._counts.incr(connection_id, WINDOW_SECONDS) > ACCOUNT_MAX:
            raise TooManyUnsigned

    async def was_dropped(self, connection_id: str, address: str) -> None:
        """It named nothing that we opened, or what is looked at already."""
        await self._counts.incr(f"{connection_id}/{address}", WINDOW_SECONDS)
