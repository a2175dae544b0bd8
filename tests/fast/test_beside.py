"""A fast network beside the optimisation of the same objective."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from replicate.engine.engine import Engine
from replicate.fast.beside import one_pass, passed_after, slow_job
from replicate.fast.shipped import shipped
from replicate.fast.use import Fast
from replicate.images import bundled
from replicate.method import content_loss
from replicate.networks.pixels import to_tensor

LAYERS = {"relu2_1": 0.5, "relu4_1": 1.0}


@pytest.fixture(scope="module")
def fast() -> Fast:
    return Fast.load("mixer", "cpu", "float32")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine("cpu", "exact")


def test_the_objective_is_the_mixer_s_own_whatever_the_photograph_s_shape(
    fast: Fast, engine: Engine, scene: Callable[..., Any]
) -> None:
    """By hand: losses over units, the artwork as large as in training."""
    setting = fast.setting("wave", layers=LAYERS, content="relu3_3", ratio=0.5)
    photograph, picture = scene(96, 64), scene(96, 64, seed=1)
    job = slow_job(fast, setting, photograph, bundled("wave"), size=96)
    total, losses = engine.reader.losses(job, picture)

    network = engine.networks.network(job.preset.network)
    artwork = bundled("wave").scaled_to(256)
    with torch.no_grad():
        drawn, art, photo = (
            network(to_tensor(each), ["relu3_3", *LAYERS])
            for each in (picture, artwork, photograph)
        )
    units = fast.units
    assert units is not None
    wanted = float(content_loss(drawn["relu3_3"], photo["relu3_3"].coordinates(), "mean"))
    assert losses["content/relu3_3"] == pytest.approx(wanted, rel=1e-4)
    wanted *= 0.5 / units.content["relu3_3"]
    for layer, weight in LAYERS.items():
        ours, theirs = (maps[layer].wide_gram() for maps in (drawn, art))
        loss = float((ours - theirs).square().mean())
        assert losses[f"style/{layer}"] == pytest.approx(loss, rel=1e-3)
        wanted += weight * loss / units.style["wave"][layer]
    assert total == pytest.approx(wanted, rel=1e-3)


def test_a_pass_says_what_drew_it_and_how_good_it_is(
    fast: Fast, engine: Engine, scene: Callable[..., Any]
) -> None:
    setting = fast.setting("wave", layers=LAYERS)
    job = slow_job(fast, setting, scene(96, 64), bundled("wave"), size=48)
    found = one_pass(fast, setting, job, engine)
    assert found.picture.size == (48, 32)
    alone = fast(scene(96, 64).resized(48, 32), "wave", layers=LAYERS)
    assert np.array_equal(found.picture.pixels, alone.pixels)
    assert (found.evaluations, found.curve) == (0, [])
    assert (found.loss, found.losses) == engine.reader.losses(job, alone)
    assert found.how["network"] == "mixer" and found.how["sha256"] == shipped("mixer").sha256
    assert (found.how["style"], found.how["layers"]) == ("wave", LAYERS)


def test_an_optimisation_is_followed_no_further_than_to_where_it_passes() -> None:
    def course() -> Iterator[tuple[int, float]]:
        yield from [(1, 9.0), (2, 3.0), (3, 2.0)]
        raise AssertionError("read too far")

    assert passed_after(course(), 2.5) == 3
    assert passed_after([(1, 9.0), (2, 3.0)], 2.5) is None
