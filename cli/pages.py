"""planshift pdf: look at the documents that customers get."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: planshift pdf gallery --folder var/gallery")
def gallery(
    folder: Annotated[Path, typer.Option(help="Where the PDFs and pictures go.")] = Path("var/gallery"),
) -> None:
    """Print every kind of document in every language, and its edge cases, as PDF and PNG."""
    from pdf.samples.gallery import write_gallery

    files = write_gallery(folder)
    typer.echo(f"{len(files)} files are in {folder}.")
