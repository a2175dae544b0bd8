"""Claims: what a source says of its figure, what was measured on ours, and whether it holds.

A verdict is always computed from the values, by one of the functions here, and never typed.
Values that are NaN or infinite fail, whatever the bound. A value that meets a bound exactly holds.

    ordered("order", "Reconstructions lose detail with depth", "Gatys et al. 2016, Fig. 1",
            "SSIM to the photograph", {"conv1_2": 0.86, "conv3_2": 0.77, "conv5_2": 0.08})
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["holds", "fails"]
Direction = Literal["decreasing", "increasing"]
Value = float | list[float] | dict[str, float]
Measured = float | Sequence[float] | Mapping[str, float]

_SPELLINGS = {"psnr": "PSNR", "ssim": "SSIM", "lab": "Lab", "rgb": "RGB", "gram": "Gram"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Claim:
    """One sentence of a source, put to the test.

    Attributes:
        id: short name, unique within the figure.
        text: the claim in our words.
        source: where it is made, such as "Gatys et al. 2016, Fig. 1".
        measure: what the values are, with their unit.
        value: what was measured, beside its labels where there are several.
        threshold: what the values must do, and in brackets where that bound comes from.
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

    @property
    def holds(self) -> bool:
        return self.verdict == "holds"

    @property
    def shown_value(self) -> str:
        """The measured values as a reader wants them: "conv1_2: 0.86 · conv5_2: 0.082"."""
        return format_value(self.value)

    def noted(self, note: str) -> Claim:
        """The same claim with this remark in place of its note."""
        return replace(self, note=note)


def ordered(
    id: str,
    text: str,
    source: str,
    measure: str,
    values: Mapping[str, float],
    direction: Direction = "decreasing",
    *,
    ties: float = 0.0,
    strict: bool = True,
    basis: str = "",
    note: str = "",
) -> Claim:
    """The values, in the order given, fall (or rise).

    Args:
        values: two or more, by label, in the order in which they should fall or rise.
        ties: how far a value may lie on the wrong side of any earlier one.
        strict: equal neighbours fail; with `ties`, the last must still pass the first.
        basis: where the ordering or the ties come from, for a reader.
    """
    series = _numbers(values)
    if len(series) < 2:
        raise ValueError(f"Claim '{id}' needs two or more values to be in order.")
    if direction not in ("decreasing", "increasing"):
        raise ValueError(f"Claim '{id}': the direction is decreasing or increasing.")
    if not ties >= 0:
        raise ValueError(f"Claim '{id}': ties cannot be negative.")
    falling = series if direction == "decreasing" else [-value for value in series]
    threshold: str = direction
    if ties:
        # Against every earlier value, so that small steps back cannot add up to a large one.
        holds = all(
            late <= min(falling[:place]) + ties for place, late in enumerate(falling) if place
        )
        holds = holds and (not strict or falling[-1] < falling[0])
        threshold += f", steps back of up to {format_number(ties)} allowed"
    elif strict:
        holds = all(late < early for early, late in zip(falling, falling[1:], strict=False))
        threshold = f"strictly {direction}"
    else:
        holds = all(late <= early for early, late in zip(falling, falling[1:], strict=False))
        threshold += " or equal"
    return _claim(id, text, source, measure, values, threshold, basis, holds, note)


def at_least(
    id: str,
    text: str,
    source: str,
    measure: str,
    value: Measured,
    bound: float,
    *,
    basis: str = "",
    note: str = "",
) -> Claim:
    """The value, or each of the values, is `bound` or more."""
    holds = all(each >= bound for each in _numbers(value))
    threshold = _for_each(value, f"≥ {format_number(bound)}")
    return _claim(id, text, source, measure, value, threshold, basis, holds, note)


def at_most(
    id: str,
    text: str,
    source: str,
    measure: str,
    value: Measured,
    bound: float,
    *,
    basis: str = "",
    note: str = "",
) -> Claim:
    """The value, or each of the values, is `bound` or less."""
    holds = all(each <= bound for each in _numbers(value))
    threshold = _for_each(value, f"≤ {format_number(bound)}")
    return _claim(id, text, source, measure, value, threshold, basis, holds, note)


def within(
    id: str,
    text: str,
    source: str,
    measure: str,
    value: Measured,
    low: float,
    high: float,
    *,
    basis: str = "",
    note: str = "",
) -> Claim:
    """The value, or each of the values, lies from `low` to `high`, both included."""
    if not low <= high:
        raise ValueError(f"Claim '{id}': no value lies from {low} to {high}.")
    holds = all(low <= each <= high for each in _numbers(value))
    threshold = _for_each(value, f"from {format_number(low)} to {format_number(high)}")
    return _claim(id, text, source, measure, value, threshold, basis, holds, note)


def largest(
    id: str,
    text: str,
    source: str,
    measure: str,
    values: Mapping[str, float],
    label: str,
    *,
    basis: str = "",
    note: str = "",
) -> Claim:
    """The value of `label` is larger than every other one."""
    chosen, others = _apart(id, values, label)
    holds = all(chosen > each for each in others)
    return _claim(id, text, source, measure, values, f"largest for {label}", basis, holds, note)


