"""Who is calling: an API key belongs to one provider and has scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from models.database import transaction
from models.provider import SCOPES, Provider, business_now, find_api_key
from web.api.problems import Problem

_bearer = HTTPBearer(auto_error=False, description="The API key that `planshift keys create` printed.")


@dataclass(frozen=True, slots=True)
class Caller:
    """The provider whose key it is, and what the key may do."""

    provider_id: str
    scopes: frozenset[str]


def authenticated(bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Answers 401 without a valid key."""
    if bearer is None:
        raise Problem("not_authenticated", "Send your API key: Authorization: Bearer KEY.")
    with transaction() as session:
        key = find_api_key(session, bearer.credentials)
    if key is None:
        raise Problem("not_authenticated", "This API key is unknown or revoked.")
    return Caller(key.provider_id, frozenset(key.scopes))


def needs(*scopes: str) -> Callable[[Caller], Caller]:
    """A dependency that answers 403 unless the key has one of the scopes."""

    def check(caller: Annotated[Caller, Depends(authenticated)]) -> Caller:
        if not caller.scopes & set(scopes):
            raise Problem("missing_scope", f"This route needs a key with the scope {' or '.join(scopes)}.")
        return caller

    return check


AnyKey = Annotated[Caller, Depends(needs(*SCOPES))]
HostKey = Annotated[Caller, Depends(needs("host"))]
OpsKey = Annotated[Caller, Depends(needs("ops"))]


@dataclass(frozen=True, slots=True)
class ApiTransaction:
    """One transaction on behalf of a caller: the session, the caller's provider, its business time (UTC)."""

    session: Session
    provider: Provider
    now: datetime


@contextmanager
def transaction_for(caller: Caller) -> Iterator[ApiTransaction]:
    """`with transaction_for(caller) as tx:` commits at the end of the block."""
    with transaction() as session:
        provider = session.get_one(Provider, caller.provider_id)
        yield ApiTransaction(session, provider, business_now(session, Provider, provider.id))
