"""planshift services: end a service, or keep one that is to end."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.once import Key
from cli.output import AsJson, print_json

app = typer.Typer()

Ref = Annotated[str, typer.Argument(help="The service, by the host system's reference.")]
Slug = Annotated[str, typer.Option("--provider", help="The provider's id.")]
Actor = Annotated[str, typer.Option(help="Your name, for the history.")]
Reason = Annotated[str, typer.Option(help="The reason, for the history.")]
Now = Annotated[bool, typer.Option("--now", help="At once, with the credit that the catalogue's policy gives.")]


@app.command(epilog="Example: planshift services ending zone-1 --provider dns --now")
def ending(ref: Ref, provider: Slug, now: Now = False, as_json: AsJson = False) -> None:
    """Show what ending a service would give back, lose and cancel. Nothing is ended."""
    from engine.accounts.providers import required_provider
    from engine.accounts.services import required_service
    from engine.ending_requests import preview_ending
    from models.database import transaction
    from models.provider import Provider, business_now
    from web.api.cancellations import preview_view

    with transaction() as session:
        row = required_provider(session, provider)
        service = required_service(session, row, ref)
        preview = preview_ending(
            session, business_now(session, Provider, row.id), service, "now" if now else "period_end"
        )
        view = preview_view(session, service, preview).model_dump(mode="json")
        credit, lost = preview.credit, preview.lost
    if as_json:
        print_json(view)
        return
    typer.echo(f"{ref} would end at {view['ends_at']}: {credit} given back, {lost} lost.")
    for row_id in view["canceled_plan_changes"]:
        typer.echo(f"  ends with it: {row_id}")
    for row_id in view["voided_invoices"]:
        typer.echo(f"  would be void: {row_id}")


@app.command(epilog="Example: planshift services end zone-1 --provider dns --actor ana --reason 'asked by telephone'")
def end(ref: Ref, provider: Slug, actor: Actor, reason: Reason, now: Now = False, key: Key = None) -> None:
    """End a service at the end of its period, or at once."""
    from engine.accounts.providers import required_provider
    from engine.ending_requests import EndingRequest, request_ending
    from models.audit import Attribution
    from models.base import new_id
    from models.database import transaction
    from models.provider import Provider, business_now
    from tasks.story import enqueue

    with transaction() as session:
        row = required_provider(session, provider)
        request = EndingRequest(ref, "now" if now else "period_end")
        own_key, operator = f"staff:{key or new_id('key')}", Attribution(actor, reason).operator
        moment = business_now(session, Provider, row.id)
        made, _ = request_ending(session, moment, row, own_key, request, "staff", operator, reason)
        ending_id, ends_at, credit = made.id, made.ends_at, made.credit
    enqueue(ending_id)
    typer.echo(f"{ref} ends at {ends_at.isoformat()} ({ending_id}); {credit} given back.")


@app.command(epilog="Example: planshift services keep zone-1 --provider dns --actor ana --reason 'changed their mind'")
def keep(ref: Ref, provider: Slug, actor: Actor, reason: Reason) -> None:
    """Take an ending back that has not happened yet: the service renews as ever."""
    from engine.accounts.providers import required_provider
    from engine.accounts.services import required_service
    from engine.ending_requests import withdraw_ending
    from models.audit import Attribution
    from models.database import transaction
    from models.provider import Provider, business_now

    with transaction() as session:
        row = required_provider(session, provider)
        service = required_service(session, row, ref)
        moment = business_now(session, Provider, row.id)
        withdrawn = withdraw_ending(session, moment, service, Attribution(actor, reason).operator, reason)
        status = withdrawn.status
    typer.echo(f"{ref} is kept; its ending is {status}.")
