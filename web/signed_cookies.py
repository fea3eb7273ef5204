"""The one form of what browsers keep for us: a signed visit, and the token that ties a page's forms to it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from itsdangerous import URLSafeTimedSerializer

from settings import settings


@dataclass(frozen=True, slots=True)
class VisitCookie:
    """Of the pages below `path`; it is worth nothing after `life_seconds`. `purpose` keeps one kind of visit from being
    taken for another."""

    name: str
    path: str
    life_seconds: int
    purpose: str

    def read(self, request: Request) -> Any:
        """What was signed. Raises BadData."""
        return self._signer().loads(request.cookies.get(self.name, ""), max_age=self.life_seconds)

    def give(self, response: Response, signed: dict[str, Any]) -> None:
        set_cookie(response, self.name, self._signer().dumps(signed), self.path, self.life_seconds)

    def take(self, response: Response) -> None:
        response.delete_cookie(self.name, path=self.path)

    def form_token(self, visit_id: str) -> str:
        """What the forms of a visit's pages carry."""
        key = f"planshift.{self.purpose}.csrf:{settings().require_secret_key()}".encode()
        return hmac.digest(key, visit_id.encode(), "sha256").hex()

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(settings().signing_keys(), salt=f"planshift.{self.purpose}.visit")


def set_cookie(response: Response, name: str, value: str, path: str, life_seconds: int) -> None:
    """One that only the pages below `path` get, and no script."""
    response.set_cookie(
        name,
        value,
        max_age=life_seconds,
        path=path,
        secure=settings().public_url.startswith("https://"),
        httponly=True,
        samesite="lax",  # the way back from a gateway's checkout, and a mail's link, come from another site
    )
