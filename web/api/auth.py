"""Who is calling: an API key belongs to one provider and has scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from engine.accounts.services import UnknownService, required_service
from engine.host_reports import UnknownCustomer
from models.customer import Customer, Service, customer_by_ref
from models.database import transaction
from models.provider import SCOPES, Provider, catalog_of, find_api_key, provider_and_clock
from settings import settings
from web.api import tokens
from web.api.problems import Problem

# The scope of a customer's token; no key has it.
CUSTOMER = "customer"

_bearer = HTTPBearer(
    auto_error=False,
    description="The API key that `planshift keys create` printed, or a customer's token of `/v1/customer-tokens`.",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The provider whose key it is, and what the key may do; with a token, the one customer whose it is."""

    provider_id: str
    scopes: frozenset[str]
    # The key's id; with a token, the customer's.
    id: str
    customer_id: str | None = None

    def sees(self, customer_id: str) -> bool:
        return self.customer_id in (None, customer_id)

    def only_own(self, customer_column: Any) -> list[ColumnElement[bool]]:
        """The condition of a list: a token's customer has no other rows."""
        return [] if self.customer_id is None else [customer_column == self.customer_id]

    def own_key(self, idempotency_key: str) -> str:
        """Keys are the provider's; what a customer's browser makes up never meets them, nor another customer's."""
        return idempotency_key if self.customer_id is None else f"{self.customer_id}:{idempotency_key}"


def authenticated(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Answers 401 without a valid key or token, and 403 to a script of a page that the provider does not name."""
    if bearer is None:
        raise Problem("not_authenticated", "Send your API key: Authorization: Bearer KEY.")
    with transaction() as session:
        try:
            caller = _caller(session, bearer.credentials)
        except Problem:  # web/rate_limits.py counts these; a database that is away says nothing of a key
            request.state.credential_is_good = False
            raise
        request.state.credential_is_good = True
        origin = request.headers.get("Origin")
        if origin is not None and origin != _origin_of(settings().public_url):
            provider = session.get_one(Provider, caller.provider_id)
            if origin not in catalog_of(session, provider).web.origins:
                detail = f"{origin} is not one of `web.origins` in the provider's catalogue. Add it there."
                raise Problem("origin_not_allowed", detail)
    return caller


def _origin_of(url: str) -> str:
    """Ours: the pages at /docs call the API, too."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _caller(session: Session, credentials: str) -> Caller:
    if credentials.startswith(tokens.PREFIX):
        provider_id, customer_id = tokens.owner_of(credentials)
        if session.get(Customer, customer_id) is None:
            raise Problem("not_authenticated", "The customer of this token is gone.")
        return Caller(provider_id, frozenset({CUSTOMER}), customer_id, customer_id)
    key = find_api_key(session, credentials)
    if key is None:
        raise Problem("not_authenticated", "This API key is unknown or revoked.")
    return Caller(key.provider_id, frozenset(key.scopes), key.id)


def needs(*scopes: str) -> Callable[[Caller], Caller]:
    """A dependency that answers 403 unless the key has one of the scopes."""

    def check(caller: Annotated[Caller, Depends(authenticated)]) -> Caller:
        if not caller.scopes & set(scopes):
            raise Problem("missing_scope", f"This route needs a key with the scope {' or '.join(scopes)}.")
        return caller

    return check


AnyKey = Annotated[Caller, Depends(needs(*SCOPES))]
# Routes that hold a token's customer to what is their own.
AnyKeyOrToken = Annotated[Caller, Depends(needs(*SCOPES, CUSTOMER))]
HostKey = Annotated[Caller, Depends(needs("host"))]
OpsKey = Annotated[Caller, Depends(needs("ops"))]


@dataclass(frozen=True, slots=True)
class ApiTransaction:
    """One transaction on behalf of a caller: the session, the caller's provider, its business time (UTC)."""

    session: Session
    provider: Provider
    now: datetime
    caller: Caller

    def owns(self, row: Any) -> bool:
        """Whether there is such a row and the caller may see it: of the provider, and of the token's customer."""
        return row is not None and row.provider_id == self.provider.id and self.caller.sees(row.customer_id)

    def customer(self, ref: str) -> Customer:
        """The caller's own customer. Raises UnknownCustomer."""
        customer = customer_by_ref(self.session, self.provider.id, ref)
        if customer is None or not self.caller.sees(customer.id):
            raise UnknownCustomer(ref)
        return customer

    def service(self, ref: str) -> Service:
        """The caller's own service. Raises UnknownService."""
        service = required_service(self.session, self.provider, ref)
        if not self.caller.sees(service.customer_id):
            raise UnknownService(ref)
        return service


@contextmanager
def transaction_for(caller: Caller) -> Iterator[ApiTransaction]:
    """`with transaction_for(caller) as tx:` commits at the end of the block."""
    with transaction() as session:
        provider, now = provider_and_clock(session, caller.provider_id)
        yield ApiTransaction(session, provider, now, caller)
