"""The shipped typefaces: metrics, coverage and what HarfBuzz needs to shape with them and to subset them.

OpenType 1.9 (tables head, hhea, hmtx, OS/2). Lengths are in thousandths of an em, which is also the unit of the
shipped fonts (unitsPerEm 1000), so nothing is ever rounded between the font and the page.
"""

import struct
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import uharfbuzz as hb  # type: ignore[import-untyped]

FONTS = Path(__file__).parent / "fonts"

# Fallback order by language: the first family that has the character draws it.
FAMILIES = {"ja": ("NotoSansJP", "NotoSans")}
DEFAULT_FAMILIES = ("NotoSans", "NotoSansJP")

# Faces and glyphs are compared by identity: there is one of each. `cache` alone lets two threads open one font twice.
_opening = threading.Lock()

# Characters that draw nothing and take their neighbour's face: joiners, marks of direction, variation selectors.
_IGNORABLE = frozenset((0xAD, *range(0x200B, 0x2010), *range(0x2060, 0x2065), *range(0xFE00, 0xFE10), 0xFEFF))


@dataclass(eq=False, slots=True)
class Glyph:
    """A glyph together with the text that it stands for; compared by identity, made once per (glyph, text)."""

    gid: int
    text: str
    width: int
    unicode: str  # the text in UTF-16BE, hexadecimal


@dataclass(eq=False)
class Face:
    """One weight of one family. `order` is its place in the document's font resources."""

    family: str
    bold: bool
    font: hb.Font
    prepared: hb.Face  # preprocessed for fast subsetting
    covered: frozenset[int]
    ascent: int
    descent: int
    cap_height: int
    box: tuple[int, int, int, int]
    _glyphs: dict[tuple[int, str], Glyph] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return f"{self.family}-{'Bold' if self.bold else 'Regular'}"

    def covers(self, code_point: int) -> bool:
        return code_point in self.covered or is_ignorable(code_point)

    def glyph(self, gid: int, text: str) -> Glyph:
        known = self._glyphs.get((gid, text))
        if known is None:
            with self._lock:
                width = int(self.font.get_glyph_h_advance(gid))
                fresh = Glyph(gid, text, width, text.encode("utf-16-be").hex())
                known = self._glyphs.setdefault((gid, text), fresh)
        return known


def is_ignorable(code_point: int) -> bool:
    return code_point in _IGNORABLE or 0xE0100 <= code_point <= 0xE01EF


def face(family: str, bold: bool) -> Face:
    """A shipped font, opened once per process, whichever threads ask for it first."""
    with _opening:
        return _open(family, bold)


@cache
def _open(family: str, bold: bool) -> Face:
    path = FONTS / f"{family}-{'Bold' if bold else 'Regular'}.ttf"
    raw = hb.Face(hb.Blob.from_file_path(str(path)))
    font = hb.Font(raw)
    if raw.upem != 1000:
        raise ValueError(f"{path.name} has {raw.upem} units per em; the layout counts in thousandths")
    extents = font.get_font_extents("ltr")
    return Face(
        family=family,
        bold=bold,
        font=font,
        prepared=hb.subset_preprocess(raw),
        covered=frozenset(raw.unicodes),
        ascent=extents.ascender,
        descent=extents.descender,
        cap_height=font.get_metric_position_with_fallback(hb.OTMetricsTag.CAP_HEIGHT),
        # head table, bytes 36 to 44: xMin, yMin, xMax, yMax
        box=struct.unpack(">4h", raw.reference_table("head").data[36:44]),
    )


@cache
def faces_for(language: str, bold: bool) -> tuple[Face, ...]:
    """The faces of one weight in the order in which they are tried for this language."""
    return tuple(face(family, bold) for family in FAMILIES.get(language, DEFAULT_FAMILIES))
