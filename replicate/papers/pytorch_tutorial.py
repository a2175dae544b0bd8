"""The PyTorch tutorial "Neural Transfer Using PyTorch", and what its layer numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..engine.balance import gradient_norms
from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.old_claims import at_least, largest, ordered
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap
from ..images import Picture
from ..measure.matching import matched
from ..method import Objective
from ..method import style as style_term
from ..networks.layers import receptive_field
from ..networks.means import to_tensor
from .gatys2015 import style_size
from .matching import match_claim
from .sheet import Metrics, Sheet, fidelity, ratio_label, shown, source_panel
from .studio import Studio, figure_config

TUTORIAL, GATYS, MATCHED, BLOCKS = (
    "tutorial",
    "Gatys' layers",
    "tutorial, less style",
    "read as blocks",
)
OTHERS = {"Diaz": "diaz", "Udacity": "udacity"}
"""Panel to preset: the programs that people put beside the tutorial."""

COLUMNS = 3

Shares = dict[str, float]
"""Layer to its part of a sum that is 1."""


def layers(studio: Studio) -> Sheet:
    """The tutorial's layers, the layers that its numbers suggest, and others' choices."""
    paper, config, tutorial = figure_config("pytorch_tutorial/layers")
    content, style = studio.picture("content"), studio.picture("style")

    def job(label: str, preset: Preset) -> Job:
        return studio.job(preset.with_(optimizer="lbfgs"), content, style, label=label)

    def instead(name: str) -> Preset:
        """The tutorial's program with other layers, of weight 1 each like its own."""
        return tutorial.with_(
            content_layers=config.content_sets[name],
            style_layers=dict.fromkeys(config.style_sets[name], 1.0),
        )

    def at(ratio: float) -> Job:
        return job(f"{TUTORIAL}, α/β {ratio_label(ratio)}", tutorial.with_(ratio=ratio))

    own, *_ = config.ratios
    jobs: dict[Any, Job] = {
        **{ratio: at(ratio) for ratio in config.ratios},
        **{name: job(name, instead(name)) for name in (GATYS, BLOCKS)},
        **{name: job(name, paper.presets[preset]) for name, preset in OTHERS.items()},
    }
    drawn = studio.draw(jobs)
    shared = [each for each in tutorial.style_layers if each in instead(GATYS).style_layers]
    metrics = {key: _measured(studio, result, style, shared) for key, result in drawn.items()}

    def style_errors(ratios: Mapping[str, float]) -> dict[str, float]:
        for ratio in ratios.values():
            drawn.update(studio.draw({ratio: at(ratio)}))
            metrics[ratio] = _measured(studio, drawn[ratio], style, shared)
        return {label: metrics[ratio]["style_error"] for label, ratio in ratios.items()}

    curve = {ratio: metrics[ratio]["style_error"] for ratio in config.ratios}
    lower = matched({MATCHED: metrics[GATYS]["style_error"]}, style_errors, {MATCHED: curve})[
        MATCHED
    ]

    sheet = Sheet()
    for key, result in drawn.items():
        sheet.add(result.job.label, result, metrics[key])
    panels = {TUTORIAL: own, GATYS: GATYS, MATCHED: lower, BLOCKS: BLOCKS, **{n: n for n in OTHERS}}
    raw, normalised = gradient_shares(studio, jobs[own])
    sheet.grids = [
        _pictures(
            {label: drawn[key] for label, key in panels.items()},
            {label: metrics[key] for label, key in panels.items()},
            content,
            style,
        ),
        Grid.of_rows([[Panel(_share_map(raw, normalised))]]),
    ]
    sheet.claims = claims(config.source, metrics[lower], metrics[GATYS], raw, normalised)
    scale = studio.engine.feature_scale(tutorial.network)
    if scale != 1:
        sheet.note = (
            f"The programs' β is for torchvision's weights; these read pixels {1 / scale:.0f} "
            f"times as large, so their features are divided by {1 / scale:.0f} in all losses: "
            f"beside content, β counts as if divided by {scale**-2:.0f}."
        )
    return sheet


