"""Digests of sample documents by renderer version: `python -m tests.pdf.golden` writes those of the present one."""

import hashlib
import json
from pathlib import Path

from pdf import render, renderer_version
from pdf.samples.gallery import gallery_documents

DIGESTS = Path(__file__).with_name("golden.json")
SAMPLES = ("proforma-en", "invoice-es", "invoice-ja", "credit_note-hi", "png-logo-es", "many-lines-en")


def current() -> dict[str, str]:
    """sha256 by the name of the document."""
    documents = gallery_documents()
    return {name: hashlib.sha256(render(documents[name])).hexdigest() for name in SAMPLES}


if __name__ == "__main__":
    DIGESTS.write_text(json.dumps({renderer_version(): current()}, indent=2) + "\n")
