"""Tenants: providers, their clocks, and the gateways and hosts that they are connected to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateways.protocol import Account
from models.plan_change import ChangeMove, PlanChange
from models.provider import Connection, Provider, connection_of, provider_by_slug
from provisioners.protocol import Host


class UnknownProvider(Exception):
    """No provider of that name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no provider {slug}. Load its catalogue first: `planshift catalog load FILE`.")


class NotConnected(Exception):
    """The provider has no gateway or no host yet."""

    def __init__(self, provider_id: str, kind: str) -> None:
        super().__init__(
            f"Provider {provider_id} has no {kind} connected. Connect one with `planshift connect {kind}`."
        )


class NotASandbox(Exception):
    """Only a sandbox's clock can be moved."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"{slug} is not a sandbox provider: its clock is the world's, and cannot be moved.")


class ClockBackwards(Exception):
    """Business time never runs backwards: quotes, due dates and renewals would come undone."""

    def __init__(self, wanted: datetime, earliest: datetime) -> None:
        super().__init__(
            f"The clock cannot be set to {wanted.isoformat()}: something happened at {earliest.isoformat()}."
            " Choose that moment or a later one."
        )


def required_provider(session: Session, slug: str) -> Provider:
    """Raises UnknownProvider."""
    provider = provider_by_slug(session, slug)
    if provider is None:
        raise UnknownProvider(slug)
    return provider


def gateway_account(connection: Connection) -> Account:
    """The connection as a gateway adapter wants it."""
    return Account(connection.account, connection.base_url, connection.api_key[0], connection.secrets, connection.id)


def required_connection(session: Session, provider_id: str, kind: str) -> Connection:
    """Raises NotConnected."""
    connection = connection_of(session, provider_id, kind)
    if connection is None:
        raise NotConnected(provider_id, kind)
    return connection


def connected_host(session: Session, provider_id: str) -> tuple[str, Host] | None:
    """The provisioner's name and the host it talks to, if one is connected."""
    connection = connection_of(session, provider_id, "host")
    if connection is None:
        return None
    return connection.adapter, Host(connection.account, connection.base_url, connection.secrets, connection.id)


def host_of(session: Session, provider_id: str) -> tuple[str, Host]:
    """The same. Raises NotConnected."""
    connected = connected_host(session, provider_id)
    if connected is None:
        raise NotConnected(provider_id, "host")
    return connected


def set_clock(session: Session, provider: Provider, to: datetime) -> datetime:
    """Sets a sandbox's business clock (UTC), where it stands until it is set again.

    Raises NotASandbox, ClockBackwards.
    """
    if not provider.sandbox:
        raise NotASandbox(provider.slug)
    earliest = provider.clock_at or _latest_move(session, provider)
    if earliest is not None and to < earliest:
        raise ClockBackwards(to, earliest)
    provider.clock_at = to
    session.flush()
    return to


def _latest_move(session: Session, provider: Provider) -> datetime | None:
    return session.scalar(
        select(func.max(ChangeMove.at))
        .join(PlanChange, PlanChange.id == ChangeMove.change_id)
        .where(PlanChange.provider_id == provider.id)
    )
