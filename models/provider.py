"""The tenant: a provider, its API keys, its catalogue's versions, and the external systems it is connected to."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    DateTime,
    ForeignKey,
    Select,
    TableValuedAlias,
    UniqueConstraint,
    bindparam,
    column,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, aliased, column_property, mapped_column
from sqlalchemy.types import String

from domain.catalog import Catalog
from models.base import Base, EncryptedList, new_id, recorded_at
from models.pending_work import built_once

_Row = TypeVar("_Row")


class CatalogVersion(Base):
    """One loaded catalogue file. Rows are never changed: a quote names the version that it was priced by."""

    __tablename__ = "catalogs"
    __table_args__ = (UniqueConstraint("provider_id", "version"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("cat"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    version: Mapped[int]
    digest: Mapped[str]
    document: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime] = recorded_at()


class Provider(Base):
    """A hosting, DNS or SaaS company. In a sandbox its business clock stands where it was set."""

    __tablename__ = "providers"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("prv"))
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    sandbox: Mapped[bool] = mapped_column(default=False)
    clock_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    # The newest version, which is the one in force; null before the first `planshift catalog load`.
    catalog_id: Mapped[str | None] = column_property(
        select(CatalogVersion.id)
        .where(CatalogVersion.provider_id == id)
        .order_by(CatalogVersion.version.desc())
        .limit(1)
        .correlate_except(CatalogVersion)
        .scalar_subquery()
    )


# The business time of a joined provider, in a statement: the sandbox clock where one is set, the database's elsewhere.
CLOCK = func.coalesce(Provider.clock_at, func.clock_timestamp())


def clock_of(row: Any) -> Any:
    """The business time of a row's provider, in a statement about the row."""
    provider = aliased(Provider)
    clock = func.coalesce(provider.clock_at, func.clock_timestamp())
    return select(clock).where(provider.id == row.provider_id).scalar_subquery()


SCOPES = ("frontend", "host", "ops")


class ApiKey(Base):
    """Only the hash of a key is kept. `scopes` are of SCOPES."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("key"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime] = recorded_at()
    revoked_at: Mapped[datetime | None]


class Connection(Base):
    """An external system of a provider: `kind` is gateway, host, or bank (money that operators see on an account
    statement); `adapter` is the name in the kind's registry."""

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("kind", "adapter", "account"), UniqueConstraint("provider_id", "kind"))

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("con"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[str]
    adapter: Mapped[str]
    account: Mapped[str]
    base_url: Mapped[str]
    api_key: Mapped[tuple[str, ...]] = mapped_column(EncryptedList)
    secrets: Mapped[tuple[str, ...]] = mapped_column(EncryptedList)
    # Where the gateway's list of events was read to, why it could not be read on, and when it is read next (machine
    # time).
    events_cursor: Mapped[str | None]
    list_error: Mapped[str | None]
    list_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())


@dataclass(frozen=True, slots=True)
class Moment:
    """What time it is: for the machine, and for each provider (ids and business times, in the same order)."""

    machine: datetime
    tenants: list[str]
    clocks: list[datetime]

    def only(self, tenants: set[str]) -> Moment:
        """The same for some of the providers."""
        kept = [(id, clock) for id, clock in zip(self.tenants, self.clocks, strict=True) if id in tenants]
        return Moment(self.machine, [id for id, _ in kept], [clock for _, clock in kept])


def moment(session: Session) -> Moment:
    """Now. In a statement these are values, which an index can serve; a clock that is read in the statement is not.
    The providers come in another order each time, so that none is always served last."""
    clocks = session.execute(select(Provider.id, CLOCK).order_by(func.random())).all()
    machine = session.execute(select(func.clock_timestamp())).scalar_one()
    return Moment(machine, [row[0] for row in clocks], [row[1] for row in clocks])


def tenants(name: str = "tenant") -> TableValuedAlias:
    """The providers of a `Moment` as a table of `id` and `clock`; bind them as `tenants` and `clocks`."""
    ids = bindparam("tenants", type_=ARRAY(String))
    clocks = bindparam("clocks", type_=ARRAY(DateTime(timezone=True)))
    table = func.unnest(ids, clocks).table_valued(column("id", String), column("clock", DateTime(timezone=True)))
    return table.render_derived(name=name)


def business_now(session: Session, row: Any, row_id: str) -> datetime:
    """The business time (UTC) of the provider that row `row_id` of class `row` belongs to.

    It is the sandbox clock where one is set, the database's clock elsewhere. Raises UnknownRow.
    """
    now: datetime | None = session.execute(_clock_of(row), {"row_id": row_id}).scalar_one_or_none()
    if now is None:
        raise UnknownRow(row_id)
    return now


