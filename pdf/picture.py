"""The provider's mark as an XObject: an SVG stays vector, a PNG stays pixels (ISO 32000-1, 8.9 and 8.10).

A logo is read once per process; its stream is compressed once.
"""

from dataclasses import dataclass
from functools import lru_cache

import deflate

from pdf.png import SIGNATURE, read_png
from pdf.svg import read_svg
from pdf.writer import COMPRESSION, PdfWriter


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` give the proportions. `mask` is the alpha channel of a PNG, with its own dictionary."""

    width: float
    height: float
    dictionary: str
    data: bytes
    mask: tuple[str, bytes] | None = None

    def fitted(self, width: float, height: float) -> tuple[float, float]:
        """The largest size in points that keeps the proportions inside the given box."""
        scale = min(width / self.width, height / self.height)
        return self.width * scale, self.height * scale

    def placement(self, left: float, bottom: float, width: float, height: float) -> str:
        """The matrix that puts it there: an image is one unit wide and high, a form has its own units."""
        across, up = (width, height) if self.is_image else (width / self.width, height / self.height)
        return f"{across:.4f} 0 0 {up:.4f} {left:.2f} {bottom:.2f} cm"

    @property
    def is_image(self) -> bool:
        return "/Image" in self.dictionary

    def write(self, writer: PdfWriter) -> int:
        """Add the XObject; its number."""
        mask = f"/SMask {writer.add_compressed(*self.mask)} 0 R" if self.mask else ""
        return writer.add_compressed(self.dictionary + mask, self.data)


@lru_cache(maxsize=64)
def read_picture(data: bytes) -> Picture:
    """Raises UnsupportedLogo."""
    if data.startswith(SIGNATURE):
        return _read_png(data)
    drawing = read_svg(data)
    box = f"0 0 {drawing.width:g} {drawing.height:g}"
    return Picture(
        drawing.width,
        drawing.height,
        f"/Type/XObject/Subtype/Form/BBox[{box}]/Resources<<>>",
        bytes(deflate.zlib_compress(drawing.operators.encode("ascii"), COMPRESSION)),
    )


def _read_png(data: bytes) -> Picture:
    colours, alpha = read_png(data)
    width, height = colours.size
    size = f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 8"
    mask = None
    if alpha.getextrema() != (255, 255):
        mask = (f"{size}/ColorSpace/DeviceGray", bytes(deflate.zlib_compress(alpha.tobytes(), COMPRESSION)))
    pixels = deflate.zlib_compress(colours.tobytes(), COMPRESSION)
    return Picture(width, height, f"{size}/ColorSpace/DeviceRGB", bytes(pixels), mask)
