"""Intervals and tests against hand computation, scipy, and pictures whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from replicate.measure.statistics import Estimate, Sample, decision, estimate, holm

CATS = ["a", "b", "c", "d", "e", "f"]


def one_way(values: list[float]) -> Sample:
    return Sample.of(values, CATS[: len(values)], ["same"] * len(values))


def test_seeds_of_a_pair_count_as_their_mean():
    sample = Sample.of([1, 3, 5], ["a", "a", "b"], ["x", "x", "x"])
    assert sample.values.tolist() == [2, 5]
    assert sample.levels == [2]


def test_one_side_that_varies_has_the_classical_interval():
    values = [0.2, 0.9, 0.4, 0.7, 0.1, 0.5]
    found = estimate(one_way(values), resamples=40_000)
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    assert found.effect == pytest.approx(np.mean(values))
    assert found.interval == pytest.approx((low, high), abs=0.01)
    assert found.p_above(0) == pytest.approx(
        stats.ttest_1samp(values, 0, alternative="greater").pvalue, rel=0.15
    )


def test_the_error_of_a_full_table_is_that_of_its_parts():
    """Owen 2007: photographs' and artworks' parts add up, by hand for a table without noise."""
    photographs, artworks = np.array([0.0, 1, 2, 3]), np.array([0.0, 2, 4, 6])
    pairs = [(i, j) for i in range(4) for j in range(4)]
    sample = Sample.of(
        [photographs[i] + artworks[j] for i, j in pairs],
        [CATS[i] for i, _ in pairs],
        [CATS[j] for _, j in pairs],
    )
    by_hand = math.sqrt((photographs.var() + artworks.var()) / 4 * 4 / 3)
    assert estimate(sample, resamples=40_000).error == pytest.approx(by_hand, rel=0.02)


@pytest.mark.parametrize(("of_photographs", "of_artworks", "noise"), [(1, 1, 1), (1, 0, 0.3)])
def test_the_interval_covers_the_truth(of_photographs, of_artworks, noise):
    """24 of 8 x 10 pairs, as the evaluation set has them; conservative, never too narrow."""
    draw, hits, runs = np.random.default_rng(1), 0, 150
    for _ in range(runs):
        rows, columns = draw.normal(0, of_photographs, 8), draw.normal(0, of_artworks, 10)
        pairs = [divmod(place, 10) for place in draw.permutation(80)[:24]]
        values = [rows[i] + columns[j] + draw.normal(0, noise) for i, j in pairs]
        sample = Sample.of(values, [str(i) for i, _ in pairs], [str(j) for _, j in pairs])
        low, high = estimate(sample, resamples=400).interval
        hits += low <= 0 <= high
    assert hits / runs >= 0.93


def test_too_few_pictures_say_nothing():
    for sample in (one_way([1.0, 1.1]), Sample.of([1, 2, 3, 4], "aabb", "wxyz"), one_way([])):
        assert estimate(sample).interval == (-math.inf, math.inf)
        assert decision(estimate(sample), 0.1).p == 1


def test_the_same_sample_has_the_same_interval():
    sample = one_way([0.2, 0.9, 0.4, 0.7])
    assert estimate(sample) == estimate(sample)


@pytest.mark.parametrize(
    ("effect", "delta", "equivalent", "word"),
    [
        (0.5, 0.2, False, "holds"),
        (-0.5, 0.2, False, "fails"),  # on the wrong side
        (0.02, 0.2, False, "fails"),  # too small to matter
        (0.02, 0.2, True, "holds"),
        (0.5, 0.2, True, "fails"),
        (-0.5, 0.2, True, "fails"),
    ],
)
def test_what_an_estimate_decides(effect, delta, equivalent, word):
    found = decision(Estimate(effect, 0.04, 20), delta, equivalent)
    assert found.word == word and found.p < 0.01
    assert decision(Estimate(effect, 1.0, 20), delta, equivalent).p > 0.3
    assert decision(Estimate(effect, 0.0, 20), delta, equivalent).p == 0


def test_equivalence_is_two_one_sided_tests():
    found = Estimate(0.1, 0.05, 9)
    one, other = (stats.t.sf((0.2 - sign * 0.1) / 0.05, 9) for sign in (1, -1))
    assert decision(found, 0.2, True).p == pytest.approx(2 * max(one, other))


def test_holm():
    """Holm 1979, by hand: 0.01 x 3, then 0.02 x 2, then 0.03, and none below the one before."""
    assert holm({"a": 0.03, "b": 0.01, "c": 0.02}) == pytest.approx(
        {"b": 0.03, "c": 0.04, "a": 0.04}
    )
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}
