"""Gatys, Ecker & Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576v2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..config import FigureConfig
from ..engine.job import Result
from ..engine.preset import NetworkSpec
from ..errors import ImageError
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most, ordered
from ..figure.panels import Grid
from ..images import Picture
from ..measure.metrics import (
    COHERENCE_NOTE,
    coherence_length,
    edge_correlation,
    sliced_wasserstein_rgb,
)
from .sheet import Metrics, Sheet, column, fidelity, ratio_label, shown, source_panel
from .studio import Studio, figure_config, only

SOURCE = "arXiv 1508.06576v2, Fig. 3"


def fig3(studio: Studio) -> Sheet:
    """Five nested sets of style layers by four ratios of content to style."""
    _, config, preset = figure_config("gatys2015/fig3")
    content, style = studio.picture("content"), studio.picture("style")
    rows, ratios = list(config.style_sets), sorted(config.ratios)
    jobs = {
        (row, ratio): studio.job(
            preset.with_(style_layers=config.style_sets[row], ratio=ratio),
            content,
            style,
            label=f"{row}, {ratio_label(ratio)}",
        )
        for row in reversed(rows)
        for ratio in ratios
    }
    results = studio.draw(jobs)
    layers = config.style_sets[rows[-1]]
    sheet = Sheet()
    metrics: dict[tuple[str, float], Metrics] = {}
    for key, result in results.items():
        distances = studio.style_distances(result, style, layers)
        metrics[key] = {
            **fidelity(result),
            **{f"gram_distance/{layer}": value for layer, value in distances.items()},
            "content_loss": sum(v for k, v in result.losses.items() if k.startswith("content/")),
            "style_loss": sum(v for k, v in result.losses.items() if k.startswith("style/")),
        }
        sheet.add(jobs[key].label, result, metrics[key])

    canvas = next(iter(jobs.values())).canvas
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    shown(results[row, r], [f"edges {metrics[row, r]['edge_correlation']:.2f}"])
                    for r in ratios
                ]
                for row in rows
            ],
            rows=rows,
            columns=[ratio_label(ratio) for ratio in ratios],
            row_title="style layers",
            column_title="α/β",
            inputs=(
                source_panel(content, canvas, "content"),
                source_panel(style, style_size(results), "style"),
            ),
        )
    ]
    sheet.claims = [
        _less_content_leftwards(rows, ratios, metrics),
        _edges_return(rows, ratios, metrics),
        _deeper_layers_add(rows, layers, ratios[1], metrics),
        _texturised(rows[-1], ratios, metrics),
    ]
    return sheet


def style_size(results: Mapping[Any, Result]) -> tuple[int, int]:
    """(width, height) at which the style picture was read."""
    return next(iter(results.values())).job.style_size


def _less_content_leftwards(
    rows: list[str], ratios: list[float], metrics: Mapping[tuple[str, float], Metrics]
) -> Claim:
    def steps(name: str, row: str) -> list[float]:
        """Factors from each column to the next."""
        values = [metrics[row, ratio][name] for ratio in ratios]
        return [after / before for before, after in zip(values, values[1:])]

    return all_of(
        "trade",
        "In every row a larger α/β matches the content better and the style no better.",
        SOURCE,
        [
            at_most(
                "content",
                "",
                "",
                "content loss, largest factor",
                {row: max(steps("content_loss", row)) for row in rows},
                1.0,
            ),
            at_least(
                "style",
                "",
                "",
                "style loss, smallest factor",
                {row: min(steps("style_loss", row)) for row in rows},
                1.0,
            ),
        ],
        measure="factors of the losses from one column to the next",
    )


def _edges_return(
    rows: list[str], ratios: list[float], metrics: Mapping[tuple[str, float], Metrics]
) -> Claim:
    def smallest_rise(row: str) -> float:
        values = [metrics[row, ratio]["edge_correlation"] for ratio in ratios]
        return min(after - before for before, after in zip(values, values[1:]))

    return at_least(
        "columns",
        "In every row the photograph becomes clearer from left to right.",
        SOURCE,
        "smallest rise of the edge correlation with the photograph from one column to the next",
        {row: smallest_rise(row) for row in rows},
        -0.02,
        basis="a published rerun of the figure has ties of that size",
    )


def _deeper_layers_add(
    rows: list[str],
    layers: list[str],
    ratio: float,
    metrics: Mapping[tuple[str, float], Metrics],
) -> Claim:
    drops = {
        layer: metrics[above, ratio][f"gram_distance/{layer}"]
        / metrics[below, ratio][f"gram_distance/{layer}"]
        for above, below, layer in zip(rows, rows[1:], layers[1:])
    }
    return at_least(
        "rows",
        "Each added layer brings style that the shallower layers did not bring along.",
        SOURCE,
        f"fall of the relative Gram distance at a layer when it is added, at {ratio_label(ratio)}",
        drops,
        5.0,
        basis="our bound",
    )


def _texturised(
    row: str, ratios: list[float], metrics: Mapping[tuple[str, float], Metrics]
) -> Claim:
    edges = column({ratio_label(r): metrics[row, r] for r in ratios}, "edge_correlation")
    first, last = ratio_label(ratios[0]), ratio_label(ratios[-1])
    return all_of(
        "extremes",
        "With all five layers the first column is texture with hardly any photograph in it, the "
        "last shows the photograph clearly.",
        SOURCE,
        [
            at_most("texture", "", "", first, edges[first], 0.1),
            at_least("photograph", "", "", last, edges[last], 0.3),
        ],
        measure="edge correlation with the photograph, last row",
        note="A published rerun of this figure has 0.00 and 0.34.",
    )


def fig1(studio: Studio) -> Sheet:
    """Style reconstructions from nested sets, content reconstructions from single layers."""
    return reconstructions(studio, "gatys2015/fig1")


def reconstructions(studio: Studio, figure_id: str) -> Sheet:
    """Fig. 1 of either edition; they differ in the content layers."""
    _, config, preset = figure_config(figure_id)
    content, style = studio.picture("content"), studio.picture("style")
    content_jobs = {
        label: studio.job(only(preset, "content", layers), content, label=f"content {label}")
        for label, layers in config.content_sets.items()
    }
    style_jobs = {
        label: studio.job(only(preset, "style", layers), style=style, label=f"style {label}")
        for label, layers in config.style_sets.items()
    }
    drawn = studio.draw({**{("c", k): j for k, j in content_jobs.items()},
                         **{("s", k): j for k, j in style_jobs.items()}})  # fmt: skip
    contents = {label: drawn["c", label] for label in content_jobs}
    styles = {label: drawn["s", label] for label in style_jobs}
    content_metrics = {label: fidelity(result) for label, result in contents.items()}
    style_metrics = _texture_metrics(studio, styles, style, config.style_sets)

    sheet = Sheet()
    for label, result in contents.items():
        sheet.add(f"content {label}", result, content_metrics[label])
    for label, result in styles.items():
        sheet.add(f"style {label}", result, style_metrics[label])
    window = config.crop[studio.inputs]
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    shown(result, [f"structures {style_metrics[label]['coherence_length']:.1f} px"])
                    for label, result in styles.items()
                ]
            ],
            columns=list(styles),
            heading="Style reconstructions",
            inputs=(source_panel(style, style_size(styles), "style"),),
        ),
        Grid.of_rows(
            [
                [
                    shown(
                        result,
                        [
                            f"PSNR {content_metrics[label]['psnr']:.1f} dB",
                            f"SSIM {content_metrics[label]['ssim']:.2f}",
                        ],
                        window=window,
                    )
                    for label, result in contents.items()
                ]
            ],
            columns=list(contents),
            heading="Content reconstructions",
            inputs=(source_panel(content, next(iter(contents.values())).picture.size, "content"),),
        ),
    ]
    sheet.claims = [
        *_content_claims(config.source, content_metrics),
        *_seen_by_another(studio, config.source, content, contents, sheet),
        *_style_claims(config.source, config.style_sets, style_metrics, style, styles),
    ]
    return sheet


def _texture_metrics(
    studio: Studio,
    results: Mapping[str, Result],
    style: Picture,
    sets: Mapping[str, list[str]],
) -> dict[str, Metrics]:
    layers = max(sets.values(), key=len)
    metrics = {}
    for label, result in results.items():
        original = style.resized(*result.picture.size).pixels
        distances = studio.style_distances(result, style, layers)
        metrics[label] = {
            "coherence_length": coherence_length(result.picture.pixels),
            "edge_correlation": edge_correlation(result.picture.pixels, original),
            **{f"gram_distance/{layer}": value for layer, value in distances.items()},
        }
    return metrics


def _content_claims(source: str, metrics: Mapping[str, Metrics]) -> list[Claim]:
    psnr, ssim = column(metrics, "psnr"), column(metrics, "ssim")
    labels = list(metrics)
    return [
        all_of(
            "order",
            "Content reconstructions lose pixel detail with every deeper layer.",
            source,
            [
                ordered("psnr", "", "", "PSNR", psnr),
                ordered("ssim", "", "", "SSIM", ssim),
            ],
            measure="PSNR (dB) and SSIM to the photograph",
        ),
        at_least(
            "shallow",
            "From the lower layers (a, b, c) the reconstruction is almost perfect.",
            source,
            "SSIM to the photograph",
            {label: ssim[label] for label in labels[:3]},
            0.75,
            basis="the published panels of CVPR 2016 have 0.86, 0.84, 0.77",
        ),
        at_most(
            "deep",
            "From the highest layer (e) the pixels are lost.",
            source,
            "SSIM to the photograph",
            {labels[-1]: ssim[labels[-1]]},
            0.25,
            basis="the published panel of CVPR 2016 has 0.08",
        ),
    ]


def _seen_by_another(
    studio: Studio, source: str, content: Picture, results: Mapping[str, Result], sheet: Sheet
) -> list[Claim]:
    """Is the content of d and e still there for a network that was not used to draw them?"""
    judge = NetworkSpec(name="vgg16")
    if studio.engine.resolve(judge) != judge:
        sheet.note = (
            "Whether another network still sees the photograph in d and e is not measured "
            "here: that needs the weights of VGG-16."
        )
        return []
    labels = list(results)[3:]
    canvas = results[labels[0]].picture.size
    unrelated = _unrelated(studio, content).resized(*canvas)
    photograph = content.resized(*canvas)
    seen = {
        label: studio.engine.similarity(results[label].picture, photograph, "relu5_1", judge)
        for label in labels
    }
    other = studio.engine.similarity(unrelated, photograph, "relu5_1", judge)
    return [
        all_of(
            "content-stays",
            "From the higher layers (d, e) the content is still there though the pixels are not.",
            source,
            [
                at_least("near", "", "", "cosine", seen, 0.7, basis="our bound"),
                at_least(
                    "nearer",
                    "",
                    "",
                    "more than an unrelated photograph by",
                    {label: each - other for label, each in seen.items()},
                    0.0,
                ),
            ],
            measure="cosine similarity to the photograph at relu5_1 of VGG-16",
        )
    ]


def _unrelated(studio: Studio, content: Picture) -> Picture:
    from ..images import bundled

    return bundled("coffee" if content.name != "coffee" else "chelsea")


def _style_claims(
    source: str,
    sets: Mapping[str, list[str]],
    metrics: Mapping[str, Metrics],
    style: Picture,
    results: Mapping[str, Result],
) -> list[Claim]:
    labels = list(metrics)
    drops = {}
    for before, after in zip(labels, labels[1:]):
        (added,) = [layer for layer in sets[after] if layer not in sets[before]]
        name = f"gram_distance/{added}"
        drops[added] = metrics[before][name] / metrics[after][name]
    own = coherence_length(style.resized(*style_size(results)).pixels)
    return [
        ordered(
            "scale",
            "Structures of the style reconstructions grow as deeper layers are added.",
            source,
            "coherence length in pixels",
            column(metrics, "coherence_length"),
            "increasing",
            strict=False,
            note=f"{COHERENCE_NOTE} The painting itself has {own:.1f} px here.",
        ),
        at_most(
            "arrangement",
            "Style reconstructions discard the global arrangement of the painting.",
            source,
            "absolute edge correlation with the painting",
            {label: abs(values["edge_correlation"]) for label, values in metrics.items()},
            0.1,
            basis="our bound",
        ),
        at_least(
            "added",
            "Each added layer matches statistics that the shallower ones had left unmatched.",
            source,
            "fall of the relative Gram distance at a layer when it is added",
            drops,
            10.0,
            basis="our bound",
        ),
    ]


def fig2(studio: Studio) -> Sheet:
    """A photograph in five styles, each at this edition's ratio."""
    return gallery(studio, "gatys2015/fig2")


