"""The file: fonts, pages, structure tree, archive and the catalogue above them (ISO 32000-1, 7.7)."""

from pdf.archive import write_archive
from pdf.painter import Painter
from pdf.style import PAGE_HEIGHT, PAGE_WIDTH
from pdf.values import InvoiceDocument
from pdf.writer import PdfWriter


def write_file(painter: Painter, document: InvoiceDocument, title: str) -> bytes:
    """All objects of a laid out document, saved."""
    writer = PdfWriter()
    annotations = [writer.add(link.annotation(len(painter.pages) + i)) for i, link in enumerate(painter.links)]
    page_tree, pages = _write_pages(writer, painter, annotations)
    structure = painter.tags.write(writer, pages, annotations)
    archive = write_archive(writer, document, title)
    catalog = (
        f"<</Type/Catalog/Pages {page_tree} 0 R/StructTreeRoot {structure} 0 R/MarkInfo<</Marked true>>"
        f"/Lang({document.locale.replace('_', '-')})/ViewerPreferences<</DisplayDocTitle true>>{archive.catalog}>>"
    )
    return writer.save(catalog.encode("ascii"), archive.information)


def _write_pages(writer: PdfWriter, painter: Painter, annotations: list[int]) -> tuple[int, list[int]]:
    """The page tree's number and those of its pages. All pages share one resource dictionary."""
    tree = writer.add()
    fonts = [f"/{font.resource} {font.write(writer)} 0 R" for font in painter.fonts.fonts.values()]
    pictures = [f"/P{index} {picture.write(writer)} 0 R" for picture, index in painter.pictures.items()]
    marks = f"/XObject<<{''.join(pictures)}>>" if pictures else ""
    resources = writer.add(f"<</Font<<{''.join(fonts)}>>{marks}>>".encode("ascii"))
    pages = []
    for index, page in enumerate(painter.pages):
        content = writer.add_stream("", page.content())
        own = [f"{a} 0 R" for a, link in zip(annotations, painter.links, strict=True) if link.page == index]
        links = f"/Annots[{' '.join(own)}]" if own else ""
        pages.append(
            writer.add(
                f"<</Type/Page/Parent {tree} 0 R/MediaBox[0 0 {PAGE_WIDTH} {PAGE_HEIGHT}]/Contents {content} 0 R"
                f"/Resources {resources} 0 R/StructParents {index}/Tabs/S{links}>>".encode("ascii")
            )
        )
    kids = " ".join([f"{number} 0 R" for number in pages])
    writer.put(tree, f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode("ascii"))
    return tree, pages
