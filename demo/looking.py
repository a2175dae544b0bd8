"""What a layer makes of a picture: maps, Gram matrix, matched filters, and reconstructions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.figure.plots import HeatMap
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
from replicate.visualisation.maps import map_mosaic, pair_picture

from .backend import Backend
from .limits import Limits

SHOWN = 36
"""Maps in the grid, in rows of six."""

PAIRS = 3
"""Matched pairs of each kind."""

FAINTEST = 1e-4
"""Share of the largest Gram entry that is as pale as none."""

_GRID_WIDTH = 900
_TILE_WIDTH = 180
_HEAT = (640, 560)


@dataclass(frozen=True)
class Pair:
    """Two maps side by side, and what matches them."""

    picture: Picture
    caption: str


@dataclass(frozen=True)
class Look:
    """What the page shows of a layer.

    Attributes:
        heat: the Gram matrix, its channels in the order of their strength.
        by_value, by_cosine: pairs of maps with the largest Gram entries, and the most alike ones.
        sentence: sizes, and what a position sees.
    """

    maps: Picture
    heat: Picture
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
        heat = _heat(found)
    return Look(
        maps=_grid(found),
        heat=heat,
        by_value=_pairs(found, found.gram, "Gram entry"),
        by_cosine=_pairs(found, cosine_gram(found.gram), "cosine"),
        sentence=_sentence(found, spec.label),
    )


def _grid(found: Representation) -> Picture:
    mosaic = map_mosaic(found.maps[found.strongest(SHOWN)], 6, _tile(found, _GRID_WIDTH // 6))
    return mosaic if mosaic.size[0] <= 2 * _GRID_WIDTH else mosaic.scaled_to(2 * _GRID_WIDTH)


def _tile(found: Representation, width: int) -> tuple[int, int]:
    """Whole blocks a position, so that maps of few positions are as wide as the others."""
    _, rows, columns = found.maps.shape
    block = max(1, round(width / columns))
    return columns * block, rows * block


def _heat(found: Representation) -> Picture:
    order = found.strongest(len(found.gram))
    gram = np.abs(found.gram[np.ix_(order, order)])
    largest = gram.max() or 1.0
    label = "Gram matrix" if (found.gram >= 0).all() else "Gram matrix, absolute values"
    heat = HeatMap(gram.clip(min=largest * FAINTEST), value_label=label, value_scale="log")
    return heat.draw(*_HEAT, 15)


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
    """Every layer from shallow to deep: activations, then convolutions, then poolings."""
    return [name for kind in ("relu", "conv", "pool") for name in layer_names(architecture, kind)]
