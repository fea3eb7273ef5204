"""The shipped fonts have what they are said to have."""

from collections.abc import Iterator

import pytest

from pdf import check_printable
from pdf.faces import FONTS, face
from pdf.fontbuild import SOURCES, WEIGHTS, characters
from pdf.shaping import MissingGlyph

FAMILIES = [family for _, _, _, family in SOURCES]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_fonts_are_static_truetype_with_their_licence_beside_them(family: str, weight: str) -> None:
    assert (FONTS / f"{family}-{weight}.ttf").read_bytes()[:4] == b"\x00\x01\x00\x00"
    assert "SIL OPEN FONT LICENSE" in (FONTS / f"{family}-OFL.txt").read_text()
    tags = set(face(family, weight == "Bold").font.face.table_tags)
    assert {"glyf", "GSUB", "GPOS"} <= tags
    assert not {"fvar", "CFF ", "fpgm"} & tags, "no variations, no PostScript outlines, no hints"


@pytest.mark.parametrize("family", FAMILIES)
def test_both_weights_have_the_same_characters_and_none_that_were_not_asked_for(family: str) -> None:
    regular, bold = face(family, False).covered, face(family, True).covered
    assert regular == bold
    assert regular <= characters(family)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("".join(map(chr, range(0x20, 0x7F))), "en"),
        ("".join(map(chr, range(0xA1, 0x180))), "es"),
        ("Ελληνικά Кириллица Tiếng Việt Łódź Čeština Türkçe", "en"),
        ("髙橋 﨑山 渡邉 渡邊 \U00020bb7田 濵 々〆ヶ ①㈱℡", "ja"),
        ("ぁあァアｱﾞ「」（）￥〜～―‐", "ja"),
        ("अआइईउऊऋएऐओऔकखगघङ क्ष त्र ज्ञ श्र ०१२३ ₹ ।", "hi"),
        ("first line\nsecond line\ttab", "en"),
    ],
)
def test_what_our_customers_write_can_be_printed(text: str, locale: str) -> None:
    check_printable(text, locale)


def test_the_kanji_of_code_page_932_and_half_width_katakana_are_complete() -> None:
    kanji = {ord(character) for character in _decodable("cp932") if "\u4e00" <= character <= "\u9fff"}
    assert len(kanji) > 6_500
    assert kanji | set(range(0xFF61, 0xFFA0)) <= face("NotoSansJP", False).covered


def _decodable(encoding: str) -> Iterator[str]:
    for code in range(0x8140, 0xFD00):
        try:
            yield from code.to_bytes(2, "big").decode(encoding)
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("text", ["عربي", "ไทย", "한국어", "\U0001f680"])
def test_what_cannot_be_printed_is_known_when_it_is_entered(text: str) -> None:
    with pytest.raises(MissingGlyph, match="no shipped font can draw"):
        check_printable(f"Name {text}", "en")
