"""planshift returns: what becomes of money that a gateway took back after its change was applied."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(help="Decide about money that went back.", no_args_is_help=True)


class Choice(StrEnum):
    """keep: the plan stays and the money is lost; owe: the customer owes it again."""

    KEEP = "keep"
    OWE = "owe"


@app.callback()
def _group() -> None:
    """Keeps `decide` a command of its own."""


@app.command(epilog="Example: planshift returns decide chg_01jd… owe --actor ana --reason 'she will pay by bank'")
def decide(
    change_id: Annotated[str, typer.Argument(help="The plan change's id.")],
    choice: Annotated[Choice, typer.Argument(help="keep: the money is lost. owe: the customer owes it again.")],
    actor: Annotated[str, typer.Option(help="Your name, for the history.")],
    reason: Annotated[str, typer.Option(help="The reason, for the history.")],
) -> None:
    """Answer a payment return that the catalogue's policy left to staff; the plan stays as it is."""
    from engine.operators.returned_money import decide_returned
    from models.audit import Attribution
    from models.database import transaction
    from models.plan_change import PlanChange
    from models.provider import business_now

    with transaction() as session:
        now = business_now(session, PlanChange, change_id)
        amount = decide_returned(session, now, change_id, choice.value, Attribution(actor, reason))
    typer.echo(f"{change_id}: {amount} {'is lost' if choice is Choice.KEEP else 'is owed again'}.")
