"""Feature maps as pictures: one by one, in rows, in pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..images import Picture
from ..measure.analysis import Entry, Maps, Representation, unit


def map_picture(values: Maps, size: tuple[int, int] | None = None) -> Picture:
    """One map (H, W) in greys, black for 0 and less, white for its largest value.

    Args:
        size: (width, height) to enlarge it to, each position a block; None keeps (W, H).
    """
    grey = Image.fromarray(np.rint(unit(values) * 255).astype(np.uint8))
    if size is not None:
        grey = grey.resize(size, Image.Resampling.NEAREST)
    return Picture.from_array(np.asarray(grey))


def map_mosaic(
    maps: Maps, columns: int, tile: tuple[int, int] | None = None, gap: int = 2
) -> Picture:
    """Maps (n, H, W) as :func:`map_picture` in rows of ``columns``, on white.

    Args:
        tile: (width, height) of each map's picture; None keeps (W, H).
        gap: pixels between neighbours.
    """
    return mosaic([map_picture(values, tile) for values in maps], columns, gap)


def pair_picture(
    representation: Representation, pair: Entry, tile: tuple[int, int] | None = None
) -> Picture:
    """The maps of a pair of channels side by side, each brightened by itself."""
    return map_mosaic(representation.maps[[pair.first, pair.second]], 2, tile)


def contact_sheet(
    pictures: Sequence[Picture], side: int, columns: int = 3, gap: int = 3
) -> Picture:
    """Square pictures in rows, each ``side`` pixels wide, on white.

    Small ones are enlarged pixel by pixel: there is nothing between the pixels of a small field.
    """

    def tile(picture: Picture) -> Picture:
        small = max(picture.size) < side
        how = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
        return Picture(np.array(picture.pil().resize((side, side), how)))

    return mosaic([tile(picture) for picture in pictures], columns, gap)


def mosaic(pictures: Sequence[Picture], columns: int, gap: int) -> Picture:
    """Pictures of one size in rows of ``columns``, ``gap`` pixels apart, on white."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    page = np.full(shape, 255, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        page[top : top + height, left : left + width] = picture.pixels
    return Picture(page)
