"""Nikulin & Novak 2016, "Exploring the Neural Algorithm of Artistic Style" (arXiv 1602.07188)."""

from __future__ import annotations

import numpy as np

from ..engine.job import Job, Result
from ..figure.plots import LinePlot, Series
from .matching import matched_weights
from .measures import apart_by_more, colour_distance, fidelity, style_distances
from .panels import Key, Metrics, Panels, plot_row, ratio_label
from .sheet import Sheet
from .studio import Studio

GATYS = "Gatys' layers"
A, B, C = "A Gatys' layers", "B changed layers", "C Gatys', matched"
COMPARED = ("relu3_1", "relu5_1")
"""The changed style layers: those on which style errors are compared."""

STYLE_EXPONENT = 1.4
"""alpha/beta goes as this power of the style error, seen in the sweeps of three pairs."""


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
    panels.measure(fidelity, colour_distance, _style_errors)
    target = panels.metrics[B]["style_error"]
    matched = matched_weights(studio, panels, "style_error", {GATYS: target}, at, STYLE_EXPONENT)
    lower = matched[GATYS]
    keys = sorted(key for key in panels if key != B)
    tried = panels.select({ratio_label(key[1]): key for key in keys})
    three = panels.select({A: (GATYS, changed.ratio), B: B, C: (GATYS, lower)})
    ours = three.metrics[B]
    behind = {
        ratio: max(each[name] / ours[name] for name in ("colour_distance", "style_error"))
        for ratio, each in tried.metrics.items()
    }
    unmet = apart_by_more(studio, {C: three.ratio("style_error", C, B)})
    two = [three[B], three[C]]
    return studio.sheet(
        panels.select([B, *keys]),
        grids=[
            three.grid(
                lines=[
                    "α/β {ratio}, style error {style_error:.2g}",
                    "ΔE {colour_distance:.1f}, edges {edge_correlation:z.2f}",
                ]
            ),
            plot_row(_plot(tried, ours)),
        ],
        claims=[
            studio.claim("colours", three.column("colour_distance", [B, C]), of=two, unmet=unmet),
            studio.claim("details", three.column("edge_correlation", [B, C]), of=two, unmet=unmet),
            studio.claim("weight", min(behind.values())),
        ],
    )


def _style_errors(studio: Studio, result: Result) -> Metrics:
    distances = style_distances(studio, result, ["relu1_1", "relu2_1", *COMPARED])
    return {
        "style_error": float(np.mean([distances[layer] for layer in COMPARED])),
        **{f"gram_distance/{layer}": value for layer, value in distances.items()},
    }


def _plot(tried: Panels, changed: Metrics) -> LinePlot:
    """Distance in colour over style error: of Gatys' layers at each ratio, and of the changed."""
    errors, colours = (
        list(tried.column(name).values()) for name in ("style_error", "colour_distance")
    )
    gatys = Series("Gatys' layers by α/β", errors, colours, "both", list(tried))
    ours = [changed["style_error"]], [changed["colour_distance"]]
    return LinePlot(
        [gatys, Series("changed layers", *ours, "points")],
        x_label=f"relative Gram distance to the painting, mean of {' and '.join(COMPARED)}",
        y_label="ΔE to the photograph",
        x_scale="log",
        aspect=0.45,
    )
