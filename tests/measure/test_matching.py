"""Choosing a weight at which two pictures match in one number."""

from __future__ import annotations

import pytest

from replicate.measure.matching import TOLERANCE, TRIES, crossing, match_claim, matched


class Drawing:
    """A measure that remembers at which weights it was asked for."""

    def __init__(self, power: float, bend: float = 0.0):
        self.power, self.bend = power, bend
        self.asked: list[float] = []

    def at(self, weight: float) -> float:
        return weight**self.power * (1 + self.bend * weight)

    def __call__(self, weight: float) -> float:
        self.asked.append(weight)
        return self.at(weight)

    def curve(self, *weights: float) -> dict[float, float]:
        return {weight: self.at(weight) for weight in weights}


@pytest.mark.parametrize(("power", "bend"), [(1.0, 0.0), (-0.5, 0.0), (1.0, 3.0), (2.0, 0.3)])
def test_a_match_is_found_between_the_points_of_a_curve(power: float, bend: float) -> None:
    drawing = Drawing(power, bend)
    curve = drawing.curve(0.01, 0.1, 1.0, 10.0)
    target = drawing.at(0.4)
    weight = matched(curve, target, drawing)
    assert 0.1 < weight < 1
    assert drawing.at(weight) / target == pytest.approx(1, abs=TOLERANCE)
    assert 1 <= len(drawing.asked) <= TRIES
    assert weight in curve and set(drawing.asked) <= set(curve)


def test_a_straight_curve_needs_one_drawing() -> None:
    drawing = Drawing(1.0)
    assert matched(drawing.curve(0.01, 1.0), 0.123, drawing) == pytest.approx(0.123)
    assert drawing.asked == [0.123]


def test_weights_have_three_digits() -> None:
    assert crossing({0.001: 0.001, 10.0: 10.0}, 0.123456) == 0.123


@pytest.mark.parametrize(("target", "nearest"), [(1e-9, 0.1), (1e9, 10.0)])
def test_nothing_is_drawn_for_a_target_beyond_the_curve(target: float, nearest: float) -> None:
    drawing = Drawing(1.0)
    assert matched(drawing.curve(10.0, 0.1, 1.0), target, drawing) == nearest
    assert drawing.asked == []


def test_nothing_is_drawn_where_a_point_matches_already() -> None:
    drawing = Drawing(1.0)
    assert matched(drawing.curve(0.1, 1.0, 10.0), 1 + TOLERANCE / 2, drawing) == 1.0
    assert drawing.asked == []


def test_a_curve_that_turns_back_is_crossed_at_the_smallest_weight() -> None:
    assert crossing({1.0: 1.0, 2.0: 4.0, 4.0: 1.0}, 2.0) == pytest.approx(1.41)
    assert crossing({1.0: 1.0, 2.0: 1.0}, 1.0) is None


def test_a_jump_is_not_chased_for_ever() -> None:
    def jump(weight: float) -> float:
        return 1.0 if weight < 0.5 else 100.0

    curve = {0.1: 1.0, 1.0: 100.0}
    assert matched(curve, 10.0, jump) in curve
    assert len(curve) <= 2 + TRIES


@pytest.mark.parametrize(
    ("value", "holds"), [(1.0, True), (0.96, True), (1.06, False), (0.9, False)]
)
def test_a_match_is_five_percent(value: float, holds: bool) -> None:
    assert match_claim("", "", value).holds is holds
