"""What the bytes of a document depend on beside its values; stored with each document's digest for the audit."""

import hashlib
from functools import cache
from importlib.metadata import version

from pdf.faces import FONTS

# Raise when a change of the layout or the words changes the bytes of documents.
LAYOUT = 3
_LIBRARIES = ("reportlab", "uharfbuzz", "deflate", "babel")


@cache
def renderer_version() -> str:
    """For example "layout 1, fonts 5f0c21d4, reportlab 5.1.0, uharfbuzz 0.57.0, deflate 0.9.0, babel 2.18.0"."""
    fonts = hashlib.sha256(b"".join([path.read_bytes() for path in sorted(FONTS.glob("*.ttf"))])).hexdigest()
    libraries = ", ".join([f"{name} {version(name)}" for name in _LIBRARIES])
    return f"layout {LAYOUT}, fonts {fonts[:8]}, {libraries}"