def smallest(
    id: str,
    text: str,
    source: str,
    measure: str,
    values: Mapping[str, float],
    label: str,
    *,
    basis: str = "",
    note: str = "",
) -> Claim:
    """The value of `label` is smaller than every other one."""
    chosen, others = _apart(id, values, label)
    holds = all(chosen < each for each in others)
    return _claim(id, text, source, measure, values, f"smallest for {label}", basis, holds, note)


def all_of(
    id: str,
    text: str,
    source: str,
    parts: Sequence[Claim],
    *,
    measure: str = "",
    note: str = "",
) -> Claim:
    """One claim that holds if every part does; a part is named by its measure.

    The values of all parts stand side by side, "measure: label", and the note names the parts
    that fail.

    Raises:
        ValueError: no part, or two parts of one measure.
    """
    names = [part.measure for part in parts]
    if not parts or len(set(names)) < len(names):
        raise ValueError(f"Claim '{id}' needs parts, each with a measure of its own.")
    values: dict[str, float] = {}
    for part in parts:
        values.update(_labelled(part))
    failing = [readable(part.measure) for part in parts if not part.holds]
    remarks = [f"fails on {' and '.join(failing)}" if failing else "", note]
    return Claim(
        id=id,
        text=text,
        source=source,
        measure=measure or "; ".join(map(readable, names)),
        value=values,
        threshold=_joint_threshold(parts),
        verdict="fails" if failing else "holds",
        note="; ".join(filter(None, remarks)),
    )


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
    """A value as one line of text, each number beside its label.

    The parts of a joint claim stand in brackets: "SSIM (10⁻⁴: 0.09 · 10⁻¹: 0.22); PSNR (...)".
    """
    if isinstance(value, Mapping):
        groups = [
            f"{name} ({' · '.join(pairs)})" if name else " · ".join(pairs)
            for name, pairs in labelled_numbers(value)
        ]
        return "; ".join(groups)
    if isinstance(value, Sequence):
        return ", ".join(format_number(each) for each in value)
    return format_number(value)


def labelled_numbers(value: Mapping[str, float]) -> list[tuple[str, list[str]]]:
    """Numbers beside their labels, "conv1_1: 0.86", under what several labels begin with.

    Labels of a joint claim begin with the part's measure and a colon; what begins alone stands
    under an empty name.
    """
    beginnings = [label.partition(": ")[0] for label in value]
    groups: list[tuple[str, list[str]]] = []
    for label, number in value.items():
        name, colon, rest = label.partition(": ")
        joint = bool(colon) and beginnings.count(name) > 1
        group = readable(name) if joint else ""
        pair = f"{readable(rest if joint else label)}: {format_number(number)}"
        if groups and groups[-1][0] == group:
            groups[-1][1].append(pair)
        else:
            groups.append((group, [pair]))
    return groups


def readable(name: str) -> str:
    """A metric's name for readers: "edge correlation" for `edge_correlation`, "PSNR" for `psnr`.

    Anything that is no such name, a layer for instance, stays as it is.
    """
    words, _, layer = name.partition("/")
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", words):
        return name
    spelled = [_SPELLINGS.get(word, word) for word in words.split("_")]
    return " ".join([*spelled, layer]).rstrip()


def _claim(
    id: str,
    text: str,
    source: str,
    measure: str,
    value: Measured,
    threshold: str,
    basis: str,
    holds: bool,
    note: str,
) -> Claim:
    numbers = _numbers(value)
    if not numbers:
        raise ValueError(f"Claim '{id}' has no value.")
    finite = all(math.isfinite(each) for each in numbers)
    return Claim(
        id=id,
        text=text,
        source=source,
        measure=measure,
        value=_plain(value),
        threshold=f"{threshold} ({basis})" if basis else threshold,
        verdict="holds" if holds and finite else "fails",
        note=note,
    )


def _joint_threshold(parts: Sequence[Claim]) -> str:
    """The parts' thresholds, each beside its measure; said once where they are the same."""
    thresholds = {part.threshold for part in parts}
    if len(parts) > 1 and len(thresholds) == 1:
        (threshold,) = thresholds
        return threshold if threshold.startswith("each ") else f"each {threshold}"
    return "; ".join(f"{readable(part.measure)}: {part.threshold}" for part in parts)


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


def _apart(id: str, values: Mapping[str, float], label: str) -> tuple[float, list[float]]:
    if label not in values or len(values) < 2:
        raise ValueError(f"Claim '{id}' needs a value for '{label}' and others to compare.")
    others = [float(value) for name, value in values.items() if name != label]
    return float(values[label]), others


def _labelled(part: Claim) -> dict[str, float]:
    if isinstance(part.value, dict):
        return {f"{part.measure}: {label}": each for label, each in part.value.items()}
    if isinstance(part.value, list):
        return {f"{part.measure} {place}": each for place, each in enumerate(part.value, 1)}
    return {part.measure: part.value}
