"""What is wrong in a catalogue, as values and as lines for a person: where it is, what was expected, what was meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple


class CatalogProblem(NamedTuple):
    """One thing that is wrong: its dotted key, what was expected there, and what may have been meant."""

    key: str
    expected: str
    meant: str | None = None
    plan: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        plan = f" (plan {self.plan})" if self.plan else ""
        question = f"; did you mean {self.meant!r}?" if self.meant else ""
        return f"{place}: {self.key}{plan}: {self.expected}{question}".removeprefix(": ")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": "error",
            "file": self.file,
            "line": self.line,
            "key": self.key,
            "plan": self.plan,
            "sentence": self.expected,
            "did_you_mean": self.meant,
        }


class CatalogError(ValueError):
    """The catalogue cannot be used; after the first line, each says file, line, key and what was expected there."""

    def __init__(self, problems: Iterable[CatalogProblem]) -> None:
        self.problems = tuple(problems)
        number = "1 error" if len(self.problems) == 1 else f"{len(self.problems)} errors"
        super().__init__("\n".join([f"the catalogue cannot be used: {number}", *map(str, self.problems)]))


def nearest(value: object, known: Iterable[str]) -> str | None:
    """The one of these that is written most like `value`, if there is any; letters in another order come first."""
    small = str(value).lower()
    by_small_letters = {name.lower(): name for name in known}
    matches = get_close_matches(small, by_small_letters, n=len(by_small_letters) or 1)
    matches.sort(key=lambda match: sorted(match) != sorted(small))
    return by_small_letters[matches[0]] if matches else None


def not_one_of(key: str, value: object, known: Iterable[str]) -> CatalogProblem:
    """`value` is none of the names that are possible here."""
    names = sorted(known)
    return CatalogProblem(key, f"{value!r} is not one of {', '.join(names)}", nearest(value, names))
