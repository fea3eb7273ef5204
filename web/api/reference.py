"""The API's reference at /docs. Its script and style come from a package and not from a CDN, so it works offline."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

router = APIRouter()
ASSETS = "/docs/assets"


def assets() -> StaticFiles:
    """Swagger UI as it is published."""
    return StaticFiles(directory=str(files("fastapi_offline") / "static"))


@router.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """Every route, to read and to try."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Planshift",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url="/portal/static/icon.svg",
        # Swagger UI would otherwise send the document's address to a validator on the network.
        swagger_ui_parameters={"validatorUrl": None},
    )
