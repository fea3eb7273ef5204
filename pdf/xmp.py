"""The XMP packet (ISO 16684-1): who, what, when, and which standards the file claims to keep.

PDF/A-3B (ISO 19005-3, 6.6.4) and PDF/UA-1 (ISO 14289-1, 5) identification; the schemas that PDF/A does not know are
described as 6.6.2.3.3 asks. One of them is ours: a document names its provider, kind, number and invoice for the day
on which no row is left to tell of it, and `identity_of` reads that back.
"""

import re
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from pdf.values import InvoiceDocument, Kind

_EXTENSION = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>{title}</pdfaSchema:schema>'
    "<pdfaSchema:namespaceURI>{uri}</pdfaSchema:namespaceURI><pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>"
    "<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
)
_PROPERTY = (
    '<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{}</pdfaProperty:name>'
    "<pdfaProperty:valueType>{}</pdfaProperty:valueType><pdfaProperty:category>{}</pdfaProperty:category>"
    "<pdfaProperty:description>{}</pdfaProperty:description></rdf:li>"
)
_UA_URI = "http://www.aiim.org/pdfua/ns/id/"
_OWN_URI = "urn:planshift:document:1#"
_FX_URI = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_UA_SCHEMA = _EXTENSION.format(
    title="PDF/UA identification",
    uri=_UA_URI,
    prefix="pdfuaid",
    properties=_PROPERTY.format("part", "Integer", "internal", "Part of ISO 14289"),
)
_OWN_SCHEMA = _EXTENSION.format(
    title="Planshift document",
    uri=_OWN_URI,
    prefix="planshift",
    properties="".join(
        [
            _PROPERTY.format("Provider", "Text", "internal", "Id of the provider whose document it is"),
            _PROPERTY.format("Kind", "Text", "internal", "proforma, invoice or credit_note"),
            _PROPERTY.format("Number", "Text", "internal", "Legal number; a proforma has none"),
            _PROPERTY.format("Reference", "Text", "internal", "Id of the invoice"),
        ]
    ),
)
_FX_SCHEMA = _EXTENSION.format(
    title="Factur-X",
    uri=_FX_URI,
    prefix="fx",
    properties="".join(
        [
            _PROPERTY.format("DocumentFileName", "Text", "external", "Name of the embedded XML file"),
            _PROPERTY.format("DocumentType", "Text", "external", "INVOICE"),
            _PROPERTY.format("Version", "Text", "external", "Version of the XML schema"),
            _PROPERTY.format("ConformanceLevel", "Text", "external", "Profile of the embedded data"),
        ]
    ),
)
_SCHEMAS = (
    '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
    ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
    "<pdfaExtension:schemas><rdf:Bag>{}</rdf:Bag></pdfaExtension:schemas></rdf:Description>"
)
_FX = (
    f'<rdf:Description rdf:about="" xmlns:fx="{_FX_URI}"><fx:DocumentType>INVOICE</fx:DocumentType>'
    "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName><fx:Version>1.0</fx:Version>"
    "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
)
_OWN = (
    f'<rdf:Description rdf:about="" xmlns:planshift="{_OWN_URI}"><planshift:Provider>{{provider}}</planshift:Provider>'
    "<planshift:Kind>{kind}</planshift:Kind>{number}<planshift:Reference>{reference}</planshift:Reference>"
    "</rdf:Description>"
)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
    "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>"
    f'<rdf:Description rdf:about="" xmlns:pdfuaid="{_UA_URI}"><pdfuaid:part>1</pdfuaid:part></rdf:Description>'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:pdf="http://ns.adobe.com/pdf/1.3/">'
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>'
    "<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator><pdf:Producer>Planshift</pdf:Producer>"
    "<xmp:CreateDate>{day}T00:00:00+00:00</xmp:CreateDate><xmp:ModifyDate>{day}T00:00:00+00:00</xmp:ModifyDate>"
    '</rdf:Description>{own}{more}</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
_PLAIN = _SCHEMAS.format(_UA_SCHEMA + _OWN_SCHEMA)
_WITH_XML = _SCHEMAS.format(_UA_SCHEMA + _OWN_SCHEMA + _FX_SCHEMA) + _FX
_WRITTEN = re.compile(rb"<\?xpacket begin=[^>]*\?>(.*?)<\?xpacket end=", re.DOTALL)
_CREATE_DATE = "{http://ns.adobe.com/xap/1.0/}CreateDate"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a document says of itself: `provider` and `reference` (the invoice) are ids, `number` is None on a
    proforma."""

    provider: str
    kind: Kind
    number: str | None
    reference: str
    issued_on: date


def packet(document: InvoiceDocument, title: str, has_xml: bool) -> bytes:
    """The packet of one document; `has_xml` adds the Factur-X identification."""
    number = f"<planshift:Number>{escape(document.number)}</planshift:Number>" if document.number else ""
    own = _OWN.format(
        provider=escape(document.provider), kind=document.kind, number=number, reference=escape(document.reference)
    )
    author, day = escape(document.seller.name), document.issued_on.isoformat()
    more = _WITH_XML if has_xml else _PLAIN
    return _PACKET.format(title=escape(title), author=author, day=day, own=own, more=more).encode()


def identity_of(content: bytes) -> Identity | None:
    """What a document printed here says of itself; None for every other file. The packet stands in the file as it is,
    so that no reader of PDF is needed."""
    written = _WRITTEN.search(content)
    try:
        said = {node.tag: node.text or "" for node in ElementTree.fromstring(written[1]).iter()} if written else {}
        return Identity(
            provider=said[f"{{{_OWN_URI}}}Provider"],
            kind=Kind(said[f"{{{_OWN_URI}}}Kind"]),
            number=said.get(f"{{{_OWN_URI}}}Number"),
            reference=said[f"{{{_OWN_URI}}}Reference"],
            issued_on=date.fromisoformat(said[_CREATE_DATE][:10]),
        )
    except (ElementTree.ParseError, KeyError, ValueError):
        return None
