"""Content streams: text in marked content, rules and grounds as artifacts (ISO 32000-1, 8, 9 and 14.6).

Coordinates are points from the lower left corner. Each page keeps its shapes apart from its text: shapes are painted
first, then one text object holds every word in reading order.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from pdf.breaking import TextLine
from pdf.picture import Picture
from pdf.style import Colour, rgb
from pdf.tags import Element, TagTree
from pdf.textfont import FontSet
from pdf.writer import text_string


@dataclass(slots=True)
class PageContent:
    """Operators of one page."""

    shapes: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def content(self) -> bytes:
        shapes = f"/Artifact BMC\n{chr(10).join(self.shapes)}\nEMC\n" if self.shapes else ""
        pictures = "".join([f"{picture}\n" for picture in self.pictures])
        return f"{shapes}{pictures}BT\n{chr(10).join(self.text)}\nET".encode("ascii")


@dataclass(frozen=True, slots=True)
class Link:
    """A place on a page that leads to an address (12.5.6.5)."""

    page: int
    box: tuple[float, float, float, float]  # left, bottom, right, top
    address: str

    def annotation(self, key: int) -> bytes:
        """`key` is its entry in the parent tree. Printed pages keep their annotations (PDF/A: F 4)."""
        target = quote(self.address, safe="%/:=&?~#+!$,;'@()*[]")
        bounds = " ".join([f"{side:.2f}" for side in self.box])
        return (
            f"<</Type/Annot/Subtype/Link/Rect[{bounds}]/Border[0 0 0]/F 4/StructParent {key}"
            f"/Contents{text_string(self.address)}/A<</S/URI/URI<{target.encode('ascii').hex()}>>>>>"
        ).encode("ascii")


class Painter:
    """Puts things on the current page."""

    def __init__(self) -> None:
        self.tags = TagTree()
        self.fonts = FontSet()
        self.pages: list[PageContent] = []
        self.pictures: dict[Picture, int] = {}
        self.links: list[Link] = []
        self._colour: Colour | None = None

    def begin_page(self) -> None:
        self.pages.append(PageContent())
        self.tags.begin_page()
        self.fonts.begin_page()
        self._colour = None

    @contextmanager
    def on_page(self, index: int) -> Iterator[None]:
        """Go back to an earlier page, for what is known only at the end."""
        self.pages.append(self.pages.pop(index))
        self.fonts.begin_page()
        self._colour = None
        yield
        self.pages.insert(index, self.pages.pop())

    def text(self, owner: Element | None, lines: Sequence[tuple[str, TextLine]], size: float, colour: Colour) -> None:
        """Set lines, each after its Tm operator, as content of `owner` (None: an artifact)."""
        out = self.pages[-1].text
        if colour != self._colour:
            self._colour = colour
            out.append(rgb(colour, "rg"))
        # Siblings, not nested: readers of the structure lose what follows a sequence inside a sequence.
        for actual, shown in self.fonts.show(lines, size):
            instead = "" if actual is None else f"/ActualText<feff{actual.encode('utf-16-be').hex()}>"
            if owner is None:
                out.append(f"/Artifact<</Type/Pagination{instead}>>BDC {shown} EMC")
                continue
            tag = owner.kind if actual is None else "Span"
            out.append(f"/{tag}<</MCID {self.tags.marked_content(owner)}{instead}>>BDC {shown} EMC")

    def link(self, box: tuple[float, float, float, float], address: str) -> None:
        """An area of the current page that leads to a web address; its element is made by `TagTree.link`."""
        self.links.append(Link(len(self.pages) - 1, box, address))

    def picture(self, picture: Picture, box: tuple[float, float, float, float], figure: Element) -> None:
        """Place a picture in a box (left, bottom, width, height)."""
        name = f"P{self.pictures.setdefault(picture, len(self.pictures) + 1)}"
        mcid = self.tags.marked_content(figure)
        self.pages[-1].pictures.append(f"/Figure<</MCID {mcid}>>BDC q {picture.placement(*box)} /{name} Do Q EMC")

    def rule(self, left: float, right: float, y: float, colour: Colour, width: float = 0.5) -> None:
        self.pages[-1].shapes.append(f"{rgb(colour, 'RG')} {width:g} w {left:.2f} {y:.2f} m {right:.2f} {y:.2f} l S")

    def box(self, left: float, bottom: float, width: float, height: float, colour: Colour, radius: float = 0) -> None:
        """A filled rectangle, its corners rounded by `radius`."""
        fill = rgb(colour, "rg")
        if not radius:
            self.pages[-1].shapes.append(f"{fill} {left:.2f} {bottom:.2f} {width:.2f} {height:.2f} re f")
            return
        self.pages[-1].shapes.append(f"{fill} {_rounded(left, bottom, width, height, radius)} f")

    def arrow(self, left: float, y: float, length: float, colour: Colour) -> None:
        """A thin arrow to the right."""
        tip, head = left + length, 3.2
        self.pages[-1].shapes.append(
            f"{rgb(colour, 'RG')} 1.1 w 1 J 1 j {left:.2f} {y:.2f} m {tip:.2f} {y:.2f} l "
            f"{tip - head:.2f} {y + head:.2f} m {tip:.2f} {y:.2f} l {tip - head:.2f} {y - head:.2f} l S 0 J 0 j"
        )


def _rounded(left: float, bottom: float, width: float, height: float, radius: float) -> str:
    """A path with circular corners; 0.4477 = 1 - 0.5523, the Bezier approximation of a quarter circle."""
    right, top, ease = left + width, bottom + height, radius * 0.4477
    return (
        f"{left + radius:.2f} {bottom:.2f} m {right - radius:.2f} {bottom:.2f} l "
        f"{right - ease:.2f} {bottom:.2f} {right:.2f} {bottom + ease:.2f} {right:.2f} {bottom + radius:.2f} c "
        f"{right:.2f} {top - radius:.2f} l "
        f"{right:.2f} {top - ease:.2f} {right - ease:.2f} {top:.2f} {right - radius:.2f} {top:.2f} c "
        f"{left + radius:.2f} {top:.2f} l "
        f"{left + ease:.2f} {top:.2f} {left:.2f} {top - ease:.2f} {left:.2f} {top - radius:.2f} c "
        f"{left:.2f} {bottom + radius:.2f} l "
        f"{left:.2f} {bottom + ease:.2f} {left + ease:.2f} {bottom:.2f} {left + radius:.2f} {bottom:.2f} c h"
    )
