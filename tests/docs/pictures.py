"""The README's pictures, taken from the real thing: `make pictures`. The portal as Chromium shows it, and an invoice as
PDFium draws it, of the same upgrade."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped]  # brings no types
from PIL import Image

from cli.customers import SAMPLES, make_for
from cli.frontend import Frontend
from cli.stack import start
from local.folders import temporary_folder
from local.stack import Stack
from tests.support.browser import new_page, open_browser
from tests.support.pages import ROOT

FOLDER = ROOT / "docs" / "images"
# Side by side, so both are cut to one shape: down to what the change costs, and what the invoice says.
PORTAL_CLIP: Any = {"x": 0, "y": 0, "width": 860, "height": 1045}
SHEET_WIDTH, SHEET_HEIGHT = 760, 924


def take(folder: Path) -> None:
    """Harbor Books goes from Basic to Business, as the sandbox page lets anybody do."""
    with temporary_folder("pictures") as run, Stack(run) as stack:
        ready = start(stack, secrets.token_urlsafe(32))
        for slug, sample in SAMPLES.items():
            make_for(ready, slug, sample)
        with open_browser() as browser:
            page = new_page(browser, viewport={"width": 860, "height": 800})
            page.goto(ready["api"])
            page.get_by_role("button", name="Upgrade Harbor Books to Business").click()
            page.get_by_role("heading", name="What it costs").wait_for()
            page.screenshot(path=folder / "portal.png", full_page=True, clip=PORTAL_CLIP)
            page.get_by_role("button", name="Submit").click()
            page.get_by_role("button", name="Pay", exact=True).click()
            page.get_by_text("Your plan is now Business").wait_for()
        with Frontend(ready, "dns") as dns:
            [invoice] = dns.call("GET", "/v1/invoices?service=harbor-books")["items"]
            pdf = Path(dns.save_pdf(invoice["id"], "invoice", run, "invoice.pdf"))
        draw(pdf, folder / "invoice.png")
    for file in folder.glob("*.png"):
        # A page has few colours: a palette makes the file a third as large.
        with Image.open(file) as image:
            image.convert("RGB").quantize(128).save(file, optimize=True)


def draw(pdf: Path, file: Path) -> None:
    """The first page, its top, with the edge of the paper."""
    document = pypdfium2.PdfDocument(pdf)
    sheet = document[0]
    image = sheet.render(scale=SHEET_WIDTH / sheet.get_width()).to_pil().convert("RGB")
    image = image.crop((0, 0, SHEET_WIDTH, SHEET_HEIGHT))
    framed = Image.new("RGB", (image.width + 2, image.height + 2), "#c9ced8")
    framed.paste(image, (1, 1))
    framed.save(file)
    document.close()


if __name__ == "__main__":
    take(FOLDER)
