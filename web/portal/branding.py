"""The provider's colour and logo, as files that a browser keeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from domain.contrast import BLACK, WHITE, mixed, readable_on
from engine.invoicing.printable import logo_bytes
from models.database import transaction
from models.provider import CatalogVersion
from web.portal.problems import NotFound
from web.portal.visit import RowId

router = APIRouter()

# Of portal.css, the grounds on which links are hardest to read: --busy-ground by day and in the dark.
LIGHT_GROUND, DARK_GROUND = "#e9eefb", "#1d2b4d"

_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}
_SHEET = """\
:root {{ --accent: {light}; --accent-dark: {light_pressed}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --accent: {dark}; --accent-dark: {dark_pressed}; }} }}
"""


@router.get("/static/colours/{colour}.css")
def colours(colour: Annotated[str, Path(pattern=r"^[0-9a-fA-F]{6}$")]) -> Response:
    """The accent of the pages: the provider's colour, made darker by day and lighter in the dark until it is read."""
    light, dark = readable_on(f"#{colour}", LIGHT_GROUND), readable_on(f"#{colour}", DARK_GROUND)
    sheet = _SHEET.format(
        light=light, light_pressed=mixed(light, BLACK, 25), dark=dark, dark_pressed=mixed(dark, WHITE, 40)
    )
    return Response(sheet, media_type="text/css", headers=_KEPT)


@router.get("/static/logos/{catalog_id}")
def logo(catalog_id: RowId) -> Response:
    """Raises NotFound."""
    with transaction() as session:
        version = session.get(CatalogVersion, catalog_id)
        picture = version.document["invoice"].get("logo") if version else None
    if not picture:
        raise NotFound()
    kind = "image/png" if picture.startswith("data:image/png") else "image/svg+xml"
    return Response(logo_bytes(picture), media_type=kind, headers=_KEPT)
