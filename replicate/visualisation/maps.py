"""Feature maps and Gram matrices to look at: maps one by one, in rows, in pairs; entries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..figure.panels import Panel
from ..figure.plots import HeatMap, LinePlot, Series
from ..images import Picture
from ..measure.analysis import Entry, Maps, Matrix, Representation, cosine_gram, matched_pairs, unit

Size = tuple[int, int]
"""(width, height) in pixels."""

SHOWN = 64
"""Channels of a layer at most, in mosaics of maps and in heat maps."""


def map_picture(values: Maps, size: Size | None = None) -> Picture:
    """One map (H, W) in greys, black for 0 and less, white for its largest value.

    Args:
        size: to enlarge it to, each position a block; None keeps (W, H).
    """
    grey = Image.fromarray(np.rint(unit(values) * 255).astype(np.uint8))
    if size is not None:
        grey = grey.resize(size, Image.Resampling.NEAREST)
    return Picture.from_array(np.asarray(grey))


def map_mosaic(maps: Maps, columns: int, tile: Size | None = None, gap: int = 2) -> Picture:
    """Maps (n, H, W) as :func:`map_picture` in rows of ``columns``, on white.

    Args:
        tile: of each map's picture; None keeps (W, H).
        gap: pixels between neighbours.
    """
    return mosaic([map_picture(values, tile) for values in maps], columns, gap)


def pair_picture(representation: Representation, pair: Entry, tile: Size | None = None) -> Picture:
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


def strongest_maps(seen: Representation, tile: Size | None = None) -> Picture:
    """The strongest maps of a layer, the strongest first, in rows of eight."""
    return map_mosaic(seen.maps[seen.strongest(SHOWN)], 8, tile)


def heat_map(seen: Representation, matrix: Matrix) -> HeatMap:
    """Entries (N, N) between a layer's strongest channels, the strongest first."""
    chosen = seen.strongest(SHOWN)
    return HeatMap(matrix[np.ix_(chosen, chosen)])


def entry_plot(entries: Sequence[Entry], aspect: float = 0.8) -> LinePlot:
    """Entries over the largest by rank, those on the diagonal apart from the others."""
    series = []
    for label, on_diagonal in (("diagonal", True), ("pair", False)):
        ranks = [rank for rank, entry in enumerate(entries, 1) if entry.on_diagonal == on_diagonal]
        values = [entries[rank - 1].value / entries[0].value for rank in ranks]
        if ranks:
            series.append(Series(label, ranks, values, kind="points"))
    return LinePlot(series, "rank", "entry / largest", aspect=aspect)


def pair_panels(seen: Representation, tile: Size) -> list[Panel]:
    """The three best pairs of maps by Gram entry, then the three best by cosine."""
    cosines = cosine_gram(seen.gram)
    return [
        Panel(
            pair_picture(seen, pair, tile),
            label=pair.label,
            lines=(f"cosine {cosines[pair.first, pair.second]:.2f}",),
        )
        for pair in [*matched_pairs(seen.gram, 3), *matched_pairs(cosines, 3)]
    ]
