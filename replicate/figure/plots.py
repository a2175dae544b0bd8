"""Plots that stand in a panel: curves, points off a curve, and heat maps.

A plot draws itself at the size of its cell, with the page's typeface and size of letters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from replicate.figure.claims import format_number
from replicate.figure.text import font_file
from replicate.images.picture import Picture

Scale = Literal["linear", "log"]

# Okabe and Ito's colours, which stay apart for colour-blind readers; the yellow is too pale.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#3C4043")
_INK, _GREY, _PALE = "#1c1e21", "#62676e", "#dee1e5"
_FORMATS = {"line": "-", "points": "D", "both": "o-"}
_DPI = 100
_EXPONENTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_LOWERED = str.maketrans(_EXPONENTS, "0123456789+-")


@dataclass(frozen=True)
class Series:
    """Points of one name.

    Attributes:
        label: name in the legend.
        x, y: coordinates, as many of each.
        kind: "line" joins the points in their order, "points" marks each of them, "both" does both.
        names: what to write beside each point; none or one each.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: Literal["line", "points", "both"] = "line"
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or (self.names and len(self.names) != len(self.x)):
            raise ValueError(f"Series '{self.label}' needs as many x as y, and names for all.")


@dataclass(frozen=True)
class LinePlot:
    """Series in one pair of axes, with a legend if there are two or more."""

    series: Sequence[Series]
    x_label: str
    y_label: str
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    aspect: float = 0.5

    def draw(self, width: int, height: int, text_size: int) -> Picture:
        """The plot in so many pixels, its letters ``text_size`` pixels high."""
        with _axes(width, height, text_size) as (figure, axes):
            for series in self.series:
                _draw_series(axes, series, text_size)
            axes.set(
                xlabel=_set(self.x_label),
                ylabel=_set(self.y_label),
                xscale=self.x_scale,
                yscale=self.y_scale,
            )
            axes.grid(True)
            if len(self.series) > 1:
                axes.legend()
            _hide_overlapping_names(figure, axes)
            return _picture(figure)


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A matrix in shades from white (its smallest value) to dark blue (its largest).

    Attributes:
        values: (rows, columns) array; values that are not finite are left grey.
        rows, columns: labels; where both are given, each field shows its number.
        row_title, column_title: what the labels count.
        value_label: what the shades mean, beside their scale.
        value_scale: "log" for values over several powers of ten, all above 0.
    """

    values: np.ndarray
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    row_title: str = ""
    column_title: str = ""
    value_label: str = ""
    value_scale: Scale = "linear"

    def __post_init__(self) -> None:
        shape = np.shape(self.values)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"A heat map shows a matrix, not an array of shape {shape}.")
        for labels, count in ((self.rows, shape[0]), (self.columns, shape[1])):
            if labels and len(labels) != count:
                raise ValueError(f"A heat map of shape {shape} has {len(labels)} labels a side.")

    @classmethod
    def of_table(cls, table: Mapping[str, Mapping[str, float]], **settings: Any) -> HeatMap:
        """The heat map of a table by row and column, each row with the same columns."""
        columns = list(next(iter(table.values())))
        values = np.array([[row[column] for column in columns] for row in table.values()])
        return cls(values, list(table), columns, **settings)

    @property
    def aspect(self) -> float:
        """Height over width; labels and the scale take part of the width."""
        rows, columns = np.shape(self.values)
        return min(1.4, max(0.3, 0.82 * rows / columns))

    def draw(self, width: int, height: int, text_size: int) -> Picture:
        """The heat map in so many pixels, its letters ``text_size`` pixels high."""
        values = np.ma.masked_invalid(np.asarray(self.values, dtype=np.float64))
        with _axes(width, height, text_size) as (figure, axes):
            shades = axes.imshow(values, cmap=_shades(), norm=self.value_scale, aspect="auto")
            bar = figure.colorbar(shades, ax=axes, label=_set(self.value_label), fraction=0.05)
            bar.outline.set_visible(False)
            axes.spines[:].set_visible(False)
            axes.set(xlabel=_set(self.column_title), ylabel=_set(self.row_title))
            if self.columns:
                axes.set_xticks(range(len(self.columns)), map(_set, self.columns))
            if self.rows:
                axes.set_yticks(range(len(self.rows)), map(_set, self.rows))
            axes.tick_params(length=0)
            if self.rows and self.columns:
                _write_numbers(axes, values, shades)
                _fit_numbers(figure, axes, len(self.columns))
            return _picture(figure)


def _draw_series(axes: Any, series: Series, text_size: int) -> None:
    (line,) = axes.plot(
        series.x, series.y, _FORMATS[series.kind], label=_set(series.label), clip_on=False
    )
    shift = _points(text_size * 0.45)
    for x, y, name in zip(series.x, series.y, series.names, strict=False):
        axes.annotate(
            _set(name), (x, y), (shift, shift), textcoords="offset points", color=line.get_color()
        )


def _hide_overlapping_names(figure: Any, axes: Any) -> None:
    """Leave out the names of points that would be written over an earlier one's."""
    figure.draw_without_rendering()  # the places of texts are settled only then
    kept: list[Any] = []
    for text in axes.texts:
        box = text.get_window_extent()
        text.set_visible(not any(box.overlaps(other) for other in kept))
        if text.get_visible():
            kept.append(box)


