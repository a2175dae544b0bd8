"""Claims: what a source says, which numbers bear on it, and what they make of it.

A claim is a sentence and a contrast: how its numbers, by label, become one effect, positive where
the source is right.  Both stand in the paper's TOML, with the least effect that matters, before any
run that judges them.  A figure measures the numbers; many pairs of photographs and artworks make a
verdict of them, see :mod:`replicate.figure.verdicts`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator
from scipy import stats

from replicate.errors import ReplicateError
from replicate.strict import Strict, reason

Kind = Literal["claim", "ours"]
Unit = Literal["pair", "photograph", "artwork", "draw"]
Values = dict[str, float]

ALONE = "value"
"""Label of a number that stands alone."""

_SPELLINGS = {"psnr": "PSNR", "ssim": "SSIM", "lab": "Lab", "rgb": "RGB", "gram": "Gram"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Definition(Strict):
    """A claim as its paper's TOML has it: what is said, and what would show it.

    Attributes:
        text: what is claimed, in our words.
        source: where; the figure's source unless given.
        kind: ``claim`` of the source, or ``ours``: a finding that no source states.
        measure: what the numbers are, with their unit.
        ratio: the effect is the logarithm of the first number over the second, each the label of a
            number or a number itself; 0 is "alike".
        difference: the first number less the second, likewise.
        trend: Spearman's rank correlation of the numbers with a rising, or a falling, order.
        delta: the least effect that matters; of a ratio, the factor.
        equivalent: the claim says that the effect is no larger than ``delta``, either way.
        basis: where ``delta`` comes from.
        unit: what has to vary to test it: pairs, photographs or artworks alone, or, where none is
            given, what a seed draws.
        family: claims that are judged together; see :func:`replicate.measure.statistics.holm`.
        condition: without which a pair says nothing, for a reader; the figure checks it.
        canvas: longest side in pixels of the smallest panels that say anything of it.
        note: anything a reader should know beside it.
    """

    text: str
    source: str = ""
    kind: Kind = "claim"
    measure: str
    ratio: tuple[str | float, str | float] | None = None
    difference: tuple[str | float, str | float] | None = None
    trend: Literal["rising", "falling"] | None = None
    delta: float = Field(ge=0)
    equivalent: bool = False
    basis: str
    unit: Unit = "pair"
    family: str
    condition: str = ""
    canvas: int = 0
    note: str = ""

    @model_validator(mode="after")
    def _one_contrast(self) -> Definition:
        if sum(each is not None for each in (self.ratio, self.difference, self.trend)) != 1:
            raise ValueError("needs one of ratio, difference and trend")
        if self.ratio and (self.delta <= 0 or (self.equivalent and self.delta <= 1)):
            raise ValueError("delta of a ratio is a factor: above 0, of an equivalence above 1")
        return self

    @property
    def contrast(self) -> str:
        """Which of them: ``ratio``, ``difference`` or ``trend``."""
        return next(each for each in ("ratio", "difference", "trend") if getattr(self, each))

    @property
    def bound(self) -> float:
        """``delta`` in the effect's own unit."""
        return math.log(self.delta) if self.ratio else self.delta

    def with_delta(self, delta: float) -> Definition:
        """The same claim, asked for another least effect.

        Raises:
            ReplicateError: no effect of this kind can be so large or so small.
        """
        try:
            return Definition.model_validate({**self.model_dump(), "delta": delta})
        except ValidationError as error:
            raise ReplicateError(
                f"A delta of {delta:g} makes no sense here: {reason(error)}."
            ) from error

    def effect(self, values: Mapping[str, float]) -> float:
        """What the numbers say: positive where the source is right, NaN where they say nothing.

        Raises:
            LookupError: a label has no number.
        """
        if self.trend:
            places, series = range(len(values)), list(values.values())
            if len(series) < 2 or not np.isfinite(series).all() or len(set(series)) == 1:
                return math.nan
            rho = float(stats.spearmanr(places, series).statistic)
            return rho if self.trend == "rising" else -rho
        one, other = (
            values[each] if isinstance(each, str) else float(each)
            for each in self.ratio or self.difference or ()
        )
        if self.difference:
            return one - other
        return math.log(one / other) if one > 0 and other > 0 else math.nan

    def shown(self, effect: float) -> str:
        """An effect as a reader wants it: ``× 2.3``, ``+0.12``."""
        if not math.isfinite(effect):
            return "undefined"
        if self.ratio:
            return f"× {format_number(math.exp(effect))}"
        if self.trend:  # the ends of its interval may lie beyond what it can be
            effect = min(1.0, max(-1.0, effect))
        return ("+" if effect > 0 else "") + format_number(effect)

    @property
    def asked(self) -> str:
        """What must be seen: "within a factor of 1.25", "rank correlation with a rising order"."""
        bound = format_number(self.delta)
        if self.equivalent:
            return f"within a factor of {bound}" if self.ratio else f"within ±{bound}"
        if self.trend:
            return f"rank correlation with a {self.trend} order above {bound}"
        one, other = self.ratio or self.difference or ("", "")
        if self.difference and isinstance(other, float):
            return f"{_named(one)} above {format_number(other + self.delta)}"
        if self.difference and isinstance(one, float):
            return f"{_named(other)} below {format_number(one - self.delta)}"
        how = "over" if self.ratio else "less"
        return f"{_named(one)} {how} {_named(other)} above {bound}"


