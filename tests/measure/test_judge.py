"""The judge of style that no loss has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from replicate.config import load_preset
from replicate.engine.job import Job, Result
from replicate.measure.judge import VGG16, patches, style_judge


def test_patches_by_hand(scene):
    picture = scene(40, 32)
    found = patches(picture)
    assert [cloud.shape for cloud in found] == [(34 * 26, 147), (14 * 10, 147), (4 * 2, 147)]
    expected = picture.pixels[3:10, 5:12].transpose(2, 0, 1).ravel() / 255
    np.testing.assert_allclose(found[0][3 * 34 + 5], expected, rtol=1e-6)
    assert all(len(cloud) < 1.05 * 16_384 for cloud in patches(scene(400, 300)))


def test_the_judge_is_vgg16_where_it_did_not_draw(tiny_engine):
    drawing = load_preset("gatys2016").network
    assert "VGG-16" in style_judge(tiny_engine(), drawing).name
    assert "pixels" in style_judge(tiny_engine(), VGG16).name
    assert "pixels" in style_judge(tiny_engine(network="vgg19-random"), drawing).name


@pytest.mark.parametrize("network", ["auto", "vgg19-random"])
def test_distance_left_is_none_for_the_painting_and_all_for_the_photograph(
    network, tiny_engine, scene
):
    content, painting = scene(64, 48, seed=1), scene(64, 48, seed=2)
    job = Job(load_preset("gatys2016"), content, painting, size=64)
    result = Result(job, content, 1.0, {}, [], 1, 0.0, None, "exact")  # type: ignore[arg-type]
    judge = style_judge(tiny_engine(network=network), job.preset.network)
    assert judge.left(replace(result, picture=painting)) == 0
    assert judge.left(result) == pytest.approx(1)
    half = np.concatenate([content.pixels[:24], painting.pixels[24:]])
    assert 0 < judge.left(replace(result, picture=replace(content, pixels=half))) < 1
