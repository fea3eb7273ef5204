"""Brings the gettext catalogues up to date with the English sentences: `make words`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes
from jinja2.ext import babel_extract

from domain.words import LANGUAGES
from domain.words.en import EN

ROOT = Path(__file__).parents[2]
TEMPLATES = (ROOT / "web/portal/templates", ROOT / "engine/notifications/mails")
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")

_HEADER = """\
# Planshift in {name}. `make words` adds what is new and removes what is said no more.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def path_of(language: str) -> Path:
    return ROOT / "domain" / "words" / f"{language}.po"


def english() -> dict[str, list[str]]:
    """Every sentence that customers may read, with the files that say it."""
    said: dict[str, list[str]] = {text: ["domain/words/en.py"] for text in EN.values()}
    for folder in TEMPLATES:
        for path in sorted(folder.iterdir()):
            for text in _sentences(path):
                files = said.setdefault(text, [])
                name = str(path.relative_to(ROOT))
                files += [name] if name not in files else []
    return said


def _sentences(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for _, _, said, _ in babel_extract(file, ("t",), (), {"trimmed": "false"}):
            text = said[0] if isinstance(said, tuple) else said
            assert isinstance(text, str), f"{path}: t() takes one literal text"
            yield text


def untranslated(path: Path) -> set[str]:
    """The words that a template says by itself, in whatever state the page is: in its text, in labels of its tags, or
    as a text of its expressions."""
    text = "".join(_own(Environment().parse(path.read_text(encoding="utf-8"))))
    labels = " ".join(re.findall(r'(?:aria-label|data-label|alt|placeholder|title)="([^"]*)"', text))
    return set(re.findall(r"[A-Za-z]{2,}", re.sub(r"<style.*?</style>|<[^>]*>|&\w+;", " ", text, flags=re.S) + labels))


def _own(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Output):
        for one in node.nodes:
            yield one.data if isinstance(one, nodes.TemplateData) else "".join(_texts(one))
    else:
        for child in node.iter_child_nodes():
            yield from _own(child)


def _texts(expression: nodes.Node) -> Iterator[str]:
    """What an expression may give that stands in the template; t() and what comes from elsewhere do not."""
    match expression:
        case nodes.Const(value=str() as text):
            yield text
        case nodes.CondExpr(expr1=one, expr2=other):
            yield from _texts(one)
            yield from _texts(other) if other else ()
        case nodes.Concat() | nodes.BinExpr():
            for child in expression.iter_child_nodes():
                yield from _texts(child)
        case nodes.Filter(node=nodes.Node() as filtered):
            yield from _texts(filtered)


def read(language: str) -> dict[str, str]:
    with path_of(language).open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field}


def write(language: str, translations: dict[str, str]) -> None:
    """The catalogue with these translations; a sentence without one stays empty, and a test says so."""
    catalog = Catalog(language)
    for text, files in english().items():
        catalog.add(text, translations.get(text, ""), [(name, 0) for name in files])
    with path_of(language).open("wb") as file:
        file.write(_HEADER.format(name=LANGUAGES[language], language=language).encode())
        write_po(file, catalog, omit_header=True, include_lineno=False, width=110)


def main() -> None:
    for language in TRANSLATED:
        write(language, read(language))


if __name__ == "__main__":
    main()
