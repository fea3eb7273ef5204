"""The pages in each language: nothing of another one is left on them, and the customer can choose."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import httpx
import pytest

from domain.words import LANGUAGES, translate
from tests.portal.visitor import Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]

# What is the same in every language: names of the provider, its plans, the customer and the languages.
_NAMES = r"DNS Service|DNS|Customer of zone|Basic|Start|Business|English|Español|zone|PDF|UTC|JST|IST"
_NAMES += r"|\b[ap]m\b"  # of the hours, as CLDR has them in Hindi
_NAMES += r"|Example-cho|Chiyoda-ku|Tokyo|Example Street|inv_\w+|[\w.@-]+\.(invalid|example)|US"


class _Words(HTMLParser):
    """The text of a page, its labels too, without what is marked as being in another language."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip += tag in ("script", "style")
        self.said += [
            value or "" for name, value in attrs if name in ("aria-label", "data-label", "alt", "placeholder")
        ]

    def handle_endtag(self, tag: str) -> None:
        self._skip -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.said.append(data)


def latin_words(page: httpx.Response) -> set[str]:
    words = _Words()
    words.feed(page.text)
    return set(re.findall(r"[A-Za-z]{2,}", re.sub(_NAMES, "", " ".join(words.said))))


def reading(make: Make, language: str) -> Visitor:
    customer = visitor(make("dns"))
    customer.frontend.call(
        "PUT",
        "/v1/customers/zone",
        {"name": "Customer of zone", "email": "zone@dns.invalid", "country": "JP", "locale": language},
        scope="host",
    )
    customer.enter("zone")
    return customer


def pages_of(customer: Visitor) -> list[httpx.Response]:
    """A change from the list to the invoice, its cancellation, a scheduled one, and what can go wrong."""
    service = f"/portal/services/{customer.service_id()}"
    pages = [customer.get(path) for path in ("/portal/services", service, f"{service}/change", f"{service}/end")]
    pages += [customer.get(f"{service}/change/business"), customer.get(f"{service}/change/basic?notice=choose")]
    pages.append(customer.review("start"))
    customer.submit(pages[-1], "/accept")
    change = customer.changes()[0]["id"]
    customer.see(f"/portal/changes/{change}", translate(str(pages[0].headers["content-language"]), "Details"))
    pages += [customer.get(f"/portal/changes/{change}"), customer.get(f"/portal/changes/{change}/cancel")]
    pages.append(customer.get(service))
    pages.append(customer.submit(pages[-2], "/cancel"))
    pages += [customer.get(service), customer.get("/portal/invoices/inv_0"), customer.get("/portal/nothing")]
    return pages


@pytest.mark.parametrize("language", ["ja", "hi"])
def test_no_english_is_left_on_a_page(frontend: Make, language: str) -> None:
    for page in pages_of(reading(frontend, language)):
        assert page.headers["content-language"] == language
        assert latin_words(page) == set(), page.url


def test_spanish_pages_say_what_the_catalogue_says(frontend: Make) -> None:
    customer = reading(frontend, "es")
    page = customer.review("start")
    assert "Total a pagar hoy" in page.text
    assert "3,73\xa0US$" in page.text
    assert "1 de agosto de 2027" in page.text
    english = {"the", "your", "you", "Your", "plan changes", "Services", "Review", "Submit"}
    assert latin_words(page) & english == set()


def test_the_language_is_chosen_on_the_page_and_kept(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    service = f"/portal/services/{customer.service_id()}"
    page = customer.get(f"{service}/change?category=dns")
    for language, name in LANGUAGES.items():
        assert name in page.text
        page = customer.submit(page, "/language", language=language)
        assert str(page.url).endswith(f"{service}/change?category=dns")
        assert f'<html lang="{language}' in page.text
        assert customer.get("/portal/nothing").headers["content-language"] == language


def test_a_change_of_language_leads_nowhere_else(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    page = customer.get("/portal/services")
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert customer.submit(page, "/language", language="ja", back=elsewhere).url.path.startswith("/portal/")
    assert customer.submit(page, "/language", language="ja", csrf="forged").status_code == 403


def test_without_a_visit_the_browsers_language_counts(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    headers = {"Accept-Language": "fr-FR, ja-JP;q=0.8, en;q=0.5"}
    page = loopback.get(f"{customer.frontend.ready['api']}/portal/services", headers=headers)
    assert (page.status_code, page.headers["content-language"]) == (401, "ja")
    assert "ログインしていません" in page.text
