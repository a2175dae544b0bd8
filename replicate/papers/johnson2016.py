"""Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses" (arXiv 1603.08155)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..engine.job import Job, Result
from ..engine.preset import NetworkSpec, Preset
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most, within
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap
from ..images import Picture
from ..measure.metrics import (
    COHERENCE_NOTE,
    coherence_length,
    edge_correlation,
    lab_distance,
    sliced_wasserstein_rgb,
)
from .sheet import Metrics, Sheet, fidelity, shown, source_panel
from .studio import Studio, figure_config, only

Row = tuple[str, str]
"""(network, picture) of one row of panels."""

Drawn = tuple[str, str]
"""(network, style set) that a picture was drawn with, or that judges it."""

PHOTOGRAPH: Drawn = ("photograph", "")


def fig3(studio: Studio) -> Sheet:
    """Feature reconstruction of two photographs from five single layers."""
    _, config, preset = figure_config("johnson2016/fig3")
    pictures = {role: studio.picture(role) for role in config.images[studio.inputs]}
    if config.tv_weight is not None:
        preset = preset.with_(tv_weight=config.tv_weight)
    rows = _rows(studio, preset, config.networks, pictures)
    drawn = studio.draw(
        {
            (row, label): studio.job(
                only(on_network, "content", layers), picture, label=f"{' '.join(row)}, {label}"
            )
            for row, (on_network, picture) in rows.items()
            for label, layers in config.content_sets.items()
        }
    )
    sheet, metrics = Sheet(), {}
    for (row, label), result in drawn.items():
        metrics[row, label] = _feature_metrics(result)
        sheet.add(result.job.label, result, metrics[row, label])
    sheet.grids = _grids(rows, list(config.content_sets), drawn, metrics, _feature_lines, "y")
    names = list(config.content_sets)
    by_row = {row: {name: metrics[row, name] for name in names} for row in rows}
    parts = {" ".join(row): values for row, values in by_row.items()}
    sheet.claims = [
        _in_each(
            "order",
            "Reconstructions from deeper layers are further from the photograph.",
            config.source,
            parts,
            "psnr",
            "decreasing",
            "PSNR (dB)",
            note="Published panels: 39, 27, 18, 16, 15 and 43, 19, 13, 11, 10 dB.",
        ),
        at_least(
            "structure",
            "Overall spatial structure is preserved up to relu4_3.",
            config.source,
            "edge correlation with the photograph after a blur of W/32, at relu4_3",
            {row: values["relu4_3"]["blurred_edges"] for row, values in parts.items()},
            0.4,
            basis="our bound",
        ),
        _in_each(
            "colour",
            "Colour is not preserved by higher layers.",
            config.source,
            parts,
            "colour_distance",
            "increasing",
            "mean Delta E to the photograph",
        ),
    ]
    return sheet


def fig4(studio: Studio) -> Sheet:
    """Style reconstruction of two paintings from four single layers."""
    _, config, preset = figure_config("johnson2016/fig4")
    pictures = {role: studio.picture(role) for role in config.images[studio.inputs]}
    if config.tv_weight is not None:
        preset = preset.with_(tv_weight=config.tv_weight)
    rows = _rows(studio, preset, config.networks, pictures)
    drawn = studio.draw(
        {
            (row, label): studio.job(
                only(on_network, "style", layers), style=picture, label=f"{' '.join(row)}, {label}"
            )
            for row, (on_network, picture) in rows.items()
            for label, layers in config.style_sets.items()
        }
    )
    sheet, metrics = Sheet(), {}
    for (row, label), result in drawn.items():
        (layer,) = config.style_sets[label]
        metrics[row, label] = _style_metrics(studio, result, rows[row][1], layer)
        sheet.add(result.job.label, result, metrics[row, label])
    sheet.grids = _grids(rows, list(config.style_sets), drawn, metrics, _style_lines, "y")
    names = list(config.style_sets)
    parts = {" ".join(row): {name: metrics[row, name] for name in names} for row in rows}
    sheet.claims = [
        at_most(
            "arrangement",
            "Style reconstructions do not preserve the painting's spatial structure.",
            config.source,
            "largest absolute edge correlation with the painting",
            _largest(parts, "edge_correlation"),
            0.1,
            basis="our bound",
        ),
        at_most(
            "matched",
            "They preserve its stylistic features: the statistics of the layer are matched.",
            config.source,
            "largest relative Gram distance at the layer itself",
            _largest(parts, "gram_distance"),
            0.01,
            basis="our bound",
        ),
        _in_each(
            "scale",
            "Higher layers transfer structures of larger scale.",
            config.source,
            parts,
            "coherence_length",
            "increasing",
            "coherence length (px)",
            note=_growth_note(parts),
        ),
        _in_each(
            "palette",
            "A single deep layer loses the palette.",
            f"{config.source}, measured on the published panels, not claimed",
            parts,
            "palette_distance",
            "increasing",
            "sliced Wasserstein distance of RGB to the painting",
        ),
    ]
    return sheet


def issue18(studio: Studio) -> Sheet:
    """Two sets of style layers on two networks, each picture judged by both networks and sets."""
    _, config, preset = figure_config("johnson2016/issue18")
    content, style = studio.picture("content"), studio.picture("style")
    first, own, by_index = config.style_sets
    networks = _networks(studio, preset, config.networks)
    vgg19 = preset.with_(network={"name": "vgg19"})

    def on(network: Preset, name: str) -> Preset:
        return network.with_(style_layers=dict.fromkeys(config.style_sets[name], 1.0))

    presets = {(name, sets): on(networks[name], sets) for name in networks for sets in (first, own)}
    judges = dict(presets)
    presets[_label(studio, vgg19), by_index] = on(vgg19, by_index)
    jobs = {
        key: studio.job(each, content, style, label=", ".join(key)) for key, each in presets.items()
    }
    drawn = studio.draw(jobs)
    job = next(iter(jobs.values()))
    painting = style.resized(*job.style_size)
    pictures = {PHOTOGRAPH: content.resized(*job.canvas)}
    pictures.update({key: result.picture for key, result in drawn.items()})
    judged = {
        key: {judge: _mean_distance(studio, picture, painting, judges[judge]) for judge in judges}
        for key, picture in pictures.items()
    }

    sheet, metrics = Sheet(), {}
    for key, result in drawn.items():
        seen = {f"gram_distance/{', '.join(judge)}": value for judge, value in judged[key].items()}
        metrics[key] = {**fidelity(result), **seen}
        sheet.add(result.job.label, result, metrics[key])
    edges = {key: values["edge_correlation"] for key, values in metrics.items()}
    sheet.grids = [
        _issue_pictures(list(config.style_sets), drawn, edges, content, style, job),
        Grid.of_rows([[Panel(_issue_table(judged))]]),
    ]
    sheet.claims = layer_claims(config.source, first, own, judged)
    sheet.claims.append(index_claim(config.source, own, by_index, judged))
    if {"VGG-16", "VGG-19"} <= set(networks):
        sheet.claims.append(network_claim(config.source, own, judged, edges))
    else:
        sheet.note = (
            "Whether VGG-19 does what VGG-16 does is not measured here: that needs the weights "
            "of both."
        )
    return sheet


def layer_claims(
    source: str, first: str, own: str, judged: Mapping[Drawn, Mapping[Drawn, float]]
) -> list[Claim]:
    """Whether the first layers of the blocks and Johnson's own bring each other's style along.

    Args:
        judged: by picture, then by network and layers that judge it: mean relative Gram distance
            to the painting.
    """
    networks = {name: None for name, _ in judged if name != PHOTOGRAPH[0]}
    across = {
        f"{network}, {drawn} judged by {judge}": judged[network, drawn][network, judge]
        / judged[PHOTOGRAPH][network, judge]
        for network in networks
        for drawn, judge in ((first, own), (own, first))
    }
    return [
        at_most(
            "layers",
            "There is no great reason for the one set of layers or the other: a picture drawn "
            "with either has the style that the other sees.",
            f"{source} (J. Johnson)",
            "Gram distance on the layers that were not used, over the photograph's",
            across,
            0.1,
            basis="our bound: a tenth",
        )
    ]


def index_claim(
    source: str, own: str, by_index: str, judged: Mapping[Drawn, Mapping[Drawn, float]]
) -> Claim:
    """Whether VGG-16's Torch indices do on VGG-19 what the names do."""
    (network,) = [name for name, sets in judged if sets == by_index]
    judges = [judge for judge in judged[network, own] if judge[1] == own]
    return at_most(
        "indices",
        "The indices 4, 9, 16, 23 are not a bad choice for VGG-19 either, where the last is "
        "relu4_2.",
        f"{source} (htoyryla)",
        f"Gram distance on {own}, drawn by index over drawn by name",
        {
            f"judged by {judge[0]}": judged[network, by_index][judge] / judged[network, own][judge]
            for judge in judges
        },
        1.25,
        basis="our bound: 25 %",
    )