def gradient_shares(studio: Studio, job: Job) -> tuple[Shares, Shares]:
    """Each style layer's part of the gradient at the content picture, as norms that sum to 1.

    Returns:
        With plain Gram matrices, and with Gram matrices divided by N M as in the tutorial; all
        layers weigh alike.
    """
    assert job.content is not None and job.style is not None
    engine, spec, names = studio.engine, job.preset.network, list(job.style_layers)
    start = job.content.resized(*job.canvas)
    seen = engine.features(start, names, spec)
    targets = engine.features(job.style.resized(*job.style_size), names, spec)
    objective = Objective()
    for layer in names:
        objective += style_term(layer, targets[layer].gram(), "chw-mean")
    pixels = to_tensor(start).to(engine.device)
    norms = gradient_norms(objective, engine.network(spec), pixels)["style"]
    # A Gram matrix divided by N M makes the loss, its square, smaller by (N M)^2.
    sizes = {layer: seen[layer].channels * seen[layer].positions for layer in names}
    return _shares({layer: norms[layer] * sizes[layer] ** 2 for layer in names}), _shares(norms)


def _shares(values: Mapping[str, float]) -> Shares:
    whole = sum(values.values())
    return {layer: value / whole for layer, value in values.items()}


def claims(
    source: str, tutorial: Metrics, gatys: Metrics, raw: Shares, normalised: Shares
) -> list[Claim]:
    """What follows from the layers that the tutorial has.

    Args:
        tutorial, gatys: numbers of the two pictures whose style errors match.
        raw, normalised: parts of the gradient by layer; see :func:`gradient_shares`.
    """
    first = {"plain": _before_pooling(raw), "normalised": _before_pooling(normalised)}
    share = "share of conv1_1 and conv1_2 in the gradient of the style loss at the start"
    return [
        match_claim(
            "At some style weight the tutorial's layers have the style error of Gatys' layers on "
            "conv1_1, conv2_1 and conv3_1.",
            "relative Gram distance at these layers, the tutorial's over that of Gatys' layers",
            tutorial["style_error"] / gatys["style_error"],
        ),
        ordered(
            "fields",
            "conv_5 is no deep layer: the tutorial's deepest style layer sees less than the "
            "content layer of Gatys et al.",
            source,
            "side of the receptive field in pixels",
            {
                "tutorial's content": tutorial["content_field"],
                "tutorial's deepest style": tutorial["style_field"],
                "Gatys' content": gatys["content_field"],
            },
            "increasing",
        ),
        largest(
            "shallow",
            "At equal style error the tutorial's shallow layers keep more of the photograph's "
            "detail than Gatys' layers.",
            f"{source}; our answer",
            "edge correlation with the photograph",
            {
                TUTORIAL: tutorial["edge_correlation"],
                GATYS: gatys["edge_correlation"],
            },
            TUTORIAL,
        ),
        at_least(
            "first-layers",
            "With plain Gram matrices the first layers, before any pooling, dominate the gradient.",
            source,
            f"{share}, plain",
            first["plain"],
            0.5,
            basis="our bound: half",
        ),
        ordered(
            "normalised-gram",
            "Dividing the Gram matrices by their size lessens the first layers' part.",
            source,
            share,
            first,
        ),
    ]


def _before_pooling(shares: Shares) -> float:
    return sum(share for layer, share in shares.items() if layer.startswith("conv1_"))


def _measured(studio: Studio, result: Result, style: Picture, shared: list[str]) -> Metrics:
    preset = result.job.preset
    distances = studio.style_distances(result, style, shared)
    return {
        **fidelity(result),
        "style_error": float(np.mean(list(distances.values()))),
        "content_field": _field(preset.content_layers),
        "style_field": _field(preset.style_layers),
    }


def _field(layers: Mapping[str, float]) -> float:
    """Side of the deepest layer's receptive field, in pixels."""
    return float(receptive_field(list(layers)[-1])[0])


def _pictures(
    results: Mapping[str, Result],
    metrics: Mapping[str, Metrics],
    content: Picture,
    style: Picture,
) -> Grid:
    def panel(label: str) -> Panel:
        preset, numbers = results[label].job.preset, metrics[label]
        (content_layer,), (*_, deepest) = preset.content_layers, preset.style_layers
        lines = (
            f"content {content_layer}, {numbers['content_field']:.0f} px",
            f"style to {deepest}, {numbers['style_field']:.0f} px",
            f"edges {numbers['edge_correlation']:.2f}, style error {numbers['style_error']:.2g}",
        )
        return shown(results[label], lines, label=label)

    panels = [panel(label) for label in results]
    return Grid.of_rows(
        [panels[:COLUMNS], panels[COLUMNS:]],
        inputs=(
            source_panel(content, results[TUTORIAL].picture.size, "content"),
            source_panel(style, style_size(results), "style"),
        ),
    )


def _share_map(raw: Shares, normalised: Shares) -> HeatMap:
    return HeatMap(
        np.array([list(raw.values()), list(normalised.values())]),
        rows=["plain", "divided by size"],
        columns=list(raw),
        row_title="Gram matrix",
        value_label="share of the gradient",
    )
