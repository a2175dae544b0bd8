"""Jobs: what they take from the preset, refuse, plan, and are known by in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replicate.engine.job import Job
from replicate.engine.plan import fit
from replicate.errors import ReplicateError
from replicate.images import Picture
from replicate.storage.store import ResultStore

GREY = Picture(np.full((24, 32, 3), 128, np.uint8))


def test_a_job_is_complete_when_it_is_made(job, transfer, scene):
    assert (job.size, job.evaluations, job.init, job.seed) == (32, 5, "noise", 0)
    from_content = transfer.with_(init="content")
    assert Job(from_content, scene(), scene()).init == "content"
    assert Job(from_content, scene(), scene(), init="noise").init == "noise"
    assert Job(from_content, scene(), scene(), start=scene()).init == "picture"
    kept = replace(job, preset=transfer.with_(size=64, evaluations=9))
    assert (kept.size, kept.evaluations) == (32, 5)
    assert repr(job) == "Job(a panel: tiny, scene 0 + scene 1, 32×32, 5 evaluations)"


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({}, {"content": None, "style": None}, "content picture or a style picture"),
        ({}, {"size": 15}, "size must be between 16 and 8192 .* 15"),
        ({}, {"size": 8193}, "size must be between 16 and 8192"),
        ({}, {"evaluations": 0}, "evaluations must be at least 1, not 0"),
        ({}, {"stop": 0}, "stop must be at least 1"),
        ({"init": "content"}, {"content": None}, "start from the content picture"),
        ({}, {"style": None, "init": "style"}, "start from the style picture"),
        ({}, {"init": "picture"}, "start from a picture the job needs one"),
        ({}, {"style": None, "blend": ((GREY, 1.0),)}, "to blend need a first one"),
        ({}, {"blend": ((GREY, 0.0),)}, "weights of style pictures .* above 0"),
        ({}, {"style_scale": 0.05}, "style scale must be between 0.1 and 4"),
        ({}, {"content": None, "keep_colour": "match"}, "to keep the content picture's colours"),
        ({"content_layers": {}}, {"style": None}, "'tiny' has no layers for the pictures"),
        ({"style_layers": {}}, {"content": None}, "'tiny' has no layers for the pictures"),
    ],
)
def test_impossible_jobs(changes, settings, message, transfer, scene):
    with pytest.raises(ReplicateError, match=message) as caught:
        Job(transfer.with_(**changes), **{"content": scene(), "style": scene(), **settings})
    assert "\n" not in str(caught.value)


# Sizes


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((1024, 768), 512, (512, 384)),
        ((768, 1024), 512, (384, 512)),
        ((100, 100), 512, (512, 512)),
        ((1000, 10), 512, (512, 16)),
        ((640, 427), 64, (64, 43)),
    ],
)
def test_canvas(size, longest, expected):
    assert fit(size, longest) == expected


def test_style_is_read_in_its_shape_at_as_many_pixels_as_the_canvas(transfer, scene):
    """The canvas has the content's shape, else the style's."""
    wide, tall = scene(60, 30), scene(30, 60)
    assert Job(transfer, style=tall).canvas == (16, 32)
    job = Job(transfer, wide, tall, size=256)
    assert job.canvas == (256, 128)
    width, height = job.style_size
    assert width / height == pytest.approx(0.5, abs=0.01)
    assert width * height == pytest.approx(256 * 128, rel=0.02)
    assert job.style_on_canvas.size == job.style_size
    assert job.content_on_canvas.size == job.canvas
    assert Job(transfer, scene(64, 48), scene(128, 96), size=64).style_size == (64, 48)
    with pytest.raises(ReplicateError, match="the job has no style picture"):
        _ = Job(transfer, scene()).style_on_canvas


def test_alpha_grows_on_smaller_canvases(transfer, scene):
    """A ratio is meant for a number of pixels; alpha goes as its inverse."""
    preset = transfer.with_(content_weight=3.0, style_weight=5.0, ratio_pixels=512 * 384)
    for size, alpha in ((512, 3.0), (256, 12.0), (128, 48.0)):
        assert Job(preset, scene(64, 48), scene(), size=size).content_weight == alpha
    assert Job(transfer, scene(), scene(), size=64).content_weight == transfer.content_weight


# The plan, from coarse to fine


def plan(job: Job) -> list[tuple[int, int, bool]]:
    return [(max(level.canvas), level.evaluations, level.style) for level in job.levels()]


@pytest.mark.parametrize(
    ("size", "evaluations", "expected"),
    [
        (256, 11, [(32, 2), (64, 2), (128, 2), (256, 5)]),
        (256, 3, [(64, 1), (128, 1), (256, 1)]),  # each level needs an evaluation
        (256, 1, [(256, 1)]),
        (100, 10, [(50, 5), (100, 5)]),  # nothing under 32 px
        (62, 10, [(62, 10)]),
        (20, 10, [(20, 10)]),
    ],
)
def test_a_reconstruction_of_content_halves_the_size_and_shares_the_evaluations(
    size, evaluations, expected, transfer, scene
):
    job = Job(transfer.with_(scales=4), scene(), size=size, evaluations=evaluations)
    assert plan(job) == [(side, count, False) for side, count in expected]
    assert job.levels()[-1].canvas == job.canvas


@pytest.mark.parametrize(
    ("size", "evaluations", "expected"),
    [
        (256, 12, [(128, 4, False), (256, 8, True)]),
        (256, 2, [(128, 1, False), (256, 1, True)]),  # each level needs an evaluation
        (256, 1, [(256, 1, True)]),
        (48, 12, [(48, 4, False), (48, 8, True)]),  # half the size would be too small
    ],
)
def test_the_content_comes_first_at_half_the_size(size, evaluations, expected, transfer, scene):
    for scales in (1, 3):  # which are for content alone
        preset = transfer.with_(scales=scales, content_first=1 / 3, ratio_pixels=256 * 256)
        job = Job(preset, scene(), scene(), size=size, evaluations=evaluations)
        assert plan(job) == expected
        for level in job.levels():
            alpha = transfer.content_weight * (256 / max(level.canvas)) ** 2
            assert level.content_weight == pytest.approx(alpha)


def test_other_jobs_have_one_level_and_the_key_of_a_plain_one(transfer, scene):
    preset = transfer.with_(content_first=0.5, scales=3)
    both = {"content": scene(), "style": scene(seed=1)}
    for settings in ({**both, "init": "content"}, {**both, "start": scene()}, {"style": scene()}):
        job = Job(preset, **settings)  # type: ignore[arg-type]
        assert [(level.canvas, level.evaluations) for level in job.levels()] == [((32, 32), 5)]
        assert job.description() == Job(transfer, **settings).description()  # type: ignore[arg-type]


# Keys of the result store

CHANGES: dict[str, dict[str, Any]] = {
    "ratio": {"ratio": 2e-2},
    "content layer": {"content_layers": ["relu3_2"]},
    "conv for relu": {"content_layers": ["conv3_1"]},
    "layer weight": {"style_layers": {"relu1_1": 0.5, "relu2_1": 0.4}},
    "content loss": {"content_loss": "gatys"},
    "style loss": {"style_loss": "gatys"},
    "variation": {"tv_weight": 1e-6},
    "optimizer": {"optimizer": "adam"},
    "clamp": {"clamp": False},
    "normalised": {"network": {"normalised": True}},
    "ratio's canvas": {"ratio_pixels": 4096},
    "content first": {"content_first": 0.5},
}
OF_THE_JOB: dict[str, Any] = {
    **{"size": 30, "evaluations": 6, "stop": 4, "seed": 1, "init": "content"},
    **{"blend": ((GREY, 1.0),), "style_scale": 0.5, "keep_colour": "match"},
}
NO_CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "n", "label": "l", "source": "s", "note": "t"},
    "the preset's own size": {"size": 512},
    "Adam's rate for L-BFGS": {"learning_rate": 0.5},
    "spelling of a layer": {"content_layers": {"block3_conv1": 1}},
    "scales, which are for content alone": {"scales": 2},
}


def key(job: Job, **changes: Any) -> str:
    return ResultStore.key(replace(job, preset=job.preset.with_(**changes)).description())


def test_what_changes_the_picture_changes_the_key(job):
    keys = {name: key(job, **changes) for name, changes in CHANGES.items()}
    keys |= {name: key(replace(job, **{name: value})) for name, value in OF_THE_JOB.items()}
    assert len({*keys.values(), key(job)}) == len(keys) + 1
    assert key(replace(job, style=None)) != key(replace(job, style=None), scales=2)


def test_what_does_not_change_the_picture_does_not_change_the_key(job):
    for name, changes in NO_CHANGES.items():
        assert key(job, **changes) == key(job), name
    assert key(replace(job, label="b")) == key(job)


def test_other_pictures_change_the_key(job, scene):
    keys = {key(replace(job, **{kind: scene(seed=5)})) for kind in ("content", "style")}
    starts = {key(replace(job, init="picture", start=scene(seed=seed))) for seed in (5, 6)}
    assert len(keys | starts | {key(job)}) == 5
    named = Picture(job.given("content").pixels.copy(), "another name", "credit")
    assert key(replace(job, content=named)) == key(job)
    assert len({key(replace(job, init="content", seed=seed)) for seed in (1, 2)}) == 1


FLAT = {"content": Picture(np.full((24, 32, 3), 60, np.uint8))}
BOTH = {**FLAT, "style": Picture(np.full((24, 32, 3), 200, np.uint8))}
KNOWN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("41edf5063fa0e3907cd7ee2c8e6c253623abb51033a14e27153e142f25c56108", {}, BOTH),
    (
        "d74385ce8c41044854a2e367ac906ff2e045346c7d37de127a6964e2cd1c647e",
        {"optimizer": "adam", "clamp": True, "content_first": 0.5, "ratio_pixels": 4096},
        {**BOTH, "init": "content", "stop": 3},
    ),
    (
        "a2578a5c2f6409d7c7e0e734f8fe0c3f83b615c2ec152aa57eebda2247f5adaf",
        {
            "network": {"name": "vgg16-torchvision", "pooling": "average"},
            "style_statistic": "chain",
            "activation_shift": -1.0,
            "tv_weight": 1e-6,
        },
        {**BOTH, "seed": 7},
    ),
    (
        "fe2cb8f0105413ab6df7f9d0a155e7fcd4aba8e0409e1d1e7c334fadd1fd7650",
        {"network": {"name": "vgg19-compact", "normalised": True}, "scales": 3},
        FLAT,
    ),
]


@pytest.mark.parametrize(("known", "changes", "settings"), KNOWN)
def test_keys_of_old_results_stay(known, changes, settings, transfer, monkeypatch):
    """As the engine's first version wrote them, which left pixels free: they still say how."""
    monkeypatch.setattr("replicate.engine.job.ENGINE_VERSION", 1)
    preset = transfer.with_(**{"clamp": False, **changes})
    assert key(Job(preset, **settings)) == known
