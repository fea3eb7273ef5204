"""The ledger's recipes: one function for each business event, named and balanced as docs/ledger.md lists them.

An event is posted once, whatever happens: its source is the key. Amounts are Money in the invoice's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.money import Money
from engine.ledger.waterfall import shared_out, spendable
from models.invoice import Invoice
from models.ledger import PAID_FROM_CREDIT, Entry, balance, credit, debit, post
from models.payment import Payment, Refund
from models.plan_change import PlanChange


@dataclass(frozen=True, slots=True)
class MoneySource:
    """Where allocated money comes from: a `payment` from clearing:…, or a `match` from unmatched:…."""

    kind: str
    account: str


def credit_of(session: Session, provider_id: str, customer_id: str, currency: str) -> Money:
    """The account credit that a customer may spend."""
    return balance(session, provider_id, "credit", customer_id, currency)


def held_for(session: Session, change: PlanChange, currency: str) -> Money:
    """What lies ready for a change: reserved credit and money received."""
    return balance(session, change.provider_id, "held", change.id, currency)


def reserve_credit(session: Session, change: PlanChange, amount: Money, at: datetime) -> None:
    """At the quote, so that two services cannot spend one balance."""
    entries = [debit("credit", change.customer_id, amount), credit("held", change.id, amount)]
    post(session, change.provider_id, ("reserve", change.id), at, entries)


def release_held(session: Session, change: PlanChange, held: Money, at: datetime) -> None:
    """A change that ends unpaid releases what was held for it, as spendable credit."""
    entries = [debit("held", change.id, held), credit("credit", change.customer_id, held)]
    post(session, change.provider_id, ("release", change.id), at, entries)


def hold_payment(session: Session, change: PlanChange, payment: Payment, source: MoneySource, at: datetime) -> None:
    """Money for an open request, part or whole."""
    entries = [debit(source.account, "", payment.amount), credit("held", change.id, payment.amount)]
    post(session, change.provider_id, (source.kind, payment.id), at, entries)


def credit_payment(session: Session, customer_id: str, payment: Payment, source: MoneySource, at: datetime) -> None:
    """A late or a second payment becomes spendable credit."""
    entries = [debit(source.account, "", payment.amount), credit("credit", customer_id, payment.amount)]
    post(session, payment.provider_id, (source.kind, payment.id), at, entries)


def park_unmatched(session: Session, payment: Payment, clearing: str, unmatched: str, at: datetime) -> None:
    """Money of the wrong currency, or that belongs to no invoice we know: shown to operators, settles nothing."""
    entries = [debit(clearing, "", payment.amount), credit(unmatched, "", payment.amount)]
    post(session, payment.provider_id, ("payment", payment.id), at, entries)


def settle_invoice(session: Session, invoice: Invoice, change: PlanChange, held: Money, at: datetime) -> None:
    """held T → sales N, tax V; what is held beyond T goes to credit in the same transaction."""
    entries = [
        debit("held", change.id, held),
        credit("credit", invoice.customer_id, held - invoice.total),
        *_income(invoice),
    ]
    post(session, invoice.provider_id, ("settle", invoice.id), at, entries)


def settle_credit_note(session: Session, invoice: Invoice, at: datetime) -> Money:
    """A negative total: sales N, tax V → what is owed, then credit, at the tax rates of the lines. Returns what became
    credit."""
    shared = shared_out(session, invoice, -invoice.total)
    post(session, invoice.provider_id, ("settle", invoice.id), at, [*_income(invoice), *shared])
    return spendable(shared, invoice.currency)


def issue_renewal(session: Session, invoice: Invoice, at: datetime) -> None:
    """A renewal is owed from its issue on; account credit is used on it at once."""
    used = Money(invoice.credit_applied_minor, invoice.currency)
    owed = [debit("receivable", invoice.id, invoice.total), *_income(invoice)]
    post(session, invoice.provider_id, ("renewal", invoice.id), at, owed)
    entries = [debit("credit", invoice.customer_id, used), credit("receivable", invoice.id, used)]
    post(session, invoice.provider_id, ("renewal_credit", invoice.id), at, entries)


def pay_bill(
    session: Session, invoice: Invoice, payment: Payment, source: MoneySource, owed: Money, gone: Money, at: datetime
) -> None:
    """A payment on an invoice: up to what is still owed, then up to what has gone back of it; the rest is credit."""
    used = min(owed, payment.amount)
    again = min(gone, payment.amount - used)
    entries = [
        debit(source.account, "", payment.amount),
        credit("receivable", invoice.id, used),
        credit("returned", invoice.id, again),
        credit("credit", invoice.customer_id, payment.amount - used - again),
    ]
    post(session, invoice.provider_id, (source.kind, payment.id), at, entries)


def pay_debt_from_credit(session: Session, invoice: Invoice, amount: Money, arrival: str, at: datetime) -> None:
    """Credit that has arrived pays what is owed on an invoice. `arrival` names that credit: the same credit pays the
    same invoice once."""
    entries = [debit("credit", invoice.customer_id, amount), credit("receivable", invoice.id, amount)]
    post(session, invoice.provider_id, (PAID_FROM_CREDIT, f"{invoice.id}:{arrival}"), at, entries)


def pay_offer_from_credit(session: Session, change: PlanChange, amount: Money, arrival: str, at: datetime) -> None:
    """The same for what an open change still wants."""
    entries = [debit("credit", change.customer_id, amount), credit("held", change.id, amount)]
    post(session, change.provider_id, (PAID_FROM_CREDIT, f"{change.id}:{arrival}"), at, entries)


def return_unsettled(
    session: Session, account: tuple[str, str], movement: Payment, left: Money, clearing: str, at: datetime
) -> None:
    """Money was returned from where it lay (account and owner), held for a change or belonging to nothing: as much as
    was `left` of its payment. What goes back twice is lost, since the rest there is others' money: account d, losses l
    → clearing."""
    taken = min(movement.amount, left)
    entries = [
        debit(*account, taken),
        debit("losses", "", movement.amount - taken),
        credit(clearing, "", movement.amount),
    ]
    post(session, movement.provider_id, ("return", movement.id), at, entries)


def return_settled(session: Session, invoice: Invoice, movement: Payment, clearing: str, at: datetime) -> None:
    """A gateway's refund, dispute or late failure after settle: a claim, returned d, until it is decided."""
    entries = [debit("returned", invoice.id, movement.amount), credit(clearing, "", movement.amount)]
    post(session, movement.provider_id, ("return", movement.id), at, entries)


