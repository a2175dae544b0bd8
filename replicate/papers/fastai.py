"""fast.ai's lesson 8 (2017) and the experiments in its forum: one layer or several, sum or mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most, largest, ordered, smallest, within
from ..figure.panels import Grid, Panel
from ..images import Picture
from ..images.colour import (
    Array,
    Root,
    as_floats,
    chroma,
    colour_map,
    colour_statistics,
    grey,
    luminance,
    matched_colours,
    matched_luminance,
    with_luminance,
    with_luminance_of,
)
from ..measure.metrics import (
    COHERENCE_NOTE,
    coherence_length,
    edge_correlation,
    sliced_wasserstein_rgb,
    ssim,
)
from ..method import Objective, evaluate
from ..method import style as style_term
from ..networks.means import to_tensor
from .sheet import Metrics, Sheet, column, fidelity, shown, source_panel
from .studio import Studio, figure_config, only

FORUM = "forums.fast.ai topic 1774"
LESSON = "fast.ai Part 2 (2017), lesson 8"
COLOUR = "Gatys et al. 2016, arXiv 1606.05897"

# ---------------------------------------------------------------------------- one layer or the rest

ALONE, REST, TEXTURE = "alone", "all but it", "no photograph"


def single_vs_rest(studio: Studio) -> Sheet:
    """For each block: style from its first layer, from the others' first layers, from it alone."""
    _, config, preset = figure_config("fastai/single_vs_rest")
    content, style = studio.picture("content"), studio.picture("style")
    layers = {label: layer for label, (layer,) in config.style_sets.items()}

    def job(row: str, label: str) -> Job:
        chosen = [layers[label]]
        others = [layer for layer in layers.values() if layer not in chosen]
        name = f"{label} {row}"
        if row == TEXTURE:
            return studio.job(only(preset, "style", chosen), style=style, label=name)
        wanted = chosen if row == ALONE else others
        return studio.job(preset.with_(style_layers=wanted), content, style, label=name)

    jobs = {(row, label): job(row, label) for row in (ALONE, REST, TEXTURE) for label in layers}
    results = studio.draw(jobs)
    metrics = {
        (row, label): _layer_metrics(studio, results[row, label], style, layers, label)
        for row, label in jobs
    }
    sheet = Sheet()
    for key, each in jobs.items():
        sheet.add(each.label, results[key], metrics[key])
    canvas = jobs[ALONE, next(iter(layers))].canvas
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    shown(results[row, label], _layer_lines(row, metrics[row, label]))
                    for label in layers
                ]
                for row in (ALONE, REST, TEXTURE)
            ],
            rows=[ALONE, REST, TEXTURE],
            columns=list(layers),
            column_title="style layer",
            inputs=(
                source_panel(content, canvas, "content"),
                source_panel(style, results[TEXTURE, next(iter(layers))].picture.size, "style"),
            ),
        )
    ]
    sheet.claims = single_claims({row: {label: metrics[row, label] for label in layers}
                                  for row in (ALONE, REST, TEXTURE)})  # fmt: skip
    return sheet


def _layer_metrics(
    studio: Studio, result: Result, style: Picture, layers: Mapping[str, str], label: str
) -> Metrics:
    distances = studio.style_distances(result, style, list(layers.values()))
    drawn = result.picture.pixels
    others = [value for layer, value in distances.items() if layer != layers[label]]
    return {
        **(fidelity(result) if result.job.content else {}),
        **{f"gram_distance/{layer}": value for layer, value in distances.items()},
        "own_gram_distance": distances[layers[label]],
        "other_gram_distance": float(np.mean(others)),
        "painting_edges": edge_correlation(drawn, style.resized(*result.picture.size).pixels),
        "coherence_length": coherence_length(drawn),
    }


def _layer_lines(row: str, metrics: Metrics) -> list[str]:
    if row == TEXTURE:
        return [f"structures {metrics['coherence_length']:.1f} px"]
    return [
        f"Gram: own {metrics['own_gram_distance']:.2g}",
        f"others {metrics['other_gram_distance']:.2g}",
    ]


