"""The XMP packet (ISO 16684-1): who, what, when, and which standards the file claims to keep.

PDF/A-3B (ISO 19005-3, 6.6.4) and PDF/UA-1 (ISO 14289-1, 5) identification; the schemas that PDF/A does not know are
described as 6.6.2.3.3 asks.
"""

from datetime import date
from xml.sax.saxutils import escape

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
_FX_URI = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_UA_SCHEMA = _EXTENSION.format(
    title="PDF/UA identification",
    uri=_UA_URI,
    prefix="pdfuaid",
    properties=_PROPERTY.format("part", "Integer", "internal", "Part of ISO 14289"),
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
    '</rdf:Description>{more}</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
_PLAIN = _SCHEMAS.format(_UA_SCHEMA)
_WITH_XML = _SCHEMAS.format(_UA_SCHEMA + _FX_SCHEMA) + _FX


def packet(title: str, author: str, day: date, has_xml: bool) -> bytes:
    """The packet of one document; `has_xml` adds the Factur-X identification."""
    more = _WITH_XML if has_xml else _PLAIN
    return _PACKET.format(title=escape(title), author=escape(author), day=day.isoformat(), more=more).encode()
