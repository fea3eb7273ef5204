"""The sheet that the layout writes on: a cursor that runs down the page, and a new page when it has run out.

All text of the layout goes through here: it is shaped in the document's language, wrapped to its column and aligned.
"""

from collections.abc import Callable

from pdf.breaking import TextLine, line_of, one_line, wrap
from pdf.painter import Painter
from pdf.shaping import Word
from pdf.style import BAND, BODY, BOTTOM, INK, LEADING, PAGE_HEIGHT, PAGE_WIDTH, TOP, WIDTH, Colour, Palette
from pdf.tags import Element


class Sheet:
    """`y` is the top of what comes next. `on_new_page` paints what every further page repeats."""

    def __init__(self, language: str, palette: Palette) -> None:
        self.language = language
        self.palette = palette
        self.painter = Painter()
        self.tags = self.painter.tags
        self.on_new_page: Callable[[], None] | None = None
        self._begin_page()

    def _begin_page(self) -> None:
        self.painter.begin_page()
        self.painter.box(0, PAGE_HEIGHT - BAND, PAGE_WIDTH, BAND, self.palette.brand)
        self.y = TOP

    def lines(self, text: str, size: float, width: float = WIDTH, bold: bool = False) -> list[TextLine]:
        """The text wrapped to a column of `width` points."""
        return wrap(text, self.language, int(width * 1000 / size), bold)

    def width(self, text: str, size: float, bold: bool = False) -> float:
        return one_line(text, self.language, bold).width * size / 1000

    def write(
        self,
        owner: Element | None,
        x: float,
        y: float,
        text: str | list[TextLine],
        size: float,
        colour: Colour = INK,
        bold: bool = False,
        right: bool = False,
    ) -> float:
        """Write text whose box begins at `y` (its top) and `x` (its left, or its right edge); the height used."""
        lines = [one_line(text, self.language, bold, not right)] if isinstance(text, str) else text
        leading = size * LEADING
        baseline = y - size * 1.06
        placed = []
        for line in lines:
            left = x - line.width * size / 1000 if right else x
            placed.append((f"1 0 0 1 {left:.2f} {baseline:.2f} Tm", line))
            baseline -= leading
        self.painter.text(owner, placed, size, colour)
        return leading * len(lines)

    def write_linked(self, owner: Element, x: float, y: float, line: TextLine, addresses: list[str]) -> None:
        """One line of body text, in which a word that is or begins one of these web addresses becomes a link to it."""
        run: list[Word] = []
        for word in line.words:
            shown = word.text.rstrip(".,;)")
            address = next((a for a in addresses if shown.startswith("http") and a.startswith(shown)), None)
            if address is None:
                run.append(word)
                continue
            x += self._write_run(owner, x, y, run, INK)
            run = []
            right = x + self._write_run(self.tags.link(owner), x, y, [word], self.palette.text)
            self.painter.link((x, y - BODY * LEADING, right, y), address)
            x = right
        self._write_run(owner, x, y, run, INK)

    def _write_run(self, owner: Element, x: float, y: float, words: list[Word], colour: Colour) -> float:
        line = line_of(words)
        if words:
            self.write(owner, x, y, [line], BODY, colour)
        return line.width * BODY / 1000

    def need(self, height: float) -> None:
        """Turn the page if less than `height` is left on it."""
        if self.y - height < BOTTOM and self.y < TOP - 100:
            self.turn()

    def turn(self) -> None:
        self._begin_page()
        if self.on_new_page:
            self.on_new_page()
