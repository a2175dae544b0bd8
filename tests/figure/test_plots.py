"""Plots have the size that they are asked for, and show what they are given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from replicate.figure import Drawable, Grid, HeatMap, LinePlot, Montage, Panel, Series

SWEEP = Series("style weight α/β", (3, 5, 9, 14), (0.9, 0.4, 0.1, 0.05), "both", ("10⁻⁴",) * 4)
POINT = Series("changed layers", (6,), (0.1,), "points")
CURVE = LinePlot((SWEEP, POINT), "colour distance ΔE", "Gram distance × 10⁻³", y_scale="log")


def share(picture, colour: tuple[int, int, int], tolerance: int = 12) -> float:
    """Share of the picture's pixels that have this colour."""
    return float((np.abs(picture.pixels.astype(int) - colour).max(axis=2) <= tolerance).mean())


@pytest.mark.parametrize("size", [(400, 200), (777, 333), (1501, 901)])
@pytest.mark.parametrize(
    "plot", [CURVE, HeatMap(np.eye(3)), HeatMap(np.eye(2), ("a", "b"), ("c", "d"), "x", "y", "z")]
)
def test_size_is_exact(plot, size):
    assert isinstance(plot, Drawable)
    assert plot.draw(*size, 18).size == size


def test_curve_shows_its_series():
    blue, vermilion = (0, 114, 178), (213, 94, 0)
    both = CURVE.draw(800, 400, 18)
    assert share(both, blue) > 0.001 and share(both, vermilion) > 0.0002
    alone = LinePlot((SWEEP,), "x", "y").draw(800, 400, 18)
    assert share(alone, blue) > 0.001 and share(alone, vermilion) == 0


def test_scale_changes_the_curve():
    linear = LinePlot((SWEEP,), "x", "y").draw(400, 200, 14)
    logarithmic = LinePlot((SWEEP,), "x", "y", y_scale="log").draw(400, 200, 14)
    assert linear.sha256 != logarithmic.sha256
    assert LinePlot((SWEEP,), "x", "y").draw(400, 200, 14).sha256 == linear.sha256


def test_letters_grow_with_the_text_size():
    small, large = (LinePlot((SWEEP,), "x", "y").draw(600, 400, size) for size in (10, 24))
    ink = [(each.pixels.min(axis=2) < 140).mean() for each in (small, large)]
    assert ink[1] > 1.5 * ink[0]


def test_heat_map_is_dark_where_values_are_large():
    values = np.zeros((4, 4))
    values[0, 0] = 1
    picture = HeatMap(values).draw(400, 400, 12)
    grey = picture.pixels.mean(axis=2)
    dark = np.argwhere(grey[:, :300] < 60)
    assert dark[:, 0].mean() < 120 and dark[:, 1].mean() < 150


def test_heat_map_leaves_undefined_values_grey():
    values = np.array([[1.0, math.nan], [0.5, 0.25]])
    assert share(HeatMap(values).draw(300, 300, 12), (185, 189, 195), 3) > 0.1
    assert share(HeatMap(np.nan_to_num(values)).draw(300, 300, 12), (185, 189, 195), 3) < 0.01


def test_labelled_heat_map_writes_its_numbers():
    bare = HeatMap(np.eye(2)).draw(400, 300, 16)
    labelled = HeatMap(np.eye(2), ("a", "b"), ("c", "d")).draw(400, 300, 16)
    assert bare.sha256 != labelled.sha256


@pytest.mark.filterwarnings("error:Glyph")  # how Matplotlib says that a font lacks a letter
def test_no_letter_is_missing():
    labels = ("α/β = 10⁻³", "cost in $")
    HeatMap(np.array([[1e-5, 2e5], [3, 4]]), labels, labels, value_scale="log").draw(400, 300, 14)
    LinePlot((SWEEP, POINT), "ΔE × 10⁻³ → $", "≥", x_scale="log", y_scale="log").draw(400, 300, 14)


def test_plots_alone_fill_the_page():
    montage = Montage("Sweep", (Grid.of_rows([[Panel(CURVE), Panel(HeatMap(np.eye(2)))]]),))
    (first, second) = [e.box for e in montage.layout.page.elements if e.role == "panel"]
    assert first.width == second.width > 600
    assert first.height == round(first.width * CURVE.aspect)
    assert montage.draw().size[0] > 1200


def test_a_plot_is_as_wide_as_the_panels_above_it(scene):
    pictures = Grid.of_rows([[Panel(scene(256, 192, seed)) for seed in range(4)]])
    montage = Montage("Sweep", (pictures, Grid.of_rows([[Panel(CURVE)]])))
    *panels, plot = [e.box for e in montage.layout.page.elements if e.role == "panel"]
    assert plot.left == panels[0].left and plot.right == panels[-1].right
    assert plot.top > panels[0].bottom


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


def test_names_that_would_lie_on_another_are_left_out() -> None:
    def drawn(*names: str) -> LinePlot:
        x = (0.0, 0.001, 0.002, 1.0)
        return LinePlot((Series("", x, (0.0, 0.0, 0.0, 0.0), "both", names),), "x", "y")

    crowded = drawn("10⁻⁴", "10⁻³", "10⁻²", "10¹").draw(600, 300, 14)
    assert crowded.sha256 == drawn("10⁻⁴", "", "", "10¹").draw(600, 300, 14).sha256
    assert crowded.sha256 != drawn("10⁻⁴", "", "", "").draw(600, 300, 14).sha256
