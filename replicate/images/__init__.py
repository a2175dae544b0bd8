"""Pictures: reading and checking them, the bundled ones, and the papers' own."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ImageError
from ..suggest import nearest
from .bundled import bundled, bundled_names
from .papers import (
    folder_files,
    folder_pictures,
    paper_image,
    paper_image_file,
    paper_image_keys,
)
from .picture import Picture
from .reading import load_image, read_text

__all__ = [
    "ImageError",
    "Picture",
    "bundled",
    "bundled_names",
    "find_image",
    "folder_files",
    "folder_pictures",
    "load_image",
    "paper_image",
    "paper_image_file",
    "paper_image_keys",
    "read_text",
]


def find_image(name: str | Path) -> Picture:
    """The picture that a user means: a file, a bundled name or a key of a paper's image.

    Something that looks like a path (a separator or a suffix) is only looked for as a file.
    A bundled name or key goes before a file of the same bare name in the current folder.

    Raises:
        ImageError: nothing of that name; the text names the nearest.
    """
    text = str(name)
    known = [each for names in bundled_names().values() for each in names]
    if text in known:
        return bundled(text)
    if text in paper_image_keys():
        return paper_image(text)
    if os.path.exists(text) or Path(text).suffix or len(Path(text).parts) > 1:
        return load_image(text)
    raise ImageError(
        f"There is no picture or file '{text}'{nearest(text, [*known, *paper_image_keys()])}"
    )
