"""The structure tree: what each piece of the page is (ISO 32000-1, 14.7 and 14.8; ISO 14289-1, PDF/UA).

Structure elements are kept in a flat list; an element's kids are other elements or marked content (page, MCID).
"""

from dataclasses import dataclass, field

from pdf.writer import Writer, text_string

COLUMN_HEADER = "/A<</O/Table/Scope/Column>>"
ROW_HEADER = "/A<</O/Table/Scope/Row>>"


@dataclass(slots=True)
class Element:
    """`attributes` are ready dictionary entries such as /Alt or /A."""

    kind: str
    parent: "Element | None"
    attributes: str = ""
    kids: "list[Element | tuple[int, int]]" = field(default_factory=list)
    number: int = 0


class TagTree:
    """Grows with the page; `write` adds it to the file."""

    def __init__(self) -> None:
        self.root = Element("Document", None)
        self.elements = [self.root]
        self._owners: list[list[Element]] = []  # by page, by MCID

    def element(self, kind: str, parent: Element | None = None, attributes: str = "") -> Element:
        above = parent or self.root
        made = Element(kind, above, attributes)
        above.kids.append(made)
        self.elements.append(made)
        return made

    def figure(self, alt: str, box: tuple[float, float, float, float]) -> Element:
        """A picture with its alternative text and its place (left, bottom, width, height)."""
        left, bottom, width, height = box
        bounds = f"{left:.2f} {bottom:.2f} {left + width:.2f} {bottom + height:.2f}"
        layout = f"/A<</O/Layout/Placement/Block/BBox[{bounds}]>>"
        return self.element("Figure", attributes=f"/Alt{text_string(alt)}{layout}")

    def begin_page(self) -> None:
        self._owners.append([])

    def marked_content(self, owner: Element) -> int:
        """The MCID of a new piece of content of this element on the current page."""
        owners = self._owners[-1]
        owner.kids.append((len(self._owners) - 1, len(owners)))
        owners.append(owner)
        return len(owners) - 1

    def write(self, writer: Writer, pages: list[int]) -> int:
        """Add tree and parent tree; the number of the structure tree root. `pages` are the page objects' numbers."""
        root = writer.add()
        for element in self.elements:
            element.number = writer.add()
        for element in self.elements:
            writer.put(element.number, _dictionary(element, root, pages))
        by_page = "".join(
            [
                f"{page}[{' '.join([f'{owner.number} 0 R' for owner in owners])}]"
                for page, owners in enumerate(self._owners)
            ]
        )
        parents = writer.add(f"<</Nums[{by_page}]>>".encode("ascii"))
        writer.put(
            root,
            f"<</Type/StructTreeRoot/K {self.root.number} 0 R/ParentTree {parents} 0 R"
            f"/ParentTreeNextKey {len(pages)}>>".encode("ascii"),
        )
        return root


def _dictionary(element: Element, root: int, pages: list[int]) -> bytes:
    home = next((kid[0] for kid in element.kids if isinstance(kid, tuple)), None)
    kids = []
    for kid in element.kids:
        if isinstance(kid, Element):
            kids.append(f"{kid.number} 0 R")
        elif kid[0] == home:
            kids.append(str(kid[1]))
        else:
            kids.append(f"<</Type/MCR/Pg {pages[kid[0]]} 0 R/MCID {kid[1]}>>")
    on_page = "" if home is None else f"/Pg {pages[home]} 0 R"
    above = element.parent.number if element.parent else root
    return (
        f"<</Type/StructElem/S/{element.kind}/P {above} 0 R{on_page}{element.attributes}/K[{' '.join(kids)}]>>".encode(
            "ascii"
        )
    )
