"""planshift actions: what people changed and decided, with who and why."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import AsJson, print_json, print_table

app = typer.Typer()


@app.command("list", epilog="Example: planshift actions list dns")
def list_actions(
    provider: Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")],
    subject: Annotated[str | None, typer.Option(help="Only about the row of this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List them, newest first: catalogues, connections, keys, payments, refunds, rows enqueued again."""
    from domain.periods import instant_text
    from engine.accounts.providers import required_provider
    from models.audit import OperatorAction, actions_of
    from models.database import transaction

    with transaction() as session:
        query = actions_of(required_provider(session, provider).id).limit(limit)
        if subject is not None:
            query = query.where(OperatorAction.subject == subject)
        rows = [
            {
                "at": instant_text(row.at),
                "action": row.action,
                "subject": row.subject,
                "actor": row.actor,
                "reason": row.reason,
                "details": row.details,
            }
            for row in session.scalars(query)
        ]
    if as_json:
        print_json(rows)
        return
    columns = ("at", "action", "subject", "actor", "reason")
    print_table(
        tuple(column.upper() for column in columns), [tuple(str(row[name]) for name in columns) for row in rows]
    )
