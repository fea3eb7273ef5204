"""Composite fonts of one document: Type 0, Identity-H, one CID for each (glyph, text) pair (ISO 32000-1, 9.7).

Because a CID stands for a glyph *and* its text, ToUnicode (9.10.3) is exact even where one glyph is drawn for different
characters, as Devanagari does. CIDs are numbered in order of first use, so the file depends on the document alone.
"""

from collections.abc import Iterable

import uharfbuzz as hb  # type: ignore[import-untyped]

from pdf.breaking import TextLine
from pdf.faces import Face, Glyph
from pdf.shaping import Segment
from pdf.writer import PdfWriter

# A font inside a PDF is drawn by glyph number: tables for shaping, naming and hinting are dead weight.
_DROPPED = [
    int.from_bytes(tag.encode("ascii"), "big")
    for tag in (
        *("GSUB", "GPOS", "GDEF", "BASE", "STAT", "DSIG", "name", "post", "OS/2", "cmap", "gasp"),
        *("vhea", "vmtx", "VORG"),
    )
]
_TO_UNICODE = """/CIDInit/ProcSet findresource begin 12 dict begin begincmap
/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def
/CMapName/Adobe-Identity-UCS def/CMapType 2 def
1 begincodespacerange<0000><ffff>endcodespacerange
{ranges}endcmap CMapName currentdict/CMap defineresource pop end end"""


class _Codes(dict[Glyph, str]):
    """Four hexadecimal digits for each glyph, given out in order of first use; CID 0 is .notdef."""

    def __missing__(self, glyph: Glyph) -> str:
        code = self[glyph] = f"{len(self) + 1:04x}"
        return code


class DocumentFont:
    """One face as this document uses it."""

    def __init__(self, face: Face, resource: str) -> None:
        self.face = face
        self.resource = resource
        self.codes = _Codes()

    def write(self, writer: PdfWriter) -> int:
        """Add the font's objects; the number of its Type 0 dictionary."""
        glyphs = list(self.codes)
        subset, new_gid = _subset(self.face, glyphs)
        name = f"/{_tag(self.resource)}+{self.face.name}"
        program = writer.add_stream(f"/Length1 {len(subset)}", subset)
        gids = b"\0\0" + b"".join([new_gid[glyph.gid].to_bytes(2, "big") for glyph in glyphs])
        cid_to_gid = writer.add_stream("", gids)
        to_unicode = writer.add_stream("", _to_unicode(self.codes))
        descriptor = writer.add(_descriptor(self.face, name, program))
        widths = " ".join([str(self.face.font.get_glyph_h_advance(0)), *[str(glyph.width) for glyph in glyphs]])
        descendant = writer.add(
            f"<</Type/Font/Subtype/CIDFontType2/BaseFont{name}"
            "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
            f"/FontDescriptor {descriptor} 0 R/W[0[{widths}]]/CIDToGIDMap {cid_to_gid} 0 R>>".encode("ascii")
        )
        return writer.add(
            f"<</Type/Font/Subtype/Type0/BaseFont{name}/Encoding/Identity-H"
            f"/DescendantFonts[{descendant} 0 R]/ToUnicode {to_unicode} 0 R>>".encode("ascii")
        )


class FontSet:
    """The fonts of a document and the text state of the page being written."""

    def __init__(self) -> None:
        self.fonts: dict[Face, DocumentFont] = {}
        self._current: tuple[Face, float] | None = None

    def begin_page(self) -> None:
        """A new content stream starts without a font."""
        self._current = None

    def show(self, lines: Iterable[tuple[str, TextLine]], size: float) -> list[tuple[str | None, str]]:
        """Operators that set each line after its own positioning operator, in chunks: a chunk is plain, or one word
        with the text that readers are to take for it (ActualText, ISO 32000-1, 14.9.4)."""
        chunks: list[tuple[str | None, str]] = []
        out: list[str] = []
        actual: str | None = None
        shows = False  # whether `out` has more than positions
        for position, line in lines:
            out.append(position)
            for piece in line.pieces:
                segment = piece.segment
                if piece.opens is not None:
                    if shows:
                        chunks.append((None, " ".join(out)))
                        out = []
                    actual = piece.opens
                codes = self._select(out, segment.face, size)
                shown = _operator(segment, codes)
                out.append(f"{segment.rise * size / 1000:g} Ts {shown} 0 Ts" if segment.rise else shown)
                shows = True
                if piece.closes:
                    chunks.append((actual, " ".join(out)))
                    out, shows = [], False
        if shows:
            chunks.append((None, " ".join(out)))
        return chunks

    def _select(self, out: list[str], face: Face, size: float) -> _Codes:
        font = self.fonts.get(face)
        if font is None:
            font = self.fonts[face] = DocumentFont(face, f"F{len(self.fonts) + 1}")
        if self._current != (face, size):
            self._current = (face, size)
            out.append(f"/{font.resource} {size:g} Tf")
        return font.codes


def _operator(segment: Segment, codes: _Codes) -> str:
    """Tj for plain text, TJ where glyphs are shifted (9.4.3)."""
    code = codes.__getitem__
    if len(segment.parts) == 1 and not segment.parts[0][0]:
        return f"<{''.join(map(code, segment.parts[0][1]))}>Tj"
    array = []
    for shift, glyphs in segment.parts:
        if shift:
            array.append(str(shift))
        if glyphs:
            array.append(f"<{''.join(map(code, glyphs))}>")
    return f"[{''.join(array)}]TJ"


def _subset(face: Face, glyphs: list[Glyph]) -> tuple[bytes, dict[int, int]]:
    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    wanted.glyph_set.update([glyph.gid for glyph in glyphs])
    wanted.drop_table_tag_set.update(_DROPPED)
    plan = hb.SubsetPlan(face.prepared, wanted)
    return plan.execute().blob.data, plan.old_to_new_glyph_mapping


def _to_unicode(codes: _Codes) -> bytes:
    entries = [f"<{code}><{glyph.unicode}>\n" for glyph, code in codes.items()]
    blocks = [entries[start : start + 100] for start in range(0, len(entries), 100)]  # 100 is the CMap limit
    ranges = "".join([f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n" for block in blocks])
    return _TO_UNICODE.format(ranges=ranges).encode("ascii")


def _descriptor(face: Face, name: str, program: int) -> bytes:
    # Flags 4: symbolic, the only choice for a font without a simple encoding. StemV is a hint for substitution only.
    box = " ".join(map(str, face.box))
    return (
        f"<</Type/FontDescriptor/FontName{name}/Flags 4/FontBBox[{box}]/ItalicAngle 0/Ascent {face.ascent}"
        f"/Descent {face.descent}/CapHeight {face.cap_height}/StemV {140 if face.bold else 80}"
        f"/FontFile2 {program} 0 R>>"
    ).encode("ascii")


def _tag(resource: str) -> str:
    """The six letters that mark a subset (9.6.4), different for each font of the document: F1 is AAAAAB."""
    return "AAAAA" + chr(ord("A") + int(resource[1:]))
