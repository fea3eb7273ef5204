"""Whatever customers are called and lines say: it is laid out, nothing overlaps, and all of it can be copied."""

import io
from dataclasses import replace
from pathlib import Path

import pypdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.money import Money
from pdf import Kind, Line, Party, render
from pdf.samples.documents import LANGUAGES, build
from tests.pdf.expected import squeezed, strings
from tests.pdf.test_layout import boxes, overlap
from tests.pdf.test_text import pdfium

LETTERS = "abcdefgh ijklmnop QRSTUVWXYZ 0123456789 .,-/@&()'ñéßøŁ 山田太郎プロ、。「」（） कखगघ निर्देशक्षिश्री"
TEXT = st.text(st.sampled_from(LETTERS), min_size=1, max_size=70)
# A text that ends in a hyphen is read as hyphenated, whoever prints it.
TEXT = TEXT.map(lambda text: text.strip(" -")).filter(bool)
AMOUNT = st.integers(-(10**9), 10**9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    language=st.sampled_from(LANGUAGES),
    kind=st.sampled_from(Kind),
    name=TEXT,
    address=st.lists(TEXT, max_size=5),
    lines=st.lists(st.tuples(TEXT, TEXT, AMOUNT), min_size=1, max_size=30),
)
def test_any_document_is_laid_out_and_read_back(
    language: str, kind: Kind, name: str, address: list[str], lines: list[tuple[str, str, int]]
) -> None:
    usual = build(language)
    made = tuple(Line(text, Money(minor, usual.currency), arithmetic) for text, arithmetic, minor in lines)
    document = replace(
        build(language, kind, lines=made), buyer=Party(name, tuple(address), usual.buyer.country), notes=(name,)
    )
    data = render(document)
    texts = [pdfium(data, Path()), "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)]
    for text in texts:
        assert [string for string in strings(document) if squeezed(string) not in squeezed(text)] == []
    for page in boxes(data):
        runs = [(text, box) for text, box in page if text.strip()]
        for index, (text, box) in enumerate(runs):
            # Marks on foreign letters and a j after a क reach into their neighbour's box, as in any typesetting.
            assert [other for other, place in runs[index + 1 :] if overlap(box, place, hair=8)] == [], text
