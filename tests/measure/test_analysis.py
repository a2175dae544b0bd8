"""Representations: what is counted, ranked and shuffled, on maps made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from replicate.images import Picture
from replicate.measure.analysis import (
    Entry,
    Representation,
    cosine_gram,
    cosine_ranks,
    diagonal_ratio,
    diagonal_share,
    gram_of,
    largest_entries,
    likeness_and_strength,
    matched_pairs,
    mean_map_correlation,
    near_zero_share,
    outline_correlations,
    relative_distance,
    representations,
    shuffled_positions,
    standing_out,
    structure_size,
)
from replicate.measure.metrics import relative_gram_distance
from replicate.networks.spec import NetworkSpec

GRAM = np.array(
    [
        [4.0, 5.0, 0.0, 1.0],
        [5.0, 9.0, 0.0, 2.0],
        [0.0, 0.0, 1.0, 0.0],
        [1.0, 2.0, 0.0, 2.0],
    ]
)
"""Channel 1 outshines its like, channel 0; channel 2 stands alone."""


def representation(maps: Any, step: int = 1) -> Representation:
    maps = np.asarray(maps, dtype=np.float32)
    return Representation("relu1_1", maps, gram_of(maps), field=3, step=step)


def noise(channels: int, side: int = 24, seed: int = 0) -> np.ndarray:
    """Independent rectified noise in every channel."""
    values = np.random.default_rng(seed).normal(size=(channels, side, side))
    return np.maximum(values, 0).astype(np.float32)


# Representations


def test_representations_are_the_engine_s(tiny_engine, scene):
    engine, spec, picture = tiny_engine(), NetworkSpec(), scene(48, 32)
    found = representations(engine, picture, ["relu1_1", "relu4_2"], spec)
    assert {layer: each.maps.shape for layer, each in found.items()} == {
        "relu1_1": (5, 32, 48),
        "relu4_2": (8, 4, 6),
    }
    assert (found["relu4_2"].field, found["relu4_2"].step) == (84, 8)
    grams = engine.reader.grams(picture, list(found), spec)
    for layer, each in found.items():
        assert each.layer == layer
        assert np.allclose(each.gram, grams[layer].numpy())
        assert np.allclose(gram_of(each.maps), each.gram, rtol=1e-5, atol=1e-9)


def test_strengths_and_silence():
    seen = representation([[[1.0, 1.0]], [[0.0, 4.0]], [[0.0, 0.0]], [[1.0, 1.0]]])
    assert seen.strengths.tolist() == [1.0, 8.0, 0.0, 1.0]
    assert seen.strongest(3) == [1, 0, 3]  # equal strengths keep the order of the channels
    assert seen.silent_share == 3 / 8


# Entries


def test_the_largest_entries_hold_both_halves_of_the_matrix():
    found = largest_entries(GRAM, 4)
    assert [(e.first, e.second, e.value) for e in found] == [
        (1, 1, 9.0), (0, 1, 5.0), (1, 0, 5.0), (0, 0, 4.0),
    ]  # fmt: skip
    assert [e.label for e in found] == ["1", "0·1", "1·0", "0"]
    assert [e.on_diagonal for e in found] == [True, False, False, True]


def test_a_pair_is_matched_once_and_never_with_itself():
    assert matched_pairs(GRAM, 2) == [Entry(0, 1, 5.0), Entry(1, 3, 2.0)]
    assert len(matched_pairs(GRAM, 100)) == 6


def test_cosines_do_not_know_strength_but_faint_channels_have_none():
    maps = noise(4)
    maps[1] *= 0.01
    maps[2] = 0
    cosines = cosine_gram(gram_of(maps))
    assert np.isnan(cosines[1]).all() and np.isnan(cosines[:, 2]).all()
    maps[3] *= 3
    assert np.allclose(cosine_gram(gram_of(maps)), cosines, equal_nan=True)
    assert cosines[0, 0] == pytest.approx(1)
    assert [(e.first, e.second) for e in matched_pairs(cosines, 3)] == [(0, 3)]


def test_entries_near_zero_are_counted_by_hand():
    assert near_zero_share(np.array([[1000.0, 0.5], [-0.5, 2.0]])) == 0.5


def test_shares_of_the_diagonal():
    assert diagonal_share(GRAM, 4) == 0.5
    assert diagonal_share(np.eye(3), 3) == 1.0
    assert diagonal_ratio(GRAM) == pytest.approx(4.0 / (16 / 12))
    # 0 and 3 have a stronger neighbour in their rows, 1 and 2 have none.
    assert standing_out(GRAM) == 0.5
    assert standing_out(GRAM, share=0.5) == 1.0


def test_ranks_of_pairs_by_cosine():
    maps = noise(5)
    maps[1] = maps[0] * 2
    maps[4] = 0
    gram = gram_of(maps)
    alike, unlike, silent = cosine_ranks(gram, [Entry(0, 1, 0), Entry(2, 3, 0), Entry(0, 4, 0)])
    assert alike == pytest.approx(5 / 6)  # above all six pairs that are heard but itself
    assert unlike < alike
    assert np.isnan(silent)


@pytest.mark.parametrize(("spread", "which"), [(0.0, 0), (3.0, 1)])
def test_entries_follow_likeness_or_strength(spread, which):
    """Maps of one strength differ in likeness only; of very different ones, mostly in strength."""
    random = np.random.default_rng(1)
    shared = noise(1)
    maps = noise(24, seed=2) + shared * random.uniform(0, 1, size=(24, 1, 1))
    maps /= np.sqrt((maps**2).mean(axis=(1, 2), keepdims=True))
    maps *= 10 ** (random.uniform(-0.3, 0.3, size=(24, 1, 1)) * spread)
    followed = likeness_and_strength(gram_of(maps.astype(np.float32)))
    assert followed[which] > 0.9
    assert followed[which] > followed[1 - which] + 0.1


def test_correlation_of_maps():
    assert mean_map_correlation(representation(noise(8, side=64))) < 0.1
    one = noise(1)
    assert mean_map_correlation(representation(np.concatenate([one, 3 * one + 1]))) == (
        pytest.approx(1, abs=1e-6)
    )
    assert np.isnan(mean_map_correlation(representation(one)))


# Maps against the picture


def test_structures_are_measured_in_pixels_of_the_picture():
    maps = np.repeat(np.repeat(noise(3, side=16), 4, axis=1), 4, axis=2)
    fine, coarse = representation(noise(3, side=64)), representation(maps)
    assert structure_size(coarse) > 2 * structure_size(fine)
    assert structure_size(representation(maps, step=8)) == pytest.approx(8 * structure_size(coarse))
    assert np.isnan(structure_size(representation(np.zeros((2, 8, 8)))))


def test_outlines_are_seen_where_the_edges_are():
    pixels = np.zeros((32, 32, 3))
    pixels[8:24, 8:24] = 1
    square = Picture.from_array(pixels)
    edges = np.zeros((1, 16, 16))
    edges[0, 3:13, 3:13] = 1
    edges[0, 5:11, 5:11] = 0
    bright, dark, flat = outline_correlations(
        np.concatenate([edges, 1 - edges, np.ones_like(edges)]), square
    )
    assert bright > 0.7
    assert dark == pytest.approx(-bright)
    assert np.isnan(flat)


def test_relative_distance():
    target = noise(2)
    assert relative_distance(target, target) == 0
    assert relative_distance(np.zeros_like(target), target) == pytest.approx(1)
    assert relative_distance(3 * target, target) == pytest.approx(4)


def test_shuffled_positions_keep_the_gram_matrix_and_lose_the_places():
    maps = noise(6)
    shuffled = shuffled_positions(maps, seed=3)
    assert relative_gram_distance(gram_of(shuffled), gram_of(maps)) < 1e-12
    assert relative_distance(shuffled, maps) > 0.5
    assert np.array_equal(shuffled, shuffled_positions(maps, seed=3))
    assert not np.array_equal(shuffled, shuffled_positions(maps, seed=4))
