"""A PNG as a page shows it: eight bits of sRGB a channel, and its transparency (W3C PNG, third edition).

Depths, modes, colour profiles, gamma and orientation are taken into account, so that the logo prints as it looks on a
screen; what cannot be is refused with the reason.
"""

import io
import struct
from collections.abc import Iterator

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from pdf.svg import UnsupportedLogo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST_PIXELS = 4_000_000  # 2000 x 2000 prints sharply at any size a logo has
_SRGB_GAMMA = 1 / 2.2
_SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
# What Pillow raises for a broken file, its own limits included.
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def read_png(data: bytes) -> tuple[Image.Image, Image.Image]:
    """The picture in sRGB, and its alpha channel. Raises UnsupportedLogo."""
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        width, height = image.size
        if width * height > _LARGEST_PIXELS:
            raise UnsupportedLogo(f"the logo has {width} x {height} pixels; 2000 x 2000 is plenty")
        _refuse_what_would_look_different(image, data)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        colours, alpha = _deep_grey(image) if image.mode.startswith("I") else _eight_bits(image)
    except UnsupportedLogo:
        raise
    except _BROKEN as broken:
        raise UnsupportedLogo(f"the logo is not a readable PNG: {broken}") from broken
    return _in_srgb(colours, image), alpha


def _refuse_what_would_look_different(image: Image.Image, data: bytes) -> None:
    depth = data[24]  # in the header, which comes first
    if depth == 16 and "transparency" in image.info and image.mode == "RGB":
        raise UnsupportedLogo("the logo has 16 bits a channel and one transparent colour; save it with alpha")
    if b"cICP" in _chunks(data):
        raise UnsupportedLogo("the logo has the colours of video (cICP); save it in sRGB")
    described = {"icc_profile", "srgb"} & image.info.keys()
    primaries = _SRGB_PRIMARIES if described else image.info.get("chromaticity", _SRGB_PRIMARIES)
    if any(abs(is_ - should) > 0.01 for is_, should in zip(primaries, _SRGB_PRIMARIES, strict=True)):
        raise UnsupportedLogo("the logo has primary colours of its own (cHRM); save it in sRGB or with a profile")


def _chunks(data: bytes) -> Iterator[bytes]:
    """The kinds of the file's chunks."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind
        at += 12 + length


def _eight_bits(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Grey stays grey: its profile is one of grey."""
    rgba = image.convert("RGBA")
    is_grey = image.mode in ("1", "L", "LA")
    return rgba.convert("L" if is_grey else "RGB"), rgba.getchannel("A")


def _deep_grey(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Sixteen bits of grey, of which Pillow would show all above 255 as white."""
    deep = memoryview(image.convert("I").tobytes()).cast("i")
    clear = image.info.get("transparency")
    grey = Image.frombytes("L", image.size, bytes([value >> 8 for value in deep]))
    return grey, Image.frombytes("L", image.size, bytes([0 if value == clear else 255 for value in deep]))


def _in_srgb(colours: Image.Image, image: Image.Image) -> Image.Image:
    profile, gamma = image.info.get("icc_profile"), image.info.get("gamma")
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(colours, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            raise UnsupportedLogo(f"the logo's colour profile cannot be used: {error}; save it in sRGB") from error
        assert converted is not None, "it is not done in place"
        return converted
    if gamma and "srgb" not in image.info and abs(gamma - _SRGB_GAMMA) > 0.01:
        power = _SRGB_GAMMA / gamma
        table = [round(255 * (value / 255) ** power) for value in range(256)]
        colours = colours.point(table * len(colours.getbands()))
    return colours.convert("RGB")
