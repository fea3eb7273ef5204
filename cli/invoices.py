"""planshift invoices: what becomes of the renewal's invoice of a service that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.payments.ended_invoices import Decision

app = typer.Typer(help="Decide about renewal invoices of services that have ended.", no_args_is_help=True)

InvoiceId = Annotated[str, typer.Argument(help="The invoice's id.")]
Actor = Annotated[str, typer.Option(help="Your name, for the history.")]
Reason = Annotated[str, typer.Option(help="The reason, for the history.")]


@app.command(epilog="Example: planshift invoices void inv_01jd… --actor ana --reason 'ended on the same day'")
def void(invoice_id: InvoiceId, actor: Actor, reason: Reason) -> None:
    """Take back an invoice on which nothing was paid, by a credit note."""
    _decide(invoice_id, "void", actor, reason)


@app.command(epilog="Example: planshift invoices credit inv_01jd… --actor ana --reason 'by goodwill'")
def credit(invoice_id: InvoiceId, actor: Actor, reason: Reason) -> None:
    """Take back an invoice by a credit note; what was paid becomes account credit."""
    _decide(invoice_id, "credit", actor, reason)


@app.command(epilog="Example: planshift invoices keep inv_01jd… --actor ana --reason 'the month was used'")
def keep(invoice_id: InvoiceId, actor: Actor, reason: Reason) -> None:
    """Leave an invoice owed, and write the reason down."""
    _decide(invoice_id, "keep", actor, reason)


def _decide(invoice_id: str, decision: Decision, actor: str, reason: str) -> None:
    from engine.operators.ended_invoices import decide
    from models.audit import Attribution
    from models.database import transaction
    from models.invoice import Invoice
    from models.provider import business_now
    from tasks.story import enqueue

    with transaction() as session:
        now = business_now(session, Invoice, invoice_id)
        provider = session.get_one(Invoice, invoice_id).provider
        note = decide(session, now, provider, invoice_id, decision, Attribution(actor, reason))
        note_id, number = (note.id, note.number) if note else (None, None)
    if note_id is not None:
        enqueue(note_id)
    typer.echo(f"{invoice_id} is answered by credit note {number}." if number else f"{invoice_id} stays owed.")
