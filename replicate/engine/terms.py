"""From jobs to the method's terms."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..method import Statistic
from .preset import StyleStatistic


def style_statistics(
    kind: StyleStatistic, layers: Sequence[str], shift: float = 0.0
) -> dict[str, Statistic]:
    """What the style terms at ``layers``, from shallow to deep, compare.

    A chain has a term for every layer but the first, which it joins to the one before it.
    """
    if kind == "chain":
        return {deep: Statistic(kind, (near, deep), shift) for near, deep in pairwise(layers)}
    return {layer: Statistic(kind, (layer,), shift) for layer in layers}
