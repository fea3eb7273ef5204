"""Who is signed in: a signed cookie set after the signed link, a CSRF token for its forms, one transaction a page."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Form, Path, Request, Response
from itsdangerous import BadData
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from models.customer import Customer, Service, read_service
from models.database import transaction
from models.invoice import Invoice, StoredQuote, invoice_with_documents
from models.plan_change import PlanChange, change_with_invoice
from models.provider import Provider, catalog_of, provider_and_clock
from models.sessions import PortalSession, is_open
from web.portal.formatter import PageFormatter
from web.portal.links import PortalLink
from web.portal.problems import FormNotOurs, NotFound, NotSignedIn
from web.signed_cookies import VisitCookie

COOKIE_PATH = "/portal"
# A forgotten browser tab should not stay a way in; two hours are enough to find a card and pay.
COOKIE = VisitCookie("planshift_portal", COOKIE_PATH, life_seconds=2 * 60 * 60, purpose="portal")

# Ids as they stand in addresses; anything else is not found.
RowId = Annotated[str, Path(max_length=64, pattern=r"^[a-z]+_[0-9a-z]+$")]
Slug = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


Row = TypeVar("Row", Service, PlanChange, Invoice)


@dataclass(frozen=True, slots=True)
class Visit:
    """One customer in one browser: its language, where it leads back to. `id` is the session's, and ties the forms to
    the cookie. Whoever came by a mail's link sees one `bill` (an invoice's id), and may pay it."""

    customer: str
    id: str
    locale: str | None = None
    return_url: str | None = None
    bill: str | None = None

    @property
    def csrf(self) -> str:
        return COOKIE.form_token(self.id)


@dataclass(frozen=True, slots=True)
class PortalTransaction:
    """One transaction on behalf of a visit: its customer and provider, its business time (UTC), its language."""

    session: Session
    visit: Visit
    customer: Customer
    provider: Provider
    catalog: Catalog
    now: datetime
    formatter: PageFormatter

    @property
    def locale(self) -> str:
        """Of the pages; what is written down about the customer stays in theirs."""
        return self.visit.locale or self.customer.locale

    def service(self, service_id: str) -> Service:
        """Raises NotFound, as do the others."""
        return _own(self, read_service(self.session, service_id))

    def change(self, change_id: str) -> PlanChange:
        """With its invoice."""
        return _own(self, change_with_invoice(self.session, change_id))

    def invoice(self, invoice_id: str) -> Invoice:
        return _own(self, invoice_with_documents(self.session, invoice_id))

    def quote(self, quote_id: str) -> tuple[StoredQuote, Service]:
        stored = self.session.get(StoredQuote, quote_id)
        if stored is None:
            raise NotFound()
        return stored, self.service(stored.service_id)


def _own(tx: PortalTransaction, row: Row | None) -> Row:
    bill = tx.visit.bill
    if row is None or row.customer_id != tx.customer.id or (bill and row.id not in _of_bill(tx.session, bill)):
        raise NotFound()
    return row


def _of_bill(session: Session, invoice_id: str) -> tuple[str | None, ...]:
    """The ids of what a mail's link opens: the invoice, and the change that it is for."""
    return invoice_id, session.get_one(Invoice, invoice_id).change_id


def visit_of(request: Request) -> Visit:
    """The visit that the cookie names. Raises NotSignedIn."""
    try:
        return Visit(**COOKIE.read(request))
    except (BadData, TypeError) as error:  # the last one: of an earlier version
        raise NotSignedIn() from error


# Of the pages of one bill, which a mail's link opens, too.
OfBill = Annotated[Visit, Depends(visit_of)]


def customers_visit(visit: OfBill) -> Visit:
    """The visit of a customer who is signed in. Raises NotSignedIn for whoever came by a mail's link."""
    if visit.bill is not None:
        raise NotSignedIn()
    return visit


Signed = Annotated[Visit, Depends(customers_visit)]


def bill_form(visit: OfBill, csrf: Annotated[str, Form()] = "") -> Visit:
    """The visit of a form that came from our own pages. Raises FormNotOurs."""
    if not hmac.compare_digest(csrf.encode(), visit.csrf.encode()):
        raise FormNotOurs()
    return visit


FormOfBill = Annotated[Visit, Depends(bill_form)]


def signed_form(visit: FormOfBill) -> Visit:
    """The same of a customer who is signed in. Raises FormNotOurs, NotSignedIn."""
    return customers_visit(visit)


SignedForm = Annotated[Visit, Depends(signed_form)]


def new_visit(link: PortalLink, session_id: str, locale: str) -> Visit:
    """The visit of whoever followed the link; in the customer's language where the link names none."""
    return Visit(link.customer, session_id, link.locale or locale, link.return_url)


def begin_visit(response: Response, visit: Visit) -> None:
    """Sets the cookie."""
    COOKIE.give(response, asdict(visit))


def end_visit(response: Response) -> None:
    """Takes the cookie away."""
    COOKIE.take(response)


@contextmanager
def transaction_for(visit: Visit) -> Iterator[PortalTransaction]:
    """`with transaction_for(visit) as tx:` commits at the end of the block.

    Raises NotSignedIn for a customer who is gone, and for who has signed out.
    """
    with transaction() as session:
        customer = session.get(Customer, visit.customer)
        if customer is None or not is_open(session, PortalSession, visit.id):
            raise NotSignedIn()
        provider, now = provider_and_clock(session, customer.provider_id)
        catalog = catalog_of(session, provider)
        formatter = PageFormatter(catalog, visit.locale or customer.locale, customer.locale)
        yield PortalTransaction(session, visit, customer, provider, catalog, now, formatter)
