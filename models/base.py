"""What all rows share: the declarative base, ids, column types."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, LargeBinary, MetaData, String, TypeDecorator, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from ulid import ULID

from settings import settings

type_annotation_map: dict[Any, Any] = {
    datetime: DateTime(timezone=True),
    int: BigInteger,
    str: String,
    dict[str, Any]: JSONB,
    list[Any]: JSONB,
    bytes: LargeBinary,
}


class Base(DeclarativeBase):
    """Constraint names are stable, so that migrations and error handling can name them."""

    type_annotation_map = type_annotation_map
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def new_id(prefix: str) -> str:
    """A time-ordered, unguessable id: the prefix, an underscore and a ULID (80 random bits) in lower case."""
    return f"{prefix}_{str(ULID()).lower()}"


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """The database refuses what the enumeration does not have."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_is_known")


def listed(table: str, *columns: str, where: str | None = None, name: str = "listed") -> Index:
    """Serves a list of the rows that are alike in these columns, the newest first."""
    return Index(f"ix_{table}_{name}", *columns, "id", postgresql_where=where)


def searched(table: str, *columns: str) -> Index:
    """Serves a search for a part of what stands in these columns, in any case; of at least three letters or digits."""
    trigrams = dict.fromkeys(columns, "gin_trgm_ops")
    return Index(f"ix_{table}_parts", *columns, postgresql_using="gin", postgresql_ops=trigrams)


def recorded_at() -> Mapped[datetime]:
    """When the row was written, by the database's own clock (business time is a column of its own)."""
    return mapped_column(server_default=func.clock_timestamp())


def is_id(prefix: str, text: str) -> bool:
    """Whether the text has the form of an id of new_id(prefix)."""
    return bool(re.fullmatch(rf"{prefix}_[0-9a-hjkmnp-tv-z]{{26}}", text))


class WrongSecretKey(Exception):
    """No key of PLANSHIFT_SECRET_KEY is the one that encrypted the secrets of the connections."""

    def __init__(self) -> None:
        super().__init__(
            f"PLANSHIFT_SECRET_KEY (fingerprint {secret_key_fingerprint()}) is not the key that encrypted this"
            " connection's secrets. Set the key that did."
        )


def secret_key_fingerprint() -> str:
    """Tells one key from another, and nothing more."""
    return hashlib.sha256(b"planshift fingerprint:" + settings().require_secret_key().encode()).hexdigest()[:8]


class EncryptedList(TypeDecorator[tuple[str, ...]]):
    """A list of secrets, encrypted at rest with the newest key of PLANSHIFT_SECRET_KEY, and read with any of them
    (Fernet: AES-128-CBC with HMAC-SHA256)."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> bytes | None:
        return None if value is None else _fernets()[0].encrypt(json.dumps(list(value)).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> tuple[str, ...] | None:
        """Raises WrongSecretKey."""
        if value is None:
            return None
        try:
            return tuple(json.loads(MultiFernet(_fernets()).decrypt(value)))
        except InvalidToken as error:
            raise WrongSecretKey from error


def has_newest_key(encrypted: bytes) -> bool:
    """Whether the newest key encrypted it."""
    try:
        _fernets()[0].decrypt(encrypted)
    except InvalidToken:
        return False
    return True


def _fernets() -> list[Fernet]:
    """The newest first."""
    keys = settings().require_secret_keys()
    digests = [hashlib.sha256(b"planshift secrets at rest:" + key.encode()).digest() for key in keys]
    return [Fernet(base64.urlsafe_b64encode(digest)) for digest in digests]
