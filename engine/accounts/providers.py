"""Tenants: providers with their catalogues, and the gateways and hosts that they are connected to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.catalog_problems import CatalogError, CatalogProblem
from domain.lifecycle import ENDED
from engine.invoicing.printable import check_catalog
from gateways.protocol import Account
from models.audit import BY_A_PROGRAM, Attribution, record_action
from models.customer import Service
from models.plan_change import ChangeMove, PlanChange
from models.provider import (
    CatalogVersion,
    Connection,
    Provider,
    business_now,
    catalog_of,
    connection_of,
    provider_by_slug,
)
from provisioners.protocol import Host

# Such a service is neither renewed nor changed; every other one needs its plan.
_ENDED_SERVICE = ("canceled", "terminated")


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


def load_catalog(
    session: Session, catalog: Catalog, sandbox: bool, attribution: Attribution = BY_A_PROGRAM
) -> CatalogVersion:
    """Stores a catalogue as the provider's newest version, and the provider itself if it is new.

    The same contents twice are one version. Raises CatalogError where a plan or cycle is missing that services still
    have, and for what documents could not show.
    """
    check_catalog(catalog)
    missing = missing_but_held(session, catalog)
    if missing:
        raise CatalogError(missing)
    provider = provider_by_slug(session, catalog.provider)
    if provider is None:
        provider = Provider(slug=catalog.provider, name=catalog.name, sandbox=sandbox)
        session.add(provider)
        session.flush()
    provider.name = catalog.name
    current = session.scalar(
        select(CatalogVersion)
        .where(CatalogVersion.provider_id == provider.id)
        .order_by(CatalogVersion.version.desc())
        .limit(1)
    )
    if current is not None and current.digest == catalog.digest:
        return current
    version = CatalogVersion(
        provider_id=provider.id,
        version=(current.version if current else 0) + 1,
        digest=catalog.digest,
        document=catalog.as_json(),
    )
    session.add(version)
    session.flush()
    session.expire(provider, ["catalog_id"])
    now = business_now(session, Provider, provider.id)
    details = {"version": version.version, "digest": version.digest}
    record_action(session, provider.id, now, "catalog.load", version.id, attribution, **details)
    return version


def missing_but_held(session: Session, catalog: Catalog) -> list[CatalogProblem]:
    """One problem for each plan and each cycle that services have, or open changes lead to, and the catalogue has not.

    Such a service could neither be renewed nor changed.
    """
    provider = provider_by_slug(session, catalog.provider)
    if provider is None:
        return []
    plans = _holders(session, provider, Service.plan, PlanChange.target_plan)
    cycles = _holders(session, provider, Service.cycle, PlanChange.target_cycle)
    lost_plans = [
        CatalogProblem(
            "plans",
            f"this plan is missing, but {held}; keep it with sold = false: its holders renew at the terms they have",
            plan=plan,
        )
        for plan, held in plans.items()
        if catalog.plan(plan) is None
    ]
    lost_cycles = [
        CatalogProblem(
            f"cycles.{cycle}", f"this cycle is missing, but {held}; keep it, and remove its prices where it is not sold"
        )
        for cycle, held in cycles.items()
        if cycle not in catalog.cycles
    ]
    return lost_plans + lost_cycles


def _holders(session: Session, provider: Provider, of_service: Any, of_change: Any) -> dict[str, str]:
    """By plan or cycle: how many services have it, and how many open changes lead to it, in words."""
    services = _counted(session, of_service, Service.provider_id == provider.id, Service.status.not_in(_ENDED_SERVICE))
    changes = _counted(session, of_change, PlanChange.provider_id == provider.id, PlanChange.status.not_in(ENDED))
    held: dict[str, list[str]] = {}
    for name, number in services.items():
        held.setdefault(name, []).append(f"{number} service{' has' if number == 1 else 's have'} it")
    for name, number in changes.items():
        held.setdefault(name, []).append(f"{number} open change{' leads' if number == 1 else 's lead'} to it")
    return {name: " and ".join(held[name]) for name in sorted(held)}


def _counted(session: Session, column: Any, *where: ColumnElement[bool]) -> dict[str, int]:
    return {
        name: number for name, number in session.execute(select(column, func.count()).where(*where).group_by(column))
    }


def catalog_differences(session: Session, catalog: Catalog) -> list[tuple[str, Any, Any]]:
    """(dotted key, value in force, value in the new catalogue) for everything that loading it would change.

    Raises UnknownProvider, NoCatalog.
    """
    current = catalog_of(session, required_provider(session, catalog.provider))
    return _differences("", current.as_json(), catalog.as_json())


def _differences(path: str, now: Any, then: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(now, dict) and isinstance(then, dict):
        keys = sorted({*now, *then})
        return [found for key in keys for found in _differences(f"{path}.{key}", now.get(key), then.get(key))]
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        pairs = enumerate(zip(now, then, strict=True))
        return [found for index, pair in pairs for found in _differences(f"{path}.{index}", *pair)]
    return [] if now == then else [(path.lstrip("."), now, then)]


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
