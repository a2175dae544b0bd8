"""Pictures on their way into the page: examples, uploads, and what they are called."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path

from PIL import Image

from replicate.errors import ImageError, ReplicateError
from replicate.images import Picture, bundled, bundled_names, load_image
from replicate.images.reading import FORMATS, MIN_SIDE
from replicate.record import Record, read_record
from replicate.storage.files import cache_dir, write_atomic

from .limits import InputError, Limits

THUMBNAIL, PREVIEW = 96, 400
"""Pixels of the copies of an example that the page shows."""

_HEAVY = {"WEBP": 0.8, "JPEG2000": 0.4}
"""Formats whose readers take more memory a pixel than others, which take up to 15 bytes."""

_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")

_reading = threading.Lock()
"""One picture is read at a time: several at once would take several times the memory."""


@cache
def examples(role: str) -> dict[str, str]:
    """Files of the bundled pictures for ``content`` or ``style`` by name."""
    names = bundled_names()["photographs" if role == "content" else "artworks"]
    return {name: str(_file(name)) for name in names}


def folder() -> Path:
    """Where the bundled pictures lie as files."""
    return cache_dir() / "demo"


def _file(name: str) -> Path:
    """A bundled picture as a file whose name is the picture's."""
    picture = bundled(name)
    path = folder() / picture.sha256[:12] / f"{name}.png"
    return path if path.is_file() else picture.save(path)


def copies(path: str) -> tuple[Path, Path]:
    """Two copies of an example for the page: one to look at, and a small square one."""
    file = Path(path)
    whole, small = file.with_suffix(".webp"), file.with_name(f"{file.stem}-small.webp")
    if not (whole.is_file() and small.is_file()):
        image = load_image(path).pil()
        side = min(image.size)
        left, top = ((each - side) // 2 for each in image.size)
        square = image.crop((left, top, left + side, top + side)).resize((THUMBNAIL, THUMBNAIL))
        image.thumbnail((PREVIEW, PREVIEW))
        for copy, to in ((image, whole), (square, small)):
            encoded = io.BytesIO()
            copy.save(encoded, "WEBP", quality=72, method=6)
            write_atomic(to, encoded.getvalue())
    return whole, small


def names() -> set[str]:
    """Every bundled picture that the page offers."""
    return {*examples("content"), *examples("style")}


def read(path: str | None, role: str, limits: Limits) -> Picture | None:
    """The picture in a visitor's file; a bundled picture under its own name.

    Raises:
        InputError: the file is no picture, or over the limits; the text calls it by its role, for
            a visitor does not know the server's paths.
    """
    if path is None:
        return None
    file = Path(path)
    try:
        if file.stat().st_size > limits.megabytes * 1_000_000:
            raise InputError(f"The {role} picture's file is over {limits.megabytes} MB.")
        with _reading:
            picture = load_image(file, round(limits.pixels * _share(file)))
    except OSError as error:
        raise InputError(
            f"The {role} picture is no longer on the server: choose it again."
        ) from error
    except ImageError as error:
        raise InputError(_renamed(str(error), file, role)) from error
    known = _by_digest().get(picture.sha256)
    return replace(picture, name=known or file.name)


def check(path: str, limits: Limits) -> None:
    """See by its header whether an uploaded file is a picture that can be drawn from.

    Raises:
        ImageError: it is not; one sentence says why.
    """
    file = Path(path)
    try:
        with open(file, "rb") as opened:
            head = opened.read(12)
            if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
                raise ImageError(
                    "This server does not read HEIC: on an iPhone, Settings › Camera › Formats › "
                    "Most Compatible takes JPEG pictures, and sending a photograph as a mail does."
                )
            with Image.open(
                opened, formats=[kind for kind in FORMATS if kind in Image.OPEN]
            ) as image:
                width, height = image.size
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError("The picture has far too many pixels: make it smaller first.") from error
    except Exception as error:  # Pillow's readers raise nearly anything on damaged headers
        raise ImageError("This file is not a picture that can be read here.") from error
    most = round(limits.pixels * _share(file))
    if width * height > most:
        raise ImageError(
            f"The picture has {width * height / 1e6:.0f} megapixels, and {most / 1e6:.0f} are read "
            "here: make it smaller first."
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"The picture has {width} × {height} pixels, and each side needs {MIN_SIDE}."
        )


def record(path: str, limits: Limits) -> Record:
    """How the picture in a visitor's file was drawn.

    Raises:
        InputError: it does not say so, or is over the limits.
    """
    try:
        with _reading:
            return read_record(path, limits.pixels)
    except ReplicateError as error:
        raise InputError(str(error).replace(f"'{path}'", "This file")) from error


def _share(file: Path) -> float:
    """The share of the limit of pixels that a file of this format may have."""
    try:
        with Image.open(file, formats=tuple(_HEAVY)) as image:
            return _HEAVY[str(image.format)]
    except Exception:  # another format, or none: told by who reads it
        return 1.0


def bundled_name(picture: Picture | None) -> str:
    """The name of a bundled picture; empty for any other."""
    return _by_digest().get(picture.sha256, "") if picture is not None else ""


@cache
def _by_digest() -> dict[str, str]:
    names = bundled_names()
    return {bundled(name).sha256: name for name in [*names["photographs"], *names["artworks"]]}


def _renamed(sentence: str, file: Path, role: str) -> str:
    return sentence.replace(f"'{file}'", f"The {role} picture")
