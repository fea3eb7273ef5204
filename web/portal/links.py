"""The signed link by which the host system lets a customer into the portal."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

from settings import settings
from web.portal.problems import LinkExpired

# Long enough to follow a link, short enough that one found later in a log opens nothing.
LINK_LIFE_SECONDS = 600

_SALT = "planshift.portal.link"


@dataclass(frozen=True, slots=True)
class PortalLink:
    """Who enters; in which language (null: the customer's), and where the pages lead back to; the step to begin with:
    a service's id, a plan of the catalogue, one of its cycles; or the page, as its path."""

    customer: str
    locale: str | None = None
    return_url: str | None = None
    service: str | None = None
    plan: str | None = None
    cycle: str | None = None
    page: str | None = None


def portal_link(public_url: str, link: PortalLink) -> str:
    """A link into the portal for one customer, to be followed once, within LINK_LIFE_SECONDS (machine time)."""
    told = {name: value for name, value in asdict(link).items() if value is not None}
    # No two links are one, also for the same customer in the same second.
    token = _serializer().dumps([told, secrets.token_urlsafe(9)])
    return f"{public_url.rstrip('/')}/portal/enter?token={token}"


def link_of_token(token: str) -> PortalLink:
    """What the link was made with. Raises LinkExpired."""
    try:
        told, _ = _serializer().loads(token, max_age=LINK_LIFE_SECONDS)
        return PortalLink(**told)
    except (BadData, TypeError, ValueError) as error:
        raise LinkExpired() from error


def digest_of(token: str) -> str:
    """What a link is remembered by once it has been followed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().signing_keys(), salt=_SALT)
