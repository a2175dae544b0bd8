"""Pictures on their way into the page: examples, uploads, and what they are called."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from replicate.errors import ImageError, ReplicateError
from replicate.images import Picture, bundled, bundled_names, load_image
from replicate.record import Record, read_record
from replicate.storage.files import cache_dir

from .limits import InputError, Limits

THUMBNAIL = 160

_HEAVY = {"WEBP": 0.8, "JPEG2000": 0.4}
"""Formats whose readers take more memory a pixel than others, which take up to 15 bytes."""

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


def thumbnail(path: str) -> str:
    """A small copy of an example, cut to a square."""
    small = Path(path).with_suffix(".webp")
    if not small.is_file():
        image = load_image(path).pil()
        side = min(image.size)
        left, top = ((each - side) // 2 for each in image.size)
        square = image.crop((left, top, left + side, top + side)).resize((THUMBNAIL, THUMBNAIL))
        Picture(np.asarray(square)).save(small)
    return str(small)


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
