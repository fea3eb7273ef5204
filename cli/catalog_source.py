"""A catalogue file read and checked: the one way for every command that takes one."""

from pathlib import Path

from domain.catalog import Catalog
from domain.catalog_file import parse_catalog


class UnreadableFile(Exception):
    """A file that is not there, or cannot be read."""


def read_catalog(file: Path) -> Catalog:
    """Raises UnreadableFile, CatalogError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{file} cannot be read: {error}") from error
    return parse_catalog(text, str(file))
