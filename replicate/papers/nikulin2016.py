"""Nikulin & Novak 2016, "Exploring the Neural Algorithm of Artistic Style" (arXiv 1602.07188)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..engine.job import Job, Result
from ..figure.claims import Claim, at_least, at_most, largest, within
from ..figure.panels import Grid, Panel
from ..figure.plots import LinePlot, Series
from ..measure.matching import TOLERANCE, matched
from .measures import colour_distance, fidelity, palette_distance, style_distances
from .panels import Key, Metrics, ratio_label
from .sheet import Sheet
from .studio import Studio

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

    def at(ratio: float) -> Job:
        return studio.job(gatys.with_(ratio=ratio), content, style, seed=seed)

    def label(key: Key) -> str:
        return B if key == B else f"Gatys' layers, α/β {ratio_label(key)}"

    ratios = sorted({*config.ratios, changed.ratio})
    panels = studio.panels(
        {B: studio.job(changed, content, style, seed=seed), **{each: at(each) for each in ratios}},
        label,
    )
    panels.measure(fidelity, colour_distance, palette_distance, _style_errors)

    def style_errors(wanted: Mapping[str, float]) -> dict[str, float]:
        panels.draw({ratio: at(ratio) for ratio in wanted.values()})
        return {name: panels.metrics[ratio]["style_error"] for name, ratio in wanted.items()}

    curve = {ratio: panels.metrics[ratio]["style_error"] for ratio in ratios}
    lower = matched({C: panels.metrics[B]["style_error"]}, style_errors, {C: curve})[C]
    sweep = panels.select(sorted(key for key in panels if key != B))
    three = panels.select({A: changed.ratio, B: B, C: lower})
    return studio.sheet(
        panels.select([B, *sweep]),
        grids=[
            three.grid(
                lines=[
                    "α/β {ratio}, style error {style_error:.2g}",
                    "ΔE {colour_distance:.1f}, edges {edge_correlation:.2f}",
                ]
            ),
            Grid.of_rows([[Panel(_plot(sweep.metrics, panels.metrics[B]))]]),
        ],
        claims=claims(studio, panels.metrics[B], sweep.metrics, changed.ratio, lower),
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
        studio.claim(
            "matched",
            within(
                "relative Gram distance at conv3_1 and conv5_1, C over B",
                weaker["style_error"] / changed["style_error"],
                1 - TOLERANCE,
                1 + TOLERANCE,
                "our bound: 5 %",
            ),
        ),
        studio.claim("lower", at_most("style weight of C over that of A", first / lower, 1.0)),
        studio.claim(
            "colours",
            at_most(
                "distance of the colours to the photograph, B over C",
                {"ΔE": over["colour_distance"], "Wasserstein": over["palette_distance"]},
                0.8,
                "our bound: 20 % nearer",
            ),
        ),
        studio.claim(
            "details",
            largest("SSIM", ssim, B),
            largest("edge correlation", edges, B),
            measure="SSIM and edge correlation with the photograph",
        ),
        studio.claim(
            "weight",
            at_least(
                "the larger of two factors, by α/β: how much further than B in colour, and in "
                "style error",
                behind,
                1.0,
            ),
        ),
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
