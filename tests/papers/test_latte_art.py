"""Latte art: presets against the post and the exercise, the blended start, claims both ways."""

from __future__ import annotations

import numpy as np
import pytest

from replicate.config import load_preset
from replicate.images import Picture
from replicate.networks.table import network_entry
from replicate.papers import draw_figure
from replicate.papers.latte_art import EARLY, EVEN, LATE, blended_with_noise

# Typed from the post: STYLE_LAYERS of A, B and C, over conv1_1 ... conv5_1
POST = {
    "latte-even": (0.2, 0.2, 0.2, 0.2, 0.2),
    "latte-early": (0.8, 0.2, 0.0, 0.0, 0.0),
    "latte-late": (0.0, 0.0, 0.0, 0.2, 0.8),
}


@pytest.mark.parametrize("name", POST)
def test_presets(name):
    made = load_preset(name)
    weights = [made.style_layers.get(f"relu{block}_1", 0.0) for block in range(1, 6)]
    assert tuple(weights) == POST[name]
    assert len(made.style_layers) == sum(weight > 0 for weight in POST[name])
    # The exercise: alpha 10, beta 40, Adam at 2.0 of 255, 200 iterations, 400 x 300, conv4_2
    assert (made.content_weight, made.style_weight) == (10.0, 40.0)
    assert made.learning_rate * 255 == pytest.approx(2.0)
    assert (made.optimizer, made.clamp, made.evaluations, made.size) == ("adam", False, 200, 400)
    assert made.ratio_pixels is None
    assert made.content_layers == {"relu4_2": 1.0}
    assert (made.content_loss, made.style_loss) == ("coursera", "gatys")
    assert (made.network.name, made.network.pooling) == ("vgg19-caffe", "average")
    assert made.status == "unverified"


def test_the_start_is_seeded_noise_over_the_faded_content():
    white = Picture.from_array(np.ones((40, 60, 3)), "paper")
    made, again, other = (blended_with_noise(white, 30, seed) for seed in (0, 0, 1))
    assert made.sha256 == again.sha256 != other.sha256
    assert made.size == (30, 20)
    levels = made.pixels.astype(float)
    mean = np.array(network_entry("vgg19-caffe").preprocessing.mean)
    # 0.4 of white above the network's mean; noise of 0.6 * 20 levels at most, rounded
    assert levels.mean(axis=(0, 1)) == pytest.approx(mean + 0.4 * (255 - mean), abs=1.5)
    assert np.abs(levels - (mean + 0.4 * (255 - mean))).max() <= 12.5
    assert levels.std() == pytest.approx(12 / 3**0.5, abs=0.5 + levels.mean(axis=(0, 1)).std())


def test_claims_hold_where_the_post_is_right(failing):
    usual = {EVEN: (0.5, 2.0), EARLY: (0.7, 1.0), LATE: (0.3, 2.5)}
    names = ("edge_correlation", "flat_texture")

    def fails(label: str, **changes: float) -> list[str]:
        changed = {("latte art", label): changes}
        return failing(
            "latte_art/weights",
            lambda key: {"ssim": 1.0, **dict(zip(names, usual[key[1]]))},
            changed,
        )

    assert fails(EVEN) == []
    assert fails(EARLY, edge_correlation=0.2) == ["true"]
    assert fails(EARLY, flat_texture=1.8) == ["flat"]


@pytest.mark.parametrize("balanced", [False, True])
def test_the_figure(balanced, small_studio):
    studio = small_studio(balanced=balanced)
    figure = draw_figure(studio, "latte_art/weights")
    jobs = [result.job for result in studio.drawn]
    assert len({job.label for job in jobs}) == len(jobs) == 6
    assert {job.init for job in jobs} == {"picture"}
    assert len({job.start.sha256 for job in jobs if job.start}) == 2
    assert list(jobs[1].style_layers) == ["relu1_1", "relu2_1"]
    weights = [tuple(job.style_layers.values()) for job in jobs[:3]]
    assert (weights == [(0.2,) * 5, (0.8, 0.2), (0.2, 0.8)]) is not balanced
    assert [grid.heading for grid in figure.grids] == ["Latte art", "More colour"]
