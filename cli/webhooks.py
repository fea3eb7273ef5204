"""planshift webhooks: what gateways reported, and what could not be processed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.once import Decided, Key, by_slug, decide
from cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from models.provider import Provider as ProviderRow

app = typer.Typer()

Provider = Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")]
EventId = Annotated[str, typer.Argument(help="The event's id, evt_….")]


@app.command("list", epilog="Example: planshift webhooks list dns --status attention")
def list_events(
    provider: Provider,
    status: Annotated[
        str | None,
        typer.Option(help="received, parked, retry, processed, ignored, poison, dead, attention, or foreign."),
    ] = None,
    conflicting: Annotated[bool, typer.Option(help="Only keys that came with other contents, too.")] = False,
    refused: Annotated[bool, typer.Option(help="A sample of what was refused for its signature, instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the inbox, newest first."""
    from sqlalchemy import select

    from engine.accounts.providers import required_provider
    from engine.operators.replay import events_of
    from models.database import transaction
    from models.inbox import InboxEvent, RefusedWebhook
    from models.provider import Connection
    from web.api.money_views import event_summary, refused_view

    with transaction() as session:
        provider_id = required_provider(session, provider).id
        if refused:
            samples = select(RefusedWebhook).join(Connection).where(Connection.provider_id == provider_id)
            rows = [
                refused_view(row).model_dump(mode="json")
                for row in session.scalars(samples.order_by(RefusedWebhook.refused_at.desc()))
            ]
        else:
            query = events_of(provider_id, status, conflicting).order_by(InboxEvent.id.desc()).limit(limit)
            rows = [event_summary(row).model_dump(mode="json") for row in session.scalars(query)]
    columns = ("refused_at", "gateway", "reason") if refused else ("id", "gateway", "status", "event_key", "error")
    if as_json:
        print_json(rows)
    else:
        headings = tuple(column.upper() for column in columns)
        print_table(headings, [tuple(str(row[column] or "") for column in columns) for row in rows])


@app.command(epilog="Example: planshift webhooks show dns evt_01jd…")
def show(provider: Provider, event_id: EventId, as_json: AsJson = False) -> None:
    """Show one event as it came, and what was booked of it."""
    from domain.periods import instant_text
    from engine.accounts.providers import required_provider
    from engine.operators.replay import required_event
    from models.database import transaction
    from web.api.money_views import event_view

    with transaction() as session:
        event = required_event(session, required_provider(session, provider), event_id)
        view = event_view(session, event)
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    typer.echo(f"{event_id}  {view.status}  {view.gateway} {view.event_key}, {view.deliveries} deliveries")
    if view.error:
        typer.echo(f"  {view.error}")
    typer.echo(f"  {view.body}")
    if view.conflicting:
        typer.echo(f"  The same key came with other contents, too:\n  {view.conflicting_body}")
    for payment in view.payments:
        amount = f"{payment.amount.amount} {payment.amount.currency}"
        typer.echo(f"  {payment.id}  {payment.kind} {amount}: {payment.outcome}")
    for action in view.actions:
        typer.echo(f"  {instant_text(action.at)}  {action.action} by {action.actor}: {action.reason}")


@app.command(epilog="Example: planshift webhooks replay dns evt_01jd… --actor ana --reason 'the secret is right now'")
def replay(
    provider: Provider,
    event_id: EventId,
    actor: Annotated[str, typer.Option(help="Your name, for the record.")],
    reason: Annotated[str, typer.Option(help="The reason, for the record.")],
    key: Key = None,
) -> None:
    """Have an event processed again; what is booked already is not booked again."""
    from engine.operators.replay import replay_event
    from models.audit import Attribution

    def act(session: Session, row: ProviderRow, now: datetime) -> Decided:
        replay_event(session, now, row, event_id, Attribution(actor, reason))
        told = f"{event_id} is processed again; see `planshift webhooks show {provider} {event_id}`."
        return Decided(told, (event_id,))

    decide(by_slug(provider), key, ("replay", event_id, actor, reason), act)
