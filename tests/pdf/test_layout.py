"""The page: nothing overlaps, nothing leaves the margins, long things flow on."""

import io
from dataclasses import replace

import pypdf
import pypdfium2  # type: ignore[import-untyped]
import pytest

from domain.money import Money
from pdf import Brand, InvoiceDocument, Line, render
from pdf.samples.documents import build, many_lines
from pdf.samples.gallery import gallery_documents
from pdf.style import BOTTOM, FOOTER_TEXT, LEFT, PAGE_HEIGHT, RIGHT

DOCUMENTS = gallery_documents()
Box = tuple[float, float, float, float]


def boxes(data: bytes) -> list[list[tuple[str, Box]]]:
    """Text and bounds of each run on each page, as PDFium sees them."""
    pages = []
    with pypdfium2.PdfDocument(data) as transaction_for:
        for page in transaction_for:
            text = page.get_textpage()
            rects = [text.get_rect(index) for index in range(text.count_rects())]
            pages.append([(text.get_text_bounded(*rect), rect) for rect in rects])
    return pages


def overlap(one: Box, other: Box, hair: float = 0.5) -> bool:
    """More than a hair: Devanagari marks may rise a little above their line."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return across > hair and up > 2.0


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_overlaps_and_nothing_leaves_the_margins(name: str) -> None:
    for page in boxes(render(DOCUMENTS[name])):
        runs = [(text, box) for text, box in page if text.strip()]
        assert len(runs) > 3
        for index, (text, box) in enumerate(runs):
            assert box[0] > LEFT - 1.5, text
            assert box[2] < RIGHT + 2.5, text  # a wrapped line may end in a space
            assert box[1] > BOTTOM - 4 or box[3] < FOOTER_TEXT + 16, f"{text!r} stands between body and footer"
            assert box[3] < PAGE_HEIGHT - 30, text
            clashes = [other for other, place in runs[index + 1 :] if overlap(box, place)]
            assert clashes == [], f"{text!r} overlaps {clashes}"


def texts(document: InvoiceDocument) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(render(document))).pages]


def test_many_lines_flow_with_repeated_headers_and_page_numbers() -> None:
    pages = texts(many_lines("en", 60))
    assert len(pages) == 4
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of 4" in page
        assert "Description" in page
        assert "Unit price" in page
    assert all("Invoice DNS-2026-000007 · continued" in page for page in pages[1:])
    assert "continued" not in pages[0]
    assert "Amount due" in pages[3]
    assert "Amount due" not in pages[2]


def test_the_totals_stay_together_for_every_number_of_lines() -> None:
    for count in range(8, 24):
        pages = texts(many_lines("en", count))
        assert any("Subtotal" in page and "Amount due" in page for page in pages), count


def test_a_line_longer_than_a_page_goes_on_over_the_next_ones() -> None:
    text = " ".join(f"word{number}" for number in range(2500))
    money = Money(1000, "USD")
    document = build("en", lines=(Line(text, money), Line("after it", money)))
    pages = texts(document)
    assert len(pages) >= 3
    joined = " ".join(" ".join(pages).split())
    assert all(f"word{number}" in joined for number in range(2500))
    assert "after it" in pages[-1]


def test_quantities_get_columns_only_when_there_are_any() -> None:
    assert "Unit price" not in texts(build("en"))[0]
    money = Money(3000, "USD")
    seats = build("en", lines=(Line("Seats", money, quantity=3, unit_price=Money(1000, "USD")),))
    assert "Unit price" in texts(seats)[0]


def test_a_paid_document_says_so_and_owes_nothing() -> None:
    page = texts(build("en"))[0]
    assert "Paid on March 12, 2026" in page
    assert "How to pay" not in page
    unpaid = texts(replace(build("en"), paid_on=None))[0]
    assert "Paid" not in unpaid
    assert "Due by March 19, 2026" in unpaid
    assert "How to pay" in unpaid


def test_tax_that_prices_contain_is_said_once_among_the_sums() -> None:
    """1935 with the tax of 133, less 323: 1745, of which 1612 are the base and 133 the tax at 8.25 %."""
    page = " ".join(texts(DOCUMENTS["prices-with-tax-en"])[0].split())
    assert page.count("Sales tax") == page.count("$1.33") == 1
    assert "Total before tax $16.12" in page
    assert "Sales tax 8.25% on $16.12, contained in the prices above $1.33" in page
    assert "Subtotal" not in page


def test_what_a_buyer_who_owes_no_tax_gets_off_inclusive_prices_is_a_line() -> None:
    """455 of 500: the 45 that the price holds are taken off, and no tax is asked."""
    money = [Money(amount, "USD") for amount in (500, -45, 455, 0)]
    lines = (Line("Basic", money[0]), Line("Sales tax, contained in the prices above", money[1], kind="included_tax"))
    document = replace(
        build("en", lines=lines), taxes=(), net=money[2], total=money[2], amount_due=money[2], payment_instructions=None
    )
    page = " ".join(texts(document)[0].split())
    assert "Sales tax, contained in the prices above -$0.45" in page.replace("\u2212", "-")
    assert "Subtotal $4.55" in page


def test_a_colour_too_light_to_read_is_not_used_for_text() -> None:
    with pypdfium2.PdfDocument(render(replace(build("en"), brand=Brand("#ffee00")))) as transaction_for:
        image = transaction_for[0].render(scale=1).to_pil().convert("RGB")
    title = image.crop((400, 60, 550, 90))
    assert (255, 238, 0) not in set(title.get_flattened_data())
