"""What a customer's money is, as the model of a life on servers has it, beside what he holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.invoicing.documents import document_values
from models.database import transaction
from models.invoice import Invoice
from pdf.values import checked
from tests.support.life_customer import Customer
from tests.support.money_play import MoneyPlay


@dataclass(frozen=True)
class Paid:
    """A payment of all that an invoice asked for; `needed` is what the invoice came to in the end."""

    attempt: str
    amount: int
    invoice: str
    needed: int
    change: str | None = None


class Books(Customer):
    """What came and was not taken back; what is credit, owed, returned or lost; each invoice by its number's time."""

    play: MoneyPlay

    def open_books(self) -> None:
        """The host has billed the running period, and was paid for it."""
        self.came = self.credit = self.lost = self.invoiced = 0
        self.open, self.returned = dict[str, int](), dict[str, int]()
        self.claims = self.open, self.returned
        self.due, self.issued_at = dict[str, int](), dict[str, datetime]()
        self.imported = sum(net + tax for _, _, net, tax in self.play.items())
        self.billed(self.imported, 1)

    def invoice(self, invoice_id: str) -> Invoice:
        """One that counts from now on; its page can be printed."""
        with transaction() as session:
            invoice = session.get_one(Invoice, invoice_id)
            assert invoice.document_kind is not None
            checked(document_values(invoice, invoice.document_kind))
            self.billed(invoice.total_minor, len(invoice.content["lines"]))
            self.invoiced += invoice.total_minor
            self.issued_at[invoice.id] = invoice.issued_at
            return invoice

    def owe(self, invoice: Invoice) -> None:
        """What credit has not paid of it is asked for."""
        self.credit -= invoice.credit_applied_minor
        self.due[invoice.id] = invoice.due_minor
        if invoice.due_minor:
            self.open[invoice.id] = invoice.due_minor

    def give(self, credit: int, answers: str | None = None) -> None:
        """What a credit note gives: it pays what is owed, its own invoice first, then the oldest; then what gateways
        took back; only the rest can be spent."""
        claims = [(one != answers, place, self.issued_at[one], one) for place in (0, 1) for one in self.claims[place]]
        for _, place, _, invoice_id in sorted(claims):
            of = self.claims[place]
            paid = min(credit, of[invoice_id])
            credit -= paid
            of[invoice_id] -= paid
            if not of[invoice_id]:
                del of[invoice_id]
        self.credit += credit

    def agree(self) -> None:
        """The books say what the model says."""
        assert self.agrees()
        books = self.play.ledger()
        sold = sum(books.pop(account) for account in list(books) if account.startswith(("sales", "tax:")))
        assert sold == -self.invoiced
        money = {"clearing:standard": self.came, "credit": -self.credit, "losses": self.lost}
        money |= {"receivable": sum(self.open.values()), "returned": sum(self.returned.values())}
        assert books == {account: amount for account, amount in money.items() if amount}
        paid = self.came + self.imported + self.lost + sum(self.returned.values())
        assert self.credit <= paid, "nobody has more than he paid"
        assert self.units_are_billed_once()
