"""fast.ai's lesson and forum: presets against the notebook, figures, claims both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.papers import draw_figure, fastai
from replicate.papers.fastai import (
    ALONE,
    LUMINANCE,
    PLAIN,
    RECOLOURED,
    REST,
    ROOTS,
    SCALED,
    SUM,
    TEXTURE,
    UNSCALED,
    WHOLE,
    colour_claims,
    series_claims,
    single_claims,
    weighting_claims,
    weightings,
)
from replicate.papers.studio import Studio

LAYERS = [f"conv{block}_1" for block in range(1, 6)]


def verdicts(claims: list[Any]) -> dict[str, bool]:
    return {claim.id: claim.holds for claim in claims}


# Presets


def test_the_lesson_s_preset() -> None:
    """Typed from the notebook: style_wgts and layers of the transfer, mse / 10, 10 x 20 calls."""
    made = load_preset("fastai-lesson8")
    spec = made.network
    assert (spec.name, spec.weights, spec.pooling, spec.normalised) == (
        "vgg16", "caffe", "average", False,
    )  # fmt: skip
    assert made.content_layers == {"relu4_2": 1.0}
    assert made.style_layers == {
        "relu1_2": 0.05, "relu2_2": 0.2, "relu3_2": 0.2, "relu4_2": 0.25, "relu5_2": 0.3,
    }  # fmt: skip
    assert (made.content_weight, made.style_weight, made.tv_weight) == (0.1, 1.0, 0.0)
    assert (made.content_loss, made.style_loss) == ("mean", "chw-mean")
    assert (made.optimizer, made.init, made.evaluations) == ("lbfgs", "noise", 200)
    assert (made.ratio_pixels, made.status) == (None, "verified")


def test_the_forum_s_preset() -> None:
    made, lesson = load_preset("fastai-forum"), load_preset("fastai-lesson8")
    assert made.style_layers == dict.fromkeys([f"relu{block}_1" for block in range(1, 6)], 0.2)
    assert made.network.name == "vgg19"
    assert made.status == "unverified"
    same = ("content_layers", "content_weight", "style_weight", "content_loss", "style_loss")
    assert all(getattr(made, name) == getattr(lesson, name) for name in same)


def test_the_content_series_has_a_layer_of_each_block_and_bckenstler_s_three() -> None:
    sets = load_paper("fastai").figures["content_series"].content_sets
    assert sets == {
        "block1_conv2": ["relu1_2"],
        "block2_conv2": ["relu2_2"],
        "block3_conv2": ["relu3_2"],
        "block3_conv4": ["relu3_4"],
        "block4_conv2": ["relu4_2"],
        "block5_conv2": ["relu5_2"],
    }


# One layer or the rest


def layer_metrics(own: float, others: float, length: float, edges: float = 0.0) -> dict[str, float]:
    return {
        "own_gram_distance": own,
        "other_gram_distance": others,
        "coherence_length": length,
        "painting_edges": edges,
    }


def single(**changes: Any) -> dict[str, bool]:
    rows = {
        ALONE: {label: layer_metrics(0.1, 0.9, 5) for label in LAYERS},
        REST: {label: layer_metrics(0.5, 0.1, 5) for label in LAYERS},
        TEXTURE: {label: layer_metrics(0, 0, place) for place, label in enumerate(LAYERS)},
    }
    for row, values in changes.items():
        rows[getattr(fastai, row)]["conv3_1"] = values
    return verdicts(single_claims(rows))


def test_single_layer_claims_hold_where_each_layer_brings_its_own() -> None:
    assert single() == {"own": True, "no-content": True, "scale": True}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"ALONE": layer_metrics(0.6, 0.9, 5)}, "own"),
        ({"REST": layer_metrics(0.5, 0.95, 5)}, "own"),
        ({"REST": layer_metrics(0.5, 0.1, 5, edges=-0.2)}, "no-content"),
        ({"TEXTURE": layer_metrics(0, 0, 0.5)}, "scale"),
    ],
)
def test_single_layer_claims_can_fail(changes: dict[str, Any], failing: str) -> None:
    assert [name for name, holds in single(**changes).items() if not holds] == [failing]


def test_one_layer_and_the_rest(small_studio: Callable[..., Studio]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "fastai/single_vs_rest")
    jobs = {result.job.label: result.job for result in studio.drawn}
    assert len(jobs) == len(figure.panels) == 15
    alone, rest, texture = (jobs[f"conv3_1 {row}"] for row in (ALONE, REST, TEXTURE))
    assert alone.style_layers == texture.style_layers == {"relu3_1": 1.0}
    assert rest.style_layers == dict.fromkeys(["relu1_1", "relu2_1", "relu4_1", "relu5_1"], 0.25)
    assert alone.content_layers == rest.content_layers == {"relu4_2": 1.0}
    assert texture.content_layers == {}
    assert figure.grids[0].panels.keys() == {
        (row, column) for row in range(3) for column in range(5)
    }


# Content layers


def series(ssim: list[float], gram: list[float]) -> dict[str, bool]:
    labels = [f"block{block}_conv2" for block in range(1, 6)]
    metrics = {
        label: {"ssim": kept, "edge_correlation": kept, "gram_distance": apart}
        for label, kept, apart in zip(labels, ssim, gram, strict=True)
    }
    # Beside block 3's: no claim is made of it.
    metrics["block3_conv4"] = {"ssim": 1.0, "edge_correlation": 1.0, "gram_distance": 9.0}
    return verdicts(series_claims(metrics))


def test_content_series_claims() -> None:
    falling = [0.9, 0.7, 0.5, 0.5, 0.1]
    assert series(falling, falling) == {"less": True, "room": True}
    rising = [0.9, 0.7, 0.5, 0.6, 0.1]
    assert series(rising, falling) == {"less": False, "room": True}
    assert series(falling, rising) == {"less": True, "room": False}


def test_the_content_series(small_studio: Callable[..., Studio]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "fastai/content_series")
    assert [list(result.job.content_layers) for result in studio.drawn] == [
        ["relu1_2"], ["relu2_2"], ["relu3_2"], ["relu3_4"], ["relu4_2"], ["relu5_2"],
    ]  # fmt: skip
    assert {claim.id for claim in figure.claims} == {"less", "room"}


# Sum or mean


def test_the_first_two_weightings_are_one_objective() -> None:
    made = weightings(load_preset("fastai-lesson8"))

    def products(label: str) -> tuple[float, list[float]]:
        preset = made[label]
        style = [preset.style_weight * weight for weight in preset.style_layers.values()]
        return preset.content_weight, style

    assert products(SUM) == products(SCALED) == (0.1, [1.0] * 5)
    assert products(UNSCALED) == (0.1, [0.2] * 5)
    assert products(WHOLE) == (0.1 / 8, [1 / 8] * 5)


def weighing(**changes: Any) -> dict[str, bool]:
    gradients = {"cosine": 1.0, "ratio_of_norms": 5.0, **changes.get("gradients", {})}
    apart = {SUM: 0.0, SCALED: 0.0, UNSCALED: 20.0, WHOLE: 0.0, **changes.get("apart", {})}
    edges = {UNSCALED: 0.4, **changes.get("edges", {})}
    metrics = {
        label: {"largest_difference": value, "edge_correlation": edges.get(label, 0.2)}
        for label, value in apart.items()
    }
    return verdicts(weighting_claims(gradients, metrics, 5))


def test_weighting_claims_hold_where_only_the_scale_differs() -> None:
    assert weighing() == dict.fromkeys(("constant", "same", "balance"), True)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"gradients": {"cosine": 0.99}}, "constant"),
        ({"gradients": {"ratio_of_norms": 4.0}}, "constant"),
        ({"apart": {SCALED: 2.0}}, "same"),
        ({"apart": {WHOLE: 2.0}}, "same"),
        ({"edges": {UNSCALED: 0.1}}, "balance"),
    ],
)
def test_weighting_claims_can_fail(changes: dict[str, Any], failing: str) -> None:
    assert [name for name, holds in weighing(**changes).items() if not holds] == [failing]


def test_sum_and_scaled_mean_are_one_picture(small_studio: Callable[..., Studio]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "fastai/sum_or_mean")
    pictures = {result.job.label: result.picture.pixels for result in studio.drawn}
    assert np.array_equal(pictures[SUM], pictures[SCALED])
    assert np.array_equal(pictures[SUM], pictures[WHOLE])
    assert not np.array_equal(pictures[SUM], pictures[UNSCALED])
    claims = {claim.id: claim for claim in figure.claims}
    assert claims["constant"].value["1 − cosine"] == pytest.approx(0, abs=1e-6)
    assert claims["constant"].value["ratio of norms over 5"] == pytest.approx(1, abs=1e-5)
    assert claims["constant"].holds and claims["same"].holds


# Colour


def colours(**changes: dict[str, float]) -> dict[str, bool]:
    metrics: dict[str, dict[str, float]] = {
        PLAIN: {"palette_distance": 0.3, "chroma_distance": 0.3},
        RECOLOURED: {
            "palette_distance": 0.1,
            "chroma_error": 0.003,
            "share_shown": 0.8,
            "edges_of_plain": 0.95,
        },
        LUMINANCE: {
            "palette_distance": 0.1,
            "chroma_distance": 0.01,
            "chroma_error": 0.003,
            "share_shown": 0.9,
        },
        **{
            label: {
                "palette_distance": 0.1,
                "chroma_distance": 0.1,
                "statistics_apart": 1e-5,
            }
            for label in ROOTS
        },
    }
    for label, values in changes.items():
        metrics[getattr(fastai, label, label)].update(values)
    return verdicts(colour_claims(metrics))


def test_colour_claims_hold_where_colours_are_kept() -> None:
    names = ("palette", "chroma", "structure", "statistics", "place")
    assert colours() == dict.fromkeys(names, True)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"PLAIN": {"palette_distance": 0.05}}, "palette"),
        ({"LUMINANCE": {"chroma_error": 0.01}}, "chroma"),
        ({"RECOLOURED": {"edges_of_plain": 0.5}}, "structure"),
        ({"matched, Cholesky": {"statistics_apart": 1e-3}}, "statistics"),
        ({"LUMINANCE": {"chroma_distance": 0.2}}, "place"),
    ],
)
def test_colour_claims_can_fail(changes: dict[str, Any], failing: str) -> None:
    assert [name for name, holds in colours(**changes).items() if not holds] == [failing]


def test_colour_is_kept_in_four_ways(small_studio: Callable[..., Studio]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "fastai/keep_colour")
    jobs = {result.job.label: result.job for result in studio.drawn}
    assert list(jobs) == [PLAIN, LUMINANCE, *ROOTS]
    grey = jobs[LUMINANCE]
    for picture in (grey.content, grey.style):
        assert picture is not None and np.ptp(picture.pixels, axis=2).max() == 0
    assert jobs[PLAIN].style is not None
    for label in ROOTS:
        assert jobs[label].content is jobs[PLAIN].content
        assert jobs[label].style is not jobs[PLAIN].style
    claims = {claim.id: claim for claim in figure.claims}
    assert claims["chroma"].holds and claims["statistics"].holds
    assert RECOLOURED in {panel.label for panel in figure.panels}
