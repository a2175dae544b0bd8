"""Novak & Nikulin 2016, "Improving the Neural Algorithm of Artistic Style" (arXiv 1605.04603)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..config import FigureConfig
from ..engine.balance import gradient_norms
from ..engine.engine import NOISE
from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap
from ..images import Picture
from ..measure.metrics import relative_gram_distance
from ..method import Objective, style
from ..networks.features import FeatureMap
from ..networks.layers import depth, steps
from ..networks.means import to_tensor
from .gatys2015 import style_size
from .judge import Judge, style_judge
from .matching import at_equal_content, content_loss, equal_content_claim
from .sheet import Metrics, Sheet, column, fidelity, shown, source_panel
from .studio import Studio, figure_config

FIVE, ALL = "five layers", "all sixteen"
GATYS, GEOMETRIC, SHIFT, CHAIN, FULL = "Gatys", "geometric", "shift", "chain", "all of it"
VARIANTS = {
    GEOMETRIC: "novak2016-geometric",
    SHIFT: "novak2016-shift",
    CHAIN: "novak2016-chain",
    FULL: "novak2016-full",
}
"""Column to preset: each modification by itself, then all of them on all layers."""

NEAR_ZERO = 1e-3
"""A Gram entry below this share of the largest one counts as zero."""

TILES = 4
"""Rows and columns of the grid on which style is compared place by place."""

EVENNESS_LAYER = "relu3_1"

Pair = tuple[Picture, Picture]
"""Photograph and painting."""


def all16(studio: Studio) -> Sheet:
    """Style from five layers and from all sixteen, on several photographs and paintings."""
    _, config, preset = figure_config("novak2016/all16")
    pairs = _pairs(studio, config)
    five, sixteen = (preset.with_(style_layers=config.style_sets[name]) for name in (FIVE, ALL))

    def job(pair: str, preset: Preset, label: str) -> Job:
        return studio.job(preset, *pairs[pair], label=f"{pair}, {label}")

    few = studio.draw({pair: job(pair, five, FIVE) for pair in pairs})
    many = at_equal_content(
        studio,
        few,
        lambda pair, factor: job(
            pair, sixteen.with_(ratio=sixteen.ratio * factor), f"{ALL}, α/β × {factor:g}"
        ),
    )
    judge = style_judge(studio, preset.network)
    layers = config.style_sets[ALL]
    sheet = Sheet(note=_judged_by(judge))
    metrics: dict[str, dict[str, Metrics]] = {FIVE: {}, ALL: {}}
    for name, results in ((FIVE, few), (ALL, many)):
        for pair, result in results.items():
            metrics[name][pair] = _measured(studio, judge, result, layers)
            sheet.add(f"{pair}, {name}", result, metrics[name][pair])
    sheet.grids = [
        _pair_grid(pairs, {FIVE: few, ALL: many}, metrics),
        Grid.of_rows(
            [[Panel(_distance_map({n: _averaged(m) for n, m in metrics.items()}, layers))]]
        ),
    ]
    held_out = [layer for layer in layers if layer not in config.style_sets[FIVE]]
    sheet.claims = all16_claims(config.source, metrics[FIVE], metrics[ALL], held_out)
    return sheet


def all16_claims(
    source: str, five: Mapping[str, Metrics], sixteen: Mapping[str, Metrics], held_out: list[str]
) -> list[Claim]:
    """What is said of all sixteen layers, from the numbers of each pair of pictures.

    Args:
        held_out: the layers that the five leave out.
    """
    nearer = {pair: sixteen[pair]["style_left"] / five[pair]["style_left"] for pair in five}
    beyond = {
        pair: _mean_distance(sixteen[pair], held_out) / _mean_distance(five[pair], held_out)
        for pair in five
    }
    listed = ", ".join(f"{pair} {value:.2f}" for pair, value in nearer.items())
    return [
        equal_content_claim(
            {pair: sixteen[pair]["content_loss"] / five[pair]["content_loss"] for pair in five}
        ),
        at_least(
            "quality",
            "All sixteen layers give consistently better results for most styles.",
            source,
            "share of the pairs in which sixteen layers come nearer to the painting, by patches",
            float(np.mean([value < 1 for value in nearer.values()])),
            0.7,
            basis="our bound",
            note=f"A stand-in for a judgement by eye. Distance, sixteen over five: {listed}.",
        ),
        at_most(
            "held-out",
            "More layers capture more of the style: the five leave the other eleven unmatched.",
            source,
            "mean relative Gram distance at the eleven other layers, sixteen over five",
            beyond,
            1.0,
        ),
        at_least(
            "cost",
            "All sixteen layers cost more time.",
            source,
            "multiply-adds of an evaluation by VGG, sixteen over five, all pairs together",
            sum(column(sixteen, "multiply_adds").values())
            / sum(column(five, "multiply_adds").values()),
            1.0,
            note="Counted, so that it is the same on every machine: convolutions and Gram "
            "matrices, forward and backward.",
        ),
    ]


def modifications(studio: Studio) -> Sheet:
    """Each of the paper's modifications, and all of them, against Gatys' five layers."""
    paper, config, preset = figure_config("novak2016/modifications")
    content, painting = studio.picture("content"), studio.picture("style")
    baseline = studio.job(preset, content, painting, label=GATYS)
    reference = studio.draw({GATYS: baseline})[GATYS]

    def job(name: str, factor: float) -> Job:
        changed = paper.presets[VARIANTS[name]]
        changed = changed.with_(ratio=changed.ratio * factor)
        return studio.job(changed, content, painting, label=f"{name}, α/β × {factor:g}")

    drawn = at_equal_content(studio, dict.fromkeys(VARIANTS, reference), job)
    results = {GATYS: reference, **drawn}
    judge = style_judge(studio, preset.network)
    layers = list(preset.style_layers)
    near_zero = near_zero_entries(studio, baseline, paper.presets[VARIANTS[SHIFT]].activation_shift)
    metrics = {
        name: {
            **_measured(studio, judge, result, layers),
            "unevenness": unevenness(studio, result, EVENNESS_LAYER),
        }
        for name, result in results.items()
    }
    sheet = Sheet(note=_judged_by(judge))
    for name, result in results.items():
        sheet.add(name, result, metrics[name])
    sheet.grids = [
        Grid.of_rows(
            [[shown(result, _lines(metrics[name])) for name, result in results.items()]],
            columns=list(results),
            inputs=(
                source_panel(content, reference.picture.size, "content"),
                source_panel(painting, style_size(results), "style"),
            ),
        ),
        Grid.of_rows([[Panel(_distance_map(metrics, layers)), Panel(_sparsity_map(near_zero))]]),
    ]
    shallow = {
        name: shallow_share(studio, baseline, weighted)
        for name, weighted in ((GATYS, preset), (GEOMETRIC, paper.presets[VARIANTS[GEOMETRIC]]))
    }
    start = _start_distance(studio, baseline, layers)
    sheet.claims = modification_claims(config.source, metrics, start, shallow, near_zero)
    return sheet


def modification_claims(
    source: str,
    metrics: Mapping[str, Metrics],
    start: float,
    shallow: Mapping[str, float],
    near_zero: Mapping[str, tuple[float, float]],
) -> list[Claim]:
    """What is said of each modification.

    Args:
        metrics: of each picture.
        start: mean relative Gram distance of the noise that all of them start from.
        shallow: the gradient's part that belongs to blocks 1 and 2, without and with geometric
            weights.
        near_zero: layer to the share of the painting's Gram entries near zero, without and with
            the shift.
    """
    gatys = metrics[GATYS]
    layers = list(near_zero)
    return [
        equal_content_claim(
            {name: metrics[name]["content_loss"] / gatys["content_loss"] for name in VARIANTS}
        ),
        at_most(
            "improvement",
            "The modifications improve the transfer, from barely to significantly.",
            source,
            "distance to the painting by patches, over that with Gatys' representation",
            {name: metrics[name]["style_left"] / gatys["style_left"] for name in VARIANTS},
            1.0,
            note="A stand-in for a judgement by eye.",
        ),
        all_of(
            "geometric",
            "Geometric weights favour the bottom layers, where most of the style is.",
            source,
            [
                at_least("gradient", "", "", "gradient of blocks 1 and 2, with over without",
                         shallow[GEOMETRIC] / shallow[GATYS], 1.0),
                at_most("shallow", "", "", "Gram distance there, with over without",
                        _mean_distance(metrics[GEOMETRIC], layers[:2])
                        / _mean_distance(gatys, layers[:2]), 1.0),
            ],
            measure="the shallow layers' part of the gradient's norm, and how well they match",
            note=f"The part is {shallow[GATYS]:.2f} without, {shallow[GEOMETRIC]:.2f} with.",
        ),
        at_most(
            "shift-entries",
            "The activation shift takes the sparsity from the Gram matrices.",
            source,
            f"share of the painting's Gram entries below {NEAR_ZERO:g} of the largest, change by "
            "the shift",
            {layer: after - before for layer, (before, after) in near_zero.items()},
            0.0,
            note="Without it: "
            + ", ".join(f"{layer} {before:.3f}" for layer, (before, _) in near_zero.items())
            + ".",
        ),
        at_most(
            "shift-evenly",
            "With the shift, style is the same over the whole picture.",
            source,
            f"variance of the relative Gram distance at {EVENNESS_LAYER} over {TILES} × {TILES} "
            "tiles, with the shift over without",
            metrics[SHIFT]["unevenness"] / gatys["unevenness"],
            1.0,
        ),
        at_most(
            "chain",
            "Matching neighbouring layers' Gram matrices matches the style within each layer too.",
            source,
            "mean relative Gram distance within the layers, over that of the start",
            _mean_distance(metrics[CHAIN], layers) / start,
            0.5,
            basis="our bound",
        ),
    ]  # fmt: skip


# Measurements


def _measured(studio: Studio, judge: Judge, result: Result, layers: list[str]) -> Metrics:
    painting = result.job.style
    assert painting is not None
    distances = studio.style_distances(result, painting, layers)
    return {
        **fidelity(result),
        "content_loss": content_loss(result),
        "style_left": judge.left(result),
        "multiply_adds": multiply_adds(result.job),
        **{f"gram_distance/{layer}": value for layer, value in distances.items()},
    }


def multiply_adds(job: Job) -> int:
    """Multiplications with addition in one evaluation of a job by VGG at its full width.

    A convolution from C to N channels on h × w positions takes 9 C N h w, and as much again to
    take the gradient back to its input; the weights are fixed and need none.  The network ends
    with the deepest layer that has a loss.  A layer's Gram matrix F F^T, with F of N × h w, takes
    N² h w, and as much again for its gradient (G - A) F (Gatys et al. 2016, equation 6).  What
    goes with N h w alone is left out: content loss, rectification, pooling.
    """
    architecture = job.preset.network.architecture
    deepest = max(depth(layer, architecture) for layer in (*job.content_layers, *job.style_layers))
    width, height = job.canvas
    before, count = 3, 0
    for step in steps(architecture)[: deepest + 1]:
        if step.kind == "conv":
            count += 9 * before * step.channels * width * height
            before = step.channels
        elif step.kind == "pool":
            width, height = width // 2, height // 2
        if step.name in job.style_layers:
            count += step.channels**2 * width * height
    return 2 * count


def _mean_distance(metrics: Metrics, layers: list[str]) -> float:
    return float(np.mean([metrics[f"gram_distance/{layer}"] for layer in layers]))


def _averaged(metrics: Mapping[str, Metrics]) -> Metrics:
    """Each number's mean over the pairs."""
    names = next(iter(metrics.values()))
    return {name: float(np.mean([each[name] for each in metrics.values()])) for name in names}


