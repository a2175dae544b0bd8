"""Nikulin & Novak 2016, "Exploring the Neural Algorithm of Artistic Style" (arXiv 1602.07188)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..engine.job import Job, Result
from ..figure.claims import Claim
from ..figure.plots import LinePlot, Series
from .matching import matched_weights
from .measures import colour_distance, fidelity, palette_distance, style_distances
from .panels import Key, Metrics, plot_row, ratio_label
from .sheet import Sheet
from .studio import Studio

GATYS = "Gatys' layers"
A, B, C = "A Gatys' layers", "B changed layers", "C Gatys', matched"
COMPARED = ("relu3_1", "relu5_1")
"""The changed style layers: those on which style errors are compared."""


def layers(studio: Studio) -> Sheet:
    """The changed layers beside Gatys' at two style weights, and the sweep of that weight."""
    config, changed = studio.config, studio.preset
    common, _ = config.style_sets
    gatys = changed.with_(
        content_layers=config.content_sets[common], style_layers=config.style_sets[common]
    )
    content, style = studio.picture("content"), studio.picture("style")
    (seed,) = config.seeds

    def at(_: Key, ratio: float) -> Job:
        return studio.job(gatys.with_(ratio=ratio), content, style, seed=seed)

    def label(key: Key) -> str:
        return B if key == B else f"{key[0]}, α/β {ratio_label(key[1])}"

    ratios = sorted({*config.ratios, changed.ratio})
    sweep = {(GATYS, ratio): at(GATYS, ratio) for ratio in ratios}
    panels = studio.panels({B: studio.job(changed, content, style, seed=seed), **sweep}, label)
    panels.measure(fidelity, colour_distance, palette_distance, _style_errors)
    target = panels.metrics[B]["style_error"]
    lower = matched_weights(panels, "style_error", {GATYS: target}, at)[GATYS]
    keys = sorted(key for key in panels if key != B)
    by_ratio = {ratio: panels.metrics[key] for key in keys for ratio in key[1:]}
    three = panels.select({A: (GATYS, changed.ratio), B: B, C: (GATYS, lower)})
    return studio.sheet(
        panels.select([B, *keys]),
        grids=[
            three.grid(
                lines=[
                    "α/β {ratio}, style error {style_error:.2g}",
                    "ΔE {colour_distance:.1f}, edges {edge_correlation:.2f}",
                ]
            ),
            plot_row(_plot(by_ratio, panels.metrics[B])),
        ],
        claims=claims(studio, panels.metrics[B], by_ratio, changed.ratio, lower),
    )


def claims(
    studio: Studio, changed: Metrics, sweep: Mapping[float, Metrics], first: float, lower: float
) -> list[Claim]:
    """What is said of the changed layers, against Gatys' layers at the ratios of the sweep.

    Args:
        changed: of the picture from the changed layers.
        sweep: ratio alpha/beta to the numbers of the picture from Gatys' layers.
        first: the ratio of panel A.
        lower: that of panel C, where the style errors match.
    """
    weaker = sweep[lower]
    over = {name: changed[name] / weaker[name] for name in changed}
    ssim, edges = ({B: changed[n], C: weaker[n]} for n in ("ssim", "edge_correlation"))
    behind = {ratio_label(ratio): _behind(sweep[ratio], changed) for ratio in sorted(sweep)}
    return [
        studio.claim("matched", weaker["style_error"] / changed["style_error"]),
        studio.claim("lower", first / lower),
        studio.claim(
            "colours", {"ΔE": over["colour_distance"], "Wasserstein": over["palette_distance"]}
        ),
        studio.claim("details", ssim, edges),
        studio.claim("weight", behind),
    ]


def _behind(ours: Metrics, other: Metrics) -> float:
    """By what factor a picture is worse in that of two respects in which it is worse."""
    return max(ours[name] / other[name] for name in ("colour_distance", "style_error"))


def _style_errors(studio: Studio, result: Result) -> Metrics:
    distances = style_distances(studio, result, ["relu1_1", "relu2_1", *COMPARED])
    return {
        "style_error": float(np.mean([distances[layer] for layer in COMPARED])),
        **{f"gram_distance/{layer}": value for layer, value in distances.items()},
    }


def _plot(sweep: Mapping[float, Metrics], changed: Metrics) -> LinePlot:
    errors, colours = (
        [numbers[name] for numbers in sweep.values()] for name in ("style_error", "colour_distance")
    )
    gatys = Series(
        "Gatys' layers by α/β", errors, colours, "both", [ratio_label(ratio) for ratio in sweep]
    )
    other = Series(
        "changed layers", [changed["style_error"]], [changed["colour_distance"]], "points"
    )
    return LinePlot(
        [gatys, other],
        x_label=f"relative Gram distance to the painting, mean of {' and '.join(COMPARED)}",
        y_label="ΔE to the photograph",
        x_scale="log",
        aspect=0.45,
    )
