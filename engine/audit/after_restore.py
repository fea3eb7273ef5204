"""After a restore that lost the tail: documents may have gone out with numbers that the database does not know.

The document store still has them, and each says what it is. Their numbers are given to nobody again, and stand as a
gap in `number_gaps`. The store is somebody else's network, so it is read without a transaction.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from models import storage
from models.audit import Attribution, record_action
from models.invoice import Document, Invoice, NumberGap, skip_numbers
from models.provider import Connection, Provider
from pdf import Identity, Kind, identity_of

# So many files are read between two reports of progress.
PROGRESS_EVERY = 1000
# The end that `give_number` writes: the year, a hyphen, the place in the series. The prefix may have changed since.
_NUMBER = re.compile(r".*([0-9]{4})-0*([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Known:
    """What the restored database knows: digests of documents, ids of providers."""

    documents: set[str]
    providers: set[str]


@dataclass(frozen=True, slots=True)
class LostDocument:
    """A document in the store that the database does not know, and its place in its series."""

    sha256: str
    identity: Identity
    number: str
    year: int
    place: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that gives no number: its path in the store, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class StoreRead:
    """What the store holds. `lost` is by provider id; `unreadable` may hide a number; `missing` counts documents that
    the database knows and the store does not have."""

    files: int = 0
    missing: int = 0
    lost: dict[str, list[LostDocument]] = field(default_factory=lambda: defaultdict(list))
    skipped: list[Skipped] = field(default_factory=list)
    unreadable: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GivenTwice:
    """A number that a lost document bears, and that another invoice got after the restore."""

    document: LostDocument
    invoice_id: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done for a provider: whether its gateway is listed again, and the gaps with their documents."""

    provider: str
    listed_again: bool
    gaps: list[tuple[NumberGap, list[LostDocument]]]
    given_twice: list[GivenTwice]


def known_here(session: Session) -> Known:
    """Wants one snapshot (`models.database.snapshot`)."""
    documents = session.scalars(select(Document.sha256).execution_options(yield_per=10_000))
    return Known(set(documents), set(session.scalars(select(Provider.id))))


def read_store(known: Known, report_progress: Callable[[StoreRead], None]) -> StoreRead:
    """Opens each document that the database does not know; calls `report_progress` now and then. No session.

    Raises NoStore, OSError.
    """
    found, seen = StoreRead(), 0
    for path, sha256 in storage.stored():
        found.files += 1
        if found.files % PROGRESS_EVERY == 0:
            report_progress(found)
        if sha256 is None:
            found.skipped.append(Skipped(path, "it is not named by a digest, as documents are"))
        elif sha256 in known.documents:
            seen += 1
        else:
            _open(path, sha256, known, found)
    found.missing = len(known.documents) - seen
    return found


def _open(path: str, sha256: str, known: Known, found: StoreRead) -> None:
    try:
        identity = identity_of(storage.get(sha256))
    except (storage.DocumentLost, storage.DocumentDamaged, OSError) as error:
        found.unreadable.append(Skipped(path, str(error)))
        return
    number = _NUMBER.fullmatch(identity.number or "") if identity else None
    if identity is None:
        found.skipped.append(Skipped(path, "it is no document of Planshift"))
    elif identity.provider not in known.providers:
        found.skipped.append(
            Skipped(path, f"it is of {identity.provider}, a provider that this database does not know")
        )
    elif number:
        found.lost[identity.provider].append(LostDocument(sha256, identity, number[0], int(number[1]), int(number[2])))
    elif identity.kind is not Kind.PROFORMA:
        found.skipped.append(Skipped(path, f"its number {identity.number} is of no series"))


def after_restore(
    session: Session, now: datetime, provider: Provider, lost: list[LostDocument], attribution: Attribution
) -> Recovered:
    """Has a provider's gateway listed again, moves its series past every number that was found, writes the gaps down.

    A second run finds nothing to do.
    """
    series = defaultdict[tuple[str, int], list[LostDocument]](list)
    for document in sorted(lost, key=lambda document: (document.place, document.sha256)):
        series[document.identity.kind.value, document.year].append(document)
    gaps = [_skip(session, now, provider, key, series[key], attribution) for key in sorted(series)]
    return Recovered(
        provider=provider.slug,
        listed_again=_list_again(session, now, provider, attribution),
        gaps=[gap for gap in gaps if gap],
        given_twice=_given_twice(session, provider, lost),
    )


def _list_again(session: Session, now: datetime, provider: Provider, attribution: Attribution) -> bool:
    """Money that came in the lost minutes is in the gateway's list of events; whether it was not due already."""
    machine_now = func.clock_timestamp()
    listed = session.scalar(
        update(Connection)
        .where(
            Connection.provider_id == provider.id,
            Connection.kind == "gateway",
            or_(Connection.list_at.is_(None), Connection.list_at > machine_now),
        )
        .values(list_at=machine_now)
        .returning(Connection.id)
    )
    if listed:
        record_action(session, provider.id, now, "gateway.list", listed, attribution)
    return listed is not None


def _skip(
    session: Session,
    now: datetime,
    provider: Provider,
    series: tuple[str, int],
    documents: list[LostDocument],
    attribution: Attribution,
) -> tuple[NumberGap, list[LostDocument]] | None:
    kind, year = series
    latest = max(document.identity.issued_on for document in documents)
    skipped = skip_numbers(session, provider.id, kind, year, documents[-1].place, latest)
    if skipped is None:
        return None
    first, last = skipped
    in_gap = [document for document in documents if document.place >= first]
    digests = [document.sha256 for document in in_gap]
    key = {"kind": kind, "year": year, "first": first, "last": last}
    gap = NumberGap(
        provider_id=provider.id, **key, actor=attribution.actor, reason=attribution.reason, documents=digests, at=now
    )
    session.add(gap)
    session.flush()
    record_action(session, provider.id, now, "numbers.skip", gap.id, attribution, **key)
    return gap, in_gap


def _given_twice(session: Session, provider: Provider, lost: list[LostDocument]) -> list[GivenTwice]:
    """Numbers that were given again because work went on before this was run."""
    numbers = [document.number for document in lost]
    query = select(Invoice).where(Invoice.provider_id == provider.id, Invoice.number.in_(numbers))
    holders = {(invoice.kind, invoice.number): invoice.id for invoice in session.scalars(query)}
    found = [(document, holders.get((document.identity.kind.value, document.number))) for document in lost]
    return [
        GivenTwice(document, holder) for document, holder in found if holder and holder != document.identity.reference
    ]
