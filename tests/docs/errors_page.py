"""docs/errors.md, written from the table of errors in web/api/problems.py: `make pages` writes it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors import ChangeError
from tests.support.pages import ROOT
from web.api.problems import PROBLEMS, STATUS_OF

PAGE = ROOT / "docs" / "errors.md"

_HEAD = """\
# Errors

Every error answer is a problem document (RFC 9457, `application/problem+json`). Its `type` is
`urn:planshift:problem:` and the code; neither changes. `detail` says what to do, in this case; below is what each
means. Made by `make pages` from [web/api/problems.py](../web/api/problems.py): change that, not this page.
"""


def page() -> str:
    """The page's whole text."""
    sections = [f"## {code}\n\n`{status}` {meaning}\n" for code, (status, meaning) in sorted(_errors())]
    return "\n".join([_HEAD, *sections])


def _errors() -> set[tuple[str, tuple[int, str]]]:
    found = dict(_of_classes())
    return {(code, PROBLEMS.get(code) or found[code]) for code in found.keys() | PROBLEMS.keys()}


def _of_classes() -> Iterator[tuple[str, tuple[int, str]]]:
    """By code; where several errors share one, what the most general of them means."""
    for error, status, code in STATUS_OF:
        for kind in (error, *_below(error)) if issubclass(error, ChangeError) else (error,):
            yield code or getattr(kind, "code", ""), (_status_of(kind) if not code else status, _meaning(kind))


def _below(error: type[Exception]) -> Iterator[type[Exception]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _below(kind)


def _status_of(kind: type[Exception]) -> int:
    statuses = {error: status for error, status, _ in STATUS_OF}
    return next(statuses[base] for base in kind.__mro__ if base in statuses)


def _meaning(kind: type[Exception]) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
