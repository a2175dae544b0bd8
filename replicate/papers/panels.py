"""The pictures of a figure by their keys: drawn together, measured by name, set in grids.

panels = studio.panels({label: preset.with_(content_layers=layers) for label, layers in sets})
panels.measure(fidelity, total_loss)
panels.column("ssim")                        # {"Conv2_2": 0.69, "Conv4_2": 0.09}
panels.grid(lines=["SSIM {ssim:.2f}"])       # a row, its labels, the inputs at the left
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..errors import ReplicateError
from ..figure.claims import format_number, power_of_ten
from ..figure.panels import Detail, Drawable, Grid, Panel, Window
from ..images import Picture
from ..suggest import nearest

if TYPE_CHECKING:
    from .studio import Studio

Key = Any
"""A label; or a tuple, of a table, whose last part is the column and the rest the row."""

Metrics = dict[str, float]
Measure = Callable[["Studio", Result], Metrics]
Variant = Preset | Job
Lines = Sequence[str] | Callable[[Key], Sequence[str]]
Names = Sequence[str] | Mapping[str, str]


def label_of(key: Key) -> str:
    """What a panel is called in progress and records: ``"conv1_1, 10⁻³"``."""
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


class _Number(float):
    """A number that a line's template formats, in the words of claims where it is not finite."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if isfinite(self) else format_number(self)


class _Measured(dict[str, Any]):
    """A panel's numbers by name.

    Raises:
        ReplicateError: no measure gave a number of that name; names the nearest.
    """

    def __missing__(self, name: str) -> Any:
        raise ReplicateError(f"no measure gave the panel a '{name}'{nearest(name, self)}")


