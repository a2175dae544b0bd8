"""Nikulin & Novak's change of layers against a lower style weight."""

from __future__ import annotations

from typing import Any

import pytest

from replicate.config import load_preset
from replicate.papers import draw_figure
from replicate.papers.nikulin2016 import GATYS, B
from replicate.papers.studio import figure_config

ID = "nikulin2016/layers"


def numbers(colour: float, style: float, kept: float) -> dict[str, float]:
    return {
        "colour_distance": colour,
        "style_error": style,
        "ssim": kept,
        "edge_correlation": kept,
    }


MEASURED = {
    B: numbers(10, 0.1, 0.6),
    (GATYS, 1e-4): numbers(50, 0.005, 0.1),
    (GATYS, 1e-3): numbers(40, 0.01, 0.2),
    (GATYS, 1e-2): numbers(25, 0.1, 0.4),
    (GATYS, 1e-1): numbers(12, 0.5, 0.5),
    (GATYS, 1.0): numbers(11, 0.8, 0.5),
    (GATYS, 10.0): numbers(10.5, 1, 0.5),
}


def measured(key: Any) -> dict[str, float]:
    """Beyond the sweep nothing of the style is left, whatever the weight."""
    return MEASURED.get(key, MEASURED[GATYS, 10.0])


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({}, []),
        ({B: numbers(5, 2, 0.99)}, ["colours", "details"]),  # no style weight matches
        ({B: numbers(21, 0.1, 0.6)}, ["colours"]),
        ({B: {"edge_correlation": 0.3}}, ["details"]),
        # One point of the sweep has both the photograph's colours and the painting's style.
        ({(GATYS, 1e-3): numbers(9, 0.09, 0.2)}, ["weight"]),
    ],
)
def test_each_claim_can_fail(failing, changes, fails):
    assert failing(ID, measured, changes) == fails


def test_the_baseline_is_gatys_preset():
    """So that equal jobs of other figures are drawn once."""
    _, config, changed = figure_config(ID)
    gatys, own = config.content_sets
    baseline = changed.with_(
        content_layers=config.content_sets[gatys], style_layers=config.style_sets[gatys]
    )
    assert baseline.objective() == load_preset("gatys2016").objective()
    assert set(config.content_sets[own]) == set(changed.content_layers)
    assert set(config.style_sets[own]) == set(changed.style_layers)
    assert changed.ratio in config.ratios


def test_from_end_to_end(small_studio):
    studio = small_studio()
    figure = draw_figure(studio, ID)
    labels = [panel.label for panel in figure.panels]
    assert labels[0] == "B changed layers"
    assert {f"Gatys' layers, α/β {ratio}" for ratio in ("10⁻⁴", "10⁻³", "10⁰", "10¹")} <= set(
        labels
    )
    assert len(set(labels)) == len(labels) <= 10
    assert [claim.id for claim in figure.claims] == ["colours", "details", "weight"]
    pictures, plot = figure.grids
    assert list(pictures.columns) == ["A Gatys' layers", "B changed layers", "C Gatys', matched"]
    assert plot.panels[0, 0].picture.draw(400, 200, 12).size == (400, 200)
    changed = {panel.label: panel for panel in figure.panels}["B changed layers"]
    mean = (changed.metrics["gram_distance/relu3_1"] + changed.metrics["gram_distance/relu5_1"]) / 2
    assert changed.metrics["style_error"] == pytest.approx(mean)
    drawn = [result.job.description() for result in studio.drawn]
    assert len({repr(each) for each in drawn}) == len(drawn) == len(labels)
    assert "Some settings of this figure could not be verified" in figure.caption
