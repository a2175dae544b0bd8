"""Values on the command line: read, checked, and refused in one sentence."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence

from ..suggest import nearest

LayerWeight = tuple[str, float | None]
"""A layer and the weight that it was given, if any."""

NO_LAYERS = "none"


def positive(text: str) -> float:
    """A number above zero: 0.001, 1e-3."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"needs a number above 0, such as 1e-3, not '{text}'")
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ArgumentTypeError(f"needs a whole number from {low} to {high}, not '{text}'")
        return value

    return read


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """One of ``names``, in small or large letters."""

    def read(text: str) -> str:
        if text.lower() not in names:
            raise ArgumentTypeError(f"there is no '{text}'{nearest(text, names)}")
        return text.lower()

    return read


def layers(text: str) -> list[LayerWeight]:
    """``relu4_2``, ``relu2_2=0.5``, several with commas between, or ``none``.

    The names are checked later, when the network is known.
    """
    if text.strip().lower() == NO_LAYERS:
        return []
    return [_layer(part.strip()) for part in text.split(",") if part.strip()]


def layer_weights(given: Sequence[Sequence[LayerWeight]]) -> list[str] | dict[str, float]:
    """What a preset understands: names that share a weight of one, or weights by name.

    Raises:
        ArgumentTypeError: a layer is named twice.
    """
    pairs = [pair for group in given for pair in group]
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ArgumentTypeError(f"names {twice} twice")
    if all(weight is None for _, weight in pairs):
        return names
    return {name: 1.0 if weight is None else weight for name, weight in pairs}


def _layer(text: str) -> LayerWeight:
    name, equals, weight = text.partition("=")
    if not name.strip():
        raise ArgumentTypeError(f"needs a layer before the '=' in '{text}'")
    if not equals:
        return name, None
    value = _number(weight)
    if not 0 <= value < math.inf:
        raise ArgumentTypeError(f"needs a weight of 0 or more for {name}, not '{weight}'")
    return name.strip(), value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
