"""A total that alone is rounded (EN 16931 BT-114), and a credit note that takes from several invoices."""

from dataclasses import replace

import facturx as validator  # type: ignore[import-untyped]
import pytest

from domain.money import Money
from pdf.facturx import invoice_xml
from pdf.layout_table import sums
from pdf.samples.gallery import gallery_documents
from pdf.values import InvalidDocument, checked
from pdf.words import WORDS
from tests.pdf.test_facturx import broken_rules

INVOICE = gallery_documents()["invoice-es"]
CENT = Money(1, INVOICE.currency)
ROUNDED = replace(INVOICE, rounding=CENT, total=INVOICE.total + CENT, amount_due=INVOICE.amount_due + CENT)


def test_a_rounded_total_is_content_with_schema_and_schematron() -> None:
    xml = invoice_xml(checked(ROUNDED))
    assert validator.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert broken_rules(xml.decode()) == []
    assert "<ram:RoundingAmount>0.01</ram:RoundingAmount>" in xml.decode()
    assert "RoundingAmount" not in invoice_xml(INVOICE).decode()


def test_the_page_names_the_rounding_between_tax_and_total() -> None:
    words = WORDS["es"]
    labels = [label for label, _, _ in sums(ROUNDED, words)]
    assert labels.index(words.rounding) == labels.index(words.total) - 1
    assert words.rounding not in [label for label, _, _ in sums(INVOICE, words)]


def test_what_does_not_add_up_is_not_printed() -> None:
    with pytest.raises(InvalidDocument, match="net, tax and rounding do not add up"):
        checked(replace(ROUNDED, rounding=None))


def test_a_credit_note_refers_to_every_invoice_that_it_takes_from() -> None:
    note = replace(gallery_documents()["credit_note-es"], corrects="A-2026-000001, A-2026-000007")
    xml = invoice_xml(note).decode()
    assert [number in xml for number in ("A-2026-000001</ram", "A-2026-000007</ram")] == [True, True]
    assert xml.count("<ram:InvoiceReferencedDocument>") == 2
