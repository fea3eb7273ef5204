"""Who is signed in: a staff member's name and an operators' key, kept as a signed cookie for one hour; a CSRF token for
its forms; one transaction a page."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Form, Path, Request, Response
from itsdangerous import BadData
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from models.audit import Attribution
from models.customer import Customer
from models.database import transaction
from models.provider import ApiKey, Provider, catalog_of, key_in_use, provider_and_clock
from models.sessions import StaffSession, end_session, is_open, open_staff_session
from web.portal.formatter import PageFormatter
from web.signed_cookies import VisitCookie

COOKIE_PATH = "/staff"
# Whoever leaves a desk unlocked leaves it for an hour at the most.
COOKIE = VisitCookie("planshift_staff", COOKIE_PATH, life_seconds=60 * 60, purpose="staff")
SCOPE = "ops"

RowId = Annotated[str, Path(max_length=64, pattern=r"^[a-z]+_[0-9a-z]+$")]
Row = TypeVar("Row")


class StaffSignedOut(Exception):
    """No cookie, one that is too old, or one whose key was revoked. `path` is the page that was asked for."""

    def __init__(self, path: str = "/") -> None:
        super().__init__("Sign in with an operators' key to continue.")
        self.path = path


class ForgedStaffForm(Exception):
    """A form without the token that this visit's pages carry."""

    def __init__(self) -> None:
        super().__init__("This form is too old or was not sent from these pages. Go back, reload the page, try again.")


class NoSuchRow(Exception):
    """There is no such row, or it is another provider's: nobody can tell which."""

    def __init__(self) -> None:
        super().__init__("There is nothing at this address. Search for the number or name that you have.")


@dataclass(frozen=True, slots=True)
class StaffVisit:
    """One person in one browser, who works for one provider. `id` is the session's, and ties the forms to the
    cookie."""

    id: str
    key_id: str
    actor: str

    @property
    def csrf(self) -> str:
        return COOKIE.form_token(self.id)

    def because(self, reason: str) -> Attribution:
        return Attribution(self.actor, reason)


@dataclass(frozen=True, slots=True)
class StaffTransaction:
    """One transaction on behalf of a visit: its provider, its business time (UTC)."""

    session: Session
    visit: StaffVisit
    provider: Provider
    catalog: Catalog
    now: datetime
    formatter: PageFormatter

    def own(self, row_class: type[Row], row_id: str) -> Row:
        """The provider's own row. Raises NoSuchRow."""
        return self.checked(self.session.get(row_class, row_id))

    def checked(self, row: Row | None) -> Row:
        """The same of a row that was looked for already."""
        found: Any = row
        if found is None or found.provider_id != self.provider.id:
            raise NoSuchRow()
        return cast(Row, found)

    def formatter_of(self, customer: Customer) -> PageFormatter:
        """English pages, with what was written down for this customer in their language."""
        return PageFormatter(self.catalog, "en", customer.locale)


def visit_of(request: Request) -> StaffVisit:
    """The visit that the cookie names. Raises StaffSignedOut."""
    try:
        return StaffVisit(**COOKIE.read(request))
    except (BadData, TypeError) as error:
        raise StaffSignedOut(_page_of(request)) from error


def _page_of(request: Request) -> str:
    """Where to go on after signing in. What a form was sent to is no page."""
    if request.method != "GET":
        return "/"
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path.removeprefix(COOKIE_PATH) + query


Signed = Annotated[StaffVisit, Depends(visit_of)]


def visit_of_form(visit: Signed, csrf: Annotated[str, Form()] = "") -> StaffVisit:
    """The visit of a form that came from our own pages. Raises ForgedStaffForm."""
    if not hmac.compare_digest(csrf.encode(), visit.csrf.encode()):
        raise ForgedStaffForm()
    return visit


SignedForm = Annotated[StaffVisit, Depends(visit_of_form)]


def begin_visit(session: Session, response: Response, key: ApiKey, actor: str) -> None:
    """Opens a session and sets its cookie."""
    COOKIE.give(response, asdict(StaffVisit(open_staff_session(session, key.id, actor), key.id, actor)))


def end_visit(session: Session, response: Response, visit: StaffVisit) -> None:
    """Whoever else has the cookie is out, too."""
    end_session(session, StaffSession, visit.id)
    COOKIE.take(response)


@contextmanager
def transaction_for(visit: StaffVisit) -> Iterator[StaffTransaction]:
    """`with transaction_for(visit) as tx:` commits at the end of the block.

    Raises StaffSignedOut where they have signed out, the key was revoked since, or is no operators' key.
    """
    with transaction() as session:
        key = key_in_use(session, visit.key_id)
        if key is None or SCOPE not in key.scopes or not is_open(session, StaffSession, visit.id):
            raise StaffSignedOut()
        provider, now = provider_and_clock(session, key.provider_id)
        catalog = catalog_of(session, provider)
        yield StaffTransaction(session, visit, provider, catalog, now, PageFormatter(catalog, "en", "en"))
