"""Figures whose panels a fast network draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from replicate.config import load_paper, read_paper
from replicate.errors import ConfigError
from replicate.fast.beside import Pass
from replicate.fast.shipped import shipped
from replicate.fast.use import Fast
from replicate.images.evaluation import Pair, pairs
from replicate.papers import draw_figure, verdicts
from replicate.papers.evidence import measured, tasks
from replicate.papers.registry import draw_sheet, figure_settings
from replicate.papers.studio import Studio, figure_config
from replicate.storage.files import configs_dir

MIXER, BESIDE = "fast/mixer", "johnson2016/fast"


def test_the_mixer_s_panels_say_how_they_are_drawn_again(
    small_studio: Callable[..., Studio],
) -> None:
    studio = small_studio()
    figure = draw_figure(studio, MIXER)
    ratios, sets = figure_settings(MIXER).ratios, figure_settings(MIXER).style_sets
    assert [list(panel.fast["layers"]) for panel in figure.panels] == list(sets.values()) * 3
    assert {panel.fast["ratio"] for panel in figure.panels} == set(ratios)
    assert not any(panel.job for panel in figure.panels)
    assert "64 px" in figure.drawn and "evaluations" not in figure.drawn
    assert [info.name for info in figure.networks] == [shipped("mixer").judge]
    # As 'replicate fast apply' would: from the photograph at that size, with that setting.
    how = figure.panels[-1].fast
    photograph = studio.drawn[-1].job.given("content")
    setting = {key: how[key] for key in ("layers", "content", "ratio")}
    again = Fast.load(how["network"], "cpu", "exact")(
        photograph, how["style"], size=how["size"], **setting
    )
    assert again.sha256 == studio.drawn[-1].picture.sha256


def test_the_optimisation_beside_it_has_the_same_objective_and_no_shortcuts(
    small_studio: Callable[..., Studio],
) -> None:
    studio = small_studio().at(BESIDE)
    sheet = draw_sheet(studio)
    for style in shipped("mixer").styles:
        mine = [result for label, (result, _) in sheet.panels.items() if label.startswith(style)]
        (drawn,) = (result for result in mine if isinstance(result, Pass))
        slow = [result for result in mine if result is not drawn]
        assert [result.evaluations for result in slow] == sorted(
            {result.evaluations for result in slow}
        )
        for result in slow:
            assert result.job.preset == drawn.job.preset
            assert result.job.style_size == drawn.job.style_size
            assert [level.canvas for level in result.job.levels()] == [result.picture.size]
            numbers = sheet.panels[f"{style}, {result.evaluations} evaluations"][1]
            assert numbers["objective"] == pytest.approx(result.loss / drawn.loss)


def test_evidence_takes_the_artworks_that_the_network_knows() -> None:
    chosen = pairs("bundled")
    found = tasks([MIXER], chosen)
    known = [pair for pair in chosen if pair.style in shipped("mixer").styles]
    assert 0 < len(known) < len(chosen)
    assert [pair for _, pair in found] == known
    assert tasks([MIXER], [Pair("chelsea", "points")]) == []


def test_a_row_is_of_one_pair(small_studio: Callable[..., Studio]) -> None:
    rows = measured(small_studio(), (BESIDE, Pair("chelsea", "swirls")))
    assert {row.network for row in rows} == {shipped("mixer").judge}
    assert all(1 <= row.values["evaluations"] <= 6 for row in rows)


def test_another_network_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = verdicts.version.__wrapped__
    before = fresh(MIXER), fresh("gatys2016/fig5")
    other = shipped("mixer").__class__("mixer", "0" * 64, ("wave",), "vgg19-compact")
    monkeypatch.setattr(verdicts, "shipped", lambda _: other)
    assert fresh(MIXER) != before[0] and fresh("gatys2016/fig5") == before[1]


def test_the_preset_is_read_with_the_network_of_the_training() -> None:
    _, _, preset = figure_config(BESIDE)
    assert preset.network.name == shipped("mixer").judge
    assert load_paper("johnson2016").presets["johnson2016"].network.name == "vgg16-caffe"


def test_a_network_that_is_not_there(tmp_path: Path) -> None:
    for path in configs_dir().glob("*.toml"):
        text = path.read_text(encoding="utf-8").replace('fast = "mixer"', 'fast = "mixr"')
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"figures\.mixer\.fast: .* 'mixr'; did you mean 'mixer'"):
        read_paper(tmp_path / "fast.toml")
