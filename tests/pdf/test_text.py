"""What is printed can be copied and searched: every string, every language, four independent readers."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pypdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
from pdfminer.high_level import extract_text

from pdf import render
from pdf.samples.gallery import gallery_documents
from tests.pdf.expected import squeezed, strings

DOCUMENTS = gallery_documents()


def poppler(data: bytes, folder: Path) -> str:
    path = folder / "document.pdf"
    path.write_bytes(data)
    return subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True).stdout


def pypdf_text(data: bytes, _folder: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def pdfium(data: bytes, _folder: Path) -> str:
    with pypdfium2.PdfDocument(data) as transaction_for:
        return "\n".join(page.get_textpage().get_text_bounded() for page in transaction_for)


def pdfminer(data: bytes, _folder: Path) -> str:
    return extract_text(io.BytesIO(data))


@pytest.mark.parametrize("reader", [poppler, pypdf_text, pdfium, pdfminer])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_string_is_found(name: str, reader: Callable[[bytes, Path], str], tmp_path: Path) -> None:
    document = DOCUMENTS[name]
    text = squeezed(reader(render(document), tmp_path))
    wanted = strings(document)
    assert len(wanted) >= 37
    assert [string for string in wanted if squeezed(string) not in text] == []


def test_words_of_a_wrapped_line_keep_the_space_between_them() -> None:
    text = pdfium(render(DOCUMENTS["proforma-en"]), Path())
    assert "Business, monthly, for the rest of the period" in text
    assert "Pay by card or bank transfer: https://portal.northwind.example/pay/inv_0192f3a1c7e8." in text


def test_a_reader_without_actual_text_still_gets_devanagari_exactly() -> None:
    """With the ActualText taken out, ToUnicode alone gives the same words in drawing order."""
    pdf = pypdf.PdfReader(io.BytesIO(render(DOCUMENTS["invoice-hi"])))
    assert "भुगतान" in squeezed(pdf.pages[0].extract_text())
    resources = pdf.pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    for name in resources:
        cmap = resources[name]["/ToUnicode"].get_data()
        assert b"<e0" not in cmap.lower().split(b"beginbfchar")[1][:4000], "no private-use code points"


# One of each language: poppler reads the page anew for each piece of content, which takes seconds on long documents.
@pytest.mark.parametrize("name", ["proforma-en", "invoice-es", "renewal-ja", "credit_note-hi"])
def test_the_structure_tree_holds_every_string_with_lines_kept_apart(name: str, tmp_path: Path) -> None:
    """What a screen reader follows: poppler's text by structure, words with one space between them."""
    document = DOCUMENTS[name]
    path = tmp_path / "document.pdf"
    path.write_bytes(render(document))
    shown = subprocess.run(["pdfinfo", "-struct-text", str(path)], check=True, capture_output=True, text=True).stdout
    text = "".join(line.strip()[1:-1] for line in shown.splitlines() if line.strip().startswith('"'))
    assert [string for string in strings(document) if squeezed(string) not in squeezed(text)] == []
    for first, second in zip(document.buyer.address, document.buyer.address[1:], strict=False):
        assert f"{first[-3:]} {second[:3]}" in text.replace("\u200b", "")
