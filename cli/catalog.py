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
    from engine.providers import load_catalog
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


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{file} cannot be read: {error}") from error
