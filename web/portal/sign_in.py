"""Where somebody who is not signed in may do so: at the provider whose page they wanted to see."""

from __future__ import annotations

import re

from sqlalchemy import select

from domain.web_addresses import with_return
from models.customer import Service
from models.database import DATABASE_AWAY, transaction
from models.invoice import Invoice
from models.plan_change import PlanChange
from models.provider import Provider, catalog_of
from web.portal.visit import COOKIE_PATH

_OF_A_ROW = re.compile(r"/(services|changes|invoices)/([a-z]+_[0-9a-z]{1,64})")
_ROWS: dict[str, type[Service | PlanChange | Invoice]] = {
    "services": Service,
    "changes": PlanChange,
    "invoices": Invoice,
}


def sign_in_link(path: str) -> str | None:
    """The provider's own sign-in with this page to come back to, where the path is one of a row and its provider's
    catalogue names one. Ids cannot be guessed, and nothing else of the row is told."""
    found = _OF_A_ROW.match(path)
    if found is None:
        return None
    place, row_id = found.groups()
    try:
        with transaction() as session:
            kind = _ROWS[place]
            query = select(Provider).join(kind, kind.provider_id == Provider.id).where(kind.id == row_id)
            provider = session.scalar(query)
            login_url = catalog_of(session, provider).web.login_url if provider else None
    except DATABASE_AWAY:
        return None
    return with_return(login_url, f"{COOKIE_PATH}/{place}/{row_id}") if login_url else None
