"""Choosing weights so that pictures match in one number: the fair way to compare layers.

A change of layers at fixed weights also moves the balance between content and style.  So a figure
searches the weight at which some measure of a picture equals that of the picture beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

TOLERANCE = 0.02
"""A measure that is off by no more than this share counts as matched; in a preview by more."""

TRIES = 5
"""Drawings at most that a match may take."""

STEEPEST = 10.0
"""Largest factor of one step beyond the weights tried, and largest exponent read off a curve."""

Curve = Mapping[float, float]
"""Weight to measure, both above 0."""

Key = TypeVar("Key", bound=Hashable)


def matched(
    targets: Mapping[Key, float],
    measure: Callable[[dict[Key, float]], Mapping[Key, float]],
    curves: Mapping[Key, Curve] | None = None,
    exponent: float | None = None,
    tolerance: float = TOLERANCE,
) -> dict[Key, float]:
    """For each key the weight at which its measure comes nearest to its target.

    All keys go forward together, so that their drawings can share a batch, :data:`TRIES` times at
    most; see :func:`next_weight` for the steps.

    Args:
        measure: draws each of these keys at its weight, and measures the pictures.
        curves: what is known before; a key without any begins with weight 1.
        exponent, tolerance: see :func:`next_weight`.
    """
    known = {key: dict((curves or {}).get(key, {})) for key in targets}
    for _ in range(TRIES):
        steps = {key: next_weight(known[key], targets[key], exponent, tolerance) for key in targets}
        wanted = {key: weight for key, weight in steps.items() if weight is not None}
        if not wanted:
            break
        for key, value in measure(wanted).items():
            known[key][wanted[key]] = value
    return {key: _nearest(known[key], target) for key, target in targets.items()}


def next_weight(
    curve: Curve, target: float, exponent: float | None = None, tolerance: float = TOLERANCE
) -> float | None:
    """The weight to try next; None where one of the curve matches, or none can come nearer.

    Between two weights around the target it interpolates.  Beyond the curve's ends it goes on
    along a power law, by no more than :data:`STEEPEST` times, if ``exponent`` is given.  Three
    digits, so that jobs are the same everywhere.

    Args:
        exponent: the weight goes about as this power of the measure, unless the curve says more;
            None stays within the weights tried.
        tolerance: a measure that is off by no more than this share counts as matched.
    """
    if not curve:
        return 1.0
    nearest = _nearest(curve, target)
    if abs(math.log(curve[nearest] / target)) <= math.log(1 + tolerance):
        return None
    weight = crossing(curve, target)
    if weight is None and exponent is not None:
        step = (target / curve[nearest]) ** _exponent(curve, exponent)
        weight = _rounded(nearest * min(STEEPEST, max(1 / STEEPEST, step)))
    return None if weight in curve else weight


def crossing(curve: Curve, target: float) -> float | None:
    """The smallest weight at which the curve, straight between its points in logarithms, passes
    the target; None if it never does.
    """
    weights = sorted(curve)
    for low, high in zip(weights, weights[1:]):
        below, above = math.log(curve[low] / target), math.log(curve[high] / target)
        if below == above or below * above > 0:
            continue
        return _rounded(low * (high / low) ** (below / (below - above)))
    return None


def _exponent(curve: Curve, usual: float) -> float:
    """k in weight ~ measure^k, from the ends of the curve; ``usual`` if they say another sign."""
    low, high = min(curve), max(curve)
    rise = math.log(curve[high] / curve[low])
    if rise * usual <= 0:
        return usual
    return math.copysign(min(STEEPEST, math.log(high / low) / abs(rise)), usual)


def _nearest(curve: Curve, target: float) -> float:
    return min(sorted(curve), key=lambda weight: abs(math.log(curve[weight] / target)))


def _rounded(weight: float) -> float:
    return float(f"{weight:.2e}")
