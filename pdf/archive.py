"""What makes the file last: metadata, colour, attachment and the catalogue that ties them (ISO 19005-3, PDF/A-3B).

Clauses: output intent 6.2.3, metadata 6.6, embedded files 6.8 (each with an AFRelationship). Information dictionary and
XMP say the same (6.6.2.2). All dates are the date of issue, so that the file does not depend on when it was made.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import deflate

from pdf import facturx
from pdf.values import InvoiceDocument
from pdf.writer import COMPRESSION, PdfWriter, text_string
from pdf.xmp import packet

PRODUCER = "Planshift"
_PROFILE = Path(__file__).parent / "colour" / "sRGB2014.icc"


@dataclass(frozen=True, slots=True)
class Archive:
    """Entries for the catalogue, and the information dictionary."""

    catalog: str
    information: bytes


def write_archive(writer: PdfWriter, document: InvoiceDocument, title: str) -> Archive:
    """Add metadata, output intent and attachment."""
    has_xml = facturx.applies_to(document)
    metadata = writer.add_stream("/Type/Metadata/Subtype/XML", packet(document, title, has_xml), compress=False)
    profile = writer.add_compressed("/N 3", _profile())
    intent = writer.add(
        b"<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB IEC61966-2.1)"
        b"/RegistryName(http://www.color.org)/DestOutputProfile %d 0 R>>" % profile
    )
    attached = _attach(writer, document) if has_xml else ""
    stamp = f"(D:{document.issued_on:%Y%m%d}000000+00'00')"
    information = (
        f"<</Title{text_string(title)}/Author{text_string(document.seller.name)}/Producer({PRODUCER})"
        f"/CreationDate{stamp}/ModDate{stamp}>>"
    )
    return Archive(f"/Metadata {metadata} 0 R/OutputIntents[{intent} 0 R]{attached}", information.encode("ascii"))


@cache
def _profile() -> bytes:
    return bytes(deflate.zlib_compress(_PROFILE.read_bytes(), COMPRESSION))


def _attach(writer: PdfWriter, document: InvoiceDocument) -> str:
    """Embed the XML as an alternative of the page (ISO 32000-1, 7.11.4; Factur-X 1.0, 6.2); its catalogue entries."""
    xml = facturx.invoice_xml(document)
    checksum = hashlib.md5(xml, usedforsecurity=False).hexdigest()
    embedded = writer.add_stream(
        f"/Type/EmbeddedFile/Subtype/text#2Fxml/Params<</ModDate(D:{document.issued_on:%Y%m%d}000000+00'00')"
        f"/Size {len(xml)}/CheckSum<{checksum}>>>",
        xml,
    )
    name = facturx.FILE_NAME
    file = writer.add(
        f"<</Type/Filespec/F({name})/UF({name})/AFRelationship/Alternative/Desc(Factur-X invoice)"
        f"/EF<</F {embedded} 0 R/UF {embedded} 0 R>>>>".encode("ascii")
    )
    return f"/AF[{file} 0 R]/Names<</EmbeddedFiles<</Names[({name}) {file} 0 R]>>>>"
