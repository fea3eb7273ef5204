"""What a line of text may hold, and how a language is found by less and less of its tag."""

import pytest

from domain.locales import known_parents, parents
from domain.texts import UnfitText, check_line, check_party, check_text, readable, shown


def test_a_line_is_one_line_with_something_to_see() -> None:
    assert check_line("Žofia 1-2") == "Žofia 1-2"
    for text, said in (
        ("a\nb", "U+000A without a name (character 2) cannot be printed; leave it out"),
        ("\u202eabc", "U+202E RIGHT-TO-LEFT OVERRIDE (character 1) cannot be printed; leave it out"),
        (" ", "there is nothing to see in it; write at least one letter or digit"),
    ):
        with pytest.raises(UnfitText) as refused:
            check_line(text)
        assert str(refused.value) == said
    assert check_text("a\nb") == "a\nb"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("two\r\nlines", "two\nlines"),
        ("a family 👨\u200d👩\u200d👧", "a family 👨👩👧"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("क्\u200dष", "क्\u200dष"),
        ("soft\xadhyphen\u200b\ufeff\0", "softhyphen"),
        ("\u200fمرحبا", "مرحبا"),
        (" \u200d\ufe0f\ufe0f.", " ."),  # what stood between them is gone
    ],
)
def test_what_a_person_typed_is_kept_as_far_as_it_can_be_read(typed: str, kept: str) -> None:
    assert readable(typed) == kept == check_text(kept)


def test_a_text_names_what_it_cannot_hold() -> None:
    for text, character in (("a\x00", "\x00"), ("a\u200db", "\u200d"), ("\ufe0f", "\ufe0f")):
        with pytest.raises(UnfitText) as refused:
            check_text(text)
        assert refused.value.character == character
    assert check_text("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"


@pytest.mark.parametrize(("name", "lines", "fits"), [(600, 0, True), (590, 10, True), (591, 10, False), (1, 11, False)])
def test_a_page_has_room_for_so_much_of_a_party(name: int, lines: int, fits: bool) -> None:
    address = ["a"] * lines
    if fits:
        check_party("x" * name, address)
    else:
        with pytest.raises(UnfitText, match=f"here are {lines} lines and {name + lines} characters"):
            check_party("x" * name, address)


def test_the_beginning_of_a_text_for_a_log() -> None:
    assert (shown("日本"), shown("a\u202e"), shown("x" * 70)) == ("'日本'", "'a\\u202e'", repr("x" * 60))


def test_the_known_parents_of_a_tag() -> None:
    assert [str(locale) for locale in known_parents("es-AR-x-y")] == ["es_AR", "es"]
    assert list(known_parents("tlh")) == []


def test_the_parents_of_a_tag() -> None:
    assert list(parents("ja-JP_x-kansai")) == ["ja_JP_x_kansai", "ja_JP_x", "ja_JP", "ja"]
