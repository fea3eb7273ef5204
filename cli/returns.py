"""planshift returns: what becomes of money that a gateway took back, and that no policy answers."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.once import Decided, Key, of_row
from cli.once import decide as decide_once

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from models.provider import Provider

app = typer.Typer()


class Choice(StrEnum):
    """keep: the plan stays and the money is lost; owe: the customer owes it again."""

    KEEP = "keep"
    OWE = "owe"


@app.command(epilog="Example: planshift returns decide chg_01jd… owe --actor ana --reason 'she will pay by bank'")
def decide(
    row_id: Annotated[str, typer.Argument(help="The id of the plan change, or of the invoice: a renewal's has none.")],
    choice: Annotated[Choice, typer.Argument(help="keep: the money is lost. owe: the customer owes it again.")],
    actor: Annotated[str, typer.Option(help="Your name, for the history.")],
    reason: Annotated[str, typer.Option(help="The reason, for the history.")],
    key: Key = None,
) -> None:
    """Answer a payment return that the catalogue's policy left to staff; the plan stays as it is."""
    from engine.operators.returned_money import decide_returned
    from models.audit import Attribution
    from models.invoice import Invoice
    from models.plan_change import PlanChange

    def act(session: Session, _: Provider, now: datetime) -> Decided:
        amount = decide_returned(session, now, row_id, choice.value, Attribution(actor, reason))
        return Decided(f"{row_id}: {amount} {'is lost' if choice is Choice.KEEP else 'is owed again'}.")

    row = Invoice if row_id.startswith("inv_") else PlanChange
    decide_once(of_row(row, row_id), key, ("returns", row_id, choice, actor, reason), act)
