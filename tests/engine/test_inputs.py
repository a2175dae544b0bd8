"""What a job's pictures become before a network reads them: blended, scaled, in kept colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from replicate.engine.job import Job
from replicate.engine.orders import jobs_of, order_of
from replicate.engine.preset import Preset
from replicate.engine.terms import objective_of, start_of
from replicate.images import Picture
from replicate.images.colour import as_floats, chroma, colour_statistics, kept_chroma, luminance
from replicate.method import evaluate
from replicate.storage.store import ResultStore

Scene = Callable[..., Picture]

PRESET = Preset(
    content_layers=["relu2_1"],
    style_layers=["relu1_1", "relu2_1"],
    ratio=1e-3,
    evaluations=3,
    size=48,
)


@pytest.fixture
def job(scene: Scene) -> Job:
    pictures = scene(48, 32), scene(40, 40, seed=1)
    return Job(PRESET, *pictures, blend=((scene(30, 60, seed=2), 0.5), (scene(seed=3), 2.5)))


@pytest.mark.parametrize("statistic", ["gram", "chain", "mean", "mean_std"])
def test_blended_styles_pull_as_the_weighted_sum_of_their_losses(job, statistic, tiny_network):
    network = tiny_network(dtype=torch.float64)
    start = torch.rand(1, 3, 32, 48, dtype=torch.float64, generator=torch.manual_seed(0))

    def gradient(one: Job) -> torch.Tensor:
        objective = objective_of([one], one.levels(), network)
        return evaluate(objective, network, start).gradient

    job = replace(job, preset=PRESET.with_(style_statistic=statistic))
    alone = [replace(job, blend=(), style=each) for each in (job.style, *dict(job.blend))]
    expected = sum(share * gradient(one) for share, one in zip((0.25, 0.125, 0.625), alone))
    assert torch.allclose(gradient(job), expected, rtol=1e-4, atol=1e-4 * expected.abs().max())
    assert not torch.allclose(gradient(job), gradient(alone[0]), rtol=0.1)


def test_the_style_scale_is_that_of_the_style_pictures_sides(scene):
    job = Job(PRESET, scene(64, 48), scene(128, 96), size=64, style_scale=0.5)
    assert (job.style_size, job.canvas) == ((32, 24), (64, 48))
    job = replace(job, style_scale=2, blend=((scene(40, 30), 1.0),))
    assert [picture.size for picture, _ in job.styles()] == [(128, 96), (128, 96)]


def test_styles_take_the_photographs_colours(job):
    job = replace(job, keep_colour="match")
    mean, covariance = colour_statistics(as_floats(job.content_on_canvas))
    for picture, _ in job.styles():
        found = colour_statistics(as_floats(picture))
        assert found[0] == pytest.approx(mean, abs=0.01)  # clipped to what RGB can show
        assert np.allclose(found[1], covariance, atol=0.01)
    assert job.shown(job.given("content")) is job.given("content")
    plain = replace(job, keep_colour=None)
    assert [picture.sha256 for picture, _ in plain.styles()][1] != job.styles()[1][0].sha256


def test_luminance_alone_is_drawn_and_the_photographs_chroma_put_back(job, tiny_engine, tmp_path):
    job = replace(job, keep_colour="luminance", init="content")
    photograph = as_floats(job.content_on_canvas)
    for picture, _ in job.styles():
        pixels = as_floats(picture)
        assert np.allclose(chroma(pixels), 0)
        assert luminance(pixels).mean() == pytest.approx(luminance(photograph).mean(), abs=0.01)
        assert luminance(pixels).std() == pytest.approx(luminance(photograph).std(), abs=0.01)
    (start,) = start_of(job)
    assert torch.allclose(start[0], start[2])
    assert start[0].numpy() == pytest.approx(luminance(photograph), abs=1 / 255)

    engine = tiny_engine(store=ResultStore(tmp_path))
    snapshots = list(engine.stream(job))
    result = snapshots[-1].result()
    error, share = kept_chroma(job.content_on_canvas, result.picture)
    assert error < 1 / 255 and share > 0.9
    assert np.array_equal(snapshots[-1].image.pixels, result.picture.pixels)
    assert np.array_equal(engine.run(job).picture.pixels, result.picture.pixels), "as stored"


def test_blended_pictures_travel_through_the_store(job, tmp_path):
    job = replace(job, style_scale=0.7, keep_colour="match")
    order = order_of([job], ResultStore(tmp_path), "exact", "auto")
    assert not any(isinstance(each, Picture) for each, _ in order.jobs[0]["blend"])
    (again,) = jobs_of(order)
    assert again.description() == job.description()