def gallery(studio: Studio, figure_id: str) -> Sheet:
    """Fig. 2 of the 2015 edition, Fig. 3 of the 2016 one; they differ in the ratios.

    A painting that cannot be had here is left out, and the sheet's note says so.

    Raises:
        ImageError: none of the paintings can be had.
    """
    _, config, preset = figure_config(figure_id)
    content = studio.picture("content")
    roles = [role for role in config.images[studio.inputs] if role != "content"]
    paintings, missing = _obtainable(studio, config, roles)
    jobs = {
        role: studio.job(preset.with_(ratio=ratio), content, paintings[role], label=role)
        for role, ratio in zip(roles, config.ratios, strict=True)
        if role in paintings
    }
    results = studio.draw(jobs)
    metrics = {
        role: _gallery_metrics(studio, result, content, paintings[role])
        for role, result in results.items()
    }
    sheet = Sheet()
    for role, result in results.items():
        sheet.add(role, result, metrics[role])
    canvas = next(iter(jobs.values())).canvas
    panels = [source_panel(content, canvas, "A photograph")]
    for role, result in results.items():
        label = role if studio.inputs == "paper" else f"{role[0]} {paintings[role].name}"
        lines = [
            f"α/β {ratio_label(result.job.preset.ratio)}",
            f"edges {metrics[role]['edge_correlation']:.2f}",
        ]
        panels.append(shown(result, lines, label=label, inset=paintings[role]))
    sheet.grids = [Grid.of_rows([panels[:3], panels[3:]])]
    sheet.claims = gallery_claims(config.source, metrics)
    sheet.note = _stand_ins(studio, paintings, missing)
    return sheet


