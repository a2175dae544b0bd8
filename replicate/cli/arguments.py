"""Values on the command line: read, checked, and refused in one sentence."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence

from ..suggest import nearest


def positive(text: str) -> float:
    """A number above zero: 0.001, 1e-3."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"needs a number above 0, such as 1e-3, not '{text}'")
    return value


def number(text: str) -> float:
    """A number that is not negative: 0, 0.1."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise ArgumentTypeError(f"needs a number of 0 or more, such as 0.1, not '{text}'")
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


def weighted(text: str) -> tuple[str, float]:
    """A name with its weight, ``waves.jpg=0.5``; without one it weighs 1."""
    name, _, weight = text.rpartition("=")
    return (text, 1.0) if not name or math.isnan(_number(weight)) else (name, positive(weight))


def shard(text: str) -> tuple[int, int]:
    """One of several parts: ``2/4`` is the second of four."""
    part, _, parts = text.partition("/")
    if part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts):
        return int(part), int(parts)
    raise ArgumentTypeError(f"needs a part and how many there are, such as 2/4, not '{text}'")


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """One of ``names``, in small or large letters."""

    def read(text: str) -> str:
        if text.lower() not in names:
            raise ArgumentTypeError(f"there is no '{text}'{nearest(text, names)}")
        return text.lower()

    return read


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
