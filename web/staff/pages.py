"""From a template and values to an answer: in the portal's dress, with a stylesheet of its own on top."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from domain.money import Money
from engine.operators.finding import shown_with
from web.portal.pages import HEADERS
from web.portal.pages import STATIC as PORTAL_STATIC
from web.staff.visit import COOKIE_PATH, StaffTransaction

HERE = Path(__file__).parent
STATIC = HERE / "static"


def _static_version() -> str:
    digest = hashlib.sha256()
    for path in sorted([*STATIC.iterdir(), *PORTAL_STATIC.iterdir()]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def stamp(moment: datetime) -> str:
    """A machine's instant, as logs write it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ledger_amount(minor: int, currency: str) -> str:
    """One side of the books, without its sign."""
    return str(Money(abs(minor), currency))


def path_of(row_id: str) -> str | None:
    """The page of a row, by its id or the source of a posting about it; None where it has none."""
    place, row_id = _PAGES.get(row_id.partition("_")[0]), row_id.partition(":")[0]
    return f"{COOKIE_PATH}/{place}/{row_id}" if place else None


def page_of_row(session: Session, row_id: str) -> str:
    """Where a person sees and decides about any row."""
    row = shown_with(session, row_id)
    return (path_of(row.id) if row is not None else None) or f"{COOKIE_PATH}/"


_PAGES = {
    "chg": "changes",
    "inv": "invoices",
    "svc": "services",
    "cus": "customers",
    "mny": "payments",
    "ref": "refunds",
    "evt": "events",
}

TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update({"stamp": stamp, "sentence_case": lambda text: text[:1].upper() + text[1:]})
TEMPLATES.globals.update({"root": COOKIE_PATH, "version": _static_version(), "path_of": path_of})
TEMPLATES.globals.update({"ledger_amount": ledger_amount, "new_key": lambda: secrets.token_urlsafe(16)})


def page(tx: StaffTransaction, template: str, **values: Any) -> HTMLResponse:
    """A page for a person who is signed in."""
    common = {"tx": tx, "formatter": tx.formatter, "provider": tx.provider, "visit": tx.visit, "query": ""}
    return HTMLResponse(TEMPLATES.get_template(template).render(common | values), headers=HEADERS)


def plain_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever it may be: the sign-in, goodbye, and what went wrong."""
    html = TEMPLATES.get_template(template).render(provider=None, visit=None, **values)
    return HTMLResponse(html, status, headers=HEADERS)


def see(path: str) -> RedirectResponse:
    """After a form: look at this page of ours, with a GET."""
    return RedirectResponse(f"{COOKIE_PATH}{path}", 303, headers=HEADERS)