def single_claims(metrics: Mapping[str, Mapping[str, Metrics]]) -> list[Claim]:
    """What the forum says of one layer and of several.

    Args:
        metrics: row, then layer, to the panel's metrics.
    """
    alone, rest = metrics[ALONE], metrics[REST]

    def factor(name: str, above: Mapping[str, Metrics], below: Mapping[str, Metrics]) -> Metrics:
        return {label: above[label][name] / below[label][name] for label in above}

    leftover = {label: abs(each["painting_edges"]) for label, each in rest.items()}
    single = max(abs(each["painting_edges"]) for each in alone.values())
    return [
        all_of(
            "own",
            "A layer's statistics come with that layer's loss, the others' with theirs.",
            f"{FORUM} (davecg), left against right",
            [
                at_least(
                    "own", "", "", "at the layer, all but it over alone",
                    factor("own_gram_distance", rest, alone), 1.0,
                ),
                at_least(
                    "others", "", "", "at the others (mean), alone over all but it",
                    factor("other_gram_distance", alone, rest), 1.0,
                ),
            ],
            measure="ratio of relative Gram distances to the painting",
        ),
        at_most(
            "no-content",
            "With several layers the painting's content stays out.",
            f"{FORUM} (samwit)",
            "absolute edge correlation with the painting, all but the layer",
            leftover,
            0.1,
            basis="our bound",
            note=f"From one layer alone it is {single:.3f} at most: a Gram matrix has forgotten "
            "places whatever the number of layers.",
        ),
        ordered(
            "scale",
            "A single layer's structures grow with its depth.",
            f"our measure of {FORUM} (davecg)",
            "coherence length in pixels, without the photograph",
            column(metrics[TEXTURE], "coherence_length"),
            "increasing",
            note=COHERENCE_NOTE,
        ),
    ]  # fmt: skip


# ---------------------------------------------------------------------------- content layers


def content_series(studio: Studio) -> Sheet:
    """Content from one layer of every block, and from the layers that bckenstler tried."""
    _, config, preset = figure_config("fastai/content_series")
    content, style = studio.picture("content"), studio.picture("style")
    jobs = {
        label: studio.job(preset.with_(content_layers=layers), content, style, label=label)
        for label, layers in config.content_sets.items()
    }
    results = studio.draw(jobs)
    sheet = Sheet()
    metrics: dict[str, Metrics] = {}
    for label, result in results.items():
        distances = studio.style_distances(result, style, list(preset.style_layers))
        metrics[label] = {
            **fidelity(result),
            "gram_distance": float(np.mean(list(distances.values()))),
        }
        sheet.add(label, result, metrics[label])
    first = next(iter(jobs.values()))
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    shown(
                        results[label],
                        [
                            f"SSIM {metrics[label]['ssim']:.2f}",
                            f"edges {metrics[label]['edge_correlation']:.2f}",
                            f"Gram {metrics[label]['gram_distance']:.2g}",
                        ],
                    )
                    for label in jobs
                ]
            ],
            columns=list(jobs),
            column_title="content layer",
            inputs=(
                source_panel(content, first.canvas, "content"),
                source_panel(style, first.style_size, "style"),
            ),
        )
    ]
    sheet.claims = series_claims(metrics)
    return sheet


def series_claims(metrics: Mapping[str, Metrics]) -> list[Claim]:
    """What a deeper content layer does, over the first panel of each block.

    Args:
        metrics: ``block1_conv2`` and so on, from shallow to deep.
    """
    by_block: dict[str, Metrics] = {}
    for label, values in metrics.items():
        by_block.setdefault(label.split("_")[0], values)
    return [
        all_of(
            "less",
            "The deeper the content layer, the less of the photograph's detail is left.",
            f"{LESSON}; {FORUM} (davecg)",
            [
                ordered("ssim", "", "", "SSIM", column(by_block, "ssim"), strict=False),
                ordered("edges", "", "", "edges", column(by_block, "edge_correlation"),
                        strict=False),
            ],
            measure="SSIM and edge correlation to the photograph",
        ),
        ordered(
            "room",
            "A looser reconstruction of the content leaves the style more room.",
            LESSON,
            "relative Gram distance to the painting, mean of the style layers",
            column(by_block, "gram_distance"),
            strict=False,
        ),
    ]  # fmt: skip


