"""planshift changes: look at plan changes."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import recovery, reviews
from cli.output import AsJson, print_json, print_table
from domain.lifecycle import MEANINGS, Status

app = typer.Typer()
reviews.register(app)
recovery.register(app)


class UnknownChange(Exception):
    """No plan change of that id."""


@app.command("list", epilog="Example: planshift changes list --stuck")
def list_changes(
    status: Annotated[Status | None, typer.Option(help="Only changes in this status.")] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Only changes that need an operator: stuck, or given up.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List plan changes, newest first."""
    from sqlalchemy import or_, select

    from engine.jobs.work_kinds import CHANGES
    from models.database import transaction
    from models.plan_change import PlanChange
    from models.provider import Provider

    with transaction() as session:
        query = select(PlanChange).join(Provider).order_by(PlanChange.id.desc()).limit(limit)
        if status is not None:
            query = query.where(PlanChange.status == status)
        if stuck:
            dead = PlanChange.id.in_(select(PlanChange.id).where(CHANGES.dead))
            query = query.where(or_(PlanChange.status == Status.STUCK, dead))
        rows = session.scalars(query)
        changes = [
            {
                "id": row.id,
                "status": row.status,
                "service": row.service.ref,
                "what": row.summary,
                "reason": row.reason or row.last_error,
            }
            for row in rows
        ]
    if as_json:
        print_json(changes)
        return
    rows_of_text = [tuple(str(value or "") for value in change.values()) for change in changes]
    print_table(("ID", "STATUS", "SERVICE", "CHANGE", "REASON"), rows_of_text)


@app.command(epilog="Example: planshift changes show chg_01jd…")
def show(change_id: Annotated[str, typer.Argument(help="The plan change's id.")], as_json: AsJson = False) -> None:
    """Show one plan change: what is next, the attempts and the last error, and its history."""
    from domain.periods import instant_text
    from models.database import transaction
    from models.plan_change import change_with_invoice
    from web.api.views import change_view, work_view

    with transaction() as session:
        change = change_with_invoice(session, change_id)
        if change is None:
            raise UnknownChange(f"There is no plan change {change_id}. See `planshift changes list`.")
        view, summary = change_view(session, change), change.summary
        work = work_view(session, change)
    if as_json:
        print_json(view.model_dump(mode="json") | {"work": work})
        return
    typer.echo(f"{change_id}  {view.status}  {summary}")
    typer.echo(f"  {MEANINGS[Status(view.status)]}")
    if view.reason:
        typer.echo(f"  {view.reason}: {view.reason_text or ''}")
    typer.echo(f"  next: {work['next']}" + (f", tried at {work['next_attempt_at']}" if work["next_attempt_at"] else ""))
    if work["attempts"] or work["last_error"]:
        typer.echo(f"  after {work['attempts']} attempts; the last error: {work['last_error'] or 'none was seen'}")
    if work["document_error"]:
        typer.echo(f"  its document cannot be printed: {work['document_error']}; see `planshift dead-letters list`")
    for move in view.timeline:
        typer.echo(f"  {instant_text(move.at)}  {move.to:<17} {move.event} by {move.actor}")
