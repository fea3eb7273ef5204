"""ReportLab writes the file: object numbers, cross-reference table, trailer, file identifier (ISO 32000-1, 7.5).

Our layers hand over finished objects as bytes; ReportLab's own fonts, pages and catalogue cannot express PDF/A, tags
or attachments, so PDFDocument is given ready dictionaries in their place. The file identifier is a digest of the
contents and no clock is read: the same objects give the same bytes.
"""

from typing import Any

import deflate
from reportlab.pdfbase.pdfdoc import PDFDocument, PDFObject

# libdeflate makes the same bytes on every processor. Level 1 is 4 % larger than level 6 and takes half its time.
COMPRESSION = 1
_WORTH_COMPRESSING = 200  # bytes


class Ready(PDFObject):
    """An indirect object whose bytes are finished by the time the file is saved."""

    __slots__ = ("data",)
    __RefOnly__ = 1

    def __init__(self, data: bytes) -> None:
        self.data = data

    def format(self, _document: PDFDocument) -> bytes:
        return self.data

    def digest(self, signature: Any) -> None:
        """Called by ReportLab for the information dictionary; the writer has signed every object already."""


class PdfWriter:
    """Collects indirect objects and saves them through ReportLab."""

    def __init__(self) -> None:
        self._document: Any = PDFDocument(compression=0, invariant=1, pdfVersion=(1, 7))
        self._objects: dict[int, Ready] = {}

    def add(self, data: bytes = b"") -> int:
        """The number of a new object; give its bytes now, or later with `put`."""
        # What PDFDocument.Reference does for a new object, less its search for older ones: we count objects by number.
        document = self._document
        number: int = document.objectcounter + 1
        name = f"R{number}"
        document.objectcounter = number
        document.idToObjectNumberAndVersion[name] = (number, 0)
        document.numberToId[number] = name
        document.idToObject[name] = self._objects[number] = Ready(data)
        return number

    def put(self, number: int, data: bytes) -> None:
        self._objects[number].data = data

    def add_stream(self, dictionary: str, data: bytes, compress: bool = True) -> int:
        """A stream object (ISO 32000-1, 7.3.8). PDF/A wants a line end before endstream (ISO 19005-3, 6.1.7.1)."""
        if compress and len(data) > _WORTH_COMPRESSING:
            return self.add_compressed(dictionary, deflate.zlib_compress(data, COMPRESSION))
        return self.add(b"<<%s/Length %d>>stream\n%s\nendstream" % (dictionary.encode("ascii"), len(data), data))

    def add_compressed(self, dictionary: str, data: bytes | bytearray) -> int:
        """A stream whose data is in zlib format already (FlateDecode, 7.4.4)."""
        head = f"<<{dictionary}/Filter/FlateDecode/Length {len(data)}>>stream\n".encode("ascii")
        return self.add(b"%s%s\nendstream" % (head, data))

    def save(self, catalog: bytes, information: bytes) -> bytes:
        """The finished file."""
        self._document.Catalog = Ready(catalog)
        self._document.info = Ready(information)
        self._document.signature.update(b"".join([ready.data for ready in self._objects.values()]))
        saved: bytes = self._document.GetPDFData(None)
        return saved


def text_string(text: str) -> str:
    """A text string object in UTF-16BE hexadecimal (ISO 32000-1, 7.9.2.2)."""
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"
