"""Plots have the size that they are asked for, and show what they are given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from replicate.figure import Drawable, Grid, HeatMap, LinePlot, Montage, Panel, Series
from replicate.figure.claims import format_number
from replicate.figure.plots import _axes, _fit_numbers, _set

SWEEP = Series("style weight α/β", (3, 5, 9, 14), (0.9, 0.4, 0.1, 0.05), "both", ("10⁻⁴",) * 4)
POINT = Series("changed layers", (6,), (0.1,), "points")
CURVE = LinePlot((SWEEP, POINT), "colour distance ΔE", "Gram distance × 10⁻³", y_scale="log")


def share(picture, colour: tuple[int, int, int], tolerance: int = 12) -> float:
    """Share of the picture's pixels that have this colour."""
    return float((np.abs(picture.pixels.astype(int) - colour).max(axis=2) <= tolerance).mean())


@pytest.mark.parametrize("size", [(400, 200), (777, 333), (1501, 901)])
@pytest.mark.parametrize("plot", [CURVE, HeatMap(np.eye(2), ("a", "b"), ("c", "d"), "x", "y", "z")])
def test_size_is_exact_and_the_drawing_deterministic(plot, size):
    assert isinstance(plot, Drawable)
    picture = plot.draw(*size, 18)
    assert picture.size == size and plot.draw(*size, 18).sha256 == picture.sha256


def test_curve_shows_its_series():
    blue, vermilion = (0, 114, 178), (213, 94, 0)
    both, alone = CURVE.draw(800, 400, 18), LinePlot((SWEEP,), "x", "y").draw(800, 400, 18)
    assert share(both, blue) > 0.001 and share(both, vermilion) > 0.0002
    assert share(alone, blue) > 0.001 and share(alone, vermilion) == 0
    logarithmic = LinePlot((SWEEP,), "x", "y", y_scale="log").draw(800, 400, 18)
    assert logarithmic.sha256 != alone.sha256


def test_letters_grow_with_the_text_size():
    small, large = (LinePlot((SWEEP,), "x", "y").draw(600, 400, size) for size in (10, 24))
    ink = [(each.pixels.min(axis=2) < 140).mean() for each in (small, large)]
    assert ink[1] > 1.5 * ink[0]


def test_heat_map_is_dark_where_values_are_large_and_grey_where_undefined():
    values = np.zeros((4, 4))
    values[0, 0], values[3, 0] = 1, math.nan
    picture = HeatMap(values).draw(400, 400, 12)
    dark = np.argwhere(picture.pixels.mean(axis=2)[:, :300] < 60)
    assert dark[:, 0].mean() < 120 and dark[:, 1].mean() < 150
    assert share(picture, (185, 189, 195), 3) > 0.03
    assert share(HeatMap(np.nan_to_num(values)).draw(400, 400, 12), (185, 189, 195), 3) < 0.01


def test_labelled_heat_map_writes_its_numbers():
    def first_field(**labels) -> np.ndarray:
        grey = HeatMap(np.eye(2), **labels).draw(400, 300, 16).pixels.mean(axis=2)[:120, :150]
        (top, left), (bottom, right) = (
            end(np.argwhere(grey < 60), axis=0) for end in (np.min, np.max)
        )
        return grey[top:bottom, left:right]

    assert first_field().max() < 60
    assert first_field(rows=("a", "b"), columns=("c", "d")).max() > 200


@pytest.mark.filterwarnings("error:Glyph")  # how Matplotlib says that a font lacks a letter
def test_no_letter_is_missing():
    labels = ("α/β = 10⁻³", "cost in $")
    HeatMap(np.array([[1e-5, 2e5], [3, 4]]), labels, labels, value_scale="log").draw(400, 300, 14)
    LinePlot((SWEEP, POINT), "ΔE × 10⁻³ → $", "≥", x_scale="log", y_scale="log").draw(400, 300, 14)


def test_names_that_would_lie_on_another_are_left_out():
    def drawn(*names: str) -> str:
        x = (0.0, 0.001, 0.002, 1.0)
        plot = LinePlot((Series("", x, (0.0, 0.0, 0.0, 0.0), "both", names),), "x", "y")
        return plot.draw(600, 300, 14).sha256

    crowded = drawn("10⁻⁴", "10⁻³", "10⁻²", "10¹")
    assert crowded == drawn("10⁻⁴", "", "", "10¹") != drawn("10⁻⁴", "", "", "")


def test_plots_alone_fill_the_page():
    montage = Montage("Sweep", (Grid([[Panel(CURVE), Panel(HeatMap(np.eye(2)))]]),))
    (first, second) = [e.box for e in montage.layout.page.elements if e.role == "plot"]
    assert first.width == second.width > 600
    assert first.height == round(first.width * CURVE.aspect)
    assert montage.draw().size[0] > 1200


def test_a_plot_is_as_wide_as_the_panels_above_it(scene):
    pictures = Grid([[Panel(scene(256, 192, seed)) for seed in range(4)]])
    montage = Montage("Sweep", (pictures, Grid([[Panel(CURVE)]])))
    *panels, plot = [e.box for e in montage.layout.page.elements if e.role in ("panel", "plot")]
    assert plot.left == panels[0].left and plot.right == panels[-1].right
    assert plot.top > panels[0].bottom
    margin = montage.layout.margin
    noted = montage.layout.pictures
    assert noted == tuple(box.moved(margin, margin) for box in panels), "plots are ink on paper"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Series("a", (1, 2), (1,)),
        lambda: Series("a", (1, 2), (1, 2), names=("one",)),
        lambda: HeatMap(np.zeros(3)),
        lambda: HeatMap(np.zeros((0, 3))),
        lambda: HeatMap(np.zeros((2, 2)), rows=("a",)),
        lambda: HeatMap(np.zeros((2, 2)), columns=("a", "b", "c")),
    ],
)
def test_senseless_plots(make):
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("value", [0.5, 1.23e-7])
def test_numbers_of_a_heat_map_stay_in_their_fields(value):
    with _axes(400, 100, 16) as (figure, axes):
        axes.imshow(np.full((1, 8), value), aspect="auto")
        texts = [axes.text(x, 0, _set(format_number(value)), ha="center") for x in range(8)]
        before = texts[0].get_fontsize()
        _fit_numbers(figure, axes, 8)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in texts]
        assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:]))
        assert (texts[0].get_fontsize() < before) == (value < 1e-3)
