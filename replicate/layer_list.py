"""Layers written in a line: ``relu1_1=0.5,relu2_1``, or ``none``.

The command line, links and the demo's fields read and write them so.  Names are checked later,
when the network is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

LayerWeight = tuple[str, float | None]
"""A layer and the weight that it was given, if any."""

NO_LAYERS = "none"


def parse_layers(text: str) -> list[LayerWeight]:
    """``relu4_2``, ``relu2_2=0.5``, several with commas between, or ``none``.

    Raises:
        ValueError: no name or no weight where one belongs; the text goes on where a sentence has
            named the list ("needs a layer before ...").
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError(f"needs a layer, or '{NO_LAYERS}'")
    if NO_LAYERS not in map(str.lower, parts):
        return [_layer(part) for part in parts]
    if len(parts) > 1:
        raise ValueError(f"takes '{NO_LAYERS}' alone, not beside other layers")
    return []


def layer_weights(pairs: Sequence[LayerWeight]) -> list[str] | dict[str, float]:
    """What a preset understands: names that share a weight of one, or weights by name.

    Raises:
        ValueError: a layer is named twice; the text as of :func:`parse_layers`.
    """
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"names {twice} twice")
    if all(weight is None for _, weight in pairs):
        return names
    return {name: 1.0 if weight is None else weight for name, weight in pairs}


def format_layers(weights: Mapping[str, float]) -> str:
    """``relu1_1=0.2,relu2_1=0.2``, or ``none``: what :func:`parse_layers` reads."""
    return ",".join(f"{name}={weight:.12g}" for name, weight in weights.items()) or NO_LAYERS


def _layer(text: str) -> LayerWeight:
    name, equals, weight = text.partition("=")
    if not name.strip():
        raise ValueError(f"needs a layer before the '=' in '{text}'")
    if not equals:
        return name, None
    try:
        value = float(weight)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"needs a weight of 0 or more for {name}, not '{weight}'")
    return name.strip(), value
