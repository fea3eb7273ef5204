"""Words become positioned glyphs, and every glyph knows which text it stands for.

HarfBuzz shapes with script and language set, never guessed (Noto Sans JP would otherwise change digit glyphs with the
neighbouring script). Clusters are monotone graphemes (Unicode UAX #29); inside a cluster of several glyphs the first
ones carry one character each and the last one the rest, so that the glyphs' texts joined in drawing order are the
word itself, even for a reader that knows nothing of ActualText (ISO 32000-1, 14.9.4).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import uharfbuzz as hb  # type: ignore[import-untyped]

from pdf.faces import Face, Glyph, faces_for, is_ignorable

# Text of a glyph for which no character of its cluster is left. Extracted, it is invisible.
_NOTHING = "\u200b"
_FEATURES = {"kern": True, "liga": False}  # ligatures like "fi" gain nothing on an invoice and cost exact copying
_DEVANAGARI = re.compile("[\u0900-\u097f\ua8e0-\ua8ff\u1cd0-\u1cff]")
_NUMBER = re.compile("[0-9]")
_NUMBER_PARTS = re.compile("[0-9]{1,3}|[^0-9]+")
_SIMPLE = re.compile("[!-~\u00a0-\u024f\u2009-\u2015\u20a0-\u20c0\u2212\uffe5]+")  # nothing that joins or combines
_CACHED_WORDS = 16_384  # about 20 MB when full


class MissingGlyph(ValueError):
    """No shipped font can draw this character; write it otherwise or extend the fonts (make fonts)."""

    def __init__(self, character: str, text: str) -> None:
        name = unicodedata.name(character, "unnamed")
        super().__init__(f"no shipped font can draw U+{ord(character):04X} {name} in “{text}”; write it otherwise")
        self.character = character
        self.text = text


class Segment(NamedTuple):
    """Glyphs of one face at one height. `parts` alternate a shift to the left (in thousandths) with glyphs to draw."""

    face: Face
    rise: int
    parts: tuple[tuple[int, tuple[Glyph, ...]], ...]


class Word(NamedTuple):
    """A shaped word: what to draw, how wide it is (thousandths of an em), and whether it needs ActualText."""

    text: str
    segments: tuple[Segment, ...]
    width: int
    is_complex: bool


@lru_cache(maxsize=_CACHED_WORDS)
def shape(text: str, language: str, bold: bool) -> Word:
    """Shape one word (or one run of spaces). Raises MissingGlyph.

    Numbers are put together from groups of up to three digits, which soon are all known: amounts are the one thing
    that is different on every invoice.
    """
    if len(text) > 3 and _NUMBER.search(text) and _SIMPLE.fullmatch(text):
        return joined([_shape(part, language, bold) for part in _NUMBER_PARTS.findall(text)])
    return _shape(text, language, bold)


def joined(words: Sequence[Word]) -> Word:
    """Several words as one, with as few segments as can show them."""
    if len(words) == 1:
        return words[0]
    segments: list[Segment] = []
    face, rise = words[0].segments[0].face, words[0].segments[0].rise
    parts: list[tuple[int, tuple[Glyph, ...]]] = []
    for word in words:
        for segment in word.segments:
            if segment.face is not face or segment.rise != rise:
                segments.append(Segment(face, rise, tuple(parts)))
                face, rise, parts = segment.face, segment.rise, []
            (shift, glyphs), *others = segment.parts
            if parts and not shift and parts[-1][1]:
                parts[-1] = (parts[-1][0], parts[-1][1] + glyphs)
            else:
                parts.append((shift, glyphs))
            parts += others
    segments.append(Segment(face, rise, tuple(parts)))
    text = "".join([word.text for word in words])
    return Word(text, tuple(segments), sum([word.width for word in words]), any([word.is_complex for word in words]))


@lru_cache(maxsize=_CACHED_WORDS)
def _shape(text: str, language: str, bold: bool) -> Word:
    segments: list[Segment] = []
    width = 0
    is_complex = False
    for face, script, run in _runs(text, faces_for(language, bold)):
        run_segments, run_width, run_complex = _shape_run(face, script, run)
        segments += run_segments
        width += run_width
        is_complex = is_complex or run_complex
    return Word(text, tuple(segments), width, is_complex)


def clusters(text: str, language: str, bold: bool) -> list[str]:
    """The grapheme clusters of a word, as its fonts see them."""
    pieces: list[str] = []
    for face, script, run in _runs(text, faces_for(language, bold)):
        starts = sorted({info.cluster for info in _buffer(face, script, run).glyph_infos})
        pieces += [run[start:end] for start, end in zip(starts, [*starts[1:], len(run)], strict=True)]
    return pieces


def _runs(text: str, faces: tuple[Face, ...]) -> Iterator[tuple[Face, str, str]]:
    """Parts of the text with one face and one script each (Unicode UAX #24, as far as the shipped fonts need it)."""
    script = _only_script(faces[0], text)
    if script:
        yield faces[0], script, text
        return
    start, current = 0, None
    for index, character, kind in _kinds(text, faces):
        if current is None:
            current = kind
        elif kind != current and not is_ignorable(ord(character)):
            yield *current, text[start:index]
            start, current = index, kind
    if current is not None:
        yield *current, text[start:]


def _kinds(text: str, faces: tuple[Face, ...]) -> Iterator[tuple[int, str, tuple[Face, str]]]:
    """Face and script of each base character with its marks; of each character alone if no face has all of them."""
    for start, cluster in _base_and_marks(text):
        whole = _face_of(cluster, faces)
        for offset, character in enumerate(cluster):
            face = whole or _face_of(character, faces)
            if face is None:
                raise MissingGlyph(character, text)
            if offset == 0 or whole is None:
                yield start + offset, character, (face, _script(face, character))


def _base_and_marks(text: str) -> Iterator[tuple[int, str]]:
    """Each character with the marks and joiners that follow it, and its place."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not (is_ignorable(ord(text[index])) or unicodedata.combining(text[index])):
            yield start, text[start:index]
            start = index


def _face_of(characters: str, faces: tuple[Face, ...]) -> Face | None:
    for face in faces:
        if all([face.covers(ord(character)) for character in characters]):
            return face
    return None


def _only_script(face: Face, text: str) -> str | None:
    """The script of a text that this face draws in one run, as nearly all are; None if it is not so simple."""
    if not face.covered.issuperset(map(ord, text)):
        return None
    if face.family == "NotoSansJP":
        return "Kana"
    found = len(_DEVANAGARI.findall(text))
    return None if 0 < found < len(text) else ("Deva" if found else "Latn")


def _script(face: Face, character: str) -> str:
    if face.family == "NotoSansJP":
        return "Kana"
    return "Deva" if _DEVANAGARI.match(character) else "Latn"


_LANGUAGE_OF_SCRIPT = {"Kana": "ja", "Deva": "hi", "Latn": "en"}


def _buffer(face: Face, script: str, run: str) -> hb.Buffer:
    buffer = hb.Buffer()
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_GRAPHEMES
    buffer.add_str(run)
    buffer.direction = "ltr"
    buffer.script = script
    buffer.language = _LANGUAGE_OF_SCRIPT[script]
    hb.shape(face.font, buffer, _FEATURES)
    return buffer


def _shape_run(face: Face, script: str, run: str) -> tuple[list[Segment], int, bool]:
    buffer = _buffer(face, script, run)
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    assert infos is not None
    assert positions is not None
    texts, is_complex = _texts(run, [info.cluster for info in infos])
    segments: list[Segment] = []
    parts: list[tuple[int, tuple[Glyph, ...]]] = []
    pending, rise, width = 0, 0, 0  # pending: how far the pen stands to the right of where it should
    for info, position, text in zip(infos, positions, texts, strict=True):
        if info.codepoint == 0:
            raise MissingGlyph(text.strip(_NOTHING)[:1] or run[0], run)
        glyph = face.glyph(info.codepoint, text)
        shift = pending - position.x_offset
        if position.y_offset != rise and parts:
            segments.append(Segment(face, rise, tuple(parts)))
            parts = []
        rise = position.y_offset
        if parts and not shift:
            parts[-1] = (parts[-1][0], (*parts[-1][1], glyph))
        else:
            parts.append((shift, (glyph,)))
        pending = glyph.width - position.x_advance + position.x_offset
        width += position.x_advance
    if pending:
        parts.append((pending, ()))
    segments.append(Segment(face, rise, tuple(parts)))
    return segments, width, is_complex


def _texts(run: str, starts: list[int]) -> tuple[list[str], bool]:
    """The text of each glyph, and whether any cluster is not just one glyph for one character."""
    if starts == list(range(len(run))):
        return list(run), False
    texts: list[str] = []
    is_complex = False
    bounds = sorted(set(starts))
    end_of = dict(zip(bounds, [*bounds[1:], len(run)], strict=True))
    for start in bounds:
        cluster = run[start : end_of[start]]
        count = starts.count(start)
        is_complex = is_complex or count != 1 or len(cluster) != 1
        texts += [cluster[i : i + 1] or _NOTHING for i in range(count - 1)]
        texts.append(cluster[count - 1 :] or _NOTHING)
    return texts, is_complex