def unevenness(studio: Studio, result: Result, layer: str) -> float:
    """Variance over a grid of tiles of the tile's relative Gram distance to the painting."""
    job = result.job
    assert job.style is not None
    engine, spec = studio.engine, job.preset.network
    target = engine.grams(job.style.resized(*job.style_size), [layer], spec)[layer]
    whole = engine.features(result.picture, [layer], spec)[layer]
    distances = [
        relative_gram_distance(FeatureMap(tile, whole.readout).wide_gram()[0].cpu(), target)
        for row in whole.map.tensor_split(TILES, dim=2)
        for tile in row.tensor_split(TILES, dim=3)
    ]
    return float(np.var(distances))


def near_zero_entries(studio: Studio, job: Job, shift: float) -> dict[str, tuple[float, float]]:
    """Layer to the share of the painting's Gram entries near zero, without and with the shift."""
    assert job.style is not None
    layers = list(job.style_layers)
    painting = job.style.resized(*job.style_size)
    maps = studio.engine.features(painting, layers, job.preset.network)
    return {
        layer: (
            _near_zero(maps[layer].wide_gram()),
            _near_zero(maps[layer].shifted(shift).wide_gram()),
        )
        for layer in layers
    }


def _near_zero(gram: torch.Tensor) -> float:
    sizes = gram.abs()
    return float((sizes < NEAR_ZERO * sizes.max()).float().mean())


