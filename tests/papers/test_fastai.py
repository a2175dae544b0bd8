"""fast.ai's lesson and forum: presets against the notebook, figures, claims both ways."""

from __future__ import annotations

from typing import Any

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

# Presets


def test_the_forum_s_preset_has_first_layers_on_vgg19():
    made, lesson = load_preset("fastai-forum"), load_preset("fastai-lesson8")
    assert made.style_layers == dict.fromkeys([f"relu{block}_1" for block in range(1, 6)], 0.2)
    assert (made.network.name, made.status) == ("vgg19-caffe", "unverified")
    assert made.with_(style_layers=lesson.style_layers, network=lesson.network).objective() == (
        lesson.objective()
    )


# One layer or the rest


def test_single_layer_claims_hold_where_each_layer_brings_its_own(failing):
    def numbers(key: Any) -> dict[str, float]:
        row, layer = key if isinstance(key, tuple) else (TEXTURE, key)
        own, others = {ALONE: (0.1, 0.9), REST: (0.5, 0.1), TEXTURE: (0.0, 0.0)}[row]
        found = {"own_gram_distance": own, "other_gram_distance": others}
        return {**found, "structure_size": float(layer[4])}

    def fails(row: str, **changes: float) -> list[str]:
        layers = [f"conv{block}_1" for block in (1, 2, 3, 4)]
        changed = {layer if row == TEXTURE else (row, layer): changes for layer in layers}
        return failing("fastai/single_vs_rest", numbers, changed)

    assert fails(ALONE) == []
    assert fails(ALONE, own_gram_distance=0.4) == ["own"]
    assert fails(TEXTURE, structure_size=9.0) == ["scale"]


def test_one_layer_and_the_rest(small_studio):
    studio = small_studio()
    figure = draw_figure(studio, "fastai/single_vs_rest")
    jobs = {result.job.label: result.job for result in studio.drawn}
    assert len(jobs) == len(figure.panels) == 15
    alone, rest, texture = (jobs[f"conv3_1 {row}"] for row in (ALONE, REST, TEXTURE))
    assert list(alone.style_layers) == list(texture.style_layers) == ["relu3_1"]
    assert list(rest.style_layers) == ["relu1_1", "relu2_1", "relu4_1", "relu5_1"]
    assert list(alone.content_layers) == list(rest.content_layers) == ["relu4_2"]
    assert texture.content_layers == {}
    for panel in figure.panels:  # of all three rows, the layer that the label names
        own = f"gram_distance/{panel.label.split()[0].replace('conv', 'relu')}"
        distances = {k: v for k, v in panel.metrics.items() if k.startswith("gram_distance/")}
        assert panel.metrics["own_gram_distance"] == distances.pop(own)
        others = panel.metrics["other_gram_distance"]
        assert others == pytest.approx(sum(distances.values()) / 4)


# Content layers


def test_content_series_claims_are_of_each_block_s_first_panel(failing):
    def numbers(key: str) -> dict[str, float]:
        falling = 9.0 if key == "block3_conv4" else 1 / float(key[5])
        return dict.fromkeys(("ssim", "edge_correlation", "gram_distance"), falling)

    for name, fails in (("ssim", []), ("edge_correlation", ["less"]), ("gram_distance", ["room"])):
        changes = {"block5_conv2": {name: 0.9}, "block2_conv2": {name: 0.1}}
        assert failing("fastai/content_series", numbers, changes) == fails


def test_the_content_series():
    sets = load_paper("fastai").figures["content_series"].content_sets
    layers = ["relu1_2", "relu2_2", "relu3_2", "relu3_4", "relu4_2", "relu5_2"]
    assert sets == {f"block{layer[4]}_conv{layer[-1]}": [layer] for layer in layers}


# Sum or mean


def test_sum_and_scaled_mean_are_one_picture(small_studio):
    studio = small_studio()
    figure = draw_figure(studio, "fastai/sum_or_mean")
    pictures = {result.job.label: result.picture.pixels for result in studio.drawn}
    assert np.array_equal(pictures[SUM], pictures[SCALED])
    assert np.array_equal(pictures[SUM], pictures[WHOLE])
    assert not np.array_equal(pictures[SUM], pictures[UNSCALED])
    gradients = {panel.label: panel for panel in figure.panels}["style gradients, sum and mean"]
    assert gradients.metrics["cosine"] == pytest.approx(1, abs=1e-6)
    assert gradients.metrics["ratio_of_norms"] == pytest.approx(5, rel=1e-5)
    whole = next(result.job.preset for result in studio.drawn if result.job.label == WHOLE)
    assert (whole.content_weight, whole.style_weight) == (0.1 / 8, 1 / 8)


# Colour


def test_colour_claims_hold_where_colours_are_kept(failing, monkeypatch):
    """Of the plain picture, the recoloured one, luminance only, and the two matched ones."""

    def fails(*palette: float) -> list[str]:
        pairs = iter(palette)
        found = lambda *_: {"palette_distance": next(pairs), "chroma_distance": 0.1}  # noqa: E731
        monkeypatch.setattr(fastai, "colours_apart", found)
        monkeypatch.setattr(colour, "kept_chroma", lambda *_: (0.003, 0.8))
        return failing("fastai/keep_colour", lambda _: {})

    assert fails(0.3, 0.1, 0.1, 0.1, 0.1) == []
    assert fails(0.3, 0.1, 0.1, 0.25, 0.25) == ["palette"]


def test_colour_is_kept_in_four_ways(small_studio):
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
    metrics = {panel.label: panel.metrics for panel in figure.panels}
    for label in (LUMINANCE, RECOLOURED):  # exact, to a grey level, where RGB can show it
        assert metrics[label]["chroma_error"] <= 1 / 255
    assert RECOLOURED in {panel.label for panel in figure.panels}
