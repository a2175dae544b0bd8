"""Style by patches, which no loss has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from replicate.measure.patches import patches, style_left


def test_patches_by_hand(scene):
    picture = scene(40, 32)
    found = patches(picture)
    assert [cloud.shape for cloud in found] == [(34 * 26, 147), (14 * 10, 147), (4 * 2, 147)]
    expected = picture.pixels[3:10, 5:12].transpose(2, 0, 1).ravel() / 255
    np.testing.assert_allclose(found[0][3 * 34 + 5], expected, rtol=1e-6)
    assert all(len(cloud) < 1.05 * 16_384 for cloud in patches(scene(400, 300)))


def test_distance_left_is_none_for_the_painting_and_all_for_the_photograph(scene):
    content, painting = scene(64, 48, seed=1), scene(64, 48, seed=2)
    assert style_left(painting, content, painting) == 0
    assert style_left(content, content, painting) == pytest.approx(1)
    half = np.concatenate([content.pixels[:24], painting.pixels[24:]])
    assert 0 < style_left(replace(content, pixels=half), content, painting) < 1
