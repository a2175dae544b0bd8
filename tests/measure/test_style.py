"""How style acts on a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.images import Picture
from replicate.measure.metrics import relative_gram_distance
from replicate.measure.style import (
    gradients_compared,
    unevenness,
)
from replicate.method import gram_matrix


@pytest.fixture
def job(scene: Callable[..., Any]) -> Job:
    return Job(load_preset("fastai-lesson8"), scene(64, 64, seed=1), scene(64, 64, seed=2), size=64)


def test_unevenness_of_a_picture_half_in_style(job, tiny_engine, scene):
    engine, layer, spec = tiny_engine(), "relu1_1", job.preset.network
    flat = Picture.from_array(np.full((64, 64, 3), 0.35))
    assert unevenness(engine, job, flat, layer) == pytest.approx(0, abs=0.1)
    wide = engine.reader.features(job.given("content"), [layer], spec)[layer].wide()
    target = engine.reader.grams(job.given("style"), [layer], spec)[layer]
    expected = [
        relative_gram_distance(
            gram_matrix(wide[:, :, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16])[0], target
        )
        for y in range(4)
        for x in range(4)
    ]
    found = unevenness(engine, job, job.given("content"), layer)
    assert found == pytest.approx(np.std(expected) / np.mean(expected), rel=1e-4)


def test_gradients_of_two_weightings_are_compared(job, tiny_engine, scene):
    def weighted(*weights: float) -> Job:
        layers = dict(zip(("relu1_1", "relu2_1"), weights))
        return replace(job, preset=job.preset.with_(style_layers=layers))

    engine, at = tiny_engine(), scene(64, 64, seed=3)
    parallel = gradients_compared(engine, weighted(3.0, 6.0), weighted(1.0, 2.0), at)
    assert parallel == pytest.approx({"cosine": 1.0, "ratio_of_norms": 3.0})
    apart = gradients_compared(engine, weighted(1.0, 0.0), weighted(0.0, 1.0), at)
    assert apart["cosine"] < 0.999
