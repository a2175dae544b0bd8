"""Choosing a weight so that two pictures match in one number: the fair way to compare layers.

A change of layers at fixed weights also moves the balance between content and style.  So a
figure draws one set of layers at several weights, and then at the weight at which some measure
equals that of the other set's picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping

from ..figure.claims import Claim, within

TOLERANCE = 0.05
"""A measure that is off by no more than this share counts as matched."""

TRIES = 3
"""Drawings at most that a match may take."""


def matched(
    curve: MutableMapping[float, float], target: float, measure: Callable[[float], float]
) -> float:
    """The weight at which ``measure`` comes nearest to ``target``.

    Interpolates between the weights around the target, measures there, and again if it is not
    within :data:`TOLERANCE`.  A target beyond the ends of the curve is answered with the nearer
    end: nothing is extrapolated.

    Args:
        curve: weight to measure, both above 0; what is measured here is added.
        measure: draws at a weight and measures the picture.
    """

    def off(weight: float) -> float:
        return abs(math.log(curve[weight] / target))

    for _ in range(TRIES):
        weight = crossing(curve, target)
        if weight is None or min(map(off, curve)) <= math.log(1 + TOLERANCE):
            break
        if weight in curve:  # the curve is too steep for three digits
            break
        curve[weight] = measure(weight)
    return min(sorted(curve), key=off)


def crossing(curve: Mapping[float, float], target: float) -> float | None:
    """The smallest weight at which the curve, straight between its points in logarithms, passes
    the target; None if it never does.  Three digits, so that jobs are the same everywhere.
    """
    weights = sorted(curve)
    for low, high in zip(weights, weights[1:]):
        below, above = math.log(curve[low] / target), math.log(curve[high] / target)
        if below == above or below * above > 0:
            continue
        share = below / (below - above)
        return float(f"{low * (high / low) ** share:.2e}")
    return None


def match_claim(text: str, measure: str, value: float) -> Claim:
    """Whether the comparison is fair: the measure of one picture over that of the other."""
    return within(
        "matched",
        text,
        "the condition of the comparison, not a claim of the source",
        measure,
        value,
        1 - TOLERANCE,
        1 + TOLERANCE,
        basis="our bound: 5 %",
    )
