"""The structure tree: what each piece of the page is (ISO 32000-1, 14.7 and 14.8; ISO 14289-1, PDF/UA).

The tree is noted down as a list of events in the order of drawing: a new element, or a piece of marked content of an
element. A provider's invoices have few shapes (so many lines, so many sums), so the finished dictionaries of a shape
are kept and used again.
"""

from functools import lru_cache
from typing import NamedTuple

from pdf.writer import PdfWriter, text_string

COLUMN_HEADER = "/A<</O/Table/Scope/Column>>"
ROW_HEADER = "/A<</O/Table/Scope/Row>>"
_CACHED_TREES = 256  # some 15 kB each

NewElement = tuple[str, int, str]  # kind, place of the parent, attributes
Content = tuple[int, int]  # page, place of the owner


class Element(NamedTuple):
    """`place` is its index among the elements."""

    kind: str
    place: int


class TagTree:
    """Grows with the page; `write` adds it to the file."""

    def __init__(self) -> None:
        self._events: list[NewElement | Content] = []
        self._elements = 0
        self._mcids: list[int] = []  # used so far, by page
        self._links: list[tuple[int, int]] = []  # place and page, in the order of their annotations
        self.root = self._new("Document", -1, "")

    def element(self, kind: str, parent: Element | None = None, attributes: str = "") -> Element:
        """`attributes` are ready dictionary entries such as /Alt or /A."""
        return self._new(kind, parent.place if parent else self.root.place, attributes)

    def figure(self, alt: str, box: tuple[float, float, float, float]) -> Element:
        """A picture with its alternative text and its place (left, bottom, width, height)."""
        left, bottom, width, height = box
        bounds = f"{left:.2f} {bottom:.2f} {left + width:.2f} {bottom + height:.2f}"
        layout = f"/A<</O/Layout/Placement/Block/BBox[{bounds}]>>"
        return self.element("Figure", attributes=f"/Alt{text_string(alt)}{layout}")

    def link(self, parent: Element) -> Element:
        """The element of a link annotation on the current page."""
        made = self.element("Link", parent)
        self._links.append((made.place, len(self._mcids) - 1))
        return made

    def begin_page(self) -> None:
        self._mcids.append(0)

    def marked_content(self, owner: Element) -> int:
        """The MCID of a new piece of content of this element on the current page."""
        page = len(self._mcids) - 1
        self._events.append((page, owner.place))
        self._mcids[page] += 1
        return self._mcids[page] - 1

    def write(self, writer: PdfWriter, pages: list[int], annotations: list[int]) -> int:
        """Add tree and parent tree; the number of the structure tree root. `pages` and `annotations` are the numbers of
        the page objects and of the links' annotations."""
        root = writer.add()
        links = tuple([(*link, number) for link, number in zip(self._links, annotations, strict=True)])
        objects = _objects(tuple(self._events), root, tuple(pages), links)
        writer.put(root, objects[0])
        for data in objects[1:]:
            writer.add(data)
        return root

    def _new(self, kind: str, parent: int, attributes: str) -> Element:
        made = Element(kind, self._elements)
        self._elements += 1
        self._events.append((kind, parent, attributes))
        return made


@lru_cache(maxsize=_CACHED_TREES)
def _objects(
    events: tuple[NewElement | Content, ...],
    root: int,
    pages: tuple[int, ...],
    links: tuple[tuple[int, int, int], ...],
) -> list[bytes]:
    """Structure tree root, parent tree and elements, to be numbered from `root` on. A link is the place of its element,
    its page, and the number of its annotation, which comes after the pages in the parent tree."""
    first = root + 2
    elements = [event for event in events if len(event) == 3]
    kids: list[list[str]] = [[] for _ in elements]
    home: list[int | None] = [None] * len(elements)  # the page of an element's first content
    owners: list[list[str]] = [[] for _ in pages]
    place = 0
    for event in events:
        if len(event) == 3:
            if event[1] >= 0:
                kids[event[1]].append(f"{first + place} 0 R")
            place += 1
            continue
        page, owner = event
        mcid = len(owners[page])
        owners[page].append(f"{first + owner} 0 R")
        if home[owner] is None:
            home[owner] = page
        on_home = home[owner] == page
        kids[owner].append(str(mcid) if on_home else f"<</Type/MCR/Pg {pages[page]} 0 R/MCID {mcid}>>")
    for place, page, annotation in links:
        kids[place].append(f"<</Type/OBJR/Pg {pages[page]} 0 R/Obj {annotation} 0 R>>")
    by_page = "".join([f"{page}[{' '.join(numbers)}]" for page, numbers in enumerate(owners)])
    by_page += "".join([f" {len(pages) + index} {first + place} 0 R" for index, (place, _, _) in enumerate(links)])
    made = [
        f"<</Type/StructTreeRoot/K {first} 0 R/ParentTree {root + 1} 0 R/ParentTreeNextKey {len(pages) + len(links)}>>",
        f"<</Nums[{by_page}]>>",
    ]
    for (kind, parent, attributes), at, inside in zip(elements, home, kids, strict=True):
        on_page = "" if at is None else f"/Pg {pages[at]} 0 R"
        above = root if parent < 0 else first + parent
        made.append(f"<</Type/StructElem/S/{kind}/P {above} 0 R{on_page}{attributes}/K[{' '.join(inside)}]>>")
    return [text.encode("ascii") for text in made]
