"""Choosing weights at which pictures match in one number."""

from __future__ import annotations

import pytest

from replicate.measure.matching import STEEPEST, TOLERANCE, TRIES, crossing, matched, next_weight


class Drawing:
    """Measures that go as a power of the weight, and remember what was asked of them together."""

    def __init__(self, power: float, bend: float = 0.0):
        self.power, self.bend = power, bend
        self.asked: list[dict[str, float]] = []

    def at(self, weight: float) -> float:
        return weight**self.power * (1 + self.bend * weight)

    def __call__(self, weights: dict[str, float]) -> dict[str, float]:
        self.asked.append(weights)
        return {key: self.at(weight) for key, weight in weights.items()}

    def match(self, target: float, *weights: float) -> float:
        curve = {weight: self.at(weight) for weight in weights}
        return matched({"a": target}, self, {"a": curve})["a"]


@pytest.mark.parametrize(("power", "bend"), [(1.0, 0.0), (-0.5, 0.0), (1.0, 3.0), (2.0, 0.3)])
def test_a_match_is_found_between_the_points_of_a_curve(power, bend):
    drawing = Drawing(power, bend)
    target = drawing.at(0.4)
    weight = drawing.match(target, 0.01, 0.1, 1.0, 10.0)
    assert drawing.at(weight) / target == pytest.approx(1, abs=TOLERANCE)
    assert 1 <= len(drawing.asked) <= TRIES
    assert weight == float(f"{weight:.2e}")


@pytest.mark.parametrize(
    ("target", "nearest"), [(1e-9, 0.1), (1e9, 10.0), (1 + TOLERANCE / 2, 1.0)]
)
def test_nothing_is_drawn_beyond_a_curve_nor_where_a_point_matches(target, nearest):
    drawing = Drawing(1.0)
    assert drawing.match(target, 10.0, 0.1, 1.0) == nearest
    assert drawing.asked == []


def test_a_curve_that_turns_back_is_crossed_at_the_smallest_weight():
    assert crossing({1.0: 1.0, 2.0: 4.0, 4.0: 1.0}, 2.0) == pytest.approx(1.41)
    assert crossing({1.0: 1.0, 2.0: 1.0}, 1.0) is None


def test_a_jump_is_not_chased_for_ever():
    assert next_weight({0.999: 1.0, 1.0: 100.0}, 10.0) is None  # three digits find no new one


@pytest.mark.parametrize("power", [1 / 1.5, -1 / 1.5, -1 / 3, -1 / 6])
@pytest.mark.parametrize("target", [0.6, 1.0, 1.5])
def test_without_a_curve_the_search_goes_on_along_a_power_law(power, target):
    drawing = Drawing(power)
    weight = matched({"a": target}, drawing, exponent=3.0 if power > 0 else -3.0)["a"]
    assert drawing.asked[0] == {"a": 1.0} and len(drawing.asked) <= TRIES
    assert drawing.at(weight) / target == pytest.approx(1, abs=TOLERANCE)


def test_the_search_takes_no_leap_nor_the_word_of_an_odd_curve():
    assert next_weight({1.0: 2.0, 10.0: 0.5}, 1.0, -3.0) == 3.16  # between them it needs no law
    assert next_weight({1.0: 100.0}, 1.0, -3.0) == STEEPEST
    assert next_weight({1.0: 0.01}, 1.0, -3.0) == 1 / STEEPEST
    for odd in (2.0, 2.2):  # flat, or of the other sign than usual
        assert next_weight({1.0: 2.0, 2.0: odd}, 0.5, -1.0) == 4.0


def test_keys_are_drawn_together_until_each_matches():
    drawing = Drawing(1.0)
    found = matched({"a": 1.0, "b": 3.0, "c": 5.0}, drawing, exponent=1.0)
    assert found == {"a": 1.0, "b": 3.0, "c": 5.0}
    assert drawing.asked == [{"a": 1.0, "b": 1.0, "c": 1.0}, {"b": 3.0, "c": 5.0}]
