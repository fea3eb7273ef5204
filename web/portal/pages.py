"""From a template and values to an answer, with the headers that keep a billing page private."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from web.portal.visit import COOKIE_PATH, PortalTransaction

HERE = Path(__file__).parent
STATIC = HERE / "static"

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def _static_version() -> str:
    """Changes with the files, so that a browser never shows a new page in an old dress."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["sentence_case"] = _sentence_case
TEMPLATES.globals.update({"root": COOKIE_PATH, "version": _static_version(), "refresh_seconds": 0})


def page(tx: PortalTransaction, template: str, **values: Any) -> HTMLResponse:
    """A page for a signed-in customer."""
    html = TEMPLATES.get_template(template).render(
        tx=tx,
        formatter=tx.formatter,
        customer=tx.customer,
        provider=tx.provider,
        csrf=tx.visit.csrf,
        return_url=tx.visit.return_url,
        **values,
    )
    return HTMLResponse(html, headers=HEADERS)


def plain_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever it may be: goodbye, and what went wrong."""
    html = TEMPLATES.get_template(template).render(customer=None, provider=None, **values)
    return HTMLResponse(html, status, headers=HEADERS)


def see(path: str) -> RedirectResponse:
    """After a form: look at this page of ours, with a GET."""
    return RedirectResponse(f"{COOKIE_PATH}{path}", 303, headers=HEADERS)
