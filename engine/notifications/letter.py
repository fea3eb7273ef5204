"""The words of a mail: one template says them, as plain text and as HTML in the provider's name and colour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from domain.contrast import ink_on
from domain.words import language_of, sentence, translate

# A template for each event.
TEMPLATE_FOLDER = Path(__file__).parent / "mails"
# Mails that were written to the outbox before they had a colour.
_PLAIN_COLOUR = "#1f4e79"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some lines; one that leads to a page of ours has a `label` for the button."""

    lines: list[str]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in one language. Paragraphs begin with the greeting and end with the provider's name."""

    language: str
    subject: str
    paragraphs: list[Paragraph]
    values: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n\n".join("\n".join(paragraph.lines) for paragraph in self.paragraphs) + "\n"

    @property
    def html(self) -> str:
        colour = self.values.get("colour") or _PLAIN_COLOUR
        return _TEMPLATES.get_template("mail.html").render(
            language=self.language,
            subject=self.subject,
            paragraphs=self.paragraphs,
            provider=self.values["provider"],
            link=self.values["link"],
            colour=colour,
            ink=ink_on(colour),
        )


def letter_of(event: str, locale: str, values: dict[str, Any], for_staff: bool) -> Letter:
    """The first line of an event's template is the subject, empty lines part the paragraphs."""
    text = _TEMPLATES.get_template(f"{event}.txt").render(values, locale=locale)
    subject, _, body = text.partition("\n")
    parts = [part.strip("\n") for part in body.split("\n\n") if part.strip()]
    if not for_staff:
        greeting = sentence(locale, "greeting", customer=values["customer"])
        parts = [greeting, *parts, values["provider"]]
    paragraphs = [_paragraph(part, values["link"]) for part in parts]
    return Letter(language_of(locale), " ".join(subject.split()), paragraphs, values)


def _paragraph(part: str, link: str) -> Paragraph:
    lines = part.split("\n")
    leads = len(lines) == 1 and part.endswith(f": {link}")
    return Paragraph(lines, part.removesuffix(f": {link}") if leads else None)


@pass_context
def _translate(context: Context, english: str) -> str:
    """A sentence in the mail's language, with the values of its message."""
    return translate(context["locale"], english).format_map(context.get_all())


_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATE_FOLDER),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=select_autoescape(["html"]),
)
_TEMPLATES.globals["t"] = _translate
