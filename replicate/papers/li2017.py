"""Li, Wang, Liu & Hou 2017, "Demystifying Neural Style Transfer" (arXiv 1701.01036)."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean

from ..figure.panels import Grid, Panel
from ..figure.plots import LinePlot, Series
from ..images import Picture
from ..measure.mmd import squared_mmd
from .matching import at_equal_content
from .measures import (
    STYLE_LEFT,
    apart_by_more,
    content_loss,
    fidelity,
    gram_distances,
    layer_map,
    mean_distances,
    style_left,
)
from .panels import Panels, plot_row, source_panel
from .sheet import Sheet
from .studio import Studio

GRAM, BOTH, MEANS = "Gram matrices", "means and deviations", "means"
PRESETS = {GRAM: "li2017-gram", BOTH: "li2017-bn", MEANS: "li2017-linear"}
"""Column to preset."""

IDENTITY_SIZE = 64
"""Longest side in pixels of the pictures whose features are compared one by one."""


def gram_is_mmd(studio: Studio) -> Sheet:
    """The identity, and textures and a transfer by three ways to match features."""
    content, (painting, *others) = studio.picture("content"), studio.artworks
    paintings = {each.name: each for each in (painting, *others)}
    presets = {name: studio.paper.presets[key] for name, key in PRESETS.items()}
    layers = list(studio.preset.style_layers)

    textures = studio.panels(
        {
            (name, loss): studio.job(preset.with_(content_layers=[]), style=each)
            for name, each in paintings.items()
            for loss, preset in presets.items()
        }
    )
    textures.measure(gram_distances(layers))
    jobs = {name: studio.job(preset, content, painting) for name, preset in presets.items()}
    by_means = studio.panels({MEANS: jobs[MEANS]}, "transfer, {}".format)
    both = {name: jobs[name] for name in (GRAM, BOTH)}
    transfers = by_means | at_equal_content(studio, dict.fromkeys(both, by_means[MEANS]), both)
    transfers = transfers.select(list(PRESETS))
    transfers.measure(fidelity, gram_distances(layers), content_loss, style_left)

    discrepancies = gram_and_mmd(studio, content, painting)
    left = {
        loss: mean_distances(textures, [(name, loss) for name in paintings], layers)
        for loss in presets
    }
    over = {name: (name, MEANS) for name in both}
    unmet = apart_by_more(studio, transfers.ratios("content_loss", over))
    style = {loss: transfers.metrics[loss]["style_left"] for loss in presets}
    drawn = list(transfers.values())
    return studio.sheet(
        [textures, transfers],
        grids=[
            _texture_grid(textures, paintings),
            _transfer_grid(transfers),
            plot_row(_identity_plot(discrepancies), layer_map(left)),
        ],
        claims=[
            studio.claim("appealing", mean([style[BOTH], style[MEANS]]), of=drawn),
            studio.claim("linear", style, of=drawn, unmet=unmet),
        ],
        note=STYLE_LEFT,
    )


def gram_and_mmd(studio: Studio, one: Picture, other: Picture) -> dict[str, tuple[float, float]]:
    """Style layer to ||G - A||^2 of two pictures, and to MMD^2 of their features; without unit.

    The Gram matrices are the network's; the discrepancy comes from the features alone.
    """
    layers, spec = list(studio.preset.style_layers), studio.preset.network
    small = [picture.scaled_to(IDENTITY_SIZE) for picture in (one, other)]
    grams = [studio.engine.reader.grams(picture, layers, spec) for picture in small]
    maps = [studio.engine.reader.features(picture, layers, spec) for picture in small]
    found = {}
    for layer in layers:
        rows = [each[layer].wide()[0].flatten(1).T.double().cpu() for each in maps]
        difference = grams[0][layer].double() - grams[1][layer].double()
        found[layer] = (float(difference.square().sum()), squared_mmd(*rows))
    return found


def _texture_grid(textures: Panels, paintings: Mapping[str, Picture]) -> Grid:
    size = next(iter(textures.values())).picture.size
    return textures.grid(
        rows=dict.fromkeys(paintings, ""),
        before={"painting": {name: source_panel(each, size) for name, each in paintings.items()}},
        lines=lambda key: [f"Gram distance {mean(textures.metrics[key].values()):.2g}"],
        heading="Textures",
    )


def _transfer_grid(transfers: Panels) -> Grid:
    job = transfers[GRAM].job
    photograph = Panel(job.given("content").resized(*job.canvas), inset=job.style_on_canvas)
    return transfers.select({loss: loss for loss in transfers}).grid(
        before={"photograph": photograph},
        lines=["style distance left {style_left:.0%}"],
        inputs=(),
        heading="Transfers",
    )


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
