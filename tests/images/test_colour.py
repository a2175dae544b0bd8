"""Colour preservation: statistics and chroma to the digits that the equations promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from replicate.images import Picture, bundled
from replicate.images.colour import (
    LUMA,
    RIDGE,
    Root,
    as_floats,
    chroma,
    colour_map,
    colour_statistics,
    grey,
    kept_chroma,
    luminance,
    matched_colours,
    matched_luminance,
    with_luminance,
    with_luminance_of,
)

ROOTS = get_args(Root)
ONE_STEP = 1 / 255


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return as_floats(bundled("coffee").scaled_to(160))


@pytest.fixture(scope="module")
def painting(scene: Callable[..., Any]) -> np.ndarray:
    return as_floats(scene(120, 90, seed=3))


def far(ours: np.ndarray, theirs: np.ndarray | float) -> float:
    """Largest difference of any two numbers."""
    return float(np.abs(ours - theirs).max())


# Colour statistics


def test_statistics_are_those_of_the_pixels():
    pixels = np.array([[[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]]])
    mean, covariance = colour_statistics(pixels)
    assert mean == pytest.approx([0.5, 0.25, 0.0])
    # over all pixels, so divided by 2 and not by 1
    assert covariance == pytest.approx(np.array([[0.25, 0.125, 0], [0.125, 0.0625, 0], [0, 0, 0]]))


@pytest.mark.parametrize("root", ROOTS)
def test_the_mapped_colours_have_the_target_s_statistics_but_for_the_ridge(
    root, painting, photograph
):
    made = colour_map(painting, photograph, root)
    ours, theirs = colour_statistics(made(painting)), colour_statistics(photograph)
    assert ours[0] == pytest.approx(theirs[0], abs=1e-12)
    ridge = RIDGE * (np.eye(3) - made.matrix @ made.matrix.T)
    assert ours[1] - theirs[1] == pytest.approx(ridge, abs=1e-12)
    assert far(colour_map(photograph, photograph, root)(photograph), photograph) < 1e-12


def test_the_roots_differ_as_they_should(painting, photograph):
    triangular = colour_map(painting, photograph, "cholesky").matrix
    assert np.triu(triangular, 1) == pytest.approx(np.zeros((3, 3)), abs=1e-12)
    covariance = colour_statistics(painting)[1] + RIDGE * np.eye(3)
    symmetric = colour_map(painting, photograph, "symmetric").matrix
    # A = S_c^1/2 S_s^-1/2, so that A S_s^1/2 is symmetric.
    values, vectors = np.linalg.eigh(covariance)
    root = vectors @ np.diag(values**0.5) @ vectors.T
    assert symmetric @ root == pytest.approx((symmetric @ root).T, abs=1e-10)
    assert np.abs(symmetric - triangular).max() > 0.01


@pytest.mark.parametrize("root", ROOTS)
def test_a_grey_picture_gets_no_infinite_colours(root, photograph):
    shades = np.repeat(np.linspace(0, 1, 64).reshape(8, 8, 1), 3, axis=2)
    flat = np.full((4, 4, 3), 0.5)
    for pixels in (shades, flat):
        mapped = colour_map(pixels, photograph, root)(pixels)
        assert np.isfinite(mapped).all()
        mean = colour_statistics(photograph)[0]
        assert colour_statistics(mapped)[0] == pytest.approx(mean, abs=1e-9)


def test_matched_pictures_keep_their_structure(scene):
    painting, photograph = scene(64, 48, seed=5), bundled("coffee").scaled_to(96)
    matched = matched_colours(painting, photograph)
    assert matched.size == painting.size
    assert matched.name == "scene 5 in the colours of coffee"
    mapped = colour_map(as_floats(painting), as_floats(photograph))(as_floats(painting))
    assert far(as_floats(matched), np.clip(mapped, 0, 1)) < 0.51 * ONE_STEP


# Luminance


def test_luminance_is_that_of_bt_601():
    primaries = np.eye(3)[None]
    assert luminance(primaries)[0] == pytest.approx([0.299, 0.587, 0.114])
    assert LUMA.sum() == pytest.approx(1)
    # Red: U = -0.492 * 0.299, V = 0.877 * 0.701; blue: U = 0.492 * 0.886, V = -0.877 * 0.114
    assert chroma(primaries)[0, 0] == pytest.approx([-0.147108, 0.614777])
    assert chroma(primaries)[0, 2] == pytest.approx([0.435912, -0.099978])
    assert chroma(np.full((2, 2, 3), 0.3)) == pytest.approx(0, abs=1e-15)


def test_another_luminance_leaves_chroma_exactly(photograph):
    wanted = np.random.default_rng(0).uniform(size=photograph.shape[:2])
    made = with_luminance(photograph, wanted)
    assert far(luminance(made), wanted) < 1e-12
    assert far(chroma(made), chroma(photograph)) < 1e-12
    picture = Picture.from_array(photograph)
    assert far(chroma(as_floats(grey(picture))), 0) < 1e-15
    assert far(luminance(as_floats(grey(picture))), luminance(photograph)) < 1.01 * ONE_STEP


def test_recombined_pictures_keep_chroma_where_rgb_can_show_it(scene):
    colours, drawn = bundled("coffee"), scene(90, 60, seed=8)
    made = with_luminance_of(colours, drawn)
    assert made.size == drawn.size
    pixels = as_floats(colours.resized(90, 60))
    exact = with_luminance(pixels, luminance(as_floats(drawn)))
    shown = ((exact >= 0) & (exact <= 1)).all(axis=2)
    assert 0.2 < shown.mean() < 1
    ours, theirs = chroma(as_floats(made)), chroma(pixels)
    error = far(ours[shown], theirs[shown])
    assert kept_chroma(colours.resized(90, 60), drawn) == (error, shown.mean())
    assert 0 < error <= ONE_STEP
    assert far(ours, theirs) > ONE_STEP  # clipping


def test_matched_luminance_has_the_other_s_mean_and_spread():
    # Narrow enough to stay inside [0, 1], so that nothing is clipped.
    random = np.random.default_rng(1)
    ours = Picture.from_array(random.uniform(0.6, 0.9, (50, 60, 3)))
    theirs = Picture.from_array(random.uniform(0.3, 0.6, (40, 30, 3)), "the photograph")
    made = matched_luminance(ours, theirs)
    levels, wanted = luminance(as_floats(made)), luminance(as_floats(theirs))
    assert levels.mean() == pytest.approx(wanted.mean(), abs=1e-3)
    assert levels.std() == pytest.approx(wanted.std(), abs=1e-3)
    assert np.corrcoef(levels.ravel(), luminance(as_floats(ours)).ravel())[0, 1] > 0.999
    assert made.name.endswith("in the grey of the photograph")


def test_a_flat_picture_only_gets_the_mean(scene):
    made = matched_luminance(Picture.from_array(np.full((8, 8, 3), 0.2)), scene(32, 32))
    wanted = luminance(as_floats(scene(32, 32))).mean()
    assert far(as_floats(made), wanted) < 0.51 * ONE_STEP
