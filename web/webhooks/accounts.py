"""Which accounts the receiver knows: read from the database, kept for a few seconds, so that a storm of webhooks does
not read and decrypt the same secrets a thousand times a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from anyio.to_thread import run_sync
from sqlalchemy import select

from engine.accounts.providers import gateway_account
from gateways.protocol import Account, BadSignature, Delivery, Gateway
from gateways.registry import GATEWAYS
from models.database import transaction
from models.provider import Connection

# A secret that is taken away is believed this much longer; a new one is looked for when a signature does not fit.
KEPT_SECONDS = 5.0
FRESH_SECONDS = 1.0
KEPT_MAX = 10_000

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account at a gateway, as it was read at `read_at` (monotonic seconds)."""

    provider_id: str
    connection_id: str
    gateway: Gateway
    account: Account
    read_at: float


class UnknownAccount(Exception):
    """No such gateway, or no such account at it."""

    def __init__(self, gateway: str, account: str) -> None:
        super().__init__(f"There is no account {account} at gateway {gateway}.")


class Refused(BadSignature):
    """A webhook of an account that we know, which is not to be believed."""

    def __init__(self, connection_id: str, reason: str) -> None:
        super().__init__(reason)
        self.connection_id = connection_id


class Accounts:
    """The known accounts of one process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], KnownAccount] = {}
        # In a storm one webhook reads, and those that come meanwhile wait for what it has read.
        self._reading = WeakValueDictionary[tuple[str, str], asyncio.Lock]()

    async def verified(
        self, gateway: str, account: str, headers: Headers, body: bytes
    ) -> tuple[KnownAccount, Delivery]:
        """The account and the delivery, if its gateway signed it. Raises UnknownAccount, Refused, SQLAlchemyError."""
        known = await self._known(gateway, account, KEPT_SECONDS)
        try:
            return known, _verify(known, headers, body)
        except BadSignature as error:
            newer = await self._known(gateway, account, FRESH_SECONDS)
            if newer is known:
                raise Refused(known.connection_id, str(error)) from error
        try:
            return newer, _verify(newer, headers, body)
        except BadSignature as error:
            raise Refused(newer.connection_id, str(error)) from error

    async def _known(self, gateway: str, account: str, age_max: float) -> KnownAccount:
        key = (gateway, account)
        known = self._fresh(key, age_max)
        if known is None:
            async with self._reading.setdefault(key, asyncio.Lock()):
                known = self._fresh(key, age_max)
                if known is None:
                    known = await run_sync(_read, gateway, account, abandon_on_cancel=True)
                    if len(self._kept) >= KEPT_MAX:
                        self._kept.clear()
                    self._kept[key] = known
        return known

    def _fresh(self, key: tuple[str, str], age_max: float) -> KnownAccount | None:
        known = self._kept.get(key)
        return known if known and time.monotonic() - known.read_at <= age_max else None


def _read(gateway: str, account: str) -> KnownAccount:
    adapter = GATEWAYS.get(gateway)
    # PostgreSQL cannot hold a zero character, so nobody has one in a name.
    if adapter is None or "\0" in account:
        raise UnknownAccount(gateway, account)
    with transaction() as session:
        row = session.scalar(
            select(Connection).where(
                Connection.kind == "gateway", Connection.adapter == gateway, Connection.account == account
            )
        )
        if row is None:
            raise UnknownAccount(gateway, account)
        return KnownAccount(row.provider_id, row.id, adapter, gateway_account(row), time.monotonic())


def _verify(known: KnownAccount, headers: Headers, body: bytes) -> Delivery:
    """Raises BadSignature; without a secret nothing but `fetch_only` is believed, whatever an adapter says."""
    delivery = known.gateway.verify(known.account, headers, body, datetime.now(UTC))
    if not known.account.secrets and not delivery.fetch_only:
        raise BadSignature("This account has no webhook secret, so nothing can be believed. Set one.")
    return delivery
