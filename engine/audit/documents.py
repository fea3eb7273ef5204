"""Whether the stored documents are what was printed: each against its digest, and a sample printed again.

The store is somebody else's network, so rows are read a batch at a time, and the documents without a transaction.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.audit.checks import InvariantResult, Tally
from engine.invoicing.documents import document_values
from models import storage
from models.invoice import Document, Invoice
from pdf import InvoiceDocument, render, renderer_version

# Printing again costs a few milliseconds each; the newest documents are the ones that were not checked yet.
PRINTED_AGAIN = 50
# So many rows are in memory at once, however many documents there are.
BATCH = 500
# How long one task of the night reads documents; the next one goes on.
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A document to read, and the values to print it from again if it is in the sample."""

    document_id: str
    what: str
    sha256: str
    values: InvoiceDocument | None


def documents_to_read(session: Session, providers: list[str], before: str | None = None) -> list[Stored]:
    """A batch of documents, newest first: the newest of all, or those that are older than document `before`. Only what
    this version of the renderer printed can be printed again to the byte."""
    query = (
        select(Document.id, Document.kind, Document.sha256, Document.renderer_version, Invoice.id)
        .join(Invoice, Invoice.id == Document.invoice_id)
        .where(Invoice.provider_id.in_(providers))
        .order_by(Document.id.desc())
        .limit(BATCH)
    )
    rows = session.execute(query.where(Document.id < before) if before else query).all()
    sample = 0 if before else PRINTED_AGAIN
    stored: list[Stored] = []
    for document_id, kind, sha256, version, invoice_id in rows:
        again = len(stored) < sample and version == renderer_version()
        values = document_values(session.get_one(Invoice, invoice_id), kind) if again else None
        stored.append(Stored(document_id, f"{kind} of {invoice_id}", sha256, values))
    return stored


@dataclass(slots=True)
class Reading:
    """Documents one after the other, for as long as a task reads. `last_id` is the last one that was read: there may
    have been no time for all of them."""

    documents: Iterable[Stored]
    last_id: str = ""

    def __iter__(self) -> Iterator[Stored]:
        deadline = time.monotonic() + SECONDS
        for document in self.documents:
            self.last_id = document.document_id
            yield document
            if time.monotonic() >= deadline:
                return


def audit_documents(stored: Iterable[Stored]) -> list[InvariantResult]:
    """Reads each document, and prints the sample again, one after the other. No session."""
    damaged = Tally("documents_are_as_printed", "a stored document has the digest it was stored with")
    changed = Tally("documents_print_again", "an invoice printed again gives the same bytes")
    for document in stored:
        damaged.add(document.document_id, _unreadable(document))
        changed.add(document.document_id, _changed(document))
    return [damaged.result(), changed.result()]


def _unreadable(document: Stored) -> str | None:
    try:
        storage.get(document.sha256)
    except (storage.DocumentLost, storage.DocumentDamaged, OSError) as error:
        return f"{document.what}: {error}"
    return None


def _changed(document: Stored) -> str | None:
    if document.values is None:
        return None
    try:
        sha256 = hashlib.sha256(render(document.values)).hexdigest()
    except ValueError as error:  # InvalidDocument, MissingGlyph: its row is not what was printed
        return f"{document.what} cannot be printed again: {error}"
    return None if sha256 == document.sha256 else f"{document.what}: printed again it has other bytes"
