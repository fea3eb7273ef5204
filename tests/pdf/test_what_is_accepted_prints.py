"""What the entry points' check accepts is printed, whatever it is; what is refused names its field and character."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pypdf
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.addresses import BadMailAddress, mail_address
from domain.texts import ADDRESS_LINES_MAX, NAME_AND_ADDRESS_MAX, TAX_ID_MAX
from engine.invoicing.printable import NotPrintable, check_customer
from pdf import Kind, Party, render
from pdf.samples.documents import LANGUAGES, build
from pdf.style import FOOTER_RULE, FOOTER_TEXT

# Any character that there is, and those that fonts, shaping and XML have trouble with more often than chance has it.
HARD = "\0\t\n\v\f\r\x1f\x7f\x85\xad\u0301\u0600\u061c\u0915\u093f\u094d\u0964\u200b\u200c\u200d\u200e"
HARD += "\u2028\u202e\u2060\u25cc\u3099\u30ab\ufb01\ufe00\ufeff\ufffd\ufffe\ud800\udfff\U0001f600\U000e0100\U0001ffff"
HARD += "<>&\"']]>½µﬁ한葛"
CHARACTERS = st.sampled_from(HARD) | st.characters(codec=None) | st.sampled_from("abcdefg 山田कखग")
TEXT = st.text(CHARACTERS, min_size=1, max_size=40)


def customer(**values: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"name": "Ana", "address": [], "locale": "en", "tax_id": None, "email": "ana@example.com"}
    return usual | values


def printed(values: dict[str, Any], language: str, kind: Kind = Kind.PROFORMA) -> bytes:
    party = Party(values["name"], tuple(values["address"]), "JP", values["tax_id"], values["email"])
    return render(replace(build(language, kind), buyer=party))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    name=TEXT,
    address=st.lists(TEXT, max_size=3),
    tax_id=st.none() | TEXT.map(lambda text: text[:TAX_ID_MAX]),
    language=st.sampled_from(LANGUAGES),
)
@example("क\u200dक", ["\u093f"], "\u094d\u094d", "hi")
@example("葛\U000e0100", ["カ\u3099"], "a\u0301\u0301\u0301", "ja")
def test_any_text_is_refused_or_printed(name: str, address: list[str], tax_id: str | None, language: str) -> None:
    values = customer(name=name, address=address, tax_id=tax_id, locale=language)
    try:
        check_customer(values)
    except NotPrintable:
        return
    assert printed(values, language).startswith(b"%PDF")


@pytest.mark.parametrize("letter", ["W", "山", "क्षि"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_name_and_address_have_their_place(letter: str, language: str) -> None:
    """In wide letters the page holds less than 600 characters; the most that is accepted ends above its foot."""
    email = mail_address(f"{'w' * 64}@{'.'.join(['w' * 30] * 3)}.com")
    accepted = None
    for length in range(10, NAME_AND_ADDRESS_MAX, 10):
        line = (letter * length)[: length // 10]
        values = customer(name=line, address=[line] * 9, tax_id="W" * TAX_ID_MAX, email=email, locale=language)
        try:
            check_customer(values)
        except NotPrintable:
            break
        accepted = values
    assert accepted is not None
    assert len(accepted["address"]) == 9
    page = pypdf.PdfReader(io.BytesIO(printed(accepted, language))).pages[0]
    heights: list[float] = []
    page.extract_text(visitor_text=lambda text, cm, tm, *_: heights.append(tm[5]) if text.strip() else None)
    assert min(heights) > FOOTER_TEXT - 2
    assert min(height for height in heights if height > FOOTER_TEXT + 2) > FOOTER_RULE


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "Ana\0", "name: U\\+0000"),
        ("name", "Ana\u202etxt.exe", "name: U\\+202E RIGHT-TO-LEFT OVERRIDE"),
        ("name", "An\u200ba", "name: U\\+200B ZERO WIDTH SPACE"),
        ("name", " \u3000\u2003", "name: there is nothing to see"),
        ("name", "Ana\r\nBcc: all@example.com", "name: U\\+000D"),
        ("name", "Ana \ud83d", "name: U\\+D83D"),
        ("name", "W" * (NAME_AND_ADDRESS_MAX + 1), "address: an address has at most 10 lines"),
        ("address", ["1 Street", "Town\v2"], "address.1: U\\+000B"),
        ("address", ["W" * 550], "address: with name, country, tax id and mail address it takes 35 lines"),
        ("address", ["x"] * (ADDRESS_LINES_MAX + 1), "address: an address has at most 10 lines"),
        ("tax_id", "T1😀", "tax_id: no shipped font can draw U\\+1F600"),
        ("email", "ana@메일.kr", "email: no shipped font can draw U\\+BA54"),
    ],
)
def test_what_is_refused_names_its_field_and_character(field: str, value: Any, sentence: str) -> None:
    with pytest.raises(NotPrintable, match=sentence):
        check_customer(customer(**{field: value}))


def test_a_mailbox_in_other_letters_is_no_address() -> None:
    with pytest.raises(BadMailAddress, match="no mail address"):
        mail_address("메일@example.com")
