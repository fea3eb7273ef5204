"""Produce the shipped fonts from their npm packages: `python -m pdf.fontbuild` (the target `make fonts`).

Noto Sans (Latin, Greek, Cyrillic, Devanagari) and Noto Sans JP (code page 932 and plane 1 of JIS X 0213), Regular and
Bold, static TrueType, SIL Open Font License 1.1. Only characters are left out: shaping features stay whole, hints go.
HarfBuzz does the subsetting, so that the build needs nothing beside npm and the packages of this project.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import uharfbuzz as hb  # type: ignore[import-untyped]

FONTS = Path(__file__).parent / "fonts"

# package, version, file stem in the package, family as shipped
SOURCES = (
    ("@expo-google-fonts/noto-sans", "0.4.2", "NotoSans", "NotoSans"),
    ("@expo-google-fonts/noto-sans-jp", "0.4.3", "NotoSansJP", "NotoSansJP"),
)
WEIGHTS = {"Regular": "400Regular", "Bold": "700Bold"}


def _span(first: int, last: int) -> set[int]:
    return set(range(first, last + 1))


_PUNCTUATION_AND_SIGNS = (
    _span(0x2000, 0x206F) | _span(0x20A0, 0x20C0) | {0x2116, 0x2122, 0x2190, 0x2192, 0x2212, 0x25CC, 0xFEFF, 0xFFFD}
)
_LATIN = _span(0x20, 0x7E) | _span(0xA0, 0x24F) | _span(0x2B0, 0x36F) | _span(0x1E00, 0x1EFF)
_GREEK_CYRILLIC = _span(0x370, 0x3FF) | _span(0x400, 0x52F)
_DEVANAGARI = _span(0x900, 0x97F) | _span(0xA8E0, 0xA8FF) | _span(0x1CD0, 0x1CFF)


_MORE_NAMES = {0x20BB7, 0x2123D, 0x2363A}  # variants of common family names that no Japanese standard has


def _two_byte_characters(encoding: str, leads: Iterable[int], trails: Iterable[int]) -> Iterator[int]:
    for lead, trail in product(leads, trails):
        try:
            yield ord(bytes((lead, trail)).decode(encoding))
        except (UnicodeDecodeError, TypeError):
            continue


def _japanese() -> set[int]:
    """Code page 932, and plane 1 of JIS X 0213 with its third level of kanji, common in names of people and places."""
    shift_jis = _two_byte_characters("cp932", (*range(0x81, 0xA0), *range(0xE0, 0xFD)), range(0x40, 0xFD))
    jis_x_0213 = _two_byte_characters("euc_jis_2004", range(0xA1, 0xFF), range(0xA1, 0xFF))
    return {*shift_jis, *jis_x_0213, *_MORE_NAMES}


def characters(family: str) -> set[int]:
    """The code points that the shipped font of this family is asked to keep."""
    if family == "NotoSansJP":
        kana_and_forms = _span(0x3000, 0x30FF) | _span(0xFF00, 0xFFEF) | _span(0x31F0, 0x31FF)
        return _span(0x20, 0x7E) | _span(0xA0, 0x17F) | _PUNCTUATION_AND_SIGNS | kana_and_forms | _japanese()
    return _LATIN | _GREEK_CYRILLIC | _PUNCTUATION_AND_SIGNS | _DEVANAGARI


def subset(source: bytes, keep: set[int]) -> bytes:
    """The font with these characters alone, every layout feature and name kept, hints removed."""
    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE | hb.SubsetFlags.NO_BIDI_CLOSURE
    wanted.unicode_set.update(keep)
    for everything in (wanted.layout_feature_tag_set, wanted.name_id_set, wanted.name_lang_id_set):
        everything.clear()
        everything.invert()
    face = wanted.subset(hb.Face(hb.Blob(source)))
    return bytes(face.blob.data)


def build(target: Path = FONTS) -> list[Path]:
    """Fetch the packages with npm, write the four fonts and the licences. Needs npm on the PATH."""
    written = []
    with tempfile.TemporaryDirectory() as folder:
        for package, version, stem, family in SOURCES:
            packed = subprocess.run(
                ["npm", "pack", "--silent", f"{package}@{version}"],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()[-1]
            with tarfile.open(Path(folder) / packed) as archive:
                for weight, directory in WEIGHTS.items():
                    source = archive.extractfile(f"package/{directory}/{stem}_{directory}.ttf")
                    assert source is not None
                    path = target / f"{family}-{weight}.ttf"
                    path.write_bytes(subset(source.read(), characters(family)))
                    written.append(path)
                licence = archive.extractfile("package/LICENSE_FONT")
                assert licence is not None
                path = target / f"{family}-OFL.txt"
                path.write_bytes(licence.read())
                written.append(path)
    return written


if __name__ == "__main__":
    for built in build():
        sys.stdout.write(f"{hashlib.sha256(built.read_bytes()).hexdigest()}  {built.name}\n")
