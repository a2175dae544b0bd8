"""The PyTorch tutorial "Neural Transfer Using PyTorch", and what its layer numbers mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.panels import Grid, Panel
from ..measure.style import Array, gradient_shares, style_gradients
from ..networks.layers import receptive_field
from ..visualisation.maps import map_picture
from .matching import matched_weights
from .measures import apart_by_more, fidelity, mean_gram_distance
from .panels import Key, Metrics, Panels, label_of, ratio_label
from .sheet import Sheet
from .studio import Studio

TUTORIAL, GATYS, BLOCKS = "tutorial", "Gatys' layers", "read as blocks"
MATCHED = "tutorial, less style"
OTHERS = {"Diaz": "diaz", "Udacity": "udacity"}
"""Panel to preset: the programs that people put beside the tutorial."""

COLUMNS = 3

Shares = dict[str, float]
"""Layer to its part of a sum that is 1."""


def layers(studio: Studio) -> Sheet:
    """The tutorial's layers, the layers that its numbers suggest, and others' choices."""
    config, tutorial = studio.config, studio.preset.with_(optimizer="lbfgs")
    sets = {
        name: tutorial.with_(
            content_layers=config.content_sets[name],
            style_layers=dict.fromkeys(config.style_sets[name], 1.0),
        )
        for name in (GATYS, BLOCKS)
    }
    presets = studio.paper.presets
    others = {name: presets[each].with_(optimizer="lbfgs") for name, each in OTHERS.items()}
    unclaimed = {} if studio.pair else {BLOCKS: sets[BLOCKS], **others}

    def at(_: Key, ratio: float) -> Preset:
        return tutorial.with_(ratio=ratio)

    sweep = {(TUTORIAL, ratio): at(TUTORIAL, ratio) for ratio in config.ratios}
    panels = studio.panels({**sweep, GATYS: sets[GATYS], **unclaimed}, _label)
    shared = [each for each in tutorial.style_layers if each in sets[GATYS].style_layers]
    panels.measure(fidelity, mean_gram_distance(shared, "style_error"), fields)
    target = panels.metrics[GATYS]["style_error"]
    lower = matched_weights(studio, panels, "style_error", {TUTORIAL: target}, at)[TUTORIAL]
    own, matched = (TUTORIAL, config.ratios[0]), (TUTORIAL, lower)
    keys = {TUTORIAL: own, GATYS: GATYS, MATCHED: matched}
    shown = panels.select(keys | {name: name for name in unclaimed})
    return studio.sheet(
        panels,
        grids=[shown.grid(wrap=COLUMNS, lines=lambda name: _lines(shown, name))],
        claims=[
            studio.claim(
                "shallow",
                shown.column("edge_correlation", [MATCHED, GATYS]),
                of=[shown[MATCHED], shown[GATYS]],
                unmet=apart_by_more(studio, {MATCHED: shown.ratio("style_error", MATCHED, GATYS)}),
            ),
        ],
        note=_scale_note(studio.engine.networks.feature_scale(tutorial.network)),
    )


def gradient(studio: Studio) -> Sheet:
    """How much of the style gradient each of the tutorial's layers has at the start, and where."""
    job = studio.job(studio.preset, studio.picture("content"), studio.picture("style"))
    gradients = style_gradients(studio.engine, job)
    plain, divided = shares_by_gram(studio, job, gradients)
    maps = [
        Panel(
            map_picture(np.sqrt(np.linalg.norm(gradients[layer], axis=0))),
            lines=(f"plain {plain[layer]:.0%}", f"divided {divided[layer]:.0%}"),
        )
        for layer in gradients
    ]
    inputs = Panel(job.content_on_canvas, "content"), Panel(job.style_on_canvas, "style")
    return studio.sheet(
        [],
        [Grid([maps], columns=list(gradients), inputs=inputs)],
        [studio.claim("first-layers", _before_pooling(plain))],
        readings={"plain": plain, "divided by size": divided},
        networks=[studio.engine.networks.info(studio.preset.network)],
        note="The photograph is read at {} × {} px.".format(*job.content_on_canvas.size),
    )


def shares_by_gram(
    studio: Studio, job: Job, gradients: Mapping[str, Array]
) -> tuple[Shares, Shares]:
    """Each style layer's part of the gradient at the content picture.

    Returns:
        With plain Gram matrices, and with Gram matrices divided by N M as in the tutorial; all
        layers weigh alike.
    """
    layers = list(job.style_layers)
    maps = studio.engine.reader.features(job.content_on_canvas, layers, job.preset.network)
    # A Gram matrix divided by N M makes the loss, its square, smaller by (N M)^2.
    sizes = {layer: float(each.channels * each.positions) ** 2 for layer, each in maps.items()}
    alike = dict.fromkeys(layers, 1.0)
    return gradient_shares(gradients, sizes), gradient_shares(gradients, alike)


def fields(studio: Studio, result: Result) -> Metrics:
    """``content_field``, ``style_field``: side of the deepest layer's receptive field in pixels."""
    preset = result.job.preset
    return {
        "content_field": float(receptive_field(list(preset.content_layers)[-1])[0]),
        "style_field": float(receptive_field(list(preset.style_layers)[-1])[0]),
    }


def _label(key: Key) -> str:
    return f"{key[0]}, α/β {ratio_label(key[1])}" if isinstance(key, tuple) else label_of(key)


def _before_pooling(shares: Shares) -> float:
    return sum(share for layer, share in shares.items() if layer.startswith("conv1_"))


def _lines(panels: Panels, name: Key) -> list[str]:
    preset, numbers = panels[name].job.preset, panels.metrics[name]
    (content_layer,), (*_, deepest) = preset.content_layers, preset.style_layers
    return [
        f"content {content_layer}, {numbers['content_field']:.0f} px",
        f"style to {deepest}, {numbers['style_field']:.0f} px",
        f"edges {numbers['edge_correlation']:.2f}, style error {numbers['style_error']:.2g}",
    ]


def _scale_note(scale: float) -> str:
    if scale == 1:
        return ""
    return (
        f"The programs' β is for torchvision's weights; these read pixels {1 / scale:.0f} "
        f"times as large, so their features are divided by {1 / scale:.0f} in all losses: "
        f"beside content, β counts as if divided by {scale**-2:.0f}."
    )
