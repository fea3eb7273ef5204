"""The signed link by which the host system lets a customer into the portal."""

from __future__ import annotations

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from settings import settings

# Long enough to follow a link, short enough that one found later in a log opens nothing.
LINK_LIFE_SECONDS = 600

_SALT = "planshift.portal.link"


class LinkExpired(Exception):
    """The link is too old, or it is not one of ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail} Go back to your provider's website and open the billing portal from there again.")


def portal_link(public_url: str, customer_id: str) -> str:
    """A link into the portal for one customer; it can be followed for LINK_LIFE_SECONDS (by the machine's clock)."""
    return f"{public_url.rstrip('/')}/portal/enter?token={_serializer().dumps(customer_id)}"


def customer_of_token(token: str) -> str:
    """The id of the customer for whom the link was made. Raises LinkExpired."""
    try:
        customer_id = _serializer().loads(token, max_age=LINK_LIFE_SECONDS)
    except SignatureExpired as error:
        raise LinkExpired("This link has expired.") from error
    except BadData as error:
        raise LinkExpired("This link is not valid.") from error
    if not isinstance(customer_id, str):
        raise LinkExpired("This link is not valid.")
    return customer_id


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().require_secret_key(), salt=_SALT)
