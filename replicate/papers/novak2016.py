"""Novak & Nikulin 2016, "Improving the Neural Algorithm of Artistic Style" (arXiv 1605.04603)."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import geometric_mean, mean

import numpy as np

from ..engine.job import Job
from ..figure.panels import Grid, Panel
from ..images import Picture
from ..measure.analysis import Matrix, gram_of, near_zero_share
from ..visualisation.maps import heat_map
from .looks import Look
from .matching import at_equal_content
from .measures import (
    STYLE_LEFT,
    apart_by_more,
    by_column,
    content_loss,
    fidelity,
    gram_distances,
    layer_map,
    mean_distances,
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
        for photograph in studio.photographs
        for painting in studio.artworks
    }

    def key_to_job(name: str) -> dict[tuple[str, str], Job]:
        preset = studio.preset.with_(style_layers=sets[name])
        return {(pair, name): studio.job(preset, *pictures) for pair, pictures in pairs.items()}

    few = studio.panels(key_to_job(FIVE))
    references = {(pair, ALL): few[pair, FIVE] for pair in pairs}
    panels = few | at_equal_content(studio, references, key_to_job(ALL))
    layers = list(sets[ALL])
    panels.measure(fidelity, content_loss, style_left, gram_distances(layers))

    over = {pair: ((pair, ALL), (pair, FIVE)) for pair in pairs}
    distances = {
        name: mean_distances(panels, [(pair, name) for pair in pairs], layers)
        for name in (FIVE, ALL)
    }
    return studio.sheet(
        panels,
        grids=[_pair_grid(panels, pairs), plot_row(layer_map(distances))],
        claims=[
            studio.claim(
                "quality",
                by_column(panels, "style_left"),
                of=panels.values(),
                unmet=apart_by_more(studio, panels.ratios("content_loss", over)),
            ),
        ],
        note=STYLE_LEFT,
    )


def modifications(studio: Studio) -> Sheet:
    """Each of the paper's modifications, and all of them, against Gatys' five layers."""
    presets = {name: studio.paper.presets[preset] for name, preset in VARIANTS.items()}
    baseline = studio.panels({GATYS: studio.preset})
    reference = baseline[GATYS]
    panels = baseline | at_equal_content(studio, dict.fromkeys(VARIANTS, reference), presets)
    layers = list(studio.preset.style_layers)
    panels.measure(fidelity, content_loss, style_left)
    panels.measure(gram_distances(layers), unevenness("relu3_1"))

    apart = panels.ratios("content_loss", {name: (name, GATYS) for name in VARIANTS})
    left = panels.column("style_left")
    changed = geometric_mean(left[name] for name in VARIANTS)
    distances = {name: mean_distances(panels, [name], layers) for name in panels}
    chain = mean(distances[CHAIN].values())
    return studio.sheet(
        panels,
        grids=[panels.grid(lines=LINES), plot_row(layer_map(distances))],
        claims=[
            studio.claim(
                "improvement",
                {GATYS: left[GATYS], "changed": changed},
                of=panels.values(),
                unmet=apart_by_more(studio, apart),
            ),
            studio.claim(
                "shift-evenly",
                panels.column("unevenness"),
                of=[reference, panels[SHIFT]],
                unmet=apart_by_more(studio, {SHIFT: apart[SHIFT]}),
            ),
            studio.claim(
                "chain",
                {"noise": start_distance(studio, reference.job), CHAIN: chain},
                of=[panels[CHAIN]],
            ),
        ],
        note=STYLE_LEFT,
    )


def shift(studio: Studio) -> Sheet:
    """A painting's Gram matrices with and without the activation shift."""
    look = Look.at_profile(studio, "style")
    by = studio.paper.presets[VARIANTS[SHIFT]].activation_shift

    def panel(label: str, gram: Matrix, name: str) -> Panel:
        share = look.metrics[label][name] = near_zero_share(gram)
        shown = heat_map(look[label], np.abs(gram) / np.abs(gram).max())
        return Panel(shown, lines=(f"near zero {share:.1%}",))

    names = "near_zero", "near_zero_shifted"
    plain = [panel(label, seen.gram, names[0]) for label, seen in look.items()]
    shifted = [panel(label, gram_of(seen.maps + by), names[1]) for label, seen in look.items()]
    without, after = (mean(look.column(name).values()) for name in names)
    return look.sheet(
        [
            Grid(
                [plain, shifted],
                rows=["F", f"F {by:+g}".replace("-", "− ")],
                columns=list(look),
                inputs=(look.panel("style"),),
            )
        ],
        [studio.claim("entries", {"without": without, "with": after})],
    )


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
