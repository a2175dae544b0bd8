"""Claims: what a source says of its figure, what was measured on ours, and whether it holds.

A claim is a sentence and one check or several.  A check is what one of the functions here makes of
measured values and a bound, so a verdict is always computed and never typed.  Values that are NaN
or infinite fail, whatever the bound; a value that meets a bound exactly holds.

    Claim.of("order", "Reconstructions lose detail with depth", "Gatys et al. 2016, Fig. 1",
             [ordered("SSIM", {"conv1_2": 0.86, "conv3_2": 0.77, "conv5_2": 0.08})],
             measure="SSIM to the photograph")
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

Verdict = Literal["holds", "fails"]
Direction = Literal["decreasing", "increasing"]
Order = Literal["decreasing", "increasing", "decreasing or equal", "increasing or equal"]
Value = float | list[float] | dict[str, float]
Measured = float | Sequence[float] | Mapping[str, float]

_SPELLINGS = {"psnr": "PSNR", "ssim": "SSIM", "lab": "Lab", "rgb": "RGB", "gram": "Gram"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Check:
    """Measured values against what they must do.

    Attributes:
        measure: what the values are, with their unit.
        value: what was measured, beside its labels where there are several.
        threshold: what the values must do, and in brackets where that bound comes from.
        holds: whether they do.
    """

    measure: str
    value: Value
    threshold: str
    holds: bool

    @property
    def labelled(self) -> dict[str, float]:
        """The values beside their names in a joint claim: "measure: label"."""
        if isinstance(self.value, dict):
            return {f"{self.measure}: {label}": each for label, each in self.value.items()}
        if isinstance(self.value, list):
            return {f"{self.measure} {place}": each for place, each in enumerate(self.value, 1)}
        return {self.measure: self.value}


@dataclass(frozen=True)
class Claim:
    """One sentence of a source, put to the test.

    Attributes:
        id: short name, unique within the figure.
        text: the claim in our words.
        source: where it is made, such as "Gatys et al. 2016, Fig. 1".
        measure, value, threshold: as in :class:`Check`.
        verdict: "holds" or "fails".
        note: anything a reader should know beside it.
    """

    id: str
    text: str
    source: str
    measure: str
    value: Value
    threshold: str
    verdict: Verdict
    note: str = ""

    @classmethod
    def of(
        cls,
        id: str,
        text: str,
        source: str,
        checks: Sequence[Check],
        measure: str = "",
        note: str = "",
    ) -> Claim:
        """The claim that holds if every check does.

        Of several checks, the values stand side by side under their measures, and the note names
        those that fail.

        Args:
            measure: what was measured in all; the checks' own measures unless given.

        Raises:
            ValueError: no check, or two checks of one measure.
        """
        names = [check.measure for check in checks]
        if not checks or len(set(names)) < len(names):
            raise ValueError(f"Claim '{id}' needs checks, each with a measure of its own.")
        failing = [readable(check.measure) for check in checks if not check.holds]
        alone = len(checks) == 1
        fails_on = f"fails on {' and '.join(failing)}" if failing and not alone else ""
        return cls(
            id=id,
            text=text,
            source=source,
            measure=measure or (names[0] if alone else "; ".join(map(readable, names))),
            value=checks[0].value if alone else _side_by_side(checks),
            threshold=checks[0].threshold if alone else _joint_threshold(checks),
            verdict="fails" if failing else "holds",
            note="; ".join(filter(None, [fails_on, note])),
        )

    @property
    def holds(self) -> bool:
        return self.verdict == "holds"

    @property
    def shown_value(self) -> str:
        """The measured values as a reader wants them: "conv1_2: 0.86 · conv5_2: 0.082"."""
        return format_value(self.value)

    @property
    def condition(self) -> str:
        """What the values must do, and the note: "Holds if ≥ 1.5. One photograph."."""
        parts = [f"Holds if {self.threshold}", self.note]
        return " ".join(_sentence(part) for part in parts if part)

    @property
    def measured(self) -> str:
        """All that was measured, in sentences: "SSIM — 1.7. Holds if ≥ 1.5."."""
        return f"{_sentence(f'{self.measure} — {self.shown_value}')} {self.condition}"


def at_least(measure: str, value: Measured, bound: float, basis: str = "") -> Check:
    """The value, or each of the values, is ``bound`` or more.

    Args:
        basis: where the bound comes from, for a reader; here and below.
    """
    holds = all(each >= bound for each in _numbers(value))
    return _check(measure, value, _for_each(value, f"≥ {format_number(bound)}"), basis, holds)


def at_most(measure: str, value: Measured, bound: float, basis: str = "") -> Check:
    """The value, or each of the values, is ``bound`` or less."""
    holds = all(each <= bound for each in _numbers(value))
    return _check(measure, value, _for_each(value, f"≤ {format_number(bound)}"), basis, holds)


def within(measure: str, value: Measured, low: float, high: float, basis: str = "") -> Check:
    """The value, or each of the values, lies from ``low`` to ``high``, both included."""
    if not low <= high:
        raise ValueError(f"{measure}: no value lies from {low} to {high}.")
    holds = all(low <= each <= high for each in _numbers(value))
    threshold = _for_each(value, f"from {format_number(low)} to {format_number(high)}")
    return _check(measure, value, threshold, basis, holds)


def ordered(
    measure: str,
    values: Mapping[str, float],
    direction: Direction = "decreasing",
    *,
    strict: bool = True,
    basis: str = "",
) -> Check:
    """The values, two or more, in the order given, fall (or rise).

    Args:
        strict: equal neighbours fail.
    """
    series = _numbers(values)
    if len(series) < 2:
        raise ValueError(f"{measure}: two or more values can be in order.")
    if direction not in ("decreasing", "increasing"):
        raise ValueError(f"{measure}: the direction is decreasing or increasing.")
    falling = series if direction == "decreasing" else [-value for value in series]
    steps = zip(falling, falling[1:], strict=False)
    if strict:
        holds = all(late < early for early, late in steps)
    else:
        holds = all(late <= early for early, late in steps)
    threshold = f"strictly {direction}" if strict else f"{direction} or equal"
    return _check(measure, values, threshold, basis, holds)


def largest(measure: str, values: Mapping[str, float], label: str, basis: str = "") -> Check:
    """The value of ``label`` is larger than every other one."""
    chosen, others = _apart(measure, values, label)
    holds = all(chosen > each for each in others)
    return _check(measure, values, f"largest for {label}", basis, holds)


def smallest(measure: str, values: Mapping[str, float], label: str, basis: str = "") -> Check:
    """The value of ``label`` is smaller than every other one."""
    chosen, others = _apart(measure, values, label)
    holds = all(chosen < each for each in others)
    return _check(measure, values, f"smallest for {label}", basis, holds)


def bounded(measure: str, value: Measured, kind: str, bound: Any, basis: str = "") -> Check:
    """The check of a kind: ``at_least``, ``at_most``, ``within``, ``order``, ``largest`` or
    ``smallest``, with what that kind asks for.
    """
    match kind, value:
        case "at_least", _:
            return at_least(measure, value, bound, basis)
        case "at_most", _:
            return at_most(measure, value, bound, basis)
        case "within", _:
            low, high = bound
            return within(measure, value, low, high, basis)
        case "order", Mapping():
            direction, _, equal = bound.partition(" or ")
            return ordered(measure, value, direction, strict=not equal, basis=basis)
        case "largest", Mapping():
            return largest(measure, value, bound, basis)
        case "smallest", Mapping():
            return smallest(measure, value, bound, basis)
    raise ValueError(f"{measure}: '{kind}' cannot be asked of {value!r}.")


def tally(claims: Sequence[Claim]) -> str:
    """How many claims hold: "12 claims: 10 hold, 2 fail"."""
    holding = sum(claim.holds for claim in claims)
    failing = len(claims) - holding
    return (
        f"{counted(len(claims), 'claim')}: {holding} hold{'s' if holding == 1 else ''}, "
        f"{failing} fail{'s' if failing == 1 else ''}"
    )


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
    scale = f"×10{str(power).translate(_SUPERSCRIPTS)}"
    return (text + scale).replace("-", "−")


def format_value(value: Value) -> str:
    """A value as one line of text, each number beside its label: "conv1_1: 0.86 · conv5_1: 0.08".

    What several labels begin with, a colon behind it, is said once, as in a joint claim:
    "SSIM (10⁻⁴: 0.09 · 10⁻¹: 0.22); PSNR (...)".
    """
    if isinstance(value, Sequence):
        return ", ".join(format_number(each) for each in value)
    if not isinstance(value, Mapping):
        return format_number(value)
    beginnings = Counter(label.partition(": ")[0] for label in value)

    def shared(label: str) -> str:
        beginning, colon, _ = label.partition(": ")
        return beginning if colon and beginnings[beginning] > 1 else ""

    groups = []
    for name, labels in groupby(value, shared):
        numbers = {label.removeprefix(f"{name}: "): format_number(value[label]) for label in labels}
        pairs = " · ".join(f"{readable(label)}: {number}" for label, number in numbers.items())
        groups.append(f"{readable(name)} ({pairs})" if name else pairs)
    return "; ".join(groups)


def readable(name: str) -> str:
    """A metric's name for readers: "edge correlation" for ``edge_correlation``.

    Anything that is no such name, a layer for instance, stays as it is.
    """
    words, _, layer = name.partition("/")
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", words):
        return name
    spelled = [_SPELLINGS.get(word, word) for word in words.split("_")]
    return " ".join([*spelled, layer]).rstrip()


def _check(measure: str, value: Measured, threshold: str, basis: str, holds: bool) -> Check:
    numbers = _numbers(value)
    if not numbers:
        raise ValueError(f"{measure}: there is no value to check.")
    finite = all(math.isfinite(each) for each in numbers)
    return Check(
        measure=measure,
        value=_plain(value),
        threshold=f"{threshold} ({basis})" if basis else threshold,
        holds=holds and finite,
    )


def _side_by_side(checks: Sequence[Check]) -> dict[str, float]:
    return {label: each for check in checks for label, each in check.labelled.items()}


def _joint_threshold(checks: Sequence[Check]) -> str:
    """The checks' thresholds, each beside its measure; said once where they are the same."""
    thresholds = {check.threshold for check in checks}
    if len(thresholds) == 1:
        (threshold,) = thresholds
        return threshold if threshold.startswith("each ") else f"each {threshold}"
    return "; ".join(f"{readable(check.measure)}: {check.threshold}" for check in checks)


def _sentence(text: str) -> str:
    """The text with a capital letter at its beginning and a full stop at its end."""
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _scientific(value: float) -> tuple[str, int]:
    mantissa, power = f"{value:.2e}".split("e")
    return mantissa, int(power)


def _several(value: Measured) -> bool:
    return isinstance(value, Mapping | Sequence)


def _numbers(value: Measured) -> list[float]:
    if isinstance(value, Mapping):
        return [float(each) for each in value.values()]
    if isinstance(value, Sequence):
        return [float(each) for each in value]
    return [float(value)]


def _plain(value: Measured) -> Value:
    """The value in types that JSON knows; NumPy's scalars become floats."""
    if isinstance(value, Mapping):
        return dict(zip(map(str, value), _numbers(value), strict=True))
    return _numbers(value) if _several(value) else _numbers(value)[0]


def _for_each(value: Measured, bound: str) -> str:
    return f"each {bound}" if _several(value) else bound


def _apart(measure: str, values: Mapping[str, float], label: str) -> tuple[float, list[float]]:
    if label not in values or len(values) < 2:
        raise ValueError(f"{measure}: needs a value for '{label}' and others to compare.")
    others = [float(value) for name, value in values.items() if name != label]
    return float(values[label]), others
