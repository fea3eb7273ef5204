"""planshift mails: look at the mails that customers and staff get."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: planshift mails gallery --folder var/gallery/mails")
def gallery(
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path("var/gallery/mails"),
) -> None:
    """Write every mail in every language, as HTML and as text; index.html shows them all."""
    from engine.notifications.gallery import write_gallery

    files = write_gallery(folder)
    typer.echo(f"{len(files)} files are in {folder}. Open {folder / 'index.html'}.")
