"""planshift payments: money that came, by whatever way, and money that goes back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.amounts import money_of
from cli.once import Decided, Key, by_slug, decide
from cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.provider import Provider as ProviderRow

app = typer.Typer()

Provider = Annotated[str, typer.Argument(help="The provider's name, as in its catalogue.")]
PaymentId = Annotated[str, typer.Argument(help="The payment's id, mny_….")]
Actor = Annotated[str, typer.Option(help="Your name, for the record.")]
Reason = Annotated[str, typer.Option(help="The reason, for the record.")]


@app.command("list", epilog="Example: planshift payments list dns --unmatched")
def list_payments(
    provider: Provider,
    unmatched: Annotated[bool, typer.Option(help="Only money that belongs to no invoice and did not go back.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List movements of money, newest first."""
    from engine.accounts.providers import required_provider
    from engine.operators.manual_payments import payments_of
    from models.database import transaction
    from models.payment import Payment
    from web.api.money_views import movement_view

    with transaction() as session:
        query = payments_of(required_provider(session, provider).id, unmatched).order_by(Payment.id.desc()).limit(limit)
        rows = [(movement_view(payment), payment.amount) for payment in session.scalars(query)]
    if as_json:
        print_json([view.model_dump(mode="json") for view, _ in rows])
        return
    cells = [
        (view.id, view.kind, f"{amount.major()} {amount.currency}", view.outcome, view.invoice or "")
        for view, amount in rows
    ]
    print_table(("ID", "KIND", "AMOUNT", "OUTCOME", "INVOICE"), cells)


@app.command(
    epilog="Example: planshift payments record dns --line 2027-07-17/4 --amount '373 JPY' --invoice inv_01jd…"
    " --paid-at 2027-07-17T00:00:00Z --actor ana --reason 'bank statement of today'"
)
def record(
    provider: Provider,
    line: Annotated[str, typer.Option(help="The unique name of the line on the account statement.")],
    amount: Annotated[str, typer.Option(help="For example '12.34 USD'.")],
    actor: Actor,
    reason: Reason,
    invoice: Annotated[str | None, typer.Option(help="The invoice it pays, inv_…; unmatched without one.")] = None,
    paid_at: Annotated[str | None, typer.Option(help="When it was paid, RFC 3339; now by default.")] = None,
    key: Key = None,
) -> None:
    """Record money that came by bank transfer. The same line counts once."""
    from domain.periods import parse_instant
    from engine.operators.manual_payments import StatementLine, record_payment
    from models.audit import Attribution

    def act(session: Session, row: ProviderRow, now: datetime) -> Decided:
        wanted = StatementLine(line, money_of(amount), parse_instant(paid_at) if paid_at else now, invoice)
        event, repeated = record_payment(session, now, row, wanted, Attribution(actor, reason))
        return Decided(f"{event.id} {'was recorded before' if repeated else 'is recorded'}.", (event.id,))

    decide(by_slug(provider), key, ("record", line, amount, invoice, paid_at, actor, reason), act)


@app.command(
    epilog="Example: planshift payments match dns mny_01jd… --invoice inv_01jd… --actor ana --reason 'they wrote'"
)
def match(
    provider: Provider,
    payment_id: PaymentId,
    invoice: Annotated[str, typer.Option(help="The invoice that it pays, inv_….")],
    actor: Actor,
    reason: Reason,
    key: Key = None,
) -> None:
    """Allocate unmatched money to its invoice; where the offer has ended, to the customer's credit."""
    from engine.operators.manual_payments import match_payment
    from models.audit import Attribution
    from models.payment import Payment

    def act(session: Session, row: ProviderRow, now: datetime) -> Decided:
        changes = match_payment(session, now, row, payment_id, invoice, Attribution(actor, reason))
        return Decided(f"{payment_id} is {session.get_one(Payment, payment_id).outcome}.", tuple(changes))

    decide(by_slug(provider), key, ("match", payment_id, invoice, actor, reason), act)


@app.command(
    epilog="Example: planshift payments refund dns mny_01jd… --amount '6.27 USD' --actor ana --reason 'paid twice'"
)
def refund(
    provider: Provider,
    payment_id: PaymentId,
    actor: Actor,
    reason: Reason,
    amount: Annotated[str | None, typer.Option(help="For example '12.34 USD'; all that is left by default.")] = None,
    key: Key = None,
) -> None:
    """Send money back through the gateway that it came by, from the customer's credit."""
    from engine.payments.refunds import start_refund
    from models.audit import Attribution

    def act(session: Session, row: ProviderRow, now: datetime) -> Decided:
        wanted = money_of(amount) if amount else None
        started = start_refund(session, now, row, payment_id, wanted, Attribution(actor, reason))
        return Decided(f"{started.id} is on its way: {started.amount.major()} {started.currency}.", (started.id,))

    decide(by_slug(provider), key, ("refund", payment_id, amount, actor, reason), act)