def take_returned_from_credit(
    session: Session, invoice: Invoice, movement: Payment, amount: Money, at: datetime
) -> None:
    """What was returned was spendable credit: credit x → returned x."""
    entries = [debit("credit", invoice.customer_id, amount), credit("returned", invoice.id, amount)]
    post(session, movement.provider_id, ("return_credit", movement.id), at, entries)


def win_dispute(
    session: Session, invoice: Invoice, won: Payment, claims: list[Entry], clearing: str, at: datetime
) -> None:
    """The gateway pays the money again: clearing p → `claims`, which its return had become; the rest is credit."""
    rest = won.amount + sum((claim.amount for claim in claims), Money.zero(won.currency))
    entries = [debit(clearing, "", won.amount), *claims, credit("credit", invoice.customer_id, rest)]
    post(session, won.provider_id, ("dispute_won", won.id), at, entries)


def win_unsettled(
    session: Session, account: tuple[str, str], won: Payment, lost: Money, clearing: str, at: datetime
) -> None:
    """The same of money that lies where it came: clearing p → losses l, as it had gone back twice, and that account."""
    entries = [
        debit(clearing, "", won.amount),
        credit("losses", "", lost),
        credit(*account, won.amount - lost),
    ]
    post(session, won.provider_id, ("dispute_won", won.id), at, entries)


def lose_returned(session: Session, invoice: Invoice, amount: Money, at: datetime, movement_id: str) -> None:
    """The plan is kept and the money is gone: losses d → returned d. `movement_id` is the return that is answered, as
    there may be another."""
    entries = [debit("losses", "", amount), credit("returned", invoice.id, amount)]
    post(session, invoice.provider_id, ("loss", movement_id), at, entries)