class Panels(Mapping[Key, Result]):
    """Results by key, with what was measured of each.

    Attributes:
        metrics: key to the numbers of the panel.
        label: what the panel of a key is called.
    """

    def __init__(self, studio: Studio, label: Callable[[Key], str] = label_of):
        self.metrics: dict[Key, Metrics] = {}
        self.label = label
        self._studio = studio
        self._results: dict[Key, Result] = {}
        self._measures: list[Measure] = []

    def __getitem__(self, key: Key) -> Result:
        return self._results[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    # ------------------------------------------------------------------ drawing and measuring

    def draw(self, variants: Mapping[Key, Variant | Result]) -> Panels:
        """Draw more panels, and measure of them what has been measured of the others.

        A preset is drawn with the figure's ``content`` and ``style`` as far as it has layers for
        them; a job as it is.  A result is taken as it stands.
        """
        there = {key: each for key, each in variants.items() if isinstance(each, Result)}
        jobs = {
            key: self._job(key, each)
            for key, each in variants.items()
            if not isinstance(each, Result)
        }
        drawn = {**there, **self._studio.draw(jobs)}
        results = {key: drawn[key] for key in variants}
        self._results.update(results)
        self.metrics.update({key: _Measured() for key in results})
        for measure in self._measures:
            self._take(measure, results)
        return self

    def measure(self, *measures: Measure) -> Panels:
        """Add these measures' numbers to every panel's metrics, now and when more are drawn."""
        for measure in measures:
            self._take(measure, self._results)
        self._measures += measures
        return self

    def _take(self, measure: Measure, results: Mapping[Key, Result]) -> None:
        for key, result in results.items():
            self.metrics[key].update(measure(self._studio, result))

    def _job(self, key: Key, variant: Variant) -> Job:
        label = self.label(key)
        if isinstance(variant, Job):
            return replace(variant, label=label)
        content = self._studio.picture("content") if variant.content_layers else None
        style = self._studio.picture("style") if variant.style_layers else None
        return self._studio.job(variant, content, style, label=label)

    # ------------------------------------------------------------------ parts and numbers

    def select(self, keys: Sequence[Key] | Mapping[Key, Key]) -> Panels:
        """Some of the panels, in this order; a mapping gives them other keys: new to old."""
        names = keys if isinstance(keys, Mapping) else {key: key for key in keys}
        part = Panels(self._studio, self.label if names is not keys else label_of)
        part._results = {new: self._results[old] for new, old in names.items()}
        part.metrics = {new: self.metrics[old] for new, old in names.items()}
        part._measures = list(self._measures)
        return part

    def __or__(self, other: Panels) -> Panels:
        """The panels of both, under the labels of these, with what was measured of each."""
        both = self.select(list(self))
        both._results.update(other._results)
        both.metrics.update(other.metrics)
        return both

    def by_row(self) -> dict[str, Panels]:
        """A table's rows, each with its panels by column."""
        rows: dict[str, dict[Key, Key]] = {}
        for key in self:
            rows.setdefault(_row(key), {})[key[-1]] = key
        return {row: self.select(keys) for row, keys in rows.items()}

    def column(self, name: str, keys: Sequence[Key] | None = None) -> dict[str, float]:
        """One metric by the panels' labels."""
        chosen = self.metrics if keys is None else keys
        return {self.label(key): self.metrics[key][name] for key in chosen}

    def ratio(self, name: str, above: Key, below: Key) -> float:
        """A metric of one panel over that of another."""
        return self.metrics[above][name] / self.metrics[below][name]

    def ratios(self, name: str, pairs: Mapping[str, tuple[Key, Key]]) -> dict[str, float]:
        """A metric of one panel over that of another, by the labels of the pairs."""
        return {label: self.ratio(name, *pair) for label, pair in pairs.items()}

    # ------------------------------------------------------------------ layout

    def panel(
        self,
        key: Key,
        lines: Lines = (),
        *,
        label: str = "",
        window: Window | None = None,
        inset: Picture | None = None,
    ) -> Panel:
        """One panel.

        Args:
            lines: small text under it, in which the panel's metrics stand by name, ``{ratio}`` for
                its ratio alpha/beta and ``{label}`` for its label; or a function of the key.
        """
        result = self[key]
        if callable(lines):
            text = tuple(lines(key))
        else:
            names = _Measured(
                {name: _Number(value) for name, value in self.metrics[key].items()},
                ratio=ratio_label(result.job.preset.ratio),
                label=self.label(key),
            )
            text = tuple(line.format_map(names) for line in lines)
        return Panel(result.picture, label=label, lines=text, window=window, inset=inset)

    def grid(
        self,
        rows: Names | None = None,
        columns: Names | None = None,
        *,
        lines: Lines = (),
        before: Mapping[str, Panel | Mapping[str, Panel]] | None = None,
        window: Window | None = None,
        insets: Mapping[Key, Picture] | None = None,
        inputs: Sequence[Panel] | None = None,
        wrap: int = 0,
        heading: str = "",
        row_title: str = "",
        column_title: str = "",
        detail: Detail = "below",
    ) -> Grid:
        """All panels: a table if their keys are (row, column), else a series.

        Args:
            rows, columns: a table's, in this order, with the names as labels; a mapping gives them
                other labels.  All, as they come, unless given.
            lines: see :meth:`panel`.
            before: what stands before the panels of a row: by its label, for a table by row too.
            window: the detail that is enlarged on every panel.
            insets: small pictures over panels, by key.
            inputs: at the left; see :meth:`inputs` for what stands there unless given.
            wrap: panels of a line of a series: 0 is all of them, labelled by column; 1 labels them
                by row; else the label stands under each.
        """
        insets = insets or {}
        is_table = any(isinstance(key, tuple) for key in self)
        lined = bool(wrap) and not is_table

        def drawn(key: Key) -> Panel:
            label = self.label(key) if wrap > 1 and lined else ""
            return self.panel(key, lines, label=label, window=window, inset=insets.get(key))

        ahead = before or {}
        if is_table:
            down = _named(rows, dict.fromkeys(_row(key) for key in self))
            across = _named(columns, dict.fromkeys(key[-1] for key in self))
            found = {(_row(key), key[-1]): key for key in self}
            cells: list[list[Panel | None]] = [
                [
                    *(each if isinstance(each, Panel) else each[row] for each in ahead.values()),
                    *(drawn(found[row, c]) if (row, c) in found else None for c in across),
                ]
                for row in down
            ]
            row_labels = list(down.values()) if any(down.values()) else []
            column_labels = [*ahead, *across.values()]
        else:
            line = [each for each in ahead.values() if isinstance(each, Panel)]
            line += [drawn(key) for key in self]
            names = [*ahead, *map(self.label, self)]
            width = wrap or len(line)
            cells = [list(line[at : at + width]) for at in range(0, len(line), width)]
            row_labels, column_labels = names if wrap == 1 else [], names if not wrap else []
        return Grid(
            cells,
            rows=row_labels,
            columns=column_labels,
            heading=heading,
            row_title=row_title,
            column_title=column_title,
            inputs=self.inputs() if inputs is None else inputs,
            detail=detail,
        )

    def inputs(self) -> tuple[Panel, ...]:
        """The photograph and the painting that all panels share, as large as they were read."""
        jobs = [result.job for result in self.values()]
        first, found = jobs[0], []
        if first.content and _one([job.content for job in jobs]):
            found.append(source_panel(first.content, first.canvas, "content"))
        if first.style and _one([job.style for job in jobs]):
            found.append(source_panel(first.style, first.style_size, "style"))
        return tuple(found)


def plot_row(*plots: Drawable) -> Grid:
    """Plots side by side."""
    return Grid([[Panel(plot) for plot in plots]])


def source_panel(picture: Picture, size: tuple[int, int], label: str = "") -> Panel:
    """An input picture at the size of the drawn ones."""
    return Panel(picture.resized(*size), label=label)


def ratio_label(ratio: float) -> str:
    """``10⁻³`` for 0.001, ``8·10⁻⁴`` for 0.0008."""
    mantissa, exponent = f"{ratio:e}".split("e")
    power = power_of_ten(int(exponent))
    return power if float(mantissa) == 1 else f"{float(mantissa):g}·{power}"


def _one(pictures: Sequence[Picture | None]) -> bool:
    """Whether they all are the same picture."""
    return len({picture and picture.sha256 for picture in pictures}) == 1


def _row(key: tuple[Any, ...]) -> str:
    return " ".join(map(str, key[:-1]))


def _named(names: Names | None, found: Mapping[str, None]) -> dict[str, str]:
    """Rows or columns with their labels."""
    if isinstance(names, Mapping):
        return dict(names)
    return {each: each for each in (found if names is None else names)}
