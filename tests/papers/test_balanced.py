"""Figures with balanced weights: only those that compare layers, and they say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.papers import draw_figure, figure_ids
from replicate.papers.registry import figure_settings
from replicate.papers.studio import figure_config


def pulls(engine: Engine, job: Job, kind: str) -> list[float]:
    """By layer, how hard it pulls at the start: its weight times its gradient's norm."""
    weights = {"content": job.content_layers, "style": job.style_layers}[kind]
    return [
        weights[layer] * norm for layer, norm in engine.reader.gradient_norms(job)[kind].items()
    ]


def test_all_panels_are_balanced_and_pull_as_hard_as_the_preset(small_studio):
    studio = small_studio(balanced=True).at("gatys2015/fig3")
    _, config, preset = figure_config("gatys2015/fig3")
    pictures = [studio.picture(role) for role in ("content", "style")]
    for layers in config.style_sets.values():
        asked = preset.with_(style_layers=layers, ratio=0.1)
        job = studio.job(asked, *pictures)
        assert (job.preset.ratio, list(job.style_layers)) == (0.1, layers)
        for kind in ("content", "style"):
            found = pulls(studio.engine, job, kind)
            assert max(found) == pytest.approx(min(found), rel=0.01)
            strength = sum(pulls(studio.engine, replace(job, preset=preset), kind))
            assert sum(found) == pytest.approx(strength, rel=0.01)


def test_the_figure_says_which_it_is(small_studio):
    plain = draw_figure(small_studio(), "gatys2016/fig5")
    balanced = draw_figure(small_studio(balanced=True), "gatys2016/fig5")
    assert (plain.record().balanced, balanced.record().balanced) == (False, True)
    assert "Layer weights are not balanced." in plain.caption
    assert "Layer weights are balanced" in balanced.caption
    assert "balanced weights" in balanced.drawn
    assert "balanced weights" not in plain.drawn
    own = [panel.job["preset"]["content_layers"] for panel in plain.panels]
    other = [panel.job["preset"]["content_layers"] for panel in balanced.panels]
    assert own[0] == {"relu2_2": 1.0} and list(other[0]) == ["relu2_2"]
    assert own[0] != other[0]
    assert own[1] == other[1] == {"relu4_2": 1.0}  # the preset's own layer keeps its weight


def test_a_figure_that_compares_no_layers_stays_as_it_is(small_studio):
    assert not figure_settings("gatys2016/fig4").compares_layers
    plain = draw_figure(small_studio(), "gatys2016/fig4")
    balanced = draw_figure(small_studio(balanced=True), "gatys2016/fig4")
    assert balanced.claims == plain.claims
    assert balanced.record().settings == plain.record().settings
    assert "balanced" not in balanced.caption


def test_a_studio_for_a_figure_keeps_what_was_drawn(small_studio):
    studio = small_studio(balanced=True)
    for figure_id, balanced in (("gatys2016/fig5", True), ("gatys2016/fig4", False)):
        one = studio.at(figure_id)
        assert one.balanced is balanced
        assert (one.like is None) is not balanced
        assert one.drawn is studio.drawn and one.engine is studio.engine


COMPARED = [figure_id for figure_id in figure_ids() if figure_settings(figure_id).compares_layers]
SLOW = ("gatys", "johnson2016/fig")  # many panels of kinds that others have too


@pytest.mark.parametrize("figure_id", [each for each in COMPARED if not each.startswith(SLOW)])
def test_every_kind_of_comparison_can_be_balanced(figure_id, small_studio):
    assert draw_figure(small_studio(balanced=True), figure_id).record().balanced


def test_which_figures_compare_layers():
    assert set(COMPARED) >= {
        "gatys2015/fig1", "gatys2015/fig3", "gatys2016/fig1", "gatys2016/fig5",
        "johnson2016/fig3", "johnson2016/fig4",
    }  # fmt: skip
    assert not set(COMPARED) & {"gatys2016/fig4", "gatys2016/fig6"}