def owe_returned(session: Session, invoice: Invoice, amount: Money, at: datetime, movement_id: str) -> None:
    """The plan is kept and the customer owes the money again: receivable d → returned d."""
    entries = [debit("receivable", invoice.id, amount), credit("returned", invoice.id, amount)]
    post(session, invoice.provider_id, ("owed_again", movement_id), at, entries)


def reverse_sale(session: Session, note: Invoice, sold: Invoice, at: datetime) -> None:
    """The reversal is applied, `note` is its credit note: sales N, tax V → returned, what is owed, then credit."""
    entries = [*_income(note), *shared_out(session, note, sold.total, answers=sold)]
    post(session, sold.provider_id, ("settle", note.id), at, entries)


def correct_invoice(session: Session, wrong: Invoice, note: Invoice, at: datetime) -> None:
    """`note` answers a settled invoice whose sale did not come about: sales N, tax V → what is owed, then credit.

    Where the invoice was a credit note, what it gave is taken from credit again.
    """
    given_back = [credit("credit", wrong.customer_id, wrong.total)]
    if wrong.total.amount > 0:
        given_back = shared_out(session, note, wrong.total, answers=wrong)
    post(session, wrong.provider_id, ("correction", note.id), at, [*_income(note), *given_back])


def start_refund(session: Session, refund: Refund, at: datetime) -> None:
    """A refund of ours begins: from credit (or unmatched) into refunding, so that it cannot be spent meanwhile."""
    entries = [debit(refund.source, refund.owner, refund.amount), credit("refunding", refund.owner, refund.amount)]
    post(session, refund.provider_id, ("refund", refund.id), at, entries)


def confirm_refund(session: Session, refund: Refund, clearing: str, at: datetime) -> None:
    """The gateway has sent it: refunding r → clearing r."""
    entries = [debit("refunding", refund.owner, refund.amount), credit(clearing, "", refund.amount)]
    post(session, refund.provider_id, ("refund_done", refund.id), at, entries)


def reopen_refund(session: Session, refund: Refund, clearing: str, at: datetime) -> None:
    """It had succeeded, and the money came back: the opposite of confirm_refund, clearing r → refunding r."""
    entries = [debit(clearing, "", refund.amount), credit("refunding", refund.owner, refund.amount)]
    post(session, refund.provider_id, ("refund_reopened", refund.id), at, entries)


def answer_refund(session: Session, refund: Refund, claims: list[Entry], at: datetime) -> Money:
    """A refund that was made at the gateway failed: what it had become is undone first, refunding → `claims`. Returns
    how much that took."""
    used = sum((-claim.amount for claim in claims), Money.zero(refund.currency))
    entries = [debit("refunding", refund.owner, used), *claims]
    post(session, refund.provider_id, ("refund_answered", refund.id), at, entries)
    return used


def fail_refund(session: Session, refund: Refund, amount: Money, at: datetime) -> None:
    """The gateway could not, and a person need not be asked, or has decided: refunding r → where it was taken from."""
    entries = [debit("refunding", refund.owner, amount), credit(refund.source, refund.owner, amount)]
    post(session, refund.provider_id, ("refund_failed", refund.id), at, entries)


def send_refund_by_hand(session: Session, refund: Refund, amount: Money, at: datetime) -> None:
    """The gateway could not, and a person has transferred it: refunding r → clearing:manual r."""
    entries = [debit("refunding", refund.owner, amount), credit("clearing:manual", "", amount)]
    post(session, refund.provider_id, ("refund_sent", refund.id), at, entries)


def _income(invoice: Invoice) -> list[Entry]:
    taxes = [
        (f"tax:{tax['code']}", Money(tax["amount"]["amount"], invoice.currency))
        for tax in invoice.content["taxes"]
        if tax["amount"]["amount"]
    ]
    return [
        credit("sales", "", Money(invoice.net_minor + invoice.rounding_minor, invoice.currency)),
        *(credit(account, "", amount) for account, amount in taxes),
    ]
