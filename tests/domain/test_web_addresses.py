"""Which addresses a customer may be sent back to."""

from __future__ import annotations

import re

import pytest

from domain.web_addresses import ORIGIN, PAGE, is_below

ALLOWED = ("https://shop.example/account", "http://localhost:3000")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://shop.example/account", True),
        ("https://shop.example/account/services?from=portal#top", True),
        ("http://localhost:3000/anything", True),
        ("https://shop.example/accounts", False),
        ("https://shop.example/", False),
        ("https://shop.example/account/../evil", False),
        ("https://shop.example/account/%2e%2e/evil", False),
        ("https://shop.example/account/%252e%252e/evil", False),
        ("http://shop.example/account", False),
        ("https://shop.example:8443/account", False),
        ("https://shop.example@evil.example/account", False),
        ("https://evil.example/https://shop.example/account", False),
        ("http://localhost:30001/", False),
    ],
)
def test_only_what_lies_below(url: str, allowed: bool) -> None:
    assert is_below(url, ALLOWED) == allowed


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//evil.example", "https://a\\@b", "https://u@a.example/", "http://shop.example/", "x"],
)
def test_no_page(url: str) -> None:
    assert not re.match(PAGE, url)


def test_an_origin_has_no_path() -> None:
    assert [bool(re.match(ORIGIN, one)) for one in ("https://a.example", "https://a.example/", "null", "*")] == [
        True,
        False,
        False,
        False,
    ]
