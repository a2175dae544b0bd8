"""Novak & Nikulin 2016, "Improving the Neural Algorithm of Artistic Style" (arXiv 1605.04603)."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean

from ..engine.job import Job
from ..figure.panels import Grid
from ..images import Picture
from ..measure.judge import style_judge
from ..measure.style import gradient_shares, near_zero_entries
from .matching import at_equal_content
from .measures import (
    content_loss,
    fidelity,
    gram_distances,
    judged_by,
    layer_map,
    mean_distances,
    multiply_adds,
    start_distance,
    style_left,
    unevenness,
)
from .panels import Panels, plot_row, source_panel
from .sheet import Sheet
from .studio import Studio

FIVE, ALL = "five layers", "all sixteen"
GATYS, GEOMETRIC, SHIFT, CHAIN, FULL = "Gatys", "geometric", "shift", "chain", "all of it"
VARIANTS = {
    GEOMETRIC: "novak2016-geometric",
    SHIFT: "novak2016-shift",
    CHAIN: "novak2016-chain",
    FULL: "novak2016-full",
}
"""Column to preset: each modification by itself, then all of them on all layers."""

LINES = ["style distance left {style_left:.0%}"]

Pairs = Mapping[str, tuple[Picture, Picture]]
"""Photograph and painting, by both names."""


def all16(studio: Studio) -> Sheet:
    """Style from five layers and from all sixteen, on several photographs and paintings."""
    sets = studio.config.style_sets
    pairs = {
        f"{photograph.name}, {painting.name}": (photograph, painting)
        for photograph in studio.pictures("content")
        for painting in studio.pictures("style")
    }

    def key_to_job(name: str) -> dict[tuple[str, str], Job]:
        preset = studio.preset.with_(style_layers=sets[name])
        return {(pair, name): studio.job(preset, *pictures) for pair, pictures in pairs.items()}

    few = studio.panels(key_to_job(FIVE))
    references = {(pair, ALL): few[pair, FIVE] for pair in pairs}
    panels = few | at_equal_content(studio, references, key_to_job(ALL))
    judge = style_judge(studio.engine, studio.preset.network)
    layers = list(sets[ALL])
    panels.measure(fidelity, content_loss, style_left(judge), multiply_adds, gram_distances(layers))

    over = {pair: ((pair, ALL), (pair, FIVE)) for pair in pairs}
    nearer = panels.ratios("style_left", over)
    held_out = [layer for layer in layers if layer not in sets[FIVE]]
    beyond = {
        pair: _mean_distance(panels, many, held_out) / _mean_distance(panels, few, held_out)
        for pair, (many, few) in over.items()
    }
    work = {
        name: sum(panels.metrics[pair, name]["multiply_adds"] for pair in pairs)
        for name in (FIVE, ALL)
    }
    distances = {
        name: mean_distances(panels, [(pair, name) for pair in pairs], layers)
        for name in (FIVE, ALL)
    }
    return studio.sheet(
        panels,
        grids=[_pair_grid(panels, pairs), plot_row(layer_map(distances))],
        claims=[
            studio.claim("matched", panels.ratios("content_loss", over)),
            studio.claim(
                "quality",
                mean(float(value < 1) for value in nearer.values()),
                note="A stand-in for a judgement by eye. Distance, sixteen over five: "
                f"{_listed(nearer, '.2f')}.",
            ),
            studio.claim("held-out", beyond),
            studio.claim("cost", work[ALL] / work[FIVE]),
        ],
        note=judged_by(judge),
    )


def modifications(studio: Studio) -> Sheet:
    """Each of the paper's modifications, and all of them, against Gatys' five layers."""
    presets = {name: studio.paper.presets[preset] for name, preset in VARIANTS.items()}
    baseline = studio.panels({GATYS: studio.preset})
    reference = baseline[GATYS]
    panels = baseline | at_equal_content(studio, dict.fromkeys(VARIANTS, reference), presets)
    judge = style_judge(studio.engine, studio.preset.network)
    layers = list(studio.preset.style_layers)
    panels.measure(fidelity, content_loss, style_left(judge), multiply_adds)
    panels.measure(gram_distances(layers), unevenness("relu3_1"))

    over = {name: (name, GATYS) for name in VARIANTS}
    before = near_zero_entries(studio.engine, reference.job)
    after = near_zero_entries(studio.engine, reference.job, presets[SHIFT].activation_shift)
    change = {layer: after[layer] - before[layer] for layer in layers}
    shallow = {}
    for name, preset in ((GATYS, studio.preset), (GEOMETRIC, presets[GEOMETRIC])):
        shares = gradient_shares(studio.engine, reference.job, preset.style_layers)
        shallow[name] = sum(shares[layer] for layer in layers[:2])
    match = {name: _mean_distance(panels, name, layers[:2]) for name in (GATYS, GEOMETRIC)}
    start = start_distance(studio, reference.job)
    distances = {name: mean_distances(panels, [name], layers) for name in panels}
    near_zero = layer_map({GATYS: before, SHIFT: after}, "near zero", "linear")
    return studio.sheet(
        panels,
        grids=[panels.grid(lines=LINES), plot_row(layer_map(distances), near_zero)],
        claims=[
            studio.claim("matched", panels.ratios("content_loss", over)),
            studio.claim("improvement", panels.ratios("style_left", over)),
            studio.claim(
                "geometric",
                shallow[GEOMETRIC] / shallow[GATYS],
                match[GEOMETRIC] / match[GATYS],
                note=f"The part is {shallow[GATYS]:.2f} without, {shallow[GEOMETRIC]:.2f} with.",
            ),
            studio.claim("shift-entries", change, note=f"Without it: {_listed(before, '.3f')}."),
            studio.claim("shift-evenly", panels.ratio("unevenness", SHIFT, GATYS)),
            studio.claim("chain", _mean_distance(panels, CHAIN, layers) / start),
        ],
        note=judged_by(judge),
    )


def _mean_distance(panels: Panels, key: str | tuple[str, str], layers: list[str]) -> float:
    return mean(mean_distances(panels, [key], layers).values())


def _listed(values: Mapping[str, float], spec: str) -> str:
    return ", ".join(f"{label} {value:{spec}}" for label, value in values.items())


def _pair_grid(panels: Panels, pairs: Pairs) -> Grid:
    """A row for each photograph, and for each painting both sets side by side."""
    places = {
        (photograph.name, f"{painting.name}: {name}"): (pair, name)
        for pair, (photograph, painting) in pairs.items()
        for name in (FIVE, ALL)
    }
    sources = {
        photograph.name: source_panel(photograph, panels[pair, FIVE].picture.size)
        for pair, (photograph, _) in pairs.items()
    }
    return panels.select(places).grid(
        rows=dict.fromkeys(sources, ""),
        lines=LINES,
        before={"photograph": sources},
        insets={place: pairs[pair][1] for place, (pair, name) in places.items() if name == FIVE},
        inputs=(),
    )