@dataclass(frozen=True)
class Claim:
    """What a figure measured for one of its claims, from its own pictures.

    Attributes:
        id: short name, unique within the figure.
        text, source, measure: as in :class:`Definition`.
        value: the numbers by label.
        note: anything a reader should know beside it.
        unmet: why these pictures say nothing of the claim; empty if they do.
    """

    id: str
    text: str
    source: str
    measure: str
    value: Values = field(default_factory=dict)
    note: str = ""
    unmet: str = ""

    @property
    def shown_value(self) -> str:
        """The numbers as a reader wants them: "conv1_2: 0.86 · conv5_2: 0.082"."""
        return format_value(self.value)

    @property
    def measured(self) -> str:
        """All that was measured, in sentences: "SSIM — 1.7. One photograph."."""
        parts = [f"{self.measure} — {self.shown_value}", self.note, self.unmet]
        return " ".join(_sentence(part) for part in parts if part)


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 claim", "2 claims"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_number(value: float) -> str:
    """Three significant digits: 0.0123, 23.0, 1234 or 1.23×10⁻⁵; "undefined" for NaN.

    A number that has no more than three digits, such as a bound, keeps just those: 0.1, 20.
    """
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exact = float(f"{value:.3g}") == value
    mantissa, power = _scientific(value)
    if -3 <= power < 5:
        text = f"{value:.10g}" if exact else f"{value:.{max(0, 2 - power)}f}"
        return text.replace("-", "−")
    text = f"{float(mantissa):g}" if exact else mantissa
    return f"{text}×{power_of_ten(power)}".replace("-", "−")


def power_of_ten(power: int) -> str:
    """``10⁻³``."""
    return f"10{str(power).translate(_SUPERSCRIPTS)}"


def format_value(values: Mapping[str, float]) -> str:
    """Numbers as one line of text, each beside its label: "conv1_1: 0.86 · conv5_1: 0.08"."""
    if list(values) == [ALONE]:
        return format_number(values[ALONE])
    return " · ".join(
        f"{readable(label)}: {format_number(number)}" for label, number in values.items()
    )


def readable(name: str) -> str:
    """A metric's name for readers: "edge correlation" for ``edge_correlation``.

    Anything that is no such name, a layer for instance, stays as it is.
    """
    words, _, layer = name.partition("/")
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", words):
        return name
    spelled = [_SPELLINGS.get(word, word) for word in words.split("_")]
    return " ".join([*spelled, layer]).rstrip()


def _named(entry: str | float) -> str:
    """A number of a contrast in a sentence."""
    if isinstance(entry, float):
        return format_number(entry)
    return "the value" if entry == ALONE else entry


def _sentence(text: str) -> str:
    """The text with a capital letter at its beginning and a full stop at its end."""
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _scientific(value: float) -> tuple[str, int]:
    mantissa, power = f"{value:.2e}".split("e")
    return mantissa, int(power)
