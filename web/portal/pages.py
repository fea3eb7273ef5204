"""From a template and values to an answer, with the headers that keep a billing page private."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from domain.pricing.explain import known_locale
from domain.words import LANGUAGES, language_of, translate
from web.portal.visit import COOKIE_PATH, PortalTransaction

HERE = Path(__file__).parent
STATIC = HERE / "static"

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def _static_version() -> str:
    """Changes with the files, so that a browser never shows a new page in an old dress."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


# The path and query of the page that is made, below /portal: where a change of language leads back to.
PAGE_PATH: ContextVar[str] = ContextVar("page_path", default="/services")


@pass_context
def _translate(context: Context, english: str, **values: object) -> Markup:
    """A sentence in the page's language; its values are escaped, its own tags are not."""
    return Markup(translate(context["page_language"], english)).format(**values)


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
TEMPLATES.globals.update({"root": COOKIE_PATH, "version": _static_version(), "t": _translate, "languages": LANGUAGES})
# What most pages do not do, and have none of.
TEMPLATES.globals.update({"refresh_seconds": 0, "leads_to": None, "colour": None, "sign_in": None})
# Whoever came by a mail's link sees one bill, and no way to anything else.
TEMPLATES.globals.update({"whole": True})


def page(tx: PortalTransaction, template: str, **values: Any) -> HTMLResponse:
    """A page for a signed-in customer."""
    html = TEMPLATES.get_template(template).render(
        tx=tx,
        formatter=tx.formatter,
        customer=tx.customer,
        provider=tx.provider,
        csrf=tx.visit.csrf,
        whole=tx.visit.bill is None,
        return_url=tx.visit.return_url,
        page_language=tx.formatter.page_language,
        language_shown=language_of(tx.formatter.page_language),
        support=tx.catalog.mail.reply_to or tx.catalog.seller.email,
        colour=tx.catalog.invoice.colour.removeprefix("#"),
        logo=tx.provider.catalog_id if tx.catalog.invoice.logo else None,
        support_url=tx.catalog.web.support_url,
        here=PAGE_PATH.get(),
        **values,
    )
    return HTMLResponse(html, headers=HEADERS | {"Content-Language": tx.formatter.page_language})


def plain_page(template: str, locale: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever it may be: goodbye, and what went wrong."""
    language = str(known_locale(locale)).replace("_", "-") if language_of(locale) != "en" else "en"
    html = TEMPLATES.get_template(template).render(customer=None, provider=None, page_language=language, **values)
    return HTMLResponse(html, status, headers=HEADERS | {"Content-Language": language})


async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Of an application of pages: every answer is private; a stylesheet may be kept."""
    response = await call_next(request)
    for name, value in HEADERS.items():
        if name != "Cache-Control" or "/static/" not in request.url.path:
            response.headers[name] = value
    return response


def see(path: str) -> RedirectResponse:
    """After a form: look at this page of ours, with a GET."""
    return RedirectResponse(f"{COOKIE_PATH}{path}", 303, headers=HEADERS)