# ---------------------------------------------------------------------------- sum or mean

SUM, SCALED, UNSCALED, WHOLE = "sum", "mean, β × n", "mean", "sum, all ÷ 8"
DIVISOR = 8
"""Of the whole loss: a power of two, which rounds nothing, so that no path leaves another's."""


def sum_or_mean(studio: Studio) -> Sheet:
    """The losses of the layers added up, averaged, and averaged with the ratio scaled along."""
    _, _, preset = figure_config("fastai/sum_or_mean")
    content, style = studio.picture("content"), studio.picture("style")
    variants = weightings(preset)
    jobs = {
        label: studio.job(variant, content, style, label=label)
        for label, variant in variants.items()
    }
    results = studio.draw(jobs)
    sheet = Sheet()
    metrics: dict[str, Metrics] = {}
    for label, result in results.items():
        metrics[label] = {
            **fidelity(result),
            **_differences(result.picture, results[SUM].picture),
        }
        sheet.add(label, result, metrics[label])
    first = jobs[SUM]
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    shown(
                        results[label],
                        [
                            f"edges {metrics[label]['edge_correlation']:.2f}",
                            _apart(metrics[label]) if label != SUM else "",
                        ],
                    )
                    for label in jobs
                ]
            ],
            columns=list(jobs),
            inputs=(
                source_panel(content, first.canvas, "content"),
                source_panel(style, first.style_size, "style"),
            ),
        )
    ]
    sheet.readings["style gradients, sum and mean"] = gradients = _compared(
        *(_style_gradient(studio, jobs[label], results[SUM].picture) for label in (SUM, UNSCALED))
    )
    sheet.claims = weighting_claims(gradients, metrics, len(preset.style_layers))
    return sheet


def weightings(preset: Preset) -> dict[str, Preset]:
    """The four ways to combine the losses of n style layers; the first two are one objective.

    The last divides the whole loss, content too.  An optimizer whose tolerances are absolute would
    stop elsewhere; ours measures steps and tolerances by the loss itself.
    """
    layers = list(preset.style_layers)
    n = len(layers)
    summed = preset.with_(style_layers=dict.fromkeys(layers, 1.0))
    mean = preset.with_(style_layers=layers)
    return {
        SUM: summed,
        SCALED: mean.with_(style_weight=n * preset.style_weight),
        UNSCALED: mean,
        WHOLE: summed.with_(
            content_weight=preset.content_weight / DIVISOR,
            style_weight=preset.style_weight / DIVISOR,
        ),
    }


def _differences(one: Picture, other: Picture) -> Metrics:
    """Largest and root mean square difference of two pictures, in grey levels of 255."""
    apart = one.pixels.astype(float) - other.pixels
    return {
        "largest_difference": float(np.abs(apart).max()),
        "rms_difference": float(np.sqrt(np.mean(apart**2))),
    }


def _apart(metrics: Metrics) -> str:
    apart = metrics["rms_difference"]
    return f"{apart:.1f} levels apart" if apart else "the same picture"


def _style_gradient(studio: Studio, job: Job, at: Picture) -> Tensor:
    """Gradient of the job's style losses, weighted by layer, by the pixels of a picture; flat."""
    assert job.style is not None
    network = studio.engine.network(job.preset.network)
    painting = to_tensor(job.style.resized(*job.style_size)).to(network.device)
    objective = Objective()
    with torch.no_grad():
        maps = network(painting, job.style_layers)
    for layer, weight in job.style_layers.items():
        objective += weight * style_term(layer, maps[layer].gram(), job.preset.style_loss)
    gradient = evaluate(objective, network, to_tensor(at).to(network.device)).gradient
    return gradient.flatten().double().cpu()