def network_claim(
    source: str,
    own: str,
    judged: Mapping[Drawn, Mapping[Drawn, float]],
    edges: Mapping[Drawn, float],
) -> Claim:
    """Whether VGG-19 with Johnson's layers, by name, does what VGG-16 does."""
    sixteen, nineteen = ("VGG-16", own), ("VGG-19", own)
    across = {
        "VGG-19's picture judged by VGG-16": (nineteen, sixteen),
        "VGG-16's picture judged by VGG-19": (sixteen, nineteen),
    }
    one, other = (judged[drawn][judge] for drawn, judge in across.values())
    return all_of(
        "networks",
        "VGG-19 with relu1_2, 2_2, 3_3 and 4_3 works as well as VGG-16.",
        f"{source} (Y. Jing, who asks)",
        [
            at_most(
                "style",
                "",
                "",
                "over the photograph's",
                {
                    label: judged[drawn][judge] / judged[PHOTOGRAPH][judge]
                    for label, (drawn, judge) in across.items()
                },
                0.1,
                basis="our bound: a tenth",
            ),
            within("alike", "", "", "one over the other", one / other, 0.75, 1.25,
                   basis="our bound: 25 %"),
            within("edges", "", "", "edges, VGG-19's over VGG-16's",
                   edges[nineteen] / edges[sixteen], 0.75, 1.25, basis="our bound: 25 %"),
        ],
        measure="Gram distance that the other network sees, and edge correlation with the "
        "photograph",
    )  # fmt: skip


