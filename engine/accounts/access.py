"""Who may call whom: a provider's connections with their secrets, and its API keys. Each change is written down with
who and why, and without any secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from engine.jobs.external_call import machine_time
from models.audit import BY_A_PROGRAM, Attribution, record_action
from models.base import has_newest_key
from models.provider import ApiKey, Connection, Provider, business_now, connection_of, new_api_key

BATCH = 100


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """One batch: how many were rewritten, and where the next one begins; None where there was nothing left."""

    rewritten: int
    last_id: str | None


class UnknownKey(Exception):
    """The provider has no such key in use."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no key {key_id} that is in use. See `planshift keys list`.")


def connect(
    session: Session,
    provider: Provider,
    kind: str,
    adapter: str,
    base_url: str,
    api_key: str,
    secrets: tuple[str, ...],
    attribution: Attribution = BY_A_PROGRAM,
) -> Connection:
    """Connects a gateway or a host, or changes how it is connected; its account there is the provider's slug."""
    connection = connection_of(session, provider.id, kind)
    if connection is None:
        connection = Connection(provider_id=provider.id, kind=kind, account=provider.slug)
        session.add(connection)
    connection.adapter = adapter
    connection.base_url = base_url
    connection.api_key = (api_key,)
    connection.secrets = secrets
    session.flush()
    details = {"kind": kind, "adapter": adapter, "base_url": base_url, "secrets": len(secrets)}
    _record(session, provider, "connection.set", connection.id, attribution, **details)
    return connection


def reencrypt_connections(session: Session, after: str) -> Reencrypted:
    """Encrypts what an older key of PLANSHIFT_SECRET_KEY encrypted with the newest one. Raises WrongSecretKey."""
    columns = {"raw_api_key": Connection.api_key, "raw_secrets": Connection.secrets}
    stored = [type_coerce(column, LargeBinary).label(name) for name, column in columns.items()]
    query = select(Connection, *stored).where(Connection.id > after).order_by(Connection.id).limit(BATCH)
    rows = session.execute(query.with_for_update(of=Connection)).all()
    old = [connection for connection, *encrypted in rows if not all(map(has_newest_key, encrypted))]
    for connection in old:
        flag_modified(connection, "api_key")
        flag_modified(connection, "secrets")
    session.flush()
    return Reencrypted(len(old), rows[-1][0].id if rows else None)


def create_key(
    session: Session, provider: Provider, scopes: list[str], attribution: Attribution = BY_A_PROGRAM
) -> tuple[ApiKey, str]:
    """A new key's row, and the key itself, which is shown this once."""
    row, token = new_api_key(session, provider, scopes)
    _record(session, provider, "key.create", row.id, attribution, scopes=scopes)
    return row, token


def rotate_key(
    session: Session, provider: Provider, key_id: str, overlap: timedelta, attribution: Attribution
) -> tuple[ApiKey, str]:
    """A new key with the scopes of the old one, which is good for `overlap` more (machine time). Raises UnknownKey."""
    old = _key_in_use(session, provider, key_id)
    row, token = new_api_key(session, provider, list(old.scopes))
    old.revoked_at = machine_time(session) + overlap
    _record(session, provider, "key.rotate", old.id, attribution, newer=row.id, good_until=old.revoked_at.isoformat())
    return row, token


def revoke_key(session: Session, provider: Provider, key_id: str, attribution: Attribution) -> None:
    """The key is good for nothing from now on. Raises UnknownKey."""
    old = _key_in_use(session, provider, key_id)
    old.revoked_at = machine_time(session)
    _record(session, provider, "key.revoke", old.id, attribution)


def keys_of(session: Session, provider: Provider) -> list[ApiKey]:
    """Oldest first, the revoked ones, too."""
    query = select(ApiKey).where(ApiKey.provider_id == provider.id)
    return list(session.scalars(query.order_by(ApiKey.id)))


def _key_in_use(session: Session, provider: Provider, key_id: str) -> ApiKey:
    key = session.get(ApiKey, key_id, with_for_update=True)
    over = key is not None and key.revoked_at is not None and key.revoked_at <= machine_time(session)
    if key is None or over or key.provider_id != provider.id:
        raise UnknownKey(key_id)
    return key


def _record(session: Session, provider: Provider, action: str, subject: str, by: Attribution, **details: Any) -> None:
    record_action(session, provider.id, business_now(session, Provider, provider.id), action, subject, by, **details)