def _compared(one: Tensor, other: Tensor) -> Metrics:
    lengths = one.norm() * other.norm()
    return {
        "cosine": float(one @ other / lengths),
        "ratio_of_norms": float(one.norm() / other.norm()),
    }


def weighting_claims(
    gradients: Metrics, metrics: Mapping[str, Metrics], layers: int
) -> list[Claim]:
    """Is one a constant times the other, and is the picture the same?

    Args:
        gradients: cosine and ratio of norms of the style gradients, sum against mean.
        metrics: label to the panel's metrics.
        layers: how many losses were added up.
    """
    return [
        all_of(
            "constant",
            "One is a constant times the other.",
            f"{FORUM} (davecg)",
            [
                at_most("cosine", "", "", "1 − cosine", 1 - gradients["cosine"], 1e-4,
                        basis="our bound: bfloat16 rounds to 0.4 %"),
                within("norm", "", "", f"ratio of norms over {layers}",
                       gradients["ratio_of_norms"] / layers, 0.99, 1.01, basis="our bound"),
            ],
            measure="gradients of the summed and of the averaged style losses",
        ),
        at_most(
            "same",
            "So summing and averaging make one picture once the weight of the style, or the whole "
            "loss, is scaled along.",
            f"{FORUM} (davecg)",
            f"largest difference of any pixel from '{SUM}', in grey levels of 255",
            column({label: metrics[label] for label in (SCALED, WHOLE)}, "largest_difference"),
            1.0,
            basis="our bound",
        ),
        largest(
            "balance",
            "Averaging without scaling the weight makes another picture: more photograph.",
            "our remark",
            "edge correlation with the photograph",
            column({label: metrics[label] for label in (SUM, UNSCALED)}, "edge_correlation"),
            UNSCALED,
        ),
    ]  # fmt: skip


# ---------------------------------------------------------------------------- colours kept

PLAIN, RECOLOURED, LUMINANCE = "plain", "recoloured", "luminance only"
ROOTS: dict[str, Root] = {"matched, Cholesky": "cholesky", "matched, symmetric": "symmetric"}


def keep_colour(studio: Studio) -> Sheet:
    """The photograph's colours under the painting's style, kept in four ways."""
    _, _, preset = figure_config("fastai/keep_colour")
    content, style = studio.picture("content"), studio.picture("style")
    paintings = {
        PLAIN: style,
        LUMINANCE: matched_luminance(style, content),
        **{label: matched_colours(style, content, root) for label, root in ROOTS.items()},
    }
    results = studio.draw(
        {
            label: studio.job(
                preset, grey(content) if label == LUMINANCE else content, painting, label=label
            )
            for label, painting in paintings.items()
        }
    )
    plain = results[PLAIN].picture
    pictures = {
        PLAIN: plain,
        RECOLOURED: with_luminance_of(content, plain),
        LUMINANCE: with_luminance_of(content, results[LUMINANCE].picture),
        **{label: results[label].picture for label in ROOTS},
    }
    photograph = content.resized(*plain.size)
    metrics = {label: _colour_metrics(each, photograph) for label, each in pictures.items()}
    metrics[RECOLOURED].update(_kept_chroma(photograph, plain))
    metrics[LUMINANCE].update(_kept_chroma(photograph, results[LUMINANCE].picture))
    metrics[RECOLOURED]["edges_of_plain"] = edge_correlation(
        pictures[RECOLOURED].pixels, plain.pixels
    )
    for label, root in ROOTS.items():
        metrics[label]["statistics_apart"] = _statistics_apart(style, content, root)

    sheet = Sheet()
    for label, result in results.items():
        sheet.add(label, result, metrics[label])
    sheet.readings[RECOLOURED] = metrics[RECOLOURED]
    panels = [
        Panel(photograph, label="photograph"),
        *[
            Panel(
                picture,
                label=label,
                lines=(
                    f"palette {metrics[label]['palette_distance']:.3f}",
                    f"chroma {metrics[label]['chroma_distance']:.3f}",
                ),
                inset=paintings.get(label, style),
            )
            for label, picture in pictures.items()
        ],
    ]
    sheet.grids = [Grid.of_rows([panels[:3], panels[3:]])]
    sheet.claims = colour_claims(metrics)
    return sheet