def _obtainable(
    studio: Studio, config: FigureConfig, roles: Sequence[str]
) -> tuple[dict[str, Picture], list[str]]:
    """The paintings that can be had, and the roles of the others."""
    paintings: dict[str, Picture] = {}
    reasons: dict[str, ImageError] = {}
    for role in roles:
        try:
            paintings[role] = studio.picture(role)
        except ImageError as error:
            reasons[role] = error
    if not paintings:
        raise next(iter(reasons.values()))
    return paintings, list(reasons)


def _stand_ins(studio: Studio, paintings: Mapping[str, Picture], missing: Sequence[str]) -> str:
    if studio.inputs == "bundled":
        pairs = [f"{picture.name} for {role[2:]}" for role, picture in paintings.items()]
        return f"Drawn artworks stand in for the paintings: {', '.join(pairs)}."
    if missing:
        return f"Left out, for want of the painting: {', '.join(missing)}."
    return ""


def _gallery_metrics(
    studio: Studio, result: Result, content: Picture, painting: Picture
) -> Metrics:
    """How much of the painting came and of the photograph stayed.

    ``gram_distance_share`` is the largest of all style layers: the relative Gram distance of the
    result to the painting over that of the photograph to the painting.
    """
    job, layers = result.job, list(result.job.style_layers)
    canvas = result.picture.size
    photograph, style = content.resized(*canvas), painting.resized(*job.style_size)
    ours = studio.style_distances(result, painting, layers)
    before = studio.engine.style_distances(photograph, style, layers, job.preset.network)
    drawn = result.picture.pixels
    other = _unrelated(studio, content).resized(*canvas)
    return {
        **fidelity(result),
        **{f"gram_distance/{layer}": value for layer, value in ours.items()},
        "gram_distance_share": max(ours[layer] / before[layer] for layer in layers),
        "edges_of_another": edge_correlation(drawn, other.pixels),
        "palette_to_painting": sliced_wasserstein_rgb(drawn, style.pixels),
        "palette_to_photograph": sliced_wasserstein_rgb(drawn, photograph.pixels),
    }


def gallery_claims(source: str, metrics: Mapping[str, Metrics]) -> list[Claim]:
    """The photograph's arrangement, the artwork's colours and local structures.

    Args:
        metrics: by panel, as `_gallery_metrics` measures them.
    """
    return [
        at_most(
            "style",
            "Local structures are the artwork's.",
            source,
            "relative Gram distance to the artwork over the photograph's, largest of the layers",
            column(metrics, "gram_distance_share"),
            0.05,
            basis="our bound",
        ),
        at_least(
            "arrangement",
            "The photograph's global arrangement is preserved.",
            source,
            "edge correlation with the photograph less that with another photograph",
            {
                role: values["edge_correlation"] - values["edges_of_another"]
                for role, values in metrics.items()
            },
            0.15,
            basis="our bound",
        ),
        at_most(
            "colours",
            "The colours are the artwork's.",
            source,
            "sliced Wasserstein distance of RGB to the artwork over that to the photograph",
            {
                role: values["palette_to_painting"] / values["palette_to_photograph"]
                for role, values in metrics.items()
            },
            1.0,
            basis="nearer to the artwork",
        ),
    ]
