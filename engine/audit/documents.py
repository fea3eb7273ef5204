"""Whether the stored documents are what was printed: each against its digest, and a sample printed again.

The store is somebody else's network, so the rows are read first and the documents without a transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.audit.checks import InvariantResult, Violation, result_of
from engine.invoicing.documents import document_values
from models import storage
from models.invoice import Document, Invoice
from pdf import InvoiceDocument, render, renderer_version

# Printing again costs a few milliseconds each; the newest documents are the ones that were not checked yet.
PRINTED_AGAIN = 50


@dataclass(frozen=True, slots=True)
class Stored:
    """A document to read, and the values to print it from again if it is in the sample."""

    document_id: str
    what: str
    sha256: str
    values: InvoiceDocument | None


def documents_to_read(session: Session, providers: list[str]) -> list[Stored]:
    """Every document, newest first. Only what this version of the renderer printed can be printed again to the byte."""
    rows = session.execute(
        select(Document, Invoice)
        .join(Invoice, Invoice.id == Document.invoice_id)
        .where(Invoice.provider_id.in_(providers))
        .order_by(Document.id.desc())
    )
    stored: list[Stored] = []
    for document, invoice in rows:
        again = len(stored) < PRINTED_AGAIN and document.renderer_version == renderer_version()
        values = document_values(invoice, document.kind) if again else None
        stored.append(Stored(document.id, f"{document.kind} of {invoice.id}", document.sha256, values))
    return stored


def audit_documents(stored: list[Stored]) -> list[InvariantResult]:
    """Reads each document, and prints the sample again. No session."""
    return [
        result_of(
            "documents_are_as_printed", "a stored document has the digest it was stored with", _unreadable(stored)
        ),
        result_of("documents_print_again", "an invoice printed again gives the same bytes", _changed(stored)),
    ]


def _unreadable(stored: list[Stored]) -> Iterator[Violation]:
    for document in stored:
        try:
            storage.get(document.sha256)
        except (storage.DocumentLost, storage.DocumentDamaged, OSError) as error:
            yield Violation(document.document_id, f"{document.what}: {error}")


def _changed(stored: list[Stored]) -> Iterator[Violation]:
    for document in stored:
        if document.values is None:
            continue
        try:
            sha256 = hashlib.sha256(render(document.values)).hexdigest()
        except ValueError as error:  # InvalidDocument, MissingGlyph: its row is not what was printed
            yield Violation(document.document_id, f"{document.what} cannot be printed again: {error}")
            continue
        if sha256 != document.sha256:
            yield Violation(document.document_id, f"{document.what}: printed again it has other bytes")
