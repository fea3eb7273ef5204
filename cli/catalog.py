"""planshift catalog: the provider's plans, prices and rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import AsJson, print_json

app = typer.Typer(help="Load and check catalogues.", no_args_is_help=True)


class UnreadableFile(Exception):
    """A file that is not there, or cannot be read."""


@app.command(epilog="Example: planshift catalog load catalogs/dns.toml --sandbox")
def load(
    files: Annotated[list[Path], typer.Argument(help="Catalogue files (TOML).")],
    sandbox: Annotated[bool, typer.Option(help="A new provider is a sandbox: its clock can be moved.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check catalogues and put them in force. Services keep the price that they bought."""
    from domain.catalog_file import parse_catalog
    from engine.accounts.providers import load_catalog
    from models.database import transaction

    catalogs = [parse_catalog(_text(file), str(file)) for file in files]
    loaded = []
    with transaction() as session:
        for catalog in catalogs:
            version = load_catalog(session, catalog, sandbox)
            loaded.append({"provider": catalog.provider, "version": version.version, "plans": len(catalog.plans)})
    if as_json:
        print_json(loaded)
        return
    for row in loaded:
        typer.echo(f"{row['provider']}: version {row['version']} is in force, {row['plans']} plans.")


@app.command(epilog="Example: planshift catalog lint catalogs/dns.toml")
def lint(file: Annotated[Path, typer.Argument(help="A catalogue file (TOML).")], as_json: AsJson = False) -> None:
    """Walk sequences of changes: find loops in which a customer gains money, and changes dearer than ordering anew.

    Exit code 1 if there is one.
    """
    from cli.lint import run

    _text(file)
    findings = run(file)
    if as_json:
        print_json(findings)
    else:
        typer.echo("\n".join(finding["sentence"] for finding in findings) or f"{file}: nothing found.")
    if findings:
        raise typer.Exit(1)


@app.command(epilog="Example: planshift catalog diff catalogs/dns.toml")
def diff(file: Annotated[Path, typer.Argument(help="A catalogue file (TOML).")], as_json: AsJson = False) -> None:
    """Say what loading this file would change in the catalogue that is in force."""
    from domain.catalog_file import parse_catalog
    from engine.accounts.providers import catalog_differences
    from models.database import transaction

    catalog = parse_catalog(_text(file), str(file))
    with transaction() as session:
        differences = catalog_differences(session, catalog)
    if as_json:
        print_json([{"key": key, "now": now, "then": then} for key, now, then in differences])
    else:
        lines = [f"{key}: {now!r} → {then!r}" for key, now, then in differences]
        typer.echo("\n".join(lines) or f"{catalog.provider}: no difference.")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{file} cannot be read: {error}") from error