def shallow_share(studio: Studio, job: Job, preset: Preset) -> float:
    """Part of blocks 1 and 2 in the style layers' gradient norms, at the photograph.

    Args:
        job: says which pictures, and at what size.
        preset: whose weights count.
    """
    assert job.content is not None and job.style is not None
    engine, layers = studio.engine, list(preset.style_layers)
    targets = engine.features(job.style.resized(*job.style_size), layers, preset.network)
    objective = Objective()
    for layer in layers:
        objective += style(layer, targets[layer].gram(), preset.style_loss)
    pixels = to_tensor(job.content.resized(*job.canvas)).to(engine.device)
    norms = gradient_norms(objective, engine.network(preset.network), pixels)["style"]
    pulls = {layer: preset.style_layers[layer] * norms[layer] for layer in layers}
    return sum(pulls[layer] for layer in layers[:2]) / sum(pulls.values())


def _start_distance(studio: Studio, job: Job, layers: list[str]) -> float:
    """Mean relative Gram distance of noise like that which the job starts from."""
    assert job.style is not None
    width, height = job.canvas
    grains = np.random.default_rng(job.seed).standard_normal((height, width, 3))
    noise = Picture.from_array(0.5 + NOISE * grains)
    painting = job.style.resized(*job.style_size)
    distances = studio.engine.style_distances(noise, painting, layers, job.preset.network)
    return float(np.mean(list(distances.values())))


