"""Language tags (BCP 47): a customer's may say more than we or CLDR know, so the nearest of its parents counts."""

import re
from collections.abc import Iterator

from babel import Locale, UnknownLocaleError

# Well-formed, by the form of its subtags (RFC 5646, 2.1), those of old such as i-klingon, too; and CLDR's underscores.
TAG = r"^(?:[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*|[iIxX](?:[-_][A-Za-z0-9]{1,8})+)$"


def parents(tag: str) -> Iterator[str]:
    """The tag and what is left of it with fewer and fewer subtags, as Babel writes them: ja_JP_x_kansai, …, ja."""
    subtags = re.split("[-_]", tag)
    for count in range(len(subtags), 0, -1):
        yield "_".join(subtags[:count])


def known_parents(tag: str) -> Iterator[Locale]:
    """Those of them that CLDR knows, the nearest first."""
    for parent in parents(tag):
        try:
            yield Locale.parse(parent)
        except (UnknownLocaleError, ValueError):
            continue
