"""Secrets that a command is given: as an option, in a file, or on standard input; and what is none."""

from __future__ import annotations

import base64
import binascii
import sys
from pathlib import Path
from typing import Annotated

import typer

Secret = Annotated[
    list[str] | None, typer.Option(help="Signing secret (whsec_…); twice during a rotation, the newest first.")
]
SecretFile = Annotated[
    str | None,
    typer.Option(help="A file with a signing secret in each line, or - for standard input: it stays out of the shell."),
]
ApiKeyFile = Annotated[str | None, typer.Option(help="A file with our key at the gateway, or - for standard input.")]

_PREFIX = "whsec_"
# Of the Standard Webhooks specification.
_BYTES_MIN = 24
_CHARACTERS_MIN = 16


class UselessSecret(Exception):
    """What is given as a secret protects nothing."""


def secrets_of(given: list[str] | None, file: str | None) -> tuple[str, ...]:
    """The signing secrets, newest first. Raises UselessSecret."""
    if given and file:
        raise UselessSecret("Give --secret or --secret-file, not both.")
    found = tuple(given or (lines_of(file) if file else ()))
    for secret in found:
        _check(secret)
    return found


def lines_of(file: str) -> list[str]:
    """The lines that are not empty, of a file or of standard input. Raises UselessSecret."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UselessSecret(f"{file} cannot be read: {error}.") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UselessSecret(f"There is no secret in {'standard input' if file == '-' else file}.")
    return lines


def _check(secret: str) -> None:
    text = secret.removeprefix(_PREFIX)
    if not text:
        raise UselessSecret("The secret is empty. Copy it from the other side's settings.")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise UselessSecret("The secret has characters that none has. Is it a manual's placeholder? Copy the real one.")
    if len(text) < _CHARACTERS_MIN or len(set(text)) < _CHARACTERS_MIN // 2:
        raise UselessSecret("The secret is too short, or too plain, to protect anything. Copy it from the other side.")


def check_signing(secret: str) -> None:
    """For what signs as Standard Webhooks says: whsec_ and base64 of enough bytes. Raises UselessSecret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _BYTES_MIN:
        raise UselessSecret(
            f"The secret is not {_PREFIX} and base64 of at least {_BYTES_MIN} bytes. Make one with"
            f" `echo {_PREFIX}$(openssl rand -base64 32)`, and give it to both sides."
        )
