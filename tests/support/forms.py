"""The forms that a page really has, with what a browser would send of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx


@dataclass
class Form:
    action: str
    values: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Hidden values and the radio that is checked."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.forms.append(Form(values["action"] or ""))
        if tag == "input" and self.forms and (values.get("type") == "hidden" or "checked" in values):
            self.forms[-1].values[values["name"] or ""] = values.get("value") or ""


def forms_of(page: httpx.Response) -> list[Form]:
    """All of a page's forms."""
    forms = _Forms()
    forms.feed(page.text)
    return forms.forms


def form_of(page: httpx.Response, action_end: str) -> Form:
    """The first whose action ends like this."""
    found = [form for form in forms_of(page) if form.action.endswith(action_end)]
    assert found, f"no form for …{action_end} on {page.url}:\n{page.text}"
    return found[0]
