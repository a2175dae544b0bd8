"""Style statistics: what of a picture's features a style term compares.

All of them are averages over positions, so none sees where something is, and pictures of any size
compare.  They differ in how much they keep of how the features are distributed: their means, their
means and standard deviations, or all products of two channels, of one layer or of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..networks.features import FeatureMap
from .preset import StyleStatistic

VARIANCE_FLOOR = 1e-5
"""Added to variances, as batch normalisation does: the root of nothing has no gradient."""


@dataclass(frozen=True)
class Measured:
    """A statistic of the pictures of a batch.

    Attributes:
        values: (B, ...) float32, in which squared distances equal those of the wide statistic.
        entries: what a mean over the statistic divides by: N^2 for a Gram matrix.
        positions: M, over which the features were averaged.
    """

    values: Tensor
    entries: int
    positions: int


def gram(features: FeatureMap) -> Measured:
    """The Gram matrix (Gatys et al. 2016, eq. 3)."""
    return Measured(features.gram(), features.channels**2, features.positions)


def chain(shallow: FeatureMap, deep: FeatureMap) -> Measured:
    """The Gram matrix between two neighbouring layers, G^{l,l-1} (Novak & Nikulin 2016, sec. 3.5).

    The deeper map is enlarged to the shallower one's size, each value repeated.
    """
    entries = shallow.channels * deep.channels
    return Measured(shallow.cross_gram(deep), entries, shallow.positions)


def mean(features: FeatureMap) -> Measured:
    """The mean of each channel (Li et al. 2017: the linear kernel)."""
    return Measured(features.means(), features.channels, features.positions)


def mean_std(features: FeatureMap) -> Measured:
    """Mean and standard deviation of each channel (Li et al. 2017: batch statistics).

    As in the paper's code, the sum of both is divided by N, not by 2 N.
    """
    deviations = (features.variances() + VARIANCE_FLOOR).sqrt()
    values = torch.stack([features.means(), deviations], dim=1)
    return Measured(values, features.channels, features.positions)


@dataclass(frozen=True)
class Statistic:
    """A statistic of given layers.

    Attributes:
        measure: one of the functions above.
        layers: whose feature maps it takes, from shallow to deep.
        shift: s, added to all features first (Novak & Nikulin 2016, sec. 3.3).
    """

    measure: Callable[..., Measured]
    layers: tuple[str, ...]
    shift: float = 0.0

    def __call__(self, maps: Mapping[str, FeatureMap]) -> Measured:
        return self.measure(*(maps[layer].shifted(self.shift) for layer in self.layers))


def style_statistics(
    kind: StyleStatistic, layers: Sequence[str], shift: float = 0.0
) -> dict[str, Statistic]:
    """What the style terms at ``layers``, from shallow to deep, compare.

    A chain has a term for every layer but the first, which it joins to the one before it.
    """
    if kind == "chain":
        return {
            deep: Statistic(chain, (shallow, deep), shift) for shallow, deep in pairwise(layers)
        }
    measure = {"gram": gram, "mean": mean, "mean_std": mean_std}[kind]
    return {layer: Statistic(measure, (layer,), shift) for layer in layers}
