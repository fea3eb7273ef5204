"""Catalogues put in force, and what a new one would change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.catalog_problems import CatalogError, CatalogProblem
from domain.lifecycle import ENDED
from engine.accounts.providers import required_provider
from engine.invoicing.printable import check_catalog
from models.audit import BY_A_PROGRAM, Attribution, record_action
from models.customer import Service
from models.plan_change import PlanChange
from models.provider import CatalogVersion, Provider, business_now, catalog_of, provider_by_slug

# Such a service is neither renewed nor changed; every other one needs its plan.
_ENDED_SERVICE = ("canceled", "terminated")


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