# Layout


def _pairs(studio: Studio, config: FigureConfig) -> dict[str, Pair]:
    """Every photograph with every painting, by their names."""
    roles = config.images[studio.inputs]
    photographs, paintings = (
        [studio.picture(role) for role in roles if role.startswith(kind)]
        for kind in ("content", "style")
    )
    return {
        f"{photograph.name}, {painting.name}": (photograph, painting)
        for photograph in photographs
        for painting in paintings
    }


def _lines(metrics: Metrics) -> list[str]:
    return [f"style distance left {metrics['style_left']:.0%}"]


def _judged_by(judge: Judge) -> str:
    return f"Style distance left: by {judge.name} (sliced Wasserstein), of what the photograph has."


def _pair_grid(
    pairs: Mapping[str, Pair],
    results: Mapping[str, Mapping[str, Result]],
    metrics: Mapping[str, Mapping[str, Metrics]],
) -> Grid:
    """A row for each photograph, and for each painting both sets side by side."""
    rows: dict[str, list[Panel]] = {}
    for pair, (photograph, painting) in pairs.items():
        row = rows.setdefault(
            photograph.name, [source_panel(photograph, results[FIVE][pair].picture.size, "")]
        )
        row += [
            shown(
                drawn[pair], _lines(metrics[name][pair]), inset=painting if name == FIVE else None
            )
            for name, drawn in results.items()
        ]
    paintings = dict.fromkeys(painting.name for _, painting in pairs.values())
    columns = [f"{painting}: {name}" for painting in paintings for name in results]
    return Grid.of_rows(list(rows.values()), columns=["photograph", *columns])


def _sparsity_map(near_zero: Mapping[str, tuple[float, float]]) -> HeatMap:
    return HeatMap(
        np.array(list(near_zero.values())).T,
        rows=[GATYS, SHIFT],
        columns=[layer.removeprefix("relu") for layer in near_zero],
        column_title="layer",
        value_label="near zero",
    )


def _distance_map(metrics: Mapping[str, Metrics], layers: list[str]) -> HeatMap:
    return HeatMap(
        np.array(
            [[each[f"gram_distance/{layer}"] for layer in layers] for each in metrics.values()]
        ),
        rows=list(metrics),
        columns=[layer.removeprefix("relu") for layer in layers],
        column_title="layer",
        value_label="relative Gram distance",
        value_scale="log",
    )
