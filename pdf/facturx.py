"""The same invoice for machines: EN 16931 in the CII syntax, as Factur-X / ZUGFeRD embeds it (profile EN 16931).

Attached for sellers in the European Union that state a VAT identifier; others have schemes of their own and EN 16931
rule BR-CO-09 would refuse them. A proforma is no invoice and carries none, lest it be booked. Business terms (BT-) and
groups (BG-) are those of EN 16931-1; the order of elements is that of the schema CrossIndustryInvoice 100.
"""

from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

from domain.money import Money
from pdf.values import InvoiceDocument, Kind, Line, Party, Tax, tax_of

FILE_NAME = "factur-x.xml"
# VAT territories of the Union; Greece writes EL in VAT identifiers.
EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
_COMMERCIAL_INVOICE, _CREDIT_NOTE = "380", "381"  # UNTDID 1001
_MEANS_NOT_DEFINED = "1"  # UNTDID 4461: how it is paid is between customer and gateway
_ONE = "C62"  # UN/ECE recommendation 20: one (piece)
_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"'
    ' xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"'
    ' xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">'
    "<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>"
    "<ram:ID>urn:cen.eu:en16931:2017</ram:ID>"
    "</ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>"
)


def applies_to(document: InvoiceDocument) -> bool:
    """Whether this document carries the XML: an invoice or credit note with stated tax, by a VAT payer in the EU."""
    seller = document.seller
    return document.kind is not Kind.PROFORMA and seller.country in EU and bool(seller.tax_id and document.taxes)


def invoice_xml(document: InvoiceDocument) -> bytes:
    """The invoice as CII. A credit note (381) states what it credits as positive amounts."""
    return "".join(
        [
            _OPENING,
            _header(document),
            "<rsm:SupplyChainTradeTransaction>",
            *[_line(document, number, line) for number, line in enumerate(document.lines, 1)],
            _agreement(document),
            _delivery(document),
            _settlement(document),
            "</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>",
        ]
    ).encode()


def vat_identifier(party: Party) -> str:
    """BT-31, BT-48: letters and digits, the country's prefix in front."""
    prefix = "EL" if party.country == "GR" else party.country
    plain = "".join([sign for sign in (party.tax_id or "").upper() if sign.isalnum()])
    return plain if plain.startswith(prefix) else prefix + plain


def _sign(document: InvoiceDocument) -> int:
    return -1 if document.kind is Kind.CREDIT_NOTE else 1


def _amount(document: InvoiceDocument, money: Money) -> str:
    return (money if _sign(document) > 0 else -money).major()


def _rate(tax: Tax) -> str:
    return f"{Decimal(tax.percent).normalize():f}"


def _day(day: date) -> str:
    return f'<udt:DateTimeString format="102">{day:%Y%m%d}</udt:DateTimeString>'


def _period(first: date, last: date) -> str:
    return (
        f"<ram:BillingSpecifiedPeriod><ram:StartDateTime>{_day(first)}</ram:StartDateTime>"
        f"<ram:EndDateTime>{_day(last)}</ram:EndDateTime></ram:BillingSpecifiedPeriod>"
    )


def _header(document: InvoiceDocument) -> str:
    code = _CREDIT_NOTE if document.kind is Kind.CREDIT_NOTE else _COMMERCIAL_INVOICE
    notes = [f"<ram:IncludedNote><ram:Content>{escape(n)}</ram:Content></ram:IncludedNote>" for n in document.notes]
    return (
        f"<rsm:ExchangedDocument><ram:ID>{escape(document.label)}</ram:ID><ram:TypeCode>{code}</ram:TypeCode>"
        f"<ram:IssueDateTime>{_day(document.issued_on)}</ram:IssueDateTime>{''.join(notes)}</rsm:ExchangedDocument>"
    )


def _line(document: InvoiceDocument, number: int, line: Line) -> str:
    """BG-25. A credit is a negative quantity at a positive price (BR-27)."""
    price = line.unit_price or Money(abs(line.amount.amount), line.amount.currency)
    quantity = line.quantity if line.unit_price else (-1 if line.amount.amount < 0 else 1)
    tax = tax_of(document, line)
    assert tax is not None
    explained = f"<ram:Description>{escape(line.arithmetic)}</ram:Description>" if line.arithmetic else ""
    return (
        "<ram:IncludedSupplyChainTradeLineItem>"
        f"<ram:AssociatedDocumentLineDocument><ram:LineID>{number}</ram:LineID></ram:AssociatedDocumentLineDocument>"
        f"<ram:SpecifiedTradeProduct><ram:Name>{escape(line.description)}</ram:Name>{explained}"
        "</ram:SpecifiedTradeProduct><ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>"
        f"<ram:ChargeAmount>{price.major()}</ram:ChargeAmount></ram:NetPriceProductTradePrice>"
        "</ram:SpecifiedLineTradeAgreement><ram:SpecifiedLineTradeDelivery>"
        f'<ram:BilledQuantity unitCode="{_ONE}">{quantity * _sign(document)}</ram:BilledQuantity>'
        "</ram:SpecifiedLineTradeDelivery><ram:SpecifiedLineTradeSettlement><ram:ApplicableTradeTax>"
        f"<ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>{tax.category}</ram:CategoryCode>"
        f"<ram:RateApplicablePercent>{_rate(tax)}</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
        f"{_period(*line.period) if line.period else ''}<ram:SpecifiedTradeSettlementLineMonetarySummation>"
        f"<ram:LineTotalAmount>{_amount(document, line.amount)}</ram:LineTotalAmount>"
        "</ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>"
        "</ram:IncludedSupplyChainTradeLineItem>"
    )


