"""planshift after-restore: what has to be put right when a restored database lacks its last minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import AsJson, print_json
from cli.recovery import Actor, Reason

if TYPE_CHECKING:
    from engine.audit.after_restore import LostDocument, Recovered, StoreRead


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift after-restore --actor ana --reason 'disk of db1 lost, archive ends 03:12'")(
        after_restore
    )


def after_restore(
    actor: Actor,
    reason: Reason,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Skip the numbers of documents that the restored database does not know, and have gateways listed again.

    Run it before web, workers and beat are started. Twice does no harm. Exit code 1 if somebody has to look.
    """
    from sqlalchemy import select

    from engine.audit.after_restore import after_restore as recover
    from engine.audit.after_restore import known_here, read_store
    from models.audit import Attribution
    from models.database import snapshot, transaction
    from models.provider import Provider, business_now

    with snapshot() as session:
        known = known_here(session)
    store = read_store(known, _print_progress)
    attribution = Attribution(actor, reason)
    with transaction() as session:
        recovered = [
            recover(
                session,
                business_now(session, Provider, row.id),
                row,
                store.lost.get(row.id, []),
                attribution,
            )
            for row in session.scalars(select(Provider).order_by(Provider.id)).all()
        ]
        if dry_run:
            session.rollback()
    if as_json:
        print_json(_view(store, recovered, dry_run))
    else:
        _print_page(store, recovered, dry_run)
    if store.unreadable or store.missing or any(one.given_twice for one in recovered):
        raise typer.Exit(1)


def _print_progress(store: StoreRead) -> None:
    lost = sum(map(len, store.lost.values()))
    typer.echo(f"{store.files:,} files looked at, {lost} numbers found that the database does not know …", err=True)


def _view(store: StoreRead, recovered: list[Recovered], dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "files": store.files,
        "missing": store.missing,
        "gateways_listed_again": [one.provider for one in recovered if one.listed_again],
        "gaps": [
            {"provider": one.provider, "kind": gap.kind, "year": gap.year, "first": gap.first, "last": gap.last}
            | {"documents": [_document(document) for document in documents]}
            for one in recovered
            for gap, documents in one.gaps
        ],
        "given_twice": [
            {"provider": one.provider, "document": _document(twice.document), "invoice": twice.invoice_id}
            for one in recovered
            for twice in one.given_twice
        ],
        "skipped": [{"path": file.path, "reason": file.reason} for file in store.skipped],
        "unreadable": [{"path": file.path, "reason": file.reason} for file in store.unreadable],
    }


def _document(lost: LostDocument) -> dict[str, str]:
    identity = lost.identity
    return {
        "number": lost.number,
        "issued_on": identity.issued_on.isoformat(),
        "invoice": identity.reference,
        "sha256": lost.sha256,
    }


def _print_page(store: StoreRead, recovered: list[Recovered], dry_run: bool) -> None:
    if dry_run:
        typer.echo("A dry run: nothing is changed.")
    for one in recovered:
        _print_provider(one)
    for file in store.skipped:
        typer.echo(f"Skipped {file.path}: {file.reason}.")
    for file in store.unreadable:
        typer.echo(f"COULD NOT READ {file.path}, which may bear a number: {file.reason}")
    if store.missing:
        typer.echo(f"MISSING: the store lacks {store.missing} documents. Is PLANSHIFT_DOCUMENT_URL right?")
    listed = sum(one.listed_again for one in recovered)
    gaps = sum(len(one.gaps) for one in recovered)
    typer.echo(f"{store.files:,} files looked at, {gaps} gaps written down, {listed} gateways to be listed again.")
    letters = "write to the customers of the documents above, " if gaps else ""
    then = "run it without --dry-run." if dry_run else f"{letters}start everything, then run `planshift audit`."
    typer.echo(f"Next: {then}")


def _print_provider(one: Recovered) -> None:
    for gap, documents in one.gaps:
        series = f"{one.provider}, {gap.kind.replace('_', ' ')}s of {gap.year}"
        typer.echo(f"{series}: {gap.first} to {gap.last} were given before the loss; the next is {gap.last + 1}.")
        for lost in documents:
            identity = lost.identity
            typer.echo(
                f"    {lost.number} of {identity.issued_on}, invoice {identity.reference}, document {lost.sha256}"
            )
    for twice in one.given_twice:
        lost = twice.document
        typer.echo(
            f"GIVEN TWICE: {one.provider} {lost.number} is on document {lost.sha256} for {lost.identity.reference},"
            f" and {twice.invoice_id} got it after the restore. Withdraw the document in writing."
        )
