"""The evaluation set."""

from collections import Counter

import pytest

from replicate.images import bundled_names, paper_image_keys
from replicate.images.evaluation import PAINTINGS, PAPER_PHOTOGRAPHS, PHOTOGRAPHS, pairs


@pytest.mark.parametrize("inputs", ["bundled", "paper"])
def test_pairs_are_a_fair_draw_of_which_the_first_few_are_one_too(inputs):
    drawn = pairs(inputs)
    firsts = drawn[:24]
    assert len(set(drawn)) == len(drawn) == 40 and {pair.seed for pair in firsts} == {0}
    for role in ("content", "style"):
        for few in range(1, 25):
            counts = Counter(getattr(pair, role) for pair in firsts[:few])
            assert max(counts.values()) - min(counts.values()) <= 1
            most = len({getattr(pair, role) for pair in firsts})
            assert len(counts) == min(few, most)
    assert len({pair.content for pair in firsts}) == 8
    repeated = Counter((pair.content, pair.style) for pair in drawn)
    assert sorted(repeated.values()) == [1] * 20 + [5] * 4
    assert drawn == pairs(inputs)


@pytest.mark.parametrize(
    ("inputs", "first"),
    [
        ("bundled", [("pagoda", "hatching"), ("rocket", "wash")]),
        ("paper", [("dancing", "udnie"), ("god_statue", "the_muse")]),
    ],
)
def test_the_draw_is_the_one_that_claims_are_judged_over(inputs, first):
    assert [(pair.content, pair.style) for pair in pairs(inputs)[:2]] == first


def test_every_name_is_known():
    names = bundled_names()
    assert set(PHOTOGRAPHS) <= set(names["photographs"])
    assert {pair.style for pair in pairs("bundled")} == set(names["artworks"])
    assert {*PAPER_PHOTOGRAPHS, *PAINTINGS} <= set(paper_image_keys())
