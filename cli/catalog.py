"""planshift catalog: the provider's plans, prices and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from cli.once import MaybeActor, MaybeReason, attribution_of
from cli.output import AsJson, print_json

Given = TypeVar("Given")
Made = TypeVar("Made")

app = typer.Typer()


@app.command(epilog="Example: planshift catalog load catalogs/dns.toml --sandbox")
def load(
    files: Annotated[list[Path], typer.Argument(help="Catalogue files (TOML).")],
    sandbox: Annotated[bool, typer.Option(help="A new provider is a sandbox: its clock can be moved.")] = False,
    actor: MaybeActor = None,
    reason: MaybeReason = "",
    as_json: AsJson = False,
) -> None:
    """Check catalogues and put them in force, all or none. Services keep the price that they bought.

    Exit code 2 if one cannot be used: each error has its line. Every plan that services have must stay in it.
    """
    from cli.catalog_source import read_catalog
    from engine.accounts.catalogs import load_catalog
    from models.database import transaction

    by = attribution_of(actor, reason)
    with _errors_as_data(as_json):
        catalogs = _for_each(zip(files, files, strict=True), read_catalog)
        with transaction() as session:
            versions = _for_each(
                zip(files, catalogs, strict=True), lambda catalog: load_catalog(session, catalog, sandbox, by)
            )
    loaded = [
        {"provider": catalog.provider, "version": version.version, "plans": len(catalog.plans)}
        for catalog, version in zip(catalogs, versions, strict=True)
    ]
    if as_json:
        print_json(loaded)
        return
    for row in loaded:
        typer.echo(f"{row['provider']}: version {row['version']} is in force, {row['plans']} plans.")


@app.command(epilog="Example: planshift catalog lint catalogs/dns.toml")
def lint(file: Annotated[Path, typer.Argument(help="A catalogue file (TOML).")], as_json: AsJson = False) -> None:
    """Check a catalogue, then walk sequences of changes: loops that gain money, changes dearer than ordering anew.

    Exit code 2 if the catalogue cannot be used, 1 if something was found on the walk.
    """
    from cli.lint import run

    with _errors_as_data(as_json):
        findings = run(file)
    if as_json:
        print_json(findings)
    else:
        typer.echo("\n".join(finding["sentence"] for finding in findings) or f"{file}: nothing found.")
    if findings:
        raise typer.Exit(1)


@app.command(epilog="Example: planshift catalog diff catalogs/dns.toml")
def diff(file: Annotated[Path, typer.Argument(help="A catalogue file (TOML).")], as_json: AsJson = False) -> None:
    """Say what loading this file would change in the catalogue that is in force.

    Exit code 2 if it would be refused, because services have a plan that is missing in it.
    """
    from cli.catalog_source import read_catalog
    from domain.catalog_problems import CatalogError
    from engine.accounts.catalogs import catalog_differences, missing_but_held
    from models.database import transaction

    with _errors_as_data(as_json):
        catalog = read_catalog(file)
    with transaction() as session:
        differences = catalog_differences(session, catalog)
        missing = [problem._replace(file=str(file)) for problem in missing_but_held(session, catalog)]
    if as_json:
        changes = [{"kind": "change", "key": key, "now": now, "then": then} for key, now, then in differences]
        print_json([*changes, *(problem.as_json() for problem in missing)])
        raise typer.Exit(2 if missing else 0)
    lines = [f"{key}: {now!r} → {then!r}" for key, now, then in differences]
    typer.echo("\n".join(lines) or f"{catalog.provider}: no difference.")
    if missing:
        raise CatalogError(missing)


@contextmanager
def _errors_as_data(as_json: bool) -> Iterator[None]:
    """With --json the errors of a catalogue are printed as a list; without, the command ends with their lines."""
    from domain.catalog_problems import CatalogError

    try:
        yield
    except CatalogError as error:
        if not as_json:
            raise
        print_json([problem.as_json() for problem in error.problems])
        raise typer.Exit(2) from None


def _for_each(files: Iterable[tuple[Path, Given]], make: Callable[[Given], Made]) -> list[Made]:
    """What is made of each file's value. Raises CatalogError with the errors of all files."""
    from domain.catalog_problems import CatalogError

    made, problems = [], []
    for file, value in files:
        try:
            made.append(make(value))
        except CatalogError as error:
            problems += [problem._replace(file=str(file)) for problem in error.problems]
    if problems:
        raise CatalogError(problems)
    return made
