"""planshift invoices: what becomes of the renewal's invoice of a service that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.once import Decided, Key, decide, of_row

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from engine.payments.ended_invoices import Decision
    from models.provider import Provider

app = typer.Typer()

InvoiceId = Annotated[str, typer.Argument(help="The invoice's id.")]
Actor = Annotated[str, typer.Option(help="Your name, for the history.")]
Reason = Annotated[str, typer.Option(help="The reason, for the history.")]


@app.command(epilog="Example: planshift invoices void inv_01jd… --actor ana --reason 'ended on the same day'")
def void(invoice_id: InvoiceId, actor: Actor, reason: Reason, key: Key = None) -> None:
    """Take back an invoice on which nothing was paid, by a credit note."""
    _decide(invoice_id, "void", actor, reason, key)


@app.command(epilog="Example: planshift invoices credit inv_01jd… --actor ana --reason 'by goodwill'")
def credit(invoice_id: InvoiceId, actor: Actor, reason: Reason, key: Key = None) -> None:
    """Take back an invoice by a credit note; what was paid becomes account credit."""
    _decide(invoice_id, "credit", actor, reason, key)


@app.command(epilog="Example: planshift invoices keep inv_01jd… --actor ana --reason 'the month was used'")
def keep(invoice_id: InvoiceId, actor: Actor, reason: Reason, key: Key = None) -> None:
    """Leave an invoice owed, and write the reason down."""
    _decide(invoice_id, "keep", actor, reason, key)


def _decide(invoice_id: str, decision: Decision, actor: str, reason: str, key: str | None) -> None:
    from engine.operators.ended_invoices import decide as decide_invoice
    from models.audit import Attribution
    from models.invoice import Invoice

    def act(session: Session, provider: Provider, now: datetime) -> Decided:
        note = decide_invoice(session, now, provider, invoice_id, decision, Attribution(actor, reason))
        if note is None:
            return Decided(f"{invoice_id} stays owed.")
        return Decided(f"{invoice_id} is answered by credit note {note.number}.", (note.id,))

    decide(of_row(Invoice, invoice_id), key, (decision, invoice_id, actor, reason), act)