@built_once
def _clock_of(row: Any) -> Select[Any]:
    query = select(CLOCK) if row is Provider else select(CLOCK).join(row, row.provider_id == Provider.id)
    return query.where(row.id == bindparam("row_id"))


def lock_row_and_clock(session: Session, row: Any, row_id: str) -> datetime:
    """The same, of a row that a step locks first: with the lock it is read, for `locked_row`. Raises UnknownRow."""
    found = session.execute(_locking(row), {"row_id": row_id}).one_or_none()
    if found is None:
        raise UnknownRow(row_id)
    now: datetime
    session.info[row_id], now = found
    return now


@built_once
def _locking(row: Any) -> Select[Any]:
    query = select(row, CLOCK).join(Provider, Provider.id == row.provider_id).where(row.id == bindparam("row_id"))
    return query.with_for_update(of=row).execution_options(populate_existing=True)


def locked_row(session: Session, row: type[_Row], row_id: str) -> _Row:
    """That row; locked and read now, unless this transaction has done so already."""
    if row_id not in session.info:
        lock_row_and_clock(session, row, row_id)
    found: _Row = session.info[row_id]
    return found


def provider_and_clock(session: Session, provider_id: str) -> tuple[Provider, datetime]:
    """A provider with its business time, in one statement."""
    provider, now = session.execute(select(Provider, CLOCK).where(Provider.id == provider_id)).one()
    return provider, now


def new_api_key(session: Session, provider: Provider, scopes: list[str]) -> tuple[ApiKey, str]:
    """Stores a new key's hash; returns its row and the key itself, which is shown this once."""
    token = f"ps_{provider.slug}_{secrets.token_urlsafe(32)}"
    row = ApiKey(provider_id=provider.id, sha256=_sha256(token), scopes=scopes)
    session.add(row)
    session.flush()
    return row, token


def find_api_key(session: Session, token: str) -> ApiKey | None:
    """A key that is in use, or one that was rotated and is still good for a while."""
    return session.scalar(select(ApiKey).where(ApiKey.sha256 == _sha256(token), _in_use()))


def key_in_use(session: Session, key_id: str) -> ApiKey | None:
    """The same by the id of its row."""
    return session.scalar(select(ApiKey).where(ApiKey.id == key_id, _in_use()))


def _in_use() -> ColumnElement[bool]:
    return or_(ApiKey.revoked_at.is_(None), ApiKey.revoked_at > func.clock_timestamp())


def provider_by_slug(session: Session, slug: str) -> Provider | None:
    return session.scalar(select(Provider).where(Provider.slug == slug))


def connection_of(session: Session, provider_id: str, kind: str) -> Connection | None:
    return session.scalar(_connection(), {"provider_id": provider_id, "kind": kind})


@built_once
def _connection() -> Select[Connection]:
    of_provider = Connection.provider_id == bindparam("provider_id")
    return select(Connection).where(of_provider, Connection.kind == bindparam("kind"))


def catalog_of(session: Session, provider: Provider) -> Catalog:
    """The catalogue in force. Raises NoCatalog before the first `planshift catalog load`."""
    if provider.catalog_id is None:
        raise NoCatalog(provider.slug)
    return catalog_version(session, provider.catalog_id)


def web_origins(session: Session) -> frozenset[str]:
    """Every origin that some provider's catalogue in force names."""
    newest = select(CatalogVersion.id).distinct(CatalogVersion.provider_id)
    in_force = session.scalars(newest.order_by(CatalogVersion.provider_id, CatalogVersion.version.desc()))
    return frozenset(origin for one in in_force.all() for origin in catalog_version(session, one).web.origins)


def catalog_version(session: Session, catalog_id: str) -> Catalog:
    """One version, parsed; versions never change, so a process parses each of them once."""
    if catalog_id not in _PARSED:
        _PARSED[catalog_id] = Catalog.from_json(session.get_one(CatalogVersion, catalog_id).document)
    return _PARSED[catalog_id]


_PARSED: dict[str, Catalog] = {}


class UnknownRow(Exception):
    """No row of that id."""

    def __init__(self, row_id: str) -> None:
        super().__init__(f"There is no {row_id}. Look the id up in its list, as with `planshift changes list`.")


class NoCatalog(Exception):
    """The provider has no catalogue yet."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"Provider {slug} has no catalogue yet. Load one with `planshift catalog load FILE`.")


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
