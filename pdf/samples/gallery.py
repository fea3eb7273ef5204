"""Every kind of document in every language, and the awkward cases, as PDF and as pictures to look at."""

from pathlib import Path

from pdf.render import render
from pdf.samples.documents import LANGUAGES, build, edge_cases
from pdf.values import InvoiceDocument, Kind

_SCALE = 2  # 144 dots per inch


def gallery_documents() -> dict[str, InvoiceDocument]:
    """By file name."""
    usual = {f"{kind}-{language}": build(language, kind) for language in LANGUAGES for kind in Kind}
    return usual | edge_cases()


def write_gallery(folder: Path) -> list[Path]:
    """Write name.pdf and one name-page.png for each page; all paths written. Needs the development packages."""
    import pypdfium2  # type: ignore[import-untyped]

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, document in gallery_documents().items():
        path = folder / f"{name}.pdf"
        path.write_bytes(render(document))
        written.append(path)
        with pypdfium2.PdfDocument(path) as opened:
            for number, page in enumerate(opened, 1):
                picture = folder / f"{name}-{number}.png"
                page.render(scale=_SCALE).to_pil().save(picture)
                written.append(picture)
    return written
