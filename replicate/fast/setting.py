"""What is asked of the mixer: a style, a weight for each style layer, a content layer, a ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..errors import ReplicateError
from ..suggest import nearest

HOLDS = {
    "relu1_1": "colours and grain",
    "relu2_1": "short strokes",
    "relu3_1": "strokes and small shapes",
    "relu4_1": "motifs",
    "relu5_1": "how motifs lie together",
}
"""What each style layer brings, in a few words."""

STYLE_LAYERS = tuple(HOLDS)
CONTENT_LAYERS = ("relu2_2", "relu3_3", "relu4_2")
RATIOS = (0.03, 3.0)
"""Smallest and largest alpha/beta, of losses in units (:class:`replicate.fast.goal.Units`)."""

FAINT = 1e-3
"""A weight next to nothing, where the logarithm of weights ends."""


@dataclass(frozen=True)
class Setting:
    """One wish.

    Attributes:
        style: name of an artwork that the mixer knows.
        layers: weight from 0 to 1 of each of :data:`STYLE_LAYERS`; those not named weigh nothing.
        content: one of :data:`CONTENT_LAYERS`.
        ratio: alpha/beta.
    """

    style: str
    layers: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(STYLE_LAYERS, 1.0))
    content: str = "relu4_2"
    ratio: float = 0.3

    def checked(self, styles: Sequence[str]) -> Setting:
        """This setting.

        Raises:
            ReplicateError: a name is not known, a number out of range, or every weight zero.
        """
        if self.style not in styles:
            raise ReplicateError(f"There is no style '{self.style}'{nearest(self.style, styles)}")
        for layer, weight in self.layers.items():
            if layer not in STYLE_LAYERS:
                known = nearest(layer, STYLE_LAYERS)
                raise ReplicateError(f"The mixer has no style layer '{layer}'{known}")
            if not 0 <= weight <= 1:
                raise ReplicateError(f"The weight of {layer} is from 0 to 1, not {weight:g}.")
        if not any(self.layers.values()):
            raise ReplicateError("Every layer's weight is zero: give one layer a weight.")
        if self.content not in CONTENT_LAYERS:
            known = nearest(self.content, CONTENT_LAYERS)
            raise ReplicateError(f"The mixer has no content layer '{self.content}'{known}")
        low, high = RATIOS
        if not low <= self.ratio <= high:
            raise ReplicateError(f"The ratio is from {low:g} to {high:g}, not {self.ratio:g}.")
        return self

    def weight(self, layer: str) -> float:
        return float(self.layers.get(layer, 0.0))


def conditions(settings: Sequence[Setting], styles: Sequence[str]) -> Tensor:
    """(B, S + 3 + 10 + 1): one of S styles, one of 3 content layers, each weight and its
    logarithm, and the logarithm of the ratio; all within [-1, 1]."""
    rows = []
    for setting in settings:
        weights = [setting.weight(layer) for layer in STYLE_LAYERS]
        low, high = map(math.log, RATIOS)
        rows.append(
            [float(setting.style == style) for style in styles]
            + [float(setting.content == layer) for layer in CONTENT_LAYERS]
            + weights
            + [1 - math.log(max(weight, FAINT)) / math.log(FAINT) for weight in weights]
            + [2 * (math.log(setting.ratio) - low) / (high - low) - 1]
        )
    return torch.tensor(rows)


def length(styles: Sequence[str]) -> int:
    """Of a row of :func:`conditions`."""
    return len(styles) + len(CONTENT_LAYERS) + 2 * len(STYLE_LAYERS) + 1


def drawn(rng: np.random.Generator, styles: Sequence[str]) -> Setting:
    """A random setting, as visitors ask for them: all layers alike, one layer alone, or some of
    them at weights spread over two decades; the ratio spread evenly over its logarithm."""
    kind = rng.random()
    if kind < 0.2:
        weights = np.ones(len(STYLE_LAYERS))
    elif kind < 0.45:
        weights = np.eye(len(STYLE_LAYERS))[rng.integers(len(STYLE_LAYERS))]
    else:
        weights = 10 ** rng.uniform(-2, 0, len(STYLE_LAYERS))
        weights *= rng.random(len(STYLE_LAYERS)) < 0.6
        weights[rng.integers(len(STYLE_LAYERS))] = 1.0
    low, high = np.log(RATIOS)
    return Setting(
        style=str(rng.choice(list(styles))),
        layers=dict(zip(STYLE_LAYERS, map(float, weights), strict=True)),
        content=str(rng.choice(list(CONTENT_LAYERS))),
        ratio=float(np.exp(rng.uniform(low, high))),
    )
