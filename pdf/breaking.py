"""Where a line may end: Unicode line breaking (UAX #14) as far as invoices in four languages need it.

Lines break at spaces, after slashes, and between Japanese characters, except where JIS X 4051 (kinsoku) forbids: no
closing bracket, full stop or small kana at the start of a line, no opening bracket at its end. A word wider than its
column is parted after punctuation or between its grapheme clusters rather than drawn over its neighbour.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pdf.shaping import Segment, Word, clusters, joined, shape

# Full-width forms are written as escapes: many editors cannot tell them from ASCII.
_NOT_AT_START = (
    "、。・ー〜～々〻」』】〕〉》〗〙’”‐°′″,.:;?!)]}%"
    "\uff0c\uff0e\uff1a\uff1b\uff1f\uff01\uff09\uff3d\uff5d\uff05"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
_NOT_AT_END = "「『【〔〈《〖〘‘“([{¥$\uff08\uff3b\uff5b\uffe5\uff04"
_IDEOGRAPH = "\u2e80-\u2fff\u3000-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_OPEN, _CLOSE = f"[{re.escape(_NOT_AT_END)}]", f"[{re.escape(_NOT_AT_START)}]"
_UNIT = re.compile(
    rf"{_OPEN}*(?:"
    # one Japanese character with its variation selector
    rf"(?!{_OPEN})[{_IDEOGRAPH}][\ufe00-\ufe0f\U000e0100-\U000e01ef]*"
    # a web address; everything else up to a space or a Japanese character, two long words parting after a slash
    rf"|https?://[^ {_IDEOGRAPH}]+"
    rf"|[^ {_IDEOGRAPH}]*?[^\W\d_]{{2,}}/(?=[^\W\d_]{{2,}})|[^ {_IDEOGRAPH}]+"
    rf"){_CLOSE}*|{_OPEN}+"
)
_SPACES_OR_UNIT = re.compile(rf" +|{_UNIT.pattern}")
_INSIDE_LONG_WORD = re.compile(r"[^@./_]*[@./_]+|[^@./_]+")  # an e-mail address parts after its @ or a full stop
_CONTROLS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_CACHED_LINES = 8_192


class Piece(NamedTuple):
    """Neighbouring segments of a line that one operator can show. `opens` and `closes` mark the ends of a word that
    carries ActualText; `opens` is that text."""

    segment: Segment
    opens: str | None = None
    closes: bool = False


class TextLine(NamedTuple):
    """One line of shaped words; width in thousandths of an em."""

    words: tuple[Word, ...]
    pieces: tuple[Piece, ...]
    width: int


def line_of(words: Sequence[Word], end: Word | None = None) -> TextLine:
    """The words side by side. `end` is a space that does not count: drawn at the end of a line, it keeps the line apart
    from the next one for whoever reads the structure aloud. The space after a word with ActualText belongs to it."""
    pieces: list[Piece] = []
    simple: list[Word] = []
    shown = [*words, end] if end and words else words
    for index, word in enumerate(shown):
        if not word.is_complex:
            if not (word.text.isspace() and index and shown[index - 1].is_complex):
                simple.append(word)
            continue
        pieces += _pieces(simple)
        simple = []
        has_space = index + 1 < len(shown) and shown[index + 1].text.isspace()
        whole = joined(shown[index : index + 2]) if has_space else word
        last = len(whole.segments) - 1
        for place, segment in enumerate(whole.segments):
            pieces.append(Piece(segment, whole.text if place == 0 else None, place == last))
    pieces += _pieces(simple)
    return TextLine(tuple(words), tuple(pieces), sum([word.width for word in words]))


def _pieces(simple: list[Word]) -> list[Piece]:
    return [Piece(segment) for segment in joined(simple).segments] if simple else []


def units(text: str) -> tuple[str, ...]:
    """Unbreakable units and the runs of spaces between them; joined, they are the text again. No unit ends in a hyphen
    unless the text does: at the end of a line, readers take it for hyphenation and drop it when they copy."""
    return tuple(_glued(_SPACES_OR_UNIT.findall(_CONTROLS.sub(" ", text)), "-", ""))


@lru_cache(maxsize=_CACHED_LINES)
def one_line(text: str, language: str, bold: bool = False, ended: bool = True) -> TextLine:
    """The whole text on one line, for labels, numbers and amounts; `ended` by a space or not (see line_of)."""
    words = [shape(unit, language, bold) for unit in units(text.strip())]
    return line_of(words, shape(" ", language, bold) if ended else None)


def wrap(text: str, language: str, limit: int, bold: bool = False) -> list[TextLine]:
    """Lines no wider than `limit` (thousandths of an em); at least one, possibly empty."""
    whole = one_line(text, language, bold)
    if whole.width <= limit:
        return [whole]
    space = shape(" ", language, bold)
    lines: list[TextLine] = []
    words: list[Word] = []
    width = 0
    for word in _fitting(whole.words, language, limit, bold):
        if words and width + word.width > limit and not word.text.isspace():
            lines.append(_trimmed(words, space))
            words, width = [], 0
        if words or not word.text.isspace():
            words.append(word)
            width += word.width
    if words:
        lines.append(line_of(words, space))
    return lines


def _fitting(words: tuple[Word, ...], language: str, limit: int, bold: bool) -> list[Word]:
    """The words; those wider than a whole line parted after punctuation, or else between their clusters."""
    fitting: list[Word] = []
    for word in words:
        if word.width <= limit:
            fitting.append(word)
            continue
        for part in _glued(_INSIDE_LONG_WORD.findall(word.text), "-", _NOT_AT_START):
            shaped = shape(part, language, bold)
            if shaped.width <= limit:
                fitting.append(shaped)
            else:
                pieces = _glued(clusters(part, language, bold), _NOT_AT_END + "-", _NOT_AT_START)
                fitting += [shape(piece, language, bold) for piece in pieces]
    return fitting


def _glued(pieces: list[str], not_after: str, not_before: str) -> list[str]:
    """Pieces joined where no line may end between them; spaces after such an end stay with it."""
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1].rstrip(" ")[-1:] in [*not_after] or piece[0] in not_before):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _trimmed(words: list[Word], space: Word) -> TextLine:
    """A line that goes on; broken between two Japanese characters it has no space to end in."""
    had_space = words[-1].text.isspace()
    while words and words[-1].text.isspace():
        words.pop()
    return line_of(words, space if had_space else None)
