"""Nikulin & Novak 2016, "Exploring the Neural Algorithm of Artistic Style" (arXiv 1602.07188)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..engine.job import Job, Result
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most, largest
from ..figure.panels import Grid, Panel
from ..figure.plots import LinePlot, Series
from ..images import Picture
from ..measure.matching import matched
from ..measure.metrics import lab_distance, sliced_wasserstein_rgb
from .gatys2015 import style_size
from .matching import match_claim
from .sheet import Metrics, Sheet, fidelity, ratio_label, shown, source_panel
from .studio import Studio, figure_config

A, B, C = "A Gatys' layers", "B changed layers", "C Gatys', matched"


def layers(studio: Studio) -> Sheet:
    """The changed layers beside Gatys' at two style weights, and the sweep of that weight."""
    _, config, changed = figure_config("nikulin2016/layers")
    content, style = studio.picture("content"), studio.picture("style")
    common, _ = config.style_sets
    gatys = changed.with_(
        content_layers=config.content_sets[common], style_layers=config.style_sets[common]
    )
    (seed,) = config.seeds

    def job(ratio: float) -> Job:
        label = f"Gatys' layers, α/β {ratio_label(ratio)}"
        return studio.job(gatys.with_(ratio=ratio), content, style, label=label, seed=seed)

    other = studio.job(changed, content, style, label=B, seed=seed)
    ratios = sorted({*config.ratios, changed.ratio})
    drawn = studio.draw({None: other, **{ratio: job(ratio) for ratio in ratios}})
    result, sweep = drawn.pop(None), drawn
    compared = list(changed.style_layers)
    measured = _measured(studio, result, style, compared)
    metrics = {ratio: _measured(studio, each, style, compared) for ratio, each in sweep.items()}

    def style_errors(ratios: Mapping[str, float]) -> dict[str, float]:
        for ratio in ratios.values():
            sweep.update(studio.draw({ratio: job(ratio)}))
            metrics[ratio] = _measured(studio, sweep[ratio], style, compared)
        return {label: metrics[ratio]["style_error"] for label, ratio in ratios.items()}

    curve = {ratio: each["style_error"] for ratio, each in metrics.items()}
    lower = matched({C: measured["style_error"]}, style_errors, {C: curve})[C]

    sheet = Sheet()
    sheet.add(B, result, measured)
    for ratio in sorted(sweep):
        sheet.add(sweep[ratio].job.label, sweep[ratio], metrics[ratio])
    three = {A: sweep[changed.ratio], B: result, C: sweep[lower]}
    numbers = {A: metrics[changed.ratio], B: measured, C: metrics[lower]}
    sheet.grids = [
        _pictures(three, numbers, content, style, lower),
        Grid.of_rows([[Panel(_plot(metrics, measured, compared))]]),
    ]
    sheet.claims = claims(config.source, measured, metrics, changed.ratio, lower)
    return sheet


def claims(
    source: str,
    changed: Metrics,
    sweep: Mapping[float, Metrics],
    first: float,
    lower: float,
) -> list[Claim]:
    """What is said of the changed layers, against Gatys' layers at the ratios of the sweep.

    Args:
        changed: of the picture from the changed layers.
        sweep: ratio alpha/beta to the numbers of the picture from Gatys' layers.
        first: the ratio of panel A.
        lower: that of panel C, where the style errors match.
    """
    weaker = sweep[lower]
    pair = {name: {B: changed[name], C: weaker[name]} for name in ("ssim", "edge_correlation")}
    return [
        match_claim(
            "With Gatys' layers some style weight gives the style error that the changed layers "
            "have on conv3_1 and conv5_1.",
            "relative Gram distance at conv3_1 and conv5_1, C over B",
            weaker["style_error"] / changed["style_error"],
        ),
        at_most(
            "lower",
            "It is a lower style weight than before.",
            source,
            "style weight of C over that of A",
            first / lower,
            1.0,
        ),
        at_most(
            "colours",
            "At equal style error the changed layers retain the photograph's colours, a lower "
            "style weight does not.",
            source,
            "distance of the colours to the photograph, B over C",
            {
                "ΔE": changed["colour_distance"] / weaker["colour_distance"],
                "Wasserstein": changed["palette_distance"] / weaker["palette_distance"],
            },
            0.8,
            basis="our bound: 20 % nearer",
        ),
        all_of(
            "details",
            "They retain its low-level features as well.",
            source,
            [
                largest("ssim", "", "", "SSIM", pair["ssim"], B),
                largest("edges", "", "", "edge correlation", pair["edge_correlation"], B),
            ],
            measure="SSIM and edge correlation with the photograph",
        ),
        at_least(
            "weight",
            "No style weight on Gatys' layers reproduces this: every one is worse than the changed "
            "layers in colour or in style.",
            source,
            "the larger of two factors, by α/β: how much further than B in colour, and in style "
            "error",
            {ratio_label(ratio): _behind(sweep[ratio], changed) for ratio in sorted(sweep)},
            1.0,
        ),
    ]


def _behind(ours: Metrics, other: Metrics) -> float:
    """By what factor a picture is worse in that of two respects in which it is worse."""
    return max(ours[name] / other[name] for name in ("colour_distance", "style_error"))


def _measured(studio: Studio, result: Result, style: Picture, compared: list[str]) -> Metrics:
    assert result.job.content is not None
    drawn = result.picture.pixels
    photograph = result.job.content.resized(*result.picture.size).pixels
    distances = studio.style_distances(result, style, ["relu1_1", "relu2_1", *compared])
    return {
        **fidelity(result),
        "colour_distance": lab_distance(drawn, photograph),
        "palette_distance": sliced_wasserstein_rgb(drawn, photograph),
        "style_error": float(np.mean([distances[layer] for layer in compared])),
        **{f"gram_distance/{layer}": value for layer, value in distances.items()},
    }


def _pictures(
    results: Mapping[str, Result],
    metrics: Mapping[str, Metrics],
    content: Picture,
    style: Picture,
    lower: float,
) -> Grid:
    def lines(label: str) -> list[str]:
        numbers = metrics[label]
        ratio = lower if label == C else results[label].job.preset.ratio
        return [
            f"α/β {ratio_label(ratio)}, style error {numbers['style_error']:.2g}",
            f"ΔE {numbers['colour_distance']:.1f}, edges {numbers['edge_correlation']:.2f}",
        ]

    canvas = results[A].picture.size
    return Grid.of_rows(
        [[shown(result, lines(label)) for label, result in results.items()]],
        columns=list(results),
        inputs=(
            source_panel(content, canvas, "content"),
            source_panel(style, style_size(results), "style"),
        ),
    )


def _plot(sweep: Mapping[float, Metrics], changed: Metrics, compared: list[str]) -> LinePlot:
    ratios = sorted(sweep)
    return LinePlot(
        [
            Series(
                "Gatys' layers by α/β",
                [sweep[ratio]["style_error"] for ratio in ratios],
                [sweep[ratio]["colour_distance"] for ratio in ratios],
                "both",
                [ratio_label(ratio) for ratio in ratios],
            ),
            Series(
                "changed layers",
                [changed["style_error"]],
                [changed["colour_distance"]],
                "points",
            ),
        ],
        x_label=f"relative Gram distance to the painting, mean of {' and '.join(compared)}",
        y_label="ΔE to the photograph",
        x_scale="log",
        aspect=0.45,
    )
