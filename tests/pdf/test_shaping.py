"""Shaped words: the text survives, nothing is drawn as a box, lines end where they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdf.breaking import one_line, units, wrap
from pdf.shaping import MissingGlyph, Word, shape

DEVANAGARI = st.text(st.characters(min_codepoint=0x0904, max_codepoint=0x0970), min_size=1, max_size=12)
MIXED = st.text(st.sampled_from(list("abcXYZ 019,.-/@é ₹€山田太郎プ。「」（）नमस्तेक्षि\u200d")), max_size=60)


def glyph_text(word: Word) -> str:
    return "".join(glyph.text for segment in word.segments for _, glyphs in segment.parts for glyph in glyphs)


@given(DEVANAGARI)
def test_glyph_texts_in_drawing_order_are_the_word(text: str) -> None:
    assert glyph_text(shape(text, "hi", False)).replace("\u200b", "") == text


@pytest.mark.parametrize("language", ["en", "ja"])
@given(text=MIXED)
def test_units_are_the_text_again_and_shape_without_loss(language: str, text: str) -> None:
    assert "".join(units(text)) == text
    line = one_line(text, language)
    assert "".join(glyph_text(word) for word in line.words).replace("\u200b", "") == text.strip()


def test_the_same_glyph_may_stand_for_different_text() -> None:
    """क्र and कर share shapes; each CID has one text, so each copies as what was written."""
    for word in ("क्रेडिट", "कर", "प्रोफ़ॉर्मा", "श्री", "र्क"):
        assert glyph_text(shape(word, "hi", True)).replace("\u200b", "") == word


@pytest.mark.parametrize(
    ("text", "language", "families"),
    [
        ("Analytical", "en", ["NotoSans"]),
        ("山田", "en", ["NotoSansJP"]),
        ("山田", "ja", ["NotoSansJP"]),
        ("₹12", "ja", ["NotoSans", "NotoSansJP"]),
        ("नमस्ते", "ja", ["NotoSans"]),
        ("a→b", "en", ["NotoSans", "NotoSansJP", "NotoSans"]),
    ],
)
def test_a_character_falls_back_to_the_font_that_has_it(text: str, language: str, families: list[str]) -> None:
    assert [segment.face.family for segment in shape(text, language, False).segments] == families


@pytest.mark.parametrize("text", ["مرحبا", "שלום", "\U0001f600", "\ue000", "a\x00b"])
def test_a_character_that_no_font_has_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(MissingGlyph, match=r"U\+[0-9A-F]{4,5}"):
        shape(text, "en", False)


@pytest.mark.parametrize(
    ("text", "limit", "lines"),
    [
        ("the plan was changed", 5000, ["the plan", "was", "changed"]),
        ("ノースゲートビルディング", 4000, ["ノース", "ゲートビ", "ルディン", "グ"]),  # ー never starts a line
        ("ご利用（月払い）です。", 4000, ["ご利用", "（月払", "い）で", "す。"]),
        ("あいう。えお", 3000, ["あい", "う。え", "お"]),
        ("ab@example.org", 4600, ["ab@", "example.", "org"]),
        ("x-y-z-x-y-z", 2000, ["x-y", "-z-x", "-y-z"]),
    ],
)
def test_lines_break_where_they_may(text: str, limit: int, lines: list[str]) -> None:
    language = "en" if text.isascii() else "ja"
    broken = ["".join(word.text for word in line.words) for line in wrap(text, language, limit)]
    assert broken == lines


@given(MIXED, st.integers(3000, 20000))
def test_no_line_is_wider_than_its_column_and_no_text_is_lost(text: str, limit: int) -> None:
    lines = wrap(text, "ja", limit)
    joined = "".join(word.text for line in lines for word in line.words)
    assert joined.replace(" ", "") == text.replace(" ", "")
    for line in lines:
        assert line.width <= limit or len(line.words) == 1
        if line is not lines[-1] and line.words:
            assert not line.words[-1].text.endswith("-"), "readers drop a hyphen at the end of a line"
            assert line.words[-1].text[-1] not in "（「" or f"{line.words[-1].text} " in text, "but at a space it may"
    firsts = [line.words[0].text for line in lines[1:] if line.words]
    assert all(first[0] not in "。」）" or f" {first}" in text for first in firsts)
