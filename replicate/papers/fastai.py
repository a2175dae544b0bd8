"""fast.ai's lesson 8 (2017) and the experiments in its forum: one layer or several, sum or mean."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean, mean

from ..engine.job import Result
from ..engine.preset import Preset
from ..figure.panels import Grid, Panel
from ..images import colour
from ..measure.style import gradients_compared
from .measures import (
    colours_apart,
    difference_from,
    fidelity,
    mean_gram_distance,
    structures_seen,
    style_distances,
)
from .panels import Measure, Metrics
from .sheet import Sheet
from .studio import Studio, only

ALONE, REST, TEXTURE = "alone", "all but it", "no photograph"
SUM, SCALED, UNSCALED, WHOLE = "sum", "mean, β × n", "mean", "sum, all ÷ 8"
DIVISOR = 8
"""Of the whole loss: a power of two, which rounds nothing, so that no path leaves another's."""

PLAIN, RECOLOURED, LUMINANCE = "plain", "recoloured", "luminance only"
ROOTS: dict[str, colour.Root] = {"matched, Cholesky": "cholesky", "matched, symmetric": "symmetric"}


def single_vs_rest(studio: Studio) -> Sheet:
    """For each block: style from its first layer, from the others' first layers, from it alone."""
    layers = {label: layer for label, (layer,) in studio.config.style_sets.items()}

    def preset(row: str, own: str) -> Preset:
        if row == TEXTURE:
            return only(studio.preset, "style", [own])
        others = [layer for layer in layers.values() if layer != own]
        return studio.preset.with_(style_layers=[own] if row == ALONE else others)

    panels = studio.panels(
        {
            (row, label): preset(row, own)
            for row in (ALONE, REST, TEXTURE)
            for label, own in layers.items()
        },
        label=lambda key: f"{key[1]} {key[0]}",
    )
    panels.measure(_layers_apart(list(layers.values())))
    rows = panels.by_row()
    alone, rest, texture = rows[ALONE], rows[REST], rows[TEXTURE]
    texture.measure(structures_seen)

    def lines(key: tuple[str, str]) -> list[str]:
        shown = ["Gram: own {own_gram_distance:.2g}", "others {other_gram_distance:.2g}"]
        if key[0] == TEXTURE:
            shown = ["structures {structure_size:.0f} px"]
        return [line.format_map(panels.metrics[key]) for line in shown]

    own = {
        name: geometric_mean(row.column("own_gram_distance").values())
        for name, row in ((REST, rest), (ALONE, alone))
    }
    inputs = (alone.inputs()[0], *texture.inputs())
    return studio.sheet(
        panels,
        grids=[panels.grid(lines=lines, column_title="style layer", inputs=inputs)],
        claims=[
            studio.claim("own", own, of=[*alone.values(), *rest.values()]),
            studio.claim("scale", texture.column("structure_size"), of=texture.values()),
        ],
    )


def _layers_apart(layers: Sequence[str]) -> Measure:
    """What is left of the photograph, and the painting's statistics layer by layer.

    ``own_gram_distance`` is that of the layer that the panel is about: used alone, or left out.
    """

    def measure(studio: Studio, result: Result) -> Metrics:
        used = result.job.style_layers
        own = next(layer for layer in layers if (layer in used) == (len(used) == 1))
        distances = style_distances(studio, result, layers)
        return {
            **(fidelity(studio, result) if result.job.content else {}),
            **{f"gram_distance/{layer}": value for layer, value in distances.items()},
            "own_gram_distance": distances.pop(own),
            "other_gram_distance": mean(distances.values()),
        }

    return measure


def content_series(studio: Studio) -> Sheet:
    """Content from one layer of every block, and from the layers that bckenstler tried."""
    sets, preset = studio.config.content_sets, studio.preset
    panels = studio.panels(
        {label: preset.with_(content_layers=layers) for label, layers in sets.items()}
    )
    panels.measure(fidelity, mean_gram_distance(list(preset.style_layers)))
    first = {label.split("_")[0]: label for label in reversed(sets)}
    series = panels.select({block: first[block] for block in sorted(first)})
    lines = ["SSIM {ssim:.2f}", "edges {edge_correlation:z.2f}", "Gram {gram_distance:.2g}"]
    return studio.sheet(
        panels,
        grids=[panels.grid(lines=lines, column_title="content layer")],
        claims=[
            studio.claim("less", series.column("edge_correlation")),
            studio.claim("room", series.column("gram_distance")),
        ],
    )


