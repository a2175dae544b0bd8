"""What a layer makes of a picture: maps, Gram matrix, matched filters, and reconstructions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.images import Picture
from replicate.measure.analysis import (
    Entry,
    Matrix,
    Representation,
    cosine_gram,
    matched_pairs,
    representations,
)
from replicate.networks.layers import layer_names
from replicate.visualisation.maps import map_picture, pair_picture

from .backend import Backend
from .limits import Limits

SHOWN, COLUMNS = 36, 6
"""Maps that are shown, and how many a row."""

WIDEST = 96
"""Pixels of a map's picture."""

PAIRS = 3
"""Matched pairs of each kind."""

FAINTEST = 1e-2
"""Share of the largest Gram entry that is as pale as none."""

_TILE_WIDTH = 180


@dataclass(frozen=True)
class Pair:
    """Two maps side by side, and what matches them."""

    picture: Picture
    caption: str


@dataclass(frozen=True)
class Look:
    """What the page shows of a layer.

    Attributes:
        maps: the strongest maps, each brightened by itself, :data:`COLUMNS` a row.
        channels: their numbers.
        gram: the Gram matrix among them, from 0, no more than a hundredth of the largest
            entry, to 100, logarithmically.
        field, step: pixels of the picture that a position sees, and that lie between positions.
        by_value, by_cosine: pairs of maps with the largest Gram entries, and the most alike ones.
        sentence: sizes, and what a position sees.
    """

    maps: Picture
    channels: list[int]
    gram: list[list[int]]
    field: int
    step: int
    by_value: list[Pair]
    by_cosine: list[Pair]
    sentence: str


def look(backend: Backend, picture: Picture, layer: str, preset: Preset, network: str) -> Look:
    """One pass of the preset's network over the picture at its own size.

    Raises:
        LayerError: the network has no such layer.
    """
    engine = backend.viewer(network)
    spec = engine.networks.resolve(preset.network)
    layer = engine.networks.network(preset.network).canonical(layer)
    with backend.lock:
        found = representations(engine, picture, [layer], preset.network)[layer]
    channels = found.strongest(SHOWN)
    return Look(
        maps=_sprite(found, channels),
        channels=channels,
        gram=_gram(found, channels),
        field=found.field,
        step=found.step,
        by_value=_pairs(found, found.gram, "Gram entry"),
        by_cosine=_pairs(found, cosine_gram(found.gram), "cosine"),
        sentence=_sentence(found, spec.label),
    )


def _sprite(found: Representation, channels: list[int]) -> Picture:
    """The maps as one picture without gaps; wide ones are made smaller."""
    tiles = [map_picture(found.maps[channel]).pil() for channel in channels]
    width, height = tiles[0].size
    shrunk = min(1.0, WIDEST / width)
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * size[0], rows * size[1]))
    for place, tile in enumerate(tiles):
        row, column = divmod(place, COLUMNS)
        sheet.paste(tile.resize(size, Image.Resampling.BOX), (column * size[0], row * size[1]))
    return Picture.from_array(np.asarray(sheet))


def _gram(found: Representation, channels: list[int]) -> list[list[int]]:
    gram = np.abs(found.gram[np.ix_(channels, channels)])
    share = gram / (gram.max() or 1.0)
    decades = np.log10(share.clip(min=FAINTEST)) / np.log10(FAINTEST)
    return [[round(100 * (1 - float(value))) for value in row] for row in decades]


def _tile(found: Representation, width: int) -> tuple[int, int]:
    """Whole blocks a position, so that maps of few positions are as wide as the others."""
    _, rows, columns = found.maps.shape
    block = max(1, round(width / columns))
    return columns * block, rows * block


def _pairs(found: Representation, matrix: Matrix, measure: str) -> list[Pair]:
    tile = _tile(found, _TILE_WIDTH)

    def shown(pair: Entry) -> Pair:
        names = f"filters {pair.first} and {pair.second}"
        return Pair(pair_picture(found, pair, tile), f"{names}: {measure} {pair.value:.3g}")

    return [shown(pair) for pair in matched_pairs(matrix, PAIRS)]


def _sentence(found: Representation, network: str) -> str:
    channels, rows, columns = found.maps.shape
    shown = f"the {SHOWN} strongest" if channels > SHOWN else "all"
    return (
        f"{found.layer} of {network}: {channels} maps of {columns} × {rows} positions, {shown} "
        f"shown. A position sees {found.field} px of the picture and lies {found.step} px from the "
        f"next; {found.silent_share:.0%} of the values are zero or less."
    )


def reconstructions(
    preset: Preset, picture: Picture, layer: str, size: int, evaluations: int, limits: Limits
) -> dict[str, Job]:
    """Jobs that start from noise and match one layer alone: its content, then its style.

    Raises:
        LayerError: the network has no such layer.
    """
    scales = max(preset.scales, limits.scales)
    content = preset.with_(content_layers=[layer], style_layers=[], scales=scales)
    style = preset.with_(content_layers=[], style_layers=[layer])
    common = {"size": size, "evaluations": evaluations, "init": "noise"}
    return {
        "content": Job(content, content=picture, **common),
        "style": Job(style, style=picture, **common),
    }


def choices(architecture: str = "vgg19") -> list[str]:
    """Every layer from shallow to deep: of each convolution its values before and after
    rectification, and the poolings.
    """
    return list(layer_names(architecture))
