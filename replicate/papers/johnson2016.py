"""Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses" (arXiv 1603.08155)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..engine.job import Result
from ..engine.preset import NetworkSpec, Preset
from ..figure.claims import Claim, at_least, at_most
from ..figure.panels import Grid
from ..images import Picture
from ..metrics import (
    correlation_length,
    edge_correlation,
    lab_distance,
    sliced_wasserstein_rgb,
)
from .sheet import Metrics, Sheet, fidelity, shown, source_panel
from .studio import Studio, figure_config, only

Row = tuple[str, str]
"""(network, picture) of one row of panels."""


def fig3(studio: Studio) -> Sheet:
    """Feature reconstruction of two photographs from five single layers."""
    _, config, preset = figure_config("johnson2016/fig3")
    pictures = {role: studio.picture(config, role) for role in config.images[studio.inputs]}
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
    pictures = {role: studio.picture(config, role) for role in config.images[studio.inputs]}
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
            "correlation_length",
            "increasing",
            "correlation length (px)",
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
        "correlation_length": correlation_length(drawn),
        "palette_distance": sliced_wasserstein_rgb(drawn, original),
    }


def _style_lines(metrics: Metrics) -> list[str]:
    return [
        f"structures {metrics['correlation_length']:.1f} px",
        f"Gram distance {metrics['gram_distance']:.1g}",
    ]


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