def _networks(studio: Studio, preset: Preset, names: Sequence[str]) -> dict[str, Preset]:
    """The preset on each network, by label; networks that resolve to the same count once."""
    found: dict[str, Preset] = {}
    for name in names:
        on_network = preset.with_(network={"name": name})
        found.setdefault(_label(studio, on_network), on_network)
    return found


def _label(studio: Studio, preset: Preset) -> str:
    return studio.engine.resolve(preset.network).name.replace("vgg", "VGG-")


def _mean_distance(studio: Studio, picture: Picture, painting: Picture, judge: Preset) -> float:
    """Relative Gram distance to the painting, mean of the judge's style layers."""
    distances = studio.engine.style_distances(
        picture, painting, list(judge.style_layers), judge.network
    )
    return float(np.mean(list(distances.values())))


def _issue_pictures(
    sets: list[str],
    drawn: Mapping[Drawn, Result],
    edges: Mapping[Drawn, float],
    content: Picture,
    style: Picture,
    job: Job,
) -> Grid:
    networks = list(dict.fromkeys(network for network, _ in drawn))
    return Grid.of_rows(
        [
            [
                shown(drawn[network, each], [f"edges {edges[network, each]:.2f}"])
                if (network, each) in drawn
                else None
                for each in sets
            ]
            for network in networks
        ],
        rows=networks,
        columns=sets,
        column_title="style layers",
        inputs=(
            source_panel(content, job.canvas, "content"),
            source_panel(style, job.style_size, "style"),
        ),
    )


def _issue_table(judged: Mapping[Drawn, Mapping[Drawn, float]]) -> HeatMap:
    judges = list(judged[PHOTOGRAPH])
    return HeatMap(
        np.array([[values[judge] for values in judged.values()] for judge in judges]),
        rows=[" ".join(judge) for judge in judges],
        columns=["\n".join(key).strip() for key in judged],
        row_title="judged by",
        column_title="picture",
        value_label="mean Gram distance",
        value_scale="log",
    )


