"""The sandbox's templates, in English: in the portal's dress, with a stylesheet of their own on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import FileSystemLoader

from web.portal.pages import HEADERS, TEMPLATES

HERE = Path(__file__).parent
STATIC = HERE / "static"

_TEMPLATES = TEMPLATES.overlay(loader=FileSystemLoader([HERE / "templates", HERE.parent / "portal" / "templates"]))


def page(template: str, ready: dict[str, Any] | None = None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever has opened the sandbox. A link into Flower brings its login along."""
    if ready is not None:
        values["ready"] = ready | {"flower_url": ready["flower"].replace("://", f"://{ready['flower_login']}@", 1)}
    html = _TEMPLATES.get_template(template).render(customer=None, provider=None, page_language="en", **values)
    return HTMLResponse(html, status, headers=HEADERS)
