"""Tokens for a customer's own browser: signed, short-lived, good for that customer's reads, quotes and plan changes."""

from __future__ import annotations

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from settings import settings
from web.api.problems import Problem

# A page that is open for longer asks its own server for the next one. Nothing revokes a token, so it is short.
TOKEN_LIFE_SECONDS = 900

PREFIX = "pst_"


def token_for(provider_id: str, customer_id: str) -> str:
    """A token for TOKEN_LIFE_SECONDS by the machine's clock."""
    return PREFIX + _serializer().dumps([provider_id, customer_id])


def owner_of(token: str) -> tuple[str, str]:
    """(provider id, customer id). Raises Problem 401."""
    try:
        provider_id, customer_id = _serializer().loads(token.removeprefix(PREFIX), max_age=TOKEN_LIFE_SECONDS)
    except SignatureExpired as error:
        raise Problem("not_authenticated", "This token is over. Ask your own server for a new one.") from error
    except BadData as error:
        raise Problem("not_authenticated", "This token is not one of ours.") from error
    return provider_id, customer_id


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().signing_keys(), salt="planshift.customer.token")
