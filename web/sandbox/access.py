"""Whether there is a sandbox page, and for whom: it lets anybody in as any customer, so it is careful to be absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from models.provider import Provider
from settings import settings

_OUR_NAMES = {"127.0.0.1", "localhost"}


def ready_of(request: Request) -> dict[str, Any]:
    """What `planshift up` has written. Answers 404 where it runs nothing here, and to whoever calls us by another
    name: a page of the world whose name leads to this machine must not read the keys."""
    file = settings().sandbox_file
    names = _OUR_NAMES | {urlsplit(settings().public_url).hostname}
    if not file or not Path(file).exists() or request.url.hostname not in names:
        raise HTTPException(404)
    ready: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    return ready


def ready_for_form(request: Request, ready: Annotated[dict[str, Any], Depends(ready_of)]) -> dict[str, Any]:
    """The same for what changes something: another site's page must not send it."""
    origin = request.headers.get("origin", "null")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
        origin != "null" and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise HTTPException(403)
    return ready


Ready = Annotated[dict[str, Any], Depends(ready_of)]
ReadyForForm = Annotated[dict[str, Any], Depends(ready_for_form)]


def sandbox_providers(session: Session, ready: dict[str, Any]) -> list[Provider]:
    """The providers that this `planshift up` has connected. Answers 404 if none of them is a sandbox."""
    query = select(Provider).where(Provider.slug.in_(ready["keys"]), Provider.sandbox).order_by(Provider.slug)
    providers = list(session.scalars(query))
    if not providers:
        raise HTTPException(404)
    return providers
