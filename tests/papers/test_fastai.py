"""fast.ai's lesson and forum: presets against the notebook, figures, claims both ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.images import colour
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
)
from replicate.papers.studio import Studio

Failing = Callable[..., list[str]]

# Presets


def test_the_lesson_s_preset() -> None:
    """Typed from the notebook: style_wgts and layers of the transfer, mse / 10, 10 x 20 calls."""
    made = load_preset("fastai-lesson8")
    spec = made.network
    assert (spec.name, spec.pooling, spec.normalised) == ("vgg16-caffe", "average", False)
    assert made.content_layers == {"relu4_2": 1.0}
    assert made.style_layers == {
        "relu1_2": 0.05, "relu2_2": 0.2, "relu3_2": 0.2, "relu4_2": 0.25, "relu5_2": 0.3,
    }  # fmt: skip
    assert (made.content_weight, made.style_weight, made.tv_weight) == (0.1, 1.0, 0.0)
    assert (made.content_loss, made.style_loss) == ("mean", "chw-mean")
    assert (made.optimizer, made.init, made.evaluations) == ("lbfgs", "noise", 200)
    assert (made.ratio_pixels, made.status) == (None, "verified")


def test_the_forum_s_preset_has_first_layers_on_vgg19() -> None:
    made, lesson = load_preset("fastai-forum"), load_preset("fastai-lesson8")
    assert made.style_layers == dict.fromkeys([f"relu{block}_1" for block in range(1, 6)], 0.2)
    assert (made.network.name, made.status) == ("vgg19-caffe", "unverified")
    assert made.with_(style_layers=lesson.style_layers, network=lesson.network).objective() == (
        lesson.objective()
    )


# One layer or the rest


def test_single_layer_claims_hold_where_each_layer_brings_its_own(failing: Failing) -> None:
    def numbers(key: tuple[str, str]) -> dict[str, float]:
        own, others = {ALONE: (0.1, 0.9), REST: (0.5, 0.1), TEXTURE: (0.0, 0.0)}[key[0]]
        found = {"own_gram_distance": own, "other_gram_distance": others, "painting_edges": 0.0}
        return {**found, "coherence_length": float(key[1][4])}

    for row, changes, fails in (
        (ALONE, {}, []),
        (ALONE, {"own_gram_distance": 0.6}, ["own"]),
        (REST, {"other_gram_distance": 0.95}, ["own"]),
        (REST, {"painting_edges": -0.2}, ["no-content"]),
        (TEXTURE, {"coherence_length": 0.5}, ["scale"]),
    ):
        assert failing("fastai/single_vs_rest", numbers, {(row, "conv3_1"): changes}) == fails


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
    for panel in figure.panels:  # of all three rows, the layer that the label names
        own = f"gram_distance/{panel.label.split()[0].replace('conv', 'relu')}"
        distances = {k: v for k, v in panel.metrics.items() if k.startswith("gram_distance/")}
        assert panel.metrics["own_gram_distance"] == distances.pop(own)
        others = panel.metrics["other_gram_distance"]
        assert others == pytest.approx(sum(distances.values()) / 4)


# Content layers


def test_content_series_claims_are_of_each_block_s_first_panel(failing: Failing) -> None:
    def numbers(key: str) -> dict[str, float]:
        falling = 9.0 if key == "block3_conv4" else 0.5 if key[5] in "34" else 1 / float(key[5])
        return dict.fromkeys(("ssim", "edge_correlation", "gram_distance"), falling)

    for changes, fails in (({}, []), ({"ssim": 0.6}, ["less"]), ({"gram_distance": 0.6}, ["room"])):
        assert failing("fastai/content_series", numbers, {"block4_conv2": changes}) == fails


def test_the_content_series() -> None:
    sets = load_paper("fastai").figures["content_series"].content_sets
    layers = ["relu1_2", "relu2_2", "relu3_2", "relu3_4", "relu4_2", "relu5_2"]
    assert sets == {f"block{layer[4]}_conv{layer[-1]}": [layer] for layer in layers}


# Sum or mean


def test_weighting_claims_hold_where_only_the_scale_differs(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numbers(key: str) -> dict[str, float]:
        apart, edges = (20.0, 0.4) if key == UNSCALED else (0.0, 0.2)
        return {"largest_difference": apart, "rms_difference": apart, "edge_correlation": edges}

    def fails(label: str = SUM, changes: dict[str, float] | None = None, **odd: float) -> list[str]:
        compared = {"cosine": 1.0, "ratio_of_norms": 5.0, **odd}
        monkeypatch.setattr(fastai, "gradients_compared", lambda *_: compared)
        return failing("fastai/sum_or_mean", numbers, {label: changes or {}})

    assert fails() == []
    assert fails(cosine=0.99) == fails(ratio_of_norms=4.0) == ["constant"]
    for label in (SCALED, WHOLE):
        assert fails(label, {"largest_difference": 2.0}) == ["same"]
    assert fails(UNSCALED, {"edge_correlation": 0.1}) == ["balance"]


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
    assert claims["same"].holds
    whole = next(result.job.preset for result in studio.drawn if result.job.label == WHOLE)
    assert (whole.content_weight, whole.style_weight) == (0.1 / 8, 1 / 8)


# Colour


def test_colour_claims_hold_where_colours_are_kept(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the plain picture, the recoloured one, luminance only, and the two matched ones."""

    def fails(
        palette: tuple[float, ...] = (0.3, 0.1, 0.1, 0.1, 0.1),
        place: tuple[float, ...] = (0.3, 0.01, 0.01, 0.1, 0.1),
        edges: float = 0.95,
        chroma: float = 0.003,
        statistics: float = 1e-5,
    ) -> list[str]:
        pairs = iter(zip(palette, place, strict=True))
        names = ("palette_distance", "chroma_distance")
        monkeypatch.setattr(fastai, "colours_apart", lambda *_: dict(zip(names, next(pairs))))
        monkeypatch.setattr(fastai, "edge_correlation", lambda *_: edges)
        monkeypatch.setattr(colour, "kept_chroma", lambda *_: (chroma, 0.8))
        monkeypatch.setattr(colour, "statistics_apart", lambda *_: statistics)
        return failing("fastai/keep_colour", lambda _: {})

    assert fails() == []
    assert fails(palette=(0.05, 0.1, 0.1, 0.1, 0.1)) == ["palette"]
    assert fails(place=(0.3, 0.01, 0.2, 0.1, 0.1)) == ["place"]
    assert fails(chroma=0.01) == ["chroma"]
    assert fails(edges=0.5) == ["structure"]
    assert fails(statistics=1e-3) == ["statistics"]


def test_colour_is_kept_in_four_ways(small_studio: Callable[..., Studio]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "fastai/keep_colour")
    jobs = {result.job.label: result.job for result in studio.drawn}
    assert list(jobs) == [PLAIN, LUMINANCE, *ROOTS]
    for picture in (jobs[LUMINANCE].content, jobs[LUMINANCE].style):
        assert picture is not None and np.ptp(picture.pixels, axis=2).max() == 0
    assert jobs[PLAIN].style is not None
    for label in ROOTS:
        assert jobs[label].content is jobs[PLAIN].content
        assert jobs[label].style is not jobs[PLAIN].style
    claims = {claim.id: claim for claim in figure.claims}
    assert claims["chroma"].holds and claims["statistics"].holds
    assert RECOLOURED in {panel.label for panel in figure.panels}