def _rows(
    studio: Studio, preset: Preset, networks: Sequence[str], pictures: Mapping[str, Picture]
) -> dict[Row, tuple[Preset, Picture]]:
    """A row for each network and picture; networks that resolve to the same are drawn once."""
    rows: dict[Row, tuple[Preset, Picture]] = {}
    seen: set[NetworkSpec] = set()
    for name in networks:
        on_network = preset.with_(network={"name": name})
        spec = studio.engine.resolve(on_network.network)
        if spec in seen:
            continue
        seen.add(spec)
        label = spec.name.replace("vgg", "VGG-")
        for picture in pictures.values():
            rows[label, picture.name] = (on_network, picture)
    return rows


def _grids(
    rows: Mapping[Row, tuple[Preset, Picture]],
    labels: list[str],
    drawn: Mapping[tuple[Row, str], Result],
    metrics: Mapping[tuple[Row, str], Metrics],
    lines: object,
    original: str,
) -> list[Grid]:
    grids = []
    for network in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == network]
        grids.append(
            Grid.of_rows(
                [
                    [
                        source_panel(rows[row][1], drawn[row, labels[0]].picture.size, ""),
                        *[
                            shown(drawn[row, label], lines(metrics[row, label]))  # type: ignore[operator]
                            for label in labels
                        ],
                    ]
                    for row in mine
                ],
                columns=[original, *labels],
                heading=network,
            )
        )
    return grids


def _feature_metrics(result: Result) -> Metrics:
    assert result.job.content is not None
    drawn = result.picture.pixels
    reference = result.job.content.resized(*result.picture.size).pixels
    return {
        **fidelity(result),
        "blurred_edges": edge_correlation(drawn, reference, blur=drawn.shape[1] / 32),
        "colour_distance": lab_distance(drawn, reference),
    }


def _feature_lines(metrics: Metrics) -> list[str]:
    return [f"PSNR {metrics['psnr']:.1f} dB", f"ΔE {metrics['colour_distance']:.1f}"]


def _style_metrics(studio: Studio, result: Result, style: Picture, layer: str) -> Metrics:
    drawn = result.picture.pixels
    original = style.resized(*result.picture.size).pixels
    return {
        "edge_correlation": abs(edge_correlation(drawn, original)),
        "gram_distance": studio.style_distances(result, style, [layer])[layer],
        "coherence_length": coherence_length(drawn),
        "palette_distance": sliced_wasserstein_rgb(drawn, original),
    }


def _style_lines(metrics: Metrics) -> list[str]:
    return [
        f"structures {metrics['coherence_length']:.1f} px",
        f"Gram distance {metrics['gram_distance']:.1g}",
    ]


def _growth_note(parts: Mapping[str, Mapping[str, Metrics]]) -> str:
    """What the size is, and by what factor it grows from the first layer to the last."""
    factors = []
    for row, panels in parts.items():
        first, *_, last = (panel["coherence_length"] for panel in panels.values())
        factors.append(f"{row} × {last / first:.2g}")
    return f"{COHERENCE_NOTE} From the first layer to the last, our summary: {', '.join(factors)}."


def _largest(parts: Mapping[str, Mapping[str, Metrics]], name: str) -> dict[str, float]:
    """The metric's largest value in each row."""
    return {row: max(panel[name] for panel in panels.values()) for row, panels in parts.items()}


def _in_each(
    id: str,
    text: str,
    source: str,
    parts: Mapping[str, Mapping[str, Metrics]],
    name: str,
    direction: str,
    measure: str,
    note: str = "",
) -> Claim:
    """The metric rises (or falls) with every deeper layer, in each row."""
    sign = 1 if direction == "increasing" else -1

    def smallest_step(panels: Mapping[str, Metrics]) -> float:
        values = [sign * panel[name] for panel in panels.values()]
        return min(after - before for before, after in zip(values, values[1:]))

    verb = "rise" if direction == "increasing" else "fall"
    return at_least(
        id,
        text,
        source,
        f"smallest {verb} of the {measure} from one layer to the next",
        {row: smallest_step(panels) for row, panels in parts.items()},
        0.0,
        note=note,
    )
