"""Reading a picture from any file that holds one."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from ..errors import ImageError
from ..storage.files import open_file
from .picture import Picture

MAX_PIXELS = 50_000_000
_STRIP = 64
MIN_SIDE = 16  # VGG halves the picture four times before relu5_1

# Pillow also has readers that call other programs (EPS) or that mistake text for pictures.
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
_ICC_COLOUR_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}

Source = str | Path | bytes | BinaryIO | Image.Image


def load_image(source: Source, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture: any mode becomes sRGB, turned as EXIF says, transparency over white.

    Wide-gamut and CMYK profiles are converted to sRGB, 16 bits a channel are scaled to 8, and of
    an animation the first frame is taken. The size is checked before anything is decoded.

    Args:
        source: path, bytes, binary file or Pillow image.
        max_pixels: width × height that is accepted.

    Raises:
        ImageError: missing, not a picture, truncated, over ``max_pixels``, or under 16 pixels a
            side; the text is one sentence that names the file.
    """
    label, name = _describe(source)
    if isinstance(source, Image.Image):
        return _decode(source, label, name, max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _read(io.BytesIO(source), label, name, max_pixels)
    if isinstance(source, str | Path):
        with _open(Path(source), label) as file:
            return _read(file, label, name, max_pixels)
    return _read(source, label, name, max_pixels)


def read_text(path: str | Path, max_pixels: int = MAX_PIXELS) -> dict[str, str]:
    """The text that ``Picture.save`` stored in a file; empty if there is none.

    Raises:
        ImageError: the file is missing, not a picture, or over ``max_pixels``.
    """
    label, _ = _describe(path)
    with _open(Path(path), label) as file, _opened(file, label, max_pixels) as image:
        _check_pixels(image, label, max_pixels)
        if isinstance(image, PngImagePlugin.PngImageFile):
            _load_pixels(image, label)  # chunks may come after the pixels
            return {key: str(value) for key, value in image.text.items()}
        try:
            stored = json.loads(image.getexif()[ExifTags.Base.ImageDescription])
        except (KeyError, ValueError, TypeError):
            return {}
    return stored if isinstance(stored, dict) else {}


def _describe(source: Source) -> tuple[str, str]:
    """How messages call the source, and the picture's short name."""
    path = source if isinstance(source, str | Path) else getattr(source, "filename", "")
    path = path or getattr(source, "name", "")
    if isinstance(path, bytes):
        path = path.decode(errors="replace")
    if not isinstance(path, str | Path) or not str(path):
        return "The picture", ""
    return f"'{path}'", Path(path).stem


def _open(path: Path, label: str) -> BinaryIO:
    try:
        return open_file(path)
    except FileNotFoundError as error:
        raise ImageError(f"{label} does not exist.") from error
    except (OSError, ValueError) as error:
        if os.path.isdir(path):
            raise ImageError(f"{label} is a folder, not a picture.") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{label} cannot be read: {reason}.") from error


def _read(file: BinaryIO, label: str, name: str, max_pixels: int) -> Picture:
    with _opened(file, label, max_pixels) as image:
        return _decode(image, label, name, max_pixels)


def _opened(file: BinaryIO, label: str, max_pixels: int) -> Image.Image:
    """The file's header as a Pillow image, nothing decoded yet."""
    Image.init()
    formats = [kind for kind in FORMATS if kind in Image.OPEN]
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes and damaged EXIF; our own sentences say what matters.
            warnings.simplefilter("ignore")
            return Image.open(file, formats=formats)
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{label} has too many pixels: the limit is {max_pixels:,}, and it claims far more."
        ) from error
    except Exception as error:  # Pillow's readers raise nearly anything on damaged headers
        try:
            empty = file.seek(0, io.SEEK_END) == 0
        except (OSError, ValueError, AttributeError):
            empty = False
        if empty:
            raise ImageError(f"{label} is empty.") from error
        raise ImageError(f"{label} is not a picture that can be read.") from error