def _write_numbers(axes: Any, values: np.ma.MaskedArray, shades: Any) -> None:
    for (row, column), value in np.ndenumerate(values.filled(np.nan)):
        if math.isfinite(value):
            colour = "white" if shades.norm(value) > 0.55 else _INK
            text = _set(format_number(value))
            axes.text(column, row, text, ha="center", va="center", color=colour)


def _fit_numbers(figure: Any, axes: Any, columns: int) -> None:
    """Shrink all numbers alike until the widest has room in its field."""
    figure.draw_without_rendering()
    widest = max((text.get_window_extent().width for text in axes.texts), default=1.0)
    room = 0.94 * axes.bbox.width / columns
    for text in axes.texts:
        text.set_fontsize(text.get_fontsize() * min(1, room / widest))


@contextmanager
def _axes(width: int, height: int, text_size: int) -> Iterator[tuple[Any, Any]]:
    """A figure of width × height pixels with one pair of axes, in the page's type."""
    from cycler import cycler
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    small, thin, family = _points(text_size), _points(text_size / 14), _family()
    style: Any = {
        "font.family": family,
        "font.size": small,
        "mathtext.fontset": "custom",
        **{f"mathtext.{kind}": family for kind in ("rm", "it", "bf", "cal", "sf", "tt")},
        "text.color": _INK,
        "axes.labelcolor": _GREY,
        "axes.edgecolor": _GREY,
        "axes.linewidth": thin,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=_COLOURS),
        "grid.color": _PALE,
        "grid.linewidth": thin,
        "legend.frameon": False,
        "lines.linewidth": _points(text_size / 8),
        "lines.markersize": _points(text_size * 0.42),
        **{f"{axis}tick.color": _GREY for axis in "xy"},
        **{f"{axis}tick.major.width": thin for axis in "xy"},
        **{f"{axis}tick.minor.size": 0 for axis in "xy"},
        **{f"figure.constrained_layout.{side}_pad": small / 72 / 4 for side in "wh"},
    }
    with rc_context(style):
        # A little more than whole pixels, because matplotlib cuts off the fraction.
        size = (width + 0.01) / _DPI, (height + 0.01) / _DPI
        figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
        yield figure, figure.subplots()


def _picture(figure: Any) -> Picture:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Picture.from_array(np.asarray(canvas.buffer_rgba())[:, :, :3])


def _set(text: str) -> str:
    """The text in matplotlib's notation, where exponents are raised between dollar signs."""
    text = text.replace("$", r"\$")
    return re.sub(f"[{_EXPONENTS}]+", lambda part: f"$^{{{part[0].translate(_LOWERED)}}}$", text)


def _points(pixels: float) -> float:
    return pixels * 72 / _DPI


@cache
def _family() -> str:
    from matplotlib import font_manager

    path = font_file("Regular")
    font_manager.fontManager.addfont(str(path))
    return font_manager.FontProperties(fname=path).get_name()


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    colours = ["#ffffff", "#cfe1f2", "#7fb3d9", "#2f7ebc", "#0b4a8a", "#08264f"]
    shades = LinearSegmentedColormap.from_list("blues", colours)
    return shades.with_extremes(bad="#b9bdc3")
