"""Figures whose panels a fast network draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from replicate.config import load_paper, read_paper
from replicate.engine.job import Result
from replicate.errors import ConfigError
from replicate.fast.beside import Pass
from replicate.fast.shipped import shipped
from replicate.fast.use import Fast
from replicate.images.evaluation import Pair, pairs
from replicate.papers import draw_figure, verdicts
from replicate.papers.evidence import measured, tasks
from replicate.papers.one_pass import OnePass
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
    rows: dict[str, list[Result]] = {}
    for label, (result, _) in sheet.panels.items():
        rows.setdefault(label.rpartition(", ")[0], []).append(result)
    assert list(rows) == [*shipped("mixer").styles, "mosaic, its own network"]
    for row, mine in rows.items():
        (drawn,) = (result for result in mine if isinstance(result, Pass))
        slow = [result for result in mine if result is not drawn]
        assert [result.evaluations for result in slow] == sorted(
            {result.evaluations for result in slow}
        )
        for result in slow:
            assert result.job.preset == drawn.job.preset
            assert result.job.style_size == drawn.job.style_size
            assert [level.canvas for level in result.job.levels()] == [result.picture.size]
            numbers = sheet.panels[f"{row}, {result.evaluations} evaluations"][1]
            assert numbers["objective"] == pytest.approx(result.loss / drawn.loss)


def test_a_network_of_one_style_brings_its_objective_and_its_artwork(
    small_studio: Callable[..., Studio],
) -> None:
    studio = small_studio()
    at_pair = replace(studio, pair=Pair("chelsea", "swirls")).at(BESIDE)
    draw_sheet(at_pair)
    single = OnePass(at_pair, "mosaic-relu2_2")
    mixed, alone = (each for each in at_pair.results if isinstance(each, Pass))
    assert (mixed.how["style"], mixed.how["content"]) == ("swirls", "relu2_2")
    assert set(alone.how) == {"network", "sha256", "content_picture", "size", "style"}
    assert alone.how["style"] == alone.job.given("style").name == "mosaic"
    assert alone.job.preset == single.fast.slow(single.fast.setting())
    assert list(alone.job.style_layers) == ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]


@pytest.mark.parametrize(
    ("figure", "labels"),
    [
        ("johnson2016/content_layer", ["relu2_2", "relu3_3"]),
        ("johnson2016/style_layers", ["relu1_1 … 4_1", "relu1_2 … 4_3"]),
    ],
)
def test_networks_trained_alike_draw_the_same_photographs(
    figure: str, labels: list[str], small_studio: Callable[..., Studio]
) -> None:
    """They differ in the layers that the labels name, and in nothing else of their making."""
    made = []
    for name in figure_settings(figure).fast:
        record = dict(Fast.load(name, "cpu").record)
        made.append({key: record[key] for key in ("styles", "judge", "photographs", "recipe")})
        assert record["progress"]["step"] == record["recipe"]["steps"]
    assert made[0] == made[1]
    sheet = draw_sheet(small_studio().at(figure))
    names = [result.how["content_picture"] for result, _ in sheet.panels.values()]
    assert names[:8] == names[8:] and len(sheet.panels) == 16
    assert [label.rpartition(",")[0] for label in sheet.panels] == [
        label for label in labels for _ in range(8)
    ]
    assert [len(grid.cells) for grid in sheet.grids] == [3, 3]


def test_each_network_s_pictures_are_judged_by_both_objectives(
    small_studio: Callable[..., Studio],
) -> None:
    studio = replace(small_studio(), pair=Pair("chelsea", "swirls")).at("johnson2016/style_layers")
    sheet = draw_sheet(studio)
    (first, seen), (last, _) = sheet.panels.values()
    for kind, job in (("own", first.job), ("other", last.job)):
        drawn, untouched = (
            sum(
                weight * studio.engine.reader.losses(job, picture)[1][f"style/{layer}"]
                for layer, weight in job.preset.layers("style").items()
            )
            for picture in (first.picture, job.content_on_canvas)
        )
        assert seen[f"{kind}_layers"] == pytest.approx(drawn / untouched)
    (both,) = (claim.value["value"] for claim in sheet.claims if claim.id == "layers")
    numbers = [numbers for _, numbers in sheet.panels.values()]
    other, own = (numbers[0][f"{kind}_layers"] * numbers[1][f"{kind}_layers"]
                  for kind in ("other", "own"))  # fmt: skip
    assert both == pytest.approx((other / own) ** 0.5)


def test_evidence_takes_the_artworks_that_the_network_knows() -> None:
    chosen = pairs("bundled")
    found = tasks([MIXER], chosen)
    known = [pair for pair in chosen if pair.style in shipped("mixer").styles]
    assert 0 < len(known) < len(chosen)
    assert [pair for _, pair in found] == known
    assert tasks([MIXER], [Pair("chelsea", "points")]) == []
    # A network of one artwork draws each photograph once, whatever the pair's artwork.
    alone = [pair for _, pair in tasks(["johnson2016/content_layer"], chosen) if pair.seed == 0]
    assert sorted(pair.content for pair in alone) == sorted({pair.content for pair in chosen})


def test_a_row_is_of_one_pair(small_studio: Callable[..., Studio]) -> None:
    rows = measured(small_studio(), (BESIDE, Pair("chelsea", "swirls")))
    assert {row.network for row in rows} == {shipped("mixer").judge}
    assert all(1 <= row.values["evaluations"] <= 6 for row in rows)


def test_another_network_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = verdicts.version.__wrapped__
    before = fresh(f"{MIXER}/own"), fresh("gatys2016/fig5/style")
    other = shipped("mixer").__class__("mixer", "0" * 64, ("wave",), "vgg19-compact")
    monkeypatch.setattr(verdicts, "shipped", lambda _: other)
    assert fresh(f"{MIXER}/own") != before[0]
    assert fresh("gatys2016/fig5/style") == before[1]


def test_the_preset_is_read_with_the_network_of_the_training() -> None:
    _, _, preset = figure_config(BESIDE)
    assert preset.network.name == shipped("mixer").judge
    assert load_paper("johnson2016").presets["johnson2016"].network.name == "vgg16-caffe"


def test_a_network_that_is_not_there(tmp_path: Path) -> None:
    for path in configs_dir().glob("*.toml"):
        text = path.read_text(encoding="utf-8").replace('fast = ["mixer"]', 'fast = ["mixr"]')
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"figures\.mixer\.fast: .* 'mixr'; did you mean 'mixer'"):
        read_paper(tmp_path / "fast.toml")