def sum_or_mean(studio: Studio) -> Sheet:
    """The losses of the layers added up, averaged, and averaged with the ratio scaled along."""
    panels = studio.panels(weightings(studio.preset))
    first = panels[SUM].picture
    panels.measure(fidelity, difference_from(first))
    gradients = gradients_compared(studio.engine, panels[SUM].job, panels[UNSCALED].job, first)

    def lines(label: str) -> list[str]:
        numbers = panels.metrics[label]
        apart = numbers["rms_difference"]
        seen = f"{apart:.1f} levels apart" if apart else "the same picture"
        return [f"edges {numbers['edge_correlation']:.2f}", seen if label != SUM else ""]

    return studio.sheet(
        panels,
        grids=[panels.grid(lines=lines)],
        claims=[],
        readings={"style gradients, sum and mean": gradients},
    )


def weightings(preset: Preset) -> dict[str, Preset]:
    """The four ways to combine the losses of n style layers; the first two are one objective.

    The last divides the whole loss, content too.  An optimizer whose tolerances are absolute would
    stop elsewhere; ours measures steps and tolerances by the loss itself.
    """
    layers = list(preset.style_layers)
    summed = preset.with_(style_layers=dict.fromkeys(layers, 1.0))
    mean = preset.with_(style_layers=layers)
    content_weight, style_weight = preset.content_weight, preset.style_weight
    return {
        SUM: summed,
        SCALED: mean.with_(style_weight=len(layers) * style_weight),
        UNSCALED: mean,
        WHOLE: summed.with_(
            content_weight=content_weight / DIVISOR, style_weight=style_weight / DIVISOR
        ),
    }


def keep_colour(studio: Studio) -> Sheet:
    """The photograph's colours under the painting's style, kept in four ways."""
    content, style = studio.picture("content"), studio.picture("style")
    paintings = {
        PLAIN: style,
        LUMINANCE: colour.matched_luminance(style, content),
        **{label: colour.matched_colours(style, content, root) for label, root in ROOTS.items()},
    }
    photographs = dict.fromkeys(paintings, content) | {LUMINANCE: colour.grey(content)}
    panels = studio.panels(
        {
            label: studio.job(studio.preset, photographs[label], painting)
            for label, painting in paintings.items()
        }
    )
    plain = panels[PLAIN].picture
    photograph = content.resized(*plain.size)
    drawn = {RECOLOURED: plain, LUMINANCE: panels[LUMINANCE].picture}
    pictures = {
        PLAIN: plain,
        **{label: colour.with_luminance_of(content, picture) for label, picture in drawn.items()},
        **{label: panels[label].picture for label in ROOTS},
    }
    metrics = {label: colours_apart(picture, photograph) for label, picture in pictures.items()}
    for label, picture in drawn.items():
        error, share = colour.kept_chroma(photograph, picture)
        metrics[label] |= {"chroma_error": error, "share_shown": share}
    panels.metrics.update({label: metrics[label] for label in panels})

    lines = ["palette {palette_distance:.3f}", "chroma {chroma_distance:.3f}"]
    shown = [Panel(photograph, label="photograph")]
    for label, picture in pictures.items():
        text = [line.format_map(metrics[label]) for line in lines]
        shown.append(Panel(picture, label, text, inset=paintings.get(label, style)))
    palette = {name: metrics[name]["palette_distance"] for name in (PLAIN, *ROOTS)}
    matched = mean(palette[root] for root in ROOTS)
    return studio.sheet(
        panels,
        grids=[Grid([shown[:3], shown[3:]])],
        claims=[studio.claim("palette", {PLAIN: palette[PLAIN], "matched": matched})],
        readings={RECOLOURED: metrics[RECOLOURED]},
    )