def _party(party: Party, states_vat: bool) -> str:
    """BG-4, BG-7 with postal address and electronic address. A fourth and further address line joins the third."""
    address = [*party.address[:2], ", ".join(party.address[2:])]
    lines = [
        f"<ram:{name}>{escape(line)}</ram:{name}>"
        for name, line in zip(("LineOne", "LineTwo", "LineThree"), address, strict=False)
        if line
    ]
    country = f"<ram:CountryID>{party.country}</ram:CountryID>" if party.country else ""
    email = party.email and (
        f'<ram:URIUniversalCommunication><ram:URIID schemeID="EM">{escape(party.email)}</ram:URIID>'
        "</ram:URIUniversalCommunication>"
    )
    vat = states_vat and (
        f'<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">{escape(vat_identifier(party))}</ram:ID>'
        "</ram:SpecifiedTaxRegistration>"
    )
    return (
        f"<ram:Name>{escape(party.name)}</ram:Name><ram:PostalTradeAddress>{''.join(lines)}{country}"
        f"</ram:PostalTradeAddress>{email or ''}{vat or ''}"
    )


def _agreement(document: InvoiceDocument) -> str:
    buyer = document.buyer
    return (
        f"<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty>{_party(document.seller, True)}"
        f"</ram:SellerTradeParty><ram:BuyerTradeParty>{_party(buyer, bool(buyer.tax_id) and buyer.country in EU)}"
        "</ram:BuyerTradeParty></ram:ApplicableHeaderTradeAgreement>"
    )


def _delivery(document: InvoiceDocument) -> str:
    """BT-72, and for supply within the Union the country it goes to (BT-80, rule BR-IC-12)."""
    goes_to = ""
    if any(tax.category == "K" for tax in document.taxes):
        goes_to = (
            f"<ram:ShipToTradeParty><ram:PostalTradeAddress><ram:CountryID>{document.buyer.country}</ram:CountryID>"
            "</ram:PostalTradeAddress></ram:ShipToTradeParty>"
        )
    day = document.supply[1] if document.supply else document.issued_on
    return (
        f"<ram:ApplicableHeaderTradeDelivery>{goes_to}<ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime>"
        f"{_day(day)}</ram:OccurrenceDateTime></ram:ActualDeliverySupplyChainEvent></ram:ApplicableHeaderTradeDelivery>"
    )


def _tax(document: InvoiceDocument, tax: Tax) -> str:
    """BG-23."""
    reason = f"<ram:ExemptionReason>{escape(tax.reason)}</ram:ExemptionReason>" if tax.reason else ""
    return (
        f"<ram:ApplicableTradeTax><ram:CalculatedAmount>{_amount(document, tax.amount)}</ram:CalculatedAmount>"
        f"<ram:TypeCode>VAT</ram:TypeCode>{reason}<ram:BasisAmount>{_amount(document, tax.base)}</ram:BasisAmount>"
        f"<ram:CategoryCode>{tax.category}</ram:CategoryCode>"
        f"<ram:RateApplicablePercent>{_rate(tax)}</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
    )


def _settlement(document: InvoiceDocument) -> str:
    due = document.due_on or document.issued_on
    corrected = "".join(
        [
            f"<ram:InvoiceReferencedDocument><ram:IssuerAssignedID>{escape(number)}</ram:IssuerAssignedID>"
            "</ram:InvoiceReferencedDocument>"
            for number in (document.corrects or "").split(", ")
            if number
        ]
    )
    return (
        "<ram:ApplicableHeaderTradeSettlement>"
        f"<ram:InvoiceCurrencyCode>{document.currency}</ram:InvoiceCurrencyCode>"
        f"<ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>{_MEANS_NOT_DEFINED}</ram:TypeCode>"
        "</ram:SpecifiedTradeSettlementPaymentMeans>"
        f"{''.join([_tax(document, tax) for tax in document.taxes])}"
        f"{_period(*document.supply) if document.supply else ''}"
        f"<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>{_day(due)}</ram:DueDateDateTime>"
        f"</ram:SpecifiedTradePaymentTerms>{_totals(document)}{corrected}</ram:ApplicableHeaderTradeSettlement>"
    )


def _totals(document: InvoiceDocument) -> str:
    """BG-22. Account credit and a payment already made are prepaid amounts (BT-113); what is due is rounded after tax
    (BT-114), which the total with tax (BT-112) does not hold."""
    due = document.amount_due - document.amount_due if document.paid_on else document.amount_due
    rounding = document.rounding or Money.zero(document.currency)
    gross = document.total - rounding
    tax = gross - document.net
    rounded = f"<ram:RoundingAmount>{_amount(document, rounding)}</ram:RoundingAmount>" if rounding else ""
    net, currency = _amount(document, document.net), document.currency
    return (
        f"<ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>{net}</ram:LineTotalAmount>"
        f"<ram:TaxBasisTotalAmount>{net}</ram:TaxBasisTotalAmount>"
        f'<ram:TaxTotalAmount currencyID="{currency}">{_amount(document, tax)}</ram:TaxTotalAmount>'
        f"{rounded}<ram:GrandTotalAmount>{_amount(document, gross)}</ram:GrandTotalAmount>"
        f"<ram:TotalPrepaidAmount>{_amount(document, document.total - due)}</ram:TotalPrepaidAmount>"
        f"<ram:DuePayableAmount>{_amount(document, due)}</ram:DuePayableAmount>"
        "</ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
    )