def _decode(image: Image.Image, label: str, name: str, max_pixels: int) -> Picture:
    _check_pixels(image, label, max_pixels)
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{label} has {width} × {height} pixels; each side needs {MIN_SIDE} or more."
        )
    _load_pixels(image, label)
    profile = image.info.get("icc_profile")
    try:
        pixels = _to_srgb(image, profile if isinstance(profile, bytes) else None)
    except ImageError as error:
        raise ImageError(f"{label} {error}") from None
    except MemoryError as error:
        raise ImageError(f"{label} does not fit into memory.") from error
    except Exception as error:
        raise ImageError(f"{label} has a colour mode ({image.mode}) that is not read.") from error
    return Picture(pixels, name)


def _check_pixels(image: Image.Image, label: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            f"{label} has {width} × {height} pixels, over the limit of {max_pixels:,} in all."
        )


def _load_pixels(image: Image.Image, label: str) -> None:
    try:
        image.load()
    except MemoryError as error:
        raise ImageError(f"{label} does not fit into memory.") from error
    except Exception as error:  # each format's decoder has its own way to fail
        raise ImageError(f"{label} is truncated or damaged.") from error


def _orientation(image: Image.Image) -> int:
    """How EXIF says that the picture lies, 1 to 8; 1 is upright."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF says nothing about orientation; the pixels are fine
        return 1


def _as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels (H, W, 3) of an upright picture in the order in which a file has them: a view."""
    view = upright.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else upright
    if orientation in (3, 4, 6, 7):
        view = view[::-1]
    return view[:, ::-1] if orientation in (2, 3, 7, 8) else view


def _to_srgb(image: Image.Image, profile: bytes | None) -> np.ndarray:
    """(H, W, 3) uint8 from an image of any mode.

    In strips: on the way to sRGB the whole picture would be in memory up to six times.
    """
    width, height = image.size
    orientation = _orientation(image)
    upright = (width, height) if orientation in (5, 6, 7, 8) else (height, width)
    turned = np.empty((*upright, 3), np.uint8)
    pixels = _as_stored(turned, orientation)
    strips = [(top, min(top + _STRIP, height)) for top in range(0, height, _STRIP)]

    def cut(top: int, bottom: int) -> Image.Image:
        return image.crop((0, top, width, bottom))

    if image.mode.startswith("I") or image.mode == "F":
        white = _white(cut(*rows) for rows in strips)
        for top, bottom in strips:
            pixels[top:bottom] = _deep_grey(cut(top, bottom), white)
    else:
        for top, bottom in strips:
            pixels[top:bottom] = np.asarray(_strip_to_srgb(cut(top, bottom), profile))
    return turned


def _strip_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "LAB":
        return _convert_profile(image, ImageCms.createProfile("LAB"))
    if image.mode == "La":  # premultiplied; Pillow knows only this way out
        image = image.convert("LA")
    if not image.has_transparency_data:
        return _opaque(image, profile)
    rgba = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(_opaque(rgba.convert("RGB"), profile), mask=rgba.getchannel("A"))
    return canvas


def _opaque(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB without regard to transparency; an unusable profile is ignored."""
    if image.mode in ("1", "P", "PA", "LA", "La", "RGBa", "RGBA", "RGBX"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile and image.mode in _ICC_COLOUR_SPACES:
        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if embedded.profile.xcolor_space.strip() == _ICC_COLOUR_SPACES[image.mode]:
                return _convert_profile(image, embedded)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


def _convert_profile(
    image: Image.Image, profile: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile
) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    return converted or image  # None only when converting in place


def _white(strips: Iterable[Image.Image]) -> float:
    """What is white in a picture of deep grey: 65535, or of floats 1, or 255 if any exceeds 1."""
    white = 0.0
    for strip in strips:
        values = np.asarray(strip)
        if not np.isfinite(values).all():
            raise ImageError("holds values that are NaN or infinite.")
        found = 65535.0 if strip.mode != "F" else 1.0 if values.max() <= 1 else 255.0
        white = max(white, found)
    return white


def _deep_grey(image: Image.Image, white: float) -> np.ndarray:
    """(H, W, 1) uint8 from grey of 16 or 32 bits."""
    values = np.asarray(image)
    grey = np.rint(np.clip(values.astype(np.float64) / white, 0, 1) * 255).astype(np.uint8)
    if isinstance(clear := image.info.get("transparency"), int):
        grey[values == clear] = 255
    return grey[:, :, None]
