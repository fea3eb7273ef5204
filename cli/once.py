"""How a command does what an operator decides: in one transaction, and once for each `--key`."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.audit import Attribution
    from models.provider import Provider

Key = Annotated[
    str | None,
    typer.Option(
        "--key", help="Any text of your own: the command repeated with it does nothing again, and says what it said."
    ),
]


# For what sets an installation up: without them the account of this machine is written down.
MaybeActor = Annotated[str | None, typer.Option("--actor", help="Your name, for the record; else this account's.")]
MaybeReason = Annotated[str, typer.Option("--reason", help="The reason, for the record.")]


def attribution_of(actor: str | None, reason: str) -> Attribution:
    """Who does it: as they name themselves, or as this machine knows them."""
    from models.audit import Attribution

    try:
        own = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        own = f"user {os.getuid()}"
    return Attribution(actor or own, reason)


@dataclass(frozen=True, slots=True)
class Decided:
    """What to tell, and the rows to enqueue."""

    sentence: str
    rows: tuple[str, ...] = ()


Act = Callable[["Session", "Provider", datetime], Decided]


def decide(find: Callable[[Session], Provider], key: str | None, what: tuple[Any, ...], act: Act) -> None:
    """Does it for the provider that `find` returns, enqueues and tells. `what` is all that makes it this request.

    Raises RequestInFlight, KeyReused, and what `find` and `act` raise.
    """
    from engine.jobs.idempotency import KeyedRequest, once
    from models.database import transaction
    from models.provider import Provider, business_now
    from tasks.story import enqueue

    request = KeyedRequest.of(key, *what) if key else None
    with transaction() as session:
        provider = find(session)

        def answer() -> dict[str, Any]:
            outcome = act(session, provider, business_now(session, Provider, provider.id))
            return {"sentence": outcome.sentence, "rows": list(outcome.rows)}

        told, _ = once(session, provider.id, request, answer)
    for row_id in told["rows"]:
        enqueue(row_id)
    typer.echo(told["sentence"])


def by_slug(slug: str) -> Callable[[Session], Provider]:
    """The provider of that name. Raises UnknownProvider."""
    from engine.accounts.providers import required_provider

    return lambda session: required_provider(session, slug)


def of_row(row: type[Any], row_id: str) -> Callable[[Session], Provider]:
    """The provider of a row. Raises UnknownRow."""
    from models.provider import Provider, UnknownRow

    def find(session: Session) -> Provider:
        found = session.get(row, row_id)
        if found is None:
            raise UnknownRow(row_id)
        return session.get_one(Provider, found.provider_id)

    return find
