"""Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses" (arXiv 1603.08155)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import geometric_mean
from typing import Literal

from ..engine.job import Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap
from ..measure import metrics
from .johnson_networks import content_layer as content_layer
from .johnson_networks import fast as fast
from .johnson_networks import style_layers as style_layers
from .measures import (
    by_column,
    colour_distance,
    fidelity,
    mean_distance,
    photograph,
    structures_seen,
    unrelated,
)
from .panels import Metrics, Panels, plot_row
from .sheet import Sheet
from .studio import Studio, only

Drawn = tuple[str, str]
"""(network, style set) that a picture was drawn with, or that judges it."""

Judged = Mapping[Drawn, Mapping[Drawn, float]]
"""By picture, then by network and layers that judge it: mean relative Gram distance to the
painting."""

PHOTOGRAPH: Drawn = ("photograph", "")
BOTH = {"VGG-16", "VGG-19"}


def fig3(studio: Studio) -> Sheet:
    """Feature reconstruction of two photographs from five single layers."""
    panels = _reconstructions(studio, "content", studio.config.content_sets)
    panels.measure(fidelity, _blurred_edges, colour_distance)
    *_, deepest = studio.config.content_sets
    kept, chance = (by_column(panels, f"blurred_edges{end}") for end in ("", "_of_another"))
    return studio.sheet(
        panels,
        grids=_grids(panels, ["PSNR {psnr:.1f} dB", "ΔE {colour_distance:.1f}"]),
        claims=[
            studio.claim(
                "structure", {"the photograph": kept[deepest], "another": chance[deepest]}
            ),
            studio.claim("colour", by_column(panels, "colour_distance")),
        ],
    )


def fig4(studio: Studio) -> Sheet:
    """Style reconstruction of two paintings from four single layers."""
    panels = _reconstructions(studio, "style", studio.config.style_sets)
    panels.measure(structures_seen)
    return studio.sheet(
        panels,
        grids=_grids(panels, ["structures {structure_size:.0f} px"]),
        claims=[studio.claim("scale", by_column(panels, "structure_size"))],
    )


def _reconstructions(
    studio: Studio, kind: Literal["content", "style"], sets: Mapping[str, Sequence[str]]
) -> Panels:
    """By (network, picture, layer); networks that resolve to the same are drawn once."""
    preset = studio.preset
    pictures = studio.photographs if kind == "content" else studio.artworks
    variants = {
        (network, picture.name, label): studio.job(
            only(on_network, kind, layers),
            content=picture if kind == "content" else None,
            style=picture if kind == "style" else None,
        )
        for network, on_network in _networks(studio, preset).items()
        for picture in pictures
        for label, layers in sets.items()
    }
    return studio.panels(variants, label=lambda key: f"{key[0]} {key[1]}, {key[2]}")


def _grids(panels: Panels, lines: Sequence[str]) -> list[Grid]:
    """A grid for each network, with the original before each row."""
    grids = []
    for network in dict.fromkeys(network for network, *_ in panels):
        mine = panels.select([key for key in panels if key[0] == network])
        firsts = {row: next(iter(cells.values())) for row, cells in mine.by_row().items()}
        originals = {row: _original(result) for row, result in firsts.items()}
        grids.append(
            mine.grid(
                rows=dict.fromkeys(originals, ""),
                lines=lines,
                before={"y": originals},
                inputs=(),
                heading=network,
            )
        )
    return grids


def _original(result: Result) -> Panel:
    job = result.job
    return Panel(job.content_on_canvas if job.content else job.style_on_canvas)


def _blurred_edges(studio: Studio, result: Result) -> Metrics:
    """Coarse structure of the photograph, and by chance of another, after a blur of W/32."""
    drawn, content = result.picture.pixels, result.job.given("content")
    other = unrelated(content).resized(*result.picture.size).pixels
    return {
        f"blurred_edges{end}": metrics.edge_correlation(drawn, each, blur=drawn.shape[1] / 32)
        for end, each in (("", photograph(result)), ("_of_another", other))
    }


def issue18(studio: Studio) -> Sheet:
    """Two sets of style layers on two networks, each picture judged by both networks and sets."""
    sets = studio.config.style_sets
    first, own, by_index = sets
    networks = _networks(studio, studio.preset)
    vgg19 = studio.preset.with_(network={"name": "vgg19"})

    def on(network: Preset, name: str) -> Preset:
        return network.with_(style_layers=dict.fromkeys(sets[name], 1.0))

    judges = {
        (name, layers): on(network, layers)
        for name, network in networks.items()
        for layers in (first, own)
    }
    panels = studio.panels({**judges, (_label(studio, vgg19), by_index): on(vgg19, by_index)})
    panels.measure(fidelity)
    job = next(iter(panels.values())).job
    pictures = {key: result.picture for key, result in panels.items()}
    judged = {
        key: {
            judge: mean_distance(studio, picture, job.style_on_canvas, preset)
            for judge, preset in judges.items()
        }
        for key, picture in {PHOTOGRAPH: job.content_on_canvas, **pictures}.items()
    }
    for key, seen in panels.metrics.items():
        for judge, distance in judged[key].items():
            seen[f"gram_distance/{', '.join(judge)}"] = distance
    unseen = (
        "Whether VGG-19 does what VGG-16 does is not measured here: that needs the weights of both."
    )
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                columns=list(sets),
                lines=["edges {edge_correlation:z.2f}"],
                column_title="style layers",
            ),
            plot_row(_table(judged)),
        ],
        claims=claims(studio, judged),
        note="" if set(networks) >= BOTH else unseen,
    )


def claims(studio: Studio, judged: Judged) -> list[Claim]:
    """Whether other layers, indices for names, and the other network bring the style along.

    Each judge's own picture, drawn for the layers by which it judges, is the unit: no picture can
    be expected to be nearer.
    """
    first, own, by_index = studio.config.style_sets
    networks = list(dict.fromkeys(network for network, _ in judged if network != PHOTOGRAPH[0]))

    def over_own(pairs: Sequence[tuple[Drawn, Drawn]]) -> float:
        return geometric_mean(judged[drawn][judge] / judged[judge][judge] for drawn, judge in pairs)

    across = [
        ((network, drawn), (network, judge))
        for network in networks
        for drawn, judge in ((first, own), (own, first))
    ]
    (indexed,) = (network for network, sets in judged if sets == by_index)
    by_name = judged[indexed, own][indexed, own]
    found = [
        studio.claim("layers", over_own(across)),
        studio.claim(
            "indices",
            {"by name": by_name, "by index": judged[indexed, by_index][indexed, own]},
        ),
    ]
    if set(networks) >= BOTH:
        sixteen, nineteen = (("VGG-16", own), ("VGG-19", own))
        pairs = [(nineteen, sixteen), (sixteen, nineteen)]
        found.append(studio.claim("networks", over_own(pairs)))
    return found


def _networks(studio: Studio, preset: Preset) -> dict[str, Preset]:
    """The preset on each network, by label; networks that resolve to the same count once."""
    found: dict[str, Preset] = {}
    for name in studio.config.networks:
        on_network = preset.with_(network={"name": name})
        found.setdefault(_label(studio, on_network), on_network)
    return found


def _label(studio: Studio, preset: Preset) -> str:
    return studio.engine.networks.resolve(preset.network).entry.label


def _table(judged: Judged) -> HeatMap:
    table = {
        " ".join(judge): {"\n".join(key).strip(): seen[judge] for key, seen in judged.items()}
        for judge in judged[PHOTOGRAPH]
    }
    return HeatMap.of_table(
        table,
        row_title="judged by",
        column_title="picture",
        value_label="mean Gram distance",
        value_scale="log",
    )
