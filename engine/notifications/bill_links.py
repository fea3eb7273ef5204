"""The signed link in a mail, where the provider has no sign-in of its own to lead to: it is for one bill only, and
shows nothing else of its customer."""

from __future__ import annotations

from itsdangerous import BadData, URLSafeTimedSerializer

from settings import settings

# For as long as somebody may look for the mail and pay: past every due date, reminder and offer.
LIFE_SECONDS = 90 * 24 * 3600


class BadBillLink(Exception):
    """The link is too old, or is not one of ours."""


def bill_link(invoice_id: str) -> str:
    """The address of an invoice's page for whoever has the mail. It may be followed more than once."""
    return f"{settings().public_url}/portal/bills/{_serializer().dumps(invoice_id)}"


def invoice_of(token: str) -> str:
    """The id of the invoice that the link is for. Raises BadBillLink."""
    try:
        return str(_serializer().loads(token, max_age=LIFE_SECONDS))
    except BadData as error:
        raise BadBillLink() from error


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().signing_keys(), salt="planshift.bill.link")
