"""A checked picture in memory."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from ..errors import ImageError
from ..storage.files import write_atomic

_SAVE_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
}


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """An sRGB picture in memory.

    Attributes:
        pixels: (H, W, 3) uint8; treat it as read-only.
        name: short name, such as "coffee".
        credit: author and licence.
    """

    pixels: np.ndarray
    name: str = ""
    credit: str = ""

    def __post_init__(self) -> None:
        shape, kind = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or kind != np.uint8 or 0 in shape:
            raise ImageError(f"A picture needs (H, W, 3) uint8 pixels, not {shape} {kind}.")

    def __repr__(self) -> str:
        return f"Picture({self.name!r}, {self.size[0]}×{self.size[1]})"

    @classmethod
    def from_array(cls, array: np.ndarray, name: str = "", credit: str = "") -> Picture:
        """Picture from (H, W), (H, W, 1) or (H, W, 3), uint8 or float in [0, 1] (clipped).

        Raises:
            ImageError: another shape or type, or a value that is not finite.
        """
        array = np.asarray(array)
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim == 3 and array.shape[2] == 1:
            array = np.repeat(array, 3, axis=2)
        if np.issubdtype(array.dtype, np.floating):
            if not np.isfinite(array).all():
                raise ImageError("A picture cannot hold values that are NaN or infinite.")
            array = np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8)
        return cls(np.ascontiguousarray(array), name, credit)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width, _ = self.pixels.shape
        return width, height

    @cached_property
    def sha256(self) -> str:
        """Digest of shape and pixels, so that equal pictures have equal digests."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()

    def _repr_png_(self) -> bytes:
        """The picture as notebooks show it."""
        return self._encoded("PNG")

    def pil(self) -> Image.Image:
        """The picture as a Pillow image of mode RGB."""
        return Image.fromarray(self.pixels)

    def resized(self, width: int, height: int) -> Picture:
        """The picture at exactly this size, by Lanczos resampling, channel by channel: Pillow would
        copy a large picture into four bytes a pixel.
        """
        if (width, height) == self.size:
            return self
        if width < 1 or height < 1:
            raise ImageError(f"A picture cannot be {width} × {height} pixels.")
        pixels = np.empty((height, width, 3), np.uint8)
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(self.pixels[:, :, channel]))
            small = plane.resize((width, height), Image.Resampling.LANCZOS)
            pixels[:, :, channel] = np.asarray(small)
        return replace(self, pixels=pixels)

    def scaled_to(self, longest: int) -> Picture:
        """The picture made larger or smaller so that its longest side has ``longest`` pixels."""
        if longest < 1:
            raise ImageError(f"A picture's longest side cannot be {longest} pixels.")
        factor = longest / max(self.size)
        width, height = (max(1, round(side * factor)) for side in self.size)
        return self.resized(width, height)

    def save(self, path: str | Path, text: Mapping[str, str] | None = None) -> Path:
        """Write PNG, JPEG or WebP, by suffix, whole or not at all; returns the path.

        ``text`` goes into PNG text chunks, or into EXIF elsewhere; ``read_text`` gives it back.

        Raises:
            ImageError: another suffix.
            ReplicateError: the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in _SAVE_OPTIONS:
            raise ImageError(f"Cannot save '{path}': the name must end in .png, .jpg or .webp.")
        kind, options = _SAVE_OPTIONS[suffix]
        if text and kind == "PNG":
            options = {"pnginfo": _text_chunks(text)}
        elif text:
            options = {**options, "exif": _text_exif(text)}
        return write_atomic(path, self._encoded(kind, **options))

    def _encoded(self, kind: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        self.pil().save(buffer, kind, **options)
        return buffer.getvalue()


def _text_chunks(text: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        chunks.add_itxt(key, value)
    return chunks


def _text_exif(text: Mapping[str, str]) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = json.dumps(dict(text))
    return exif
