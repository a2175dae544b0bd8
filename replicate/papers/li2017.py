"""Li, Wang, Liu & Hou 2017, "Demystifying Neural Style Transfer" (arXiv 1701.01036)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ..engine.job import Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.old_claims import at_most, ordered, within
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap, LinePlot, Series
from ..images import Picture
from ..measure.judge import style_judge
from ..measure.matching import TOLERANCE
from ..networks.spec import NetworkSpec
from .gatys2015 import style_size
from .matching import at_equal_content
from .measures import loss_of
from .sheet import Metrics, Sheet, fidelity, shown, source_panel
from .studio import Studio, figure_config

GRAM, BOTH, MEANS = "Gram matrices", "means and deviations", "means"
PRESETS = {GRAM: "li2017-gram", BOTH: "li2017-bn", MEANS: "li2017-linear"}
"""Column to preset."""

IDENTITY_SIZE = 64
"""Longest side in pixels of the pictures whose features are compared one by one."""

ROWS = 512
"""Rows of a kernel matrix that are held at a time."""


def gram_is_mmd(studio: Studio) -> Sheet:
    """The identity, and textures and a transfer by three ways to match features."""
    paper, config, preset = figure_config("li2017/gram_is_mmd")
    content = studio.picture("content")
    paintings = [studio.picture(role) for role in ("style_1", "style_2")]
    presets = {name: paper.presets[key] for name, key in PRESETS.items()}
    layers = list(preset.style_layers)

    textures = studio.draw(
        {
            (painting.name, name): studio.job(
                each.with_(content_layers=[]), style=painting, label=f"{painting.name}, {name}"
            )
            for painting in paintings
            for name, each in presets.items()
        }
    )
    transfers = _transfers(studio, presets, content, paintings[0])
    judge = style_judge(studio.engine, preset.network)
    sheet = Sheet(
        note=f"Style distance left: by {judge.name} (sliced Wasserstein), of what the photograph "
        "has."
    )
    texture_metrics = {}
    for key, result in textures.items():
        texture_metrics[key] = _gram_distances(studio, result, layers)
        sheet.add(result.job.label, result, texture_metrics[key])
    metrics: dict[str, Metrics] = {}
    for name, result in transfers.items():
        metrics[name] = {
            **fidelity(result),
            **_gram_distances(studio, result, layers),
            "content_loss": loss_of(result, "content"),
            "style_left": judge.left(result),
        }
        sheet.add(f"transfer, {name}", result, metrics[name])

    discrepancies = gram_and_mmd(studio, content, paintings[0], layers, preset.network)
    left = {name: _mean_by_layer(texture_metrics, name, layers) for name in presets}
    sheet.grids = [
        _texture_grid(textures, paintings, texture_metrics),
        _transfer_grid(transfers, content, paintings[0], metrics),
        Grid.of_rows([[Panel(_identity_plot(discrepancies)), Panel(_distance_map(left, layers))]]),
    ]
    sheet.claims = claims(config.source, discrepancies, left, metrics)
    return sheet


def claims(
    source: str,
    discrepancies: Mapping[str, tuple[float, float]],
    textures: Mapping[str, Mapping[str, float]],
    transfers: Mapping[str, Metrics],
) -> list[Claim]:
    """What is said of the three losses.

    Args:
        discrepancies: layer to the squared distance of Gram matrices, and MMD^2.
        textures: loss to the relative Gram distance of its textures, by layer.
        transfers: loss to the numbers of its transfer.
    """
    by_gram, by_means = transfers[GRAM], transfers[MEANS]
    return [
        at_most(
            "identity",
            "The distance of Gram matrices is a maximum mean discrepancy with the kernel (x·y)².",
            source,
            "relative difference of the two, each computed by itself",
            {layer: abs(mmd - gram) / mmd for layer, (gram, mmd) in discrepancies.items()},
            1e-5,
            basis="rounding of sums in float32",
        ),
        within(
            "matched",
            "The pictures that are compared keep as much of the photograph.",
            "the condition of the comparison, not a claim of the source",
            "content loss over that of the picture it is compared with",
            {
                name: transfers[name]["content_loss"] / by_means["content_loss"]
                for name in (GRAM, BOTH)
            },
            1 - TOLERANCE,
            1 + TOLERANCE,
            basis="our bound: 5 %",
        ),
        at_most(
            "appealing",
            "Other ways to align the distributions transfer the style too.",
            source,
            "distance to the painting by patches, of what the photograph has",
            {name: transfers[name]["style_left"] for name in (BOTH, MEANS)},
            0.8,
            basis="our bound",
            note=f"With Gram matrices: {by_gram['style_left']:.2f}.",
        ),
        at_most(
            "linear",
            "Means alone give comparable results: products of channels are no must.",
            source,
            "distance to the painting by patches, means over Gram matrices",
            by_means["style_left"] / by_gram["style_left"],
            1.25,
            basis="our bound",
        ),
        ordered(
            "kept",
            "The fewer statistics are matched, the further away are the Gram matrices.",
            "follows from what the losses compare, not a claim of the source",
            "relative Gram distance of the textures, mean over the layers",
            {name: float(np.mean(list(textures[name].values()))) for name in PRESETS},
            "increasing",
        ),
    ]


# The identity


def gram_and_mmd(
    studio: Studio, one: Picture, other: Picture, layers: list[str], spec: NetworkSpec
) -> dict[str, tuple[float, float]]:
    """Layer to ||G - A||^2 of two pictures, and to MMD^2 of their features; both without unit.

    The Gram matrices are the engine's; the discrepancy comes from the features alone.
    """
    small = [picture.scaled_to(IDENTITY_SIZE) for picture in (one, other)]
    grams = [studio.engine.reader.grams(picture, layers, spec) for picture in small]
    maps = [studio.engine.reader.features(picture, layers, spec) for picture in small]
    found = {}
    for layer in layers:
        rows = [each[layer].wide()[0].flatten(1).T.double().cpu() for each in maps]
        difference = grams[0][layer].double() - grams[1][layer].double()
        found[layer] = (float(difference.square().sum()), squared_mmd(*rows))
    return found


def squared_mmd(x: Tensor, y: Tensor) -> float:
    """MMD^2 = mean k(x, x') - 2 mean k(x, y) + mean k(y, y') with k(x, y) = (x.y)^2.

    Args:
        x, y: (M, N) and (K, N), a row for each position; every pair of rows is compared.

    Source: Li et al. 2017, with the second-order polynomial kernel.
    """
    return _mean_kernel(x, x) - 2 * _mean_kernel(x, y) + _mean_kernel(y, y)


def _mean_kernel(x: Tensor, y: Tensor) -> float:
    parts = [float((rows @ y.T).square().sum()) for rows in x.split(ROWS)]
    return sum(parts) / (len(x) * len(y))


# Pictures and numbers


def _transfers(
    studio: Studio, presets: Mapping[str, Preset], content: Picture, painting: Picture
) -> dict[str, Result]:
    """The transfer by each loss, all with the content loss of the one by means."""

    jobs = {name: studio.job(preset, content, painting) for name, preset in presets.items()}
    by_means = studio.draw({MEANS: jobs.pop(MEANS)})[MEANS]
    return {**at_equal_content(studio, dict.fromkeys(jobs, by_means), jobs), MEANS: by_means}


def _gram_distances(studio: Studio, result: Result, layers: list[str]) -> Metrics:
    painting = result.job.style
    assert painting is not None
    distances = studio.style_distances(result, painting, layers)
    return {f"gram_distance/{layer}": value for layer, value in distances.items()}


def _mean_by_layer(
    metrics: Mapping[tuple[str, str], Metrics], name: str, layers: list[str]
) -> Metrics:
    """Layer to the relative Gram distance of this loss, mean over the paintings."""
    mine = [each for (_, loss), each in metrics.items() if loss == name]
    return {
        layer: float(np.mean([each[f"gram_distance/{layer}"] for each in mine])) for layer in layers
    }


def _texture_grid(
    textures: Mapping[tuple[str, str], Result],
    paintings: list[Picture],
    metrics: Mapping[tuple[str, str], Metrics],
) -> Grid:
    def panels(painting: Picture) -> list[Panel]:
        size = textures[painting.name, GRAM].picture.size
        drawn = [
            shown(
                textures[painting.name, name],
                [f"Gram distance {np.mean(list(metrics[painting.name, name].values())):.2g}"],
            )
            for name in PRESETS
        ]
        return [source_panel(painting, size, ""), *drawn]

    return Grid.of_rows(
        [panels(painting) for painting in paintings],
        columns=["painting", *PRESETS],
        heading="Textures",
    )


def _transfer_grid(
    transfers: Mapping[str, Result],
    content: Picture,
    painting: Picture,
    metrics: Mapping[str, Metrics],
) -> Grid:
    size = transfers[GRAM].picture.size
    drawn = [
        shown(result, [f"style distance left {metrics[name]['style_left']:.0%}"])
        for name, result in transfers.items()
    ]
    first = Panel(content.resized(*size), inset=painting.resized(*style_size(transfers)))
    return Grid.of_rows([[first, *drawn]], columns=["photograph", *transfers], heading="Transfers")


def _identity_plot(discrepancies: Mapping[str, tuple[float, float]]) -> LinePlot:
    grams, mmds = zip(*discrepancies.values())
    ends = [min(grams), max(grams)]
    return LinePlot(
        [
            Series("equal", ends, ends),
            Series("layers", list(grams), list(mmds), "points", list(discrepancies)),
        ],
        x_label="squared distance of the Gram matrices",
        y_label="squared MMD, kernel (x·y)²",
        x_scale="log",
        y_scale="log",
        aspect=0.6,
    )


def _distance_map(left: Mapping[str, Metrics], layers: list[str]) -> HeatMap:
    return HeatMap(
        np.array([[left[name][layer] for layer in layers] for name in left]),
        rows=list(left),
        columns=[layer.removeprefix("relu") for layer in layers],
        column_title="layer",
        value_label="relative Gram distance",
        value_scale="log",
    )
