"""What a line of text may hold, and how a language is found by less and less of its tag."""

import pytest

from domain.locales import parents
from domain.texts import UnfitText, check_line, check_text, readable


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


def test_the_parents_of_a_tag() -> None:
    assert list(parents("ja-JP_x-kansai")) == ["ja_JP_x_kansai", "ja_JP_x", "ja_JP", "ja"]
