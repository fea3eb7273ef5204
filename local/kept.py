"""Files that are kept from one run to the next, however a run ends: whole, or not there."""

import os
import secrets
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Only we may read it. Who reads meanwhile, or after we were killed on the way, finds the old text or the new."""
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as writing:
        writing.write(text)
        writing.flush()
        os.fsync(writing.fileno())
    draft.rename(file)


def read_kept(file: Path) -> str:
    """Empty where there is none."""
    return file.read_text(encoding="utf-8") if file.exists() else ""


def kept_secret(file: Path) -> str:
    """Made at the first time, and the same ever after."""
    if not read_kept(file):
        write_private(file, secrets.token_urlsafe(32))
    return read_kept(file)
