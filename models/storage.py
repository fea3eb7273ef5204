"""Where the bytes of documents are stored: a folder or an object store, by PLANSHIFT_DOCUMENT_URL (fsspec).

A document's name is its digest, so it is stored once, storing it again changes nothing, and what comes back is held
against the name. A document that no row names (its printer died before it was written down) does no harm.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from functools import cache

import fsspec
from fsspec.core import url_to_fs

from settings import settings

_one_at_a_time = threading.Lock()
_DOCUMENT = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.pdf")


class DocumentLost(Exception):
    """The store does not have a document that the database knows."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"Document {sha256} is not at {settings().document_url}. Restore it from a backup.")


class NoStore(Exception):
    """Nothing at all is where documents should be."""

    def __init__(self) -> None:
        super().__init__(f"There is nothing at {settings().document_url}. Is PLANSHIFT_DOCUMENT_URL right?")


class DocumentDamaged(Exception):
    """The store has other bytes under a document's name."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"Document {sha256} at {settings().document_url} is damaged. Restore it from a backup.")


def put(content: bytes) -> str:
    """Stores a document and returns its digest (sha256, hexadecimal). Raises OSError if the store does not take it."""
    sha256 = hashlib.sha256(content).hexdigest()
    files, path = _path_of(sha256)
    if files.exists(path) and files.size(path) == len(content):
        return sha256
    files.makedirs(path.rpartition("/")[0], exist_ok=True)
    # A transaction of the file system: the name appears with the whole contents, or not at all. Threads share the file
    # system, and it has one transaction.
    with _one_at_a_time, files.transaction, files.open(path, "wb") as file:
        file.write(content)
    return sha256


def get(sha256: str) -> bytes:
    """A document's bytes. Raises DocumentLost, DocumentDamaged."""
    files, path = _path_of(sha256)
    try:
        content: bytes = files.cat_file(path)
    except FileNotFoundError as error:
        raise DocumentLost(sha256) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DocumentDamaged(sha256)
    return content


def stored() -> Iterator[tuple[str, str | None]]:
    """Every file of the store: its path there, and its digest if it is named as a document. Raises NoStore, OSError."""
    files, root = _store(settings().document_url)
    root = root.rstrip("/")
    if not files.exists(root):
        raise NoStore
    for folder, _, names in files.walk(root, on_error="raise"):
        for name in names:
            path = f"{folder}/{name}"[len(root) :].lstrip("/")
            named = _DOCUMENT.fullmatch(path)
            yield path, named and named[2]


def _path_of(sha256: str) -> tuple[fsspec.AbstractFileSystem, str]:
    files, root = _store(settings().document_url)
    return files, f"{root.rstrip('/')}/{sha256[:2]}/{sha256}.pdf"


@cache
def _store(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    files, root = url_to_fs(url)
    return files, root