def _colour_metrics(picture: Picture, photograph: Picture) -> Metrics:
    """How far a picture's colours are from the photograph's: as a whole, and place by place."""
    apart = chroma(as_floats(picture)) - chroma(as_floats(photograph))
    return {
        "palette_distance": sliced_wasserstein_rgb(picture.pixels, photograph.pixels),
        "chroma_distance": float(np.linalg.norm(apart, axis=-1).mean()),
        "ssim": ssim(picture.pixels, photograph.pixels),
        "edge_correlation": edge_correlation(picture.pixels, photograph.pixels),
    }


def _kept_chroma(photograph: Picture, drawn: Picture) -> Metrics:
    """How exactly the 8-bit picture of ``drawn``'s luminance has the photograph's chroma.

    The difference is taken where RGB can show the colour; ``share_shown`` says on how much of the
    picture it can.
    """
    colours = as_floats(photograph)
    exact = with_luminance(colours, luminance(as_floats(drawn)))
    possible = ((exact >= 0) & (exact <= 1)).all(axis=-1)
    apart = chroma(as_floats(with_luminance_of(photograph, drawn))) - chroma(colours)
    return {
        "chroma_error": float(np.abs(apart[possible]).max(initial=0)),
        "share_shown": float(possible.mean()),
    }


def _statistics_apart(style: Picture, content: Picture, root: Root) -> float:
    """Largest difference of the matched painting's mean and covariance, before clipping."""
    painting, photograph = as_floats(style), as_floats(content)
    matched: Array = colour_map(painting, photograph, root)(painting)
    pairs = zip(colour_statistics(matched), colour_statistics(photograph))
    return max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)


def colour_claims(metrics: Mapping[str, Metrics]) -> list[Claim]:
    """What keeping the colour promises.

    Args:
        metrics: label to the panel's metrics, as `keep_colour` measures them.
    """
    recombined = {label: metrics[label] for label in (RECOLOURED, LUMINANCE)}
    matched = {label: metrics[label] for label in ROOTS}
    shown_share = min(each["share_shown"] for each in recombined.values())
    return [
        largest(
            "palette",
            "Either way the result's colours are nearer to the photograph's.",
            f"{COLOUR}, abstract",
            "sliced Wasserstein distance of RGB to the photograph",
            column(metrics, "palette_distance"),
            PLAIN,
        ),
        at_most(
            "chroma",
            "Put back after the transfer, the photograph's chroma is exact.",
            f"{COLOUR}, luminance-only transfer; {FORUM} (davecg)",
            "largest difference of U or V where RGB can show the colour",
            column(recombined, "chroma_error"),
            1 / 255,
            basis="one grey level",
            note=f"RGB can show {shown_share:.0%} of the picture or more; elsewhere it is clipped.",
        ),
        at_least(
            "structure",
            "Recolouring the result leaves its strokes as they are.",
            f"{FORUM} (davecg): the loss is the same",
            "edge correlation of the recoloured with the plain result",
            metrics[RECOLOURED]["edges_of_plain"],
            0.9,
            basis="our bound",
        ),
        at_most(
            "statistics",
            "The matched painting has the photograph's mean and covariance of colour.",
            f"{COLOUR}, linear colour transfer",
            "largest difference of any entry, before clipping",
            column(matched, "statistics_apart"),
            1e-4,
            basis="our bound",
        ),
        smallest(
            "place",
            "Luminance-only transfer keeps colours in their places, matching only as a whole.",
            COLOUR,
            "mean distance of chroma (U, V) from the photograph's, place by place",
            column({LUMINANCE: metrics[LUMINANCE], **matched}, "chroma_distance"),
            LUMINANCE,
        ),
    ]
