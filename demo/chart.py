"""The losses as a drawing: SVG text, logarithmic, in the colours of the page's theme."""

from __future__ import annotations

import html
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from .course import Course

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 28
SHADES = ((100, "none"), (65, "6 4"), (40, "2 4"), (20, "10 4 2 4"))
"""Shares of a colour, and dashes, for the first layer that has it, the second, ..."""

Point = tuple[int, float]
"""An evaluation and a loss."""

MOST_POINTS = 160
"""Points of a line: more cannot be seen, and travel to the browser three times a second."""


def chart(course: Course, steps: int) -> str:
    """Total and each layer's share in it, over the evaluations, with a legend.

    The frame has the same size before the first evaluation, so that the page does not move.
    """
    lines = {"total": course.total, **course.parts}
    values = [v for line in lines.values() for v in line if v > 0 and math.isfinite(v)]
    low, high = _decades(values, course.total)
    places = _thinned(len(course.steps))
    axes, looks = _axes(low, high, steps), strokes(lines)
    drawn = "".join(
        _line(name, looks[name], points, low, high, steps)
        for name, line in reversed(lines.items())
        for points in _stretches(course.begins, [(course.steps[i], line[i]) for i in places])
    )
    keys = "".join(_key(name, looks[name], line) for name, line in lines.items())
    if not course.steps:
        keys = "<li>Every layer's loss appears here while a picture is drawn.</li>"
    return (
        f'<div class="chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(_spoken(course))}">{axes}{drawn}</svg>'
        f'<ul class="legend">{keys}</ul></div>'
    )


def colour(name: str) -> str:
    """Blue for content, orange to red for style by depth, the text's own colour for the total."""
    kind, _, layer = name.partition("/")
    if kind == "total":
        return "currentColor"
    if kind == "content":
        return "var(--series-content)"
    if kind == "style" and layer[-3:-2].isdigit():
        return f"var(--series-style-{layer[-3]})"
    return "var(--series-other)"


def strokes(names: Iterable[str]) -> dict[str, str]:
    """A line's style by name: layers of one colour differ in shade and dashes."""
    found: dict[str, str] = {}
    used: Counter[str] = Counter()
    for name in names:
        base = colour(name)
        share, dashes = SHADES[min(used[base], len(SHADES) - 1)]
        used[base] += 1
        shade = base if share == 100 else f"color-mix(in oklab,{base} {share}%,currentColor)"
        found[name] = f"stroke:{shade};stroke-dasharray:{dashes}"
    return found


def label(name: str) -> str:
    """``style relu1_1`` for ``style/relu1_1``."""
    return name.replace("/", " ")


def _decades(values: Sequence[float], total: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that bound the chart; layers far below the total's end are cut off."""
    if not values:
        return 0, 1
    high = math.ceil(math.log10(max(values)) - 1e-9)
    floor = min([v for v in total if v > 0 and math.isfinite(v)] or values)
    low = math.floor(math.log10(max(min(values), floor * 1e-3)))
    return min(low, high - 1), high


def _thinned(count: int) -> list[int]:
    if count <= MOST_POINTS:
        return list(range(count))
    return sorted({round(i * (count - 1) / (MOST_POINTS - 1)) for i in range(MOST_POINTS)})


def _x(step: float, steps: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (step - 1) / max(1, steps - 1)


def _y(value: float, low: int, high: int) -> float:
    share = (math.log10(value) - low) / (high - low)
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _stretches(begins: Sequence[int], points: Sequence[Point]) -> list[list[Point]]:
    """A line's points, broken where what begins anew does not compare with what was before."""
    stretches: list[list[Point]] = [[] for _ in range(len(begins) + 1)]
    for point in points:
        stretches[bisect_right(begins, point[0])].append(point)
    return stretches


def _axes(low: int, high: int, steps: int) -> str:
    stride = max(1, math.ceil((high - low) / 6))
    parts = []
    for power in range(low, high + 1, stride):
        y = _y(10.0**power, low, high)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">10'
            f'<tspan class="power" dy="-5">{power}</tspan></text>'
        )
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        step = round(1 + share * (steps - 1))
        text = f"evaluation {step}" if share == 0 else step
        parts.append(
            f'<text x="{_x(step, steps):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'
        )
    return "".join(parts)


def _line(name: str, look: str, points: Sequence[Point], low: int, high: int, steps: int) -> str:
    shown = [
        f"{_x(step, steps):.1f} {_y(max(value, 10.0**low), low, high):.1f}"
        for step, value in points
        if value > 0 and math.isfinite(value)
    ]
    if not shown:
        return ""
    kind = "total" if name == "total" else "part"
    # A single point shows as a dot, for its line has round ends.
    shown = shown * 2 if len(shown) == 1 else shown
    return f'<path class="{kind}" style="{look}" d="M{"L".join(shown)}"/>'


def _key(name: str, look: str, line: Sequence[float]) -> str:
    last = f" <b>{line[-1]:.3g}</b>" if line else ""
    swatch = f'<svg viewBox="0 0 22 4" aria-hidden="true"><path style="{look}" d="M1 2H21"/></svg>'
    return f"<li>{swatch}{html.escape(label(name))}{last}</li>"


def _spoken(course: Course) -> str:
    if not course.steps:
        return "Chart of the losses, empty until the first evaluation"
    return (
        f"Chart of the losses: the total went from {course.total[0]:.3g} to "
        f"{course.total[-1]:.3g} in {course.steps[-1]} evaluations"
    )
