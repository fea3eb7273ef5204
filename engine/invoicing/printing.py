"""The documents of an invoice are printed once each. One that cannot be printed is said on its row, and nothing waits
for it: a person decides (operators/dead_letters.py)."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session, joinedload, raiseload

from domain.lifecycle import Status
from engine.invoicing.documents import document_values
from engine.jobs.external_call import ExternalStep
from engine.jobs.sweep import unschedule_if_done
from engine.notifications import notices
from models import storage
from models.base import new_id
from models.invoice import Document, Invoice
from models.pending_work import built_once, error_text
from models.plan_change import PlanChange
from pdf import InvoiceDocument, render, renderer_version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PrintCall:
    """A document to be made: which invoice, which kind, from which values."""

    invoice_id: str
    kind: str
    values: InvoiceDocument


def begin_print(session: Session, now: datetime, invoice_id: str) -> PrintCall | None:
    """The document that should exist and does not; None if there is nothing to print."""
    return _call_for(session, session.get_one(Invoice, invoice_id, options=[joinedload(Invoice.documents)]))


def _call_for(session: Session, invoice: Invoice) -> PrintCall | None:
    kind = invoice.document_kind
    if kind is None or invoice.voided_at or invoice.print_error or kind in {one.kind for one in invoice.documents}:
        return None
    try:
        return PrintCall(invoice.id, kind, document_values(invoice, kind))
    except (ValueError, LookupError, TypeError) as error:  # what was frozen is no document
        invoice.print_error = error_text(error)
        session.flush()
        return None


@dataclass(frozen=True, slots=True)
class ChangePrintCall(PrintCall):
    """The same for the invoice of a change, which has this status: printing moves none."""

    status: Status


@dataclass(frozen=True, slots=True)
class Printed:
    """A document that is in the store: its digest, its size, and what printed it."""

    sha256: str
    size_bytes: int
    renderer_version: str


@dataclass(frozen=True, slots=True)
class Unprintable:
    """The same values fail each time: no repetition helps, a person does."""

    reason: str


def perform_print(call: PrintCall) -> Printed | Unprintable:
    """Values in, bytes into the store; outside any transaction. A store that is away is raised, and tried again."""
    try:
        content = render(call.values)
    except Exception as error:  # a pure function of frozen values: whatever it is, it comes again
        # Its text may name the customer: it is on the row.
        log.error("%s of %s cannot be printed: %s", call.kind, call.invoice_id, type(error).__name__)
        return Unprintable(error_text(error))
    return Printed(storage.put(content), len(content), renderer_version())


def finish_print(session: Session, now: datetime, call: PrintCall, printed: Printed | Unprintable) -> None:
    """Writes the document down. A renewal's is mailed: who asks for one's own change sees its page, a renewal comes by
    itself."""
    _write_down(session, call, printed)
    invoice = session.get_one(Invoice, call.invoice_id)
    if invoice.renewal_id is not None and isinstance(printed, Printed):
        attached = {"sha256": printed.sha256, "name": f"{invoice.number}.pdf"}
        notices.write(session, invoice, "renewal_invoice", attached=attached)


def _write_down(session: Session, call: PrintCall, printed: Printed | Unprintable) -> None:
    """Unless another worker was faster: there is one document of each kind, for ever."""
    if isinstance(printed, Unprintable):
        session.get_one(Invoice, call.invoice_id).print_error = printed.reason
        unschedule_if_done(session, call.invoice_id)
        return
    document = {"id": new_id("doc"), "invoice_id": call.invoice_id, "kind": call.kind, **asdict(printed)}
    session.execute(_filing(), document)
    unschedule_if_done(session, call.invoice_id)


@built_once
def _filing() -> Insert:
    table: Any = Document.__table__
    return insert(table).on_conflict_do_nothing(index_elements=["invoice_id", "kind"])


def begin_change_print(session: Session, now: datetime, change_id: str) -> ChangePrintCall | Status:
    """The same for the invoice of a change."""
    change = session.scalars(_change_to_print(), {"change_id": change_id}).unique().one()
    call = _call_for(session, change.invoice) if change.invoice is not None else None
    if call is None:
        return change.lifecycle_status
    return ChangePrintCall(call.invoice_id, call.kind, call.values, change.lifecycle_status)


@built_once
def _change_to_print() -> Select[PlanChange]:
    with_documents = joinedload(PlanChange.invoice).options(joinedload(Invoice.documents), raiseload(Invoice.service))
    query = select(PlanChange).where(PlanChange.id == bindparam("change_id"))
    return query.options(with_documents, raiseload(PlanChange.service))


def finish_change_print(
    session: Session, now: datetime, call: ChangePrintCall, printed: Printed | Unprintable
) -> Status:
    _write_down(session, call, printed)
    return call.status


print_invoice = ExternalStep(begin_print, perform_print, finish_print, PrintCall)
print_change_invoice = ExternalStep(begin_change_print, perform_print, finish_change_print, ChangePrintCall)
