"""From numbers of many pictures to a verdict: intervals over photographs and artworks, Holm.

A table of pairs is crossed: each photograph meets several artworks and each artwork several
photographs, so pairs are not independent.  The bootstrap therefore draws photographs and artworks,
each with replacement, and a pair counts as often as both were drawn together (the pigeonhole
bootstrap, Owen 2007).  Its standard error goes into a t interval with as many degrees of freedom
as the smaller side allows, which with few pictures keeps what percentiles would promise and not
keep.

    pairs = Sample.of([0.9, 1.1, 0.8, 1.3], ["cat", "cat", "cup", "cup"], ["wave"] * 4)
    estimate(pairs).interval                # of the mean effect
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Word = Literal["holds", "fails", "undecided", "void"]
Key = TypeVar("Key", bound=Hashable)

LEVEL = 0.05
"""Of all tests and, as 1 - LEVEL, of intervals: two-sided."""

RESAMPLES = 4000
LEAST = 3
"""Fewer photographs, or fewer artworks where these vary, say nothing about others."""


@dataclass(frozen=True)
class Sample:
    """One number for each pair of a photograph and an artwork that were drawn together.

    Attributes:
        values: (n,).
        photographs, artworks: (n,) of counts from 0: which of them each value belongs to.
    """

    values: Array
    photographs: NDArray[np.intp]
    artworks: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        values: Sequence[float],
        photographs: Sequence[str],
        artworks: Sequence[str],
    ) -> Sample:
        """The sample of these pairs; several values of one pair, its seeds, count as their mean."""
        places: dict[tuple[str, str], list[float]] = {}
        for value, *pair in zip(values, photographs, artworks, strict=True):
            places.setdefault((pair[0], pair[1]), []).append(value)
        rows, columns = zip(*places) if places else ((), ())
        means = np.array([float(np.mean(each)) for each in places.values()])
        return cls(means, *(np.unique(side, return_inverse=True)[1] for side in (rows, columns)))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def levels(self) -> list[int]:
        """How many photographs and how many artworks, of those sides that vary at all."""
        sides = (int(side.max()) + 1 for side in (self.photographs, self.artworks) if len(side))
        return [count for count in sides if count > 1]


@dataclass(frozen=True)
class Estimate:
    """The mean effect and how well it is known.

    Attributes:
        effect: mean over the pairs.
        error: its standard error; infinite where too few pictures were drawn.
        degrees: of freedom of the t distribution.
    """

    effect: float
    error: float
    degrees: int

    @property
    def interval(self) -> tuple[float, float]:
        """From where to where the mean lies, at 95 %."""
        if not math.isfinite(self.error):
            return -math.inf, math.inf
        reach = float(stats.t.ppf(1 - LEVEL / 2, self.degrees)) * self.error
        return self.effect - reach, self.effect + reach

    def p_above(self, bound: float) -> float:
        """One-sided p-value of a mean at or below ``bound``."""
        if self.error == 0:
            return float(self.effect <= bound)
        if not math.isfinite(self.error):
            return 1.0
        return float(stats.t.sf((self.effect - bound) / self.error, self.degrees))

    def p_below(self, bound: float) -> float:
        """One-sided p-value of a mean at or above ``bound``."""
        return (-self).p_above(-bound)

    def __neg__(self) -> Estimate:
        """The estimate of the opposite effect."""
        return Estimate(-self.effect, self.error, self.degrees)


def estimate(sample: Sample, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The mean of a sample, its error from the bootstrap over photographs and artworks.

    A side on which all pairs are alike is not drawn.  The error is that of the bootstrap times
    sqrt(m / (m - 1)), m photographs or artworks, whichever are fewer: drawing from m pictures
    varies by so much less than drawing new ones.  With one side that varies this is the classical
    interval of a mean.
    """
    if not len(sample):
        return Estimate(math.nan, math.inf, 1)
    mean, fewest = float(sample.values.mean()), min(sample.levels, default=1)
    if fewest < LEAST:
        return Estimate(mean, math.inf, 1)
    generator = np.random.default_rng(seed)
    weights = np.ones((resamples, len(sample)))
    for side in (sample.photographs, sample.artworks):
        count = int(side.max()) + 1
        if count > 1:
            drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
            weights *= drawn[:, side]
    totals = weights.sum(axis=1)
    means = (weights[totals > 0] @ sample.values) / totals[totals > 0]
    error = float(means.std()) * math.sqrt(fewest / (fewest - 1))
    return Estimate(mean, 0.0 if error < 1e-12 * abs(mean) else error, fewest - 1)


@dataclass(frozen=True)
class Decision:
    """What an estimate says of a bound.

    Attributes:
        word: holds or fails; which of them it would be.
        p: two-sided p-value of the opposite.
    """

    word: Word
    p: float


def decision(found: Estimate, delta: float, equivalent: bool = False) -> Decision:
    """What is to be decided, before anything else is tested beside it.

    A claim holds if the mean effect is above ``delta``, the least difference that matters, and
    fails if it is below: on the wrong side, or too small to matter.  One that says "equivalent"
    holds if the mean lies within -delta and delta (two one-sided tests), and fails if it is
    beyond either.
    """
    if equivalent:
        inside = max(found.p_above(-delta), found.p_below(delta))
        outside = min(found.p_above(delta), found.p_below(-delta))
        options = (Decision("holds", inside), Decision("fails", outside))
    else:
        options = (
            Decision("holds", found.p_above(delta)),
            Decision("fails", found.p_below(delta)),
        )
    best = min(options, key=lambda option: option.p)
    return Decision(best.word, min(1.0, 2 * best.p))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Holm's adjusted p-values of a family: to be compared with the level as they are."""
    adjusted, highest = {}, 0.0
    for place, key in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[key]))
        adjusted[key] = highest
    return adjusted
