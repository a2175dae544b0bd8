"""Figures on pairs of the evaluation set, and when their numbers count."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from replicate.config import Fewer
from replicate.images.evaluation import Pair
from replicate.measure.scale import statistics_apart
from replicate.papers import measures
from replicate.papers.evidence import DRAWS, known, measured, tasks
from replicate.papers.gatys2016 import JUDGE
from replicate.papers.measures import structures_seen
from replicate.papers.registry import figure_ids, figure_settings
from replicate.papers.studio import unsettled
from replicate.papers.verdicts import can_be_judged, definitions, version

PAIR = Pair("chelsea", "swirls", 3)
DRAWN = "feature_visualisation/channels"
"""By seeds: :mod:`tests.papers.test_feature_visualisation` measures it."""
JUDGED = [figure for figure in figure_ids() if can_be_judged(figure) and figure != DRAWN]


def result(falls_to: float, transfer: bool = True, start: float = 100.0) -> Any:
    """A curve of 100 evaluations that stands at 1 at the ninetieth and then falls."""
    curve = [(1, start), *((step, 1.0) for step in range(2, 91)), (100, falls_to)]
    layers = {"relu1_1": 1.0}
    job = SimpleNamespace(content_layers=layers, style_layers=layers if transfer else {})
    return SimpleNamespace(job=job, curve=curve)


@pytest.mark.parametrize(
    ("results", "rests"),
    [
        ([result(0.99)], True),
        ([result(0.97)], False),
        ([result(0.99), result(0.97)], False),
        ([result(0.5, transfer=False)], True),  # a two hundredth of what it began with
        ([result(0.5, transfer=False, start=20.0)], False),
        ([], True),
    ],
)
def test_a_loss_has_come_to_rest(results, rests):
    assert unsettled(results) == ("" if rests else "the loss was still falling")


@pytest.mark.parametrize("figure", JUDGED)
def test_every_figure_can_be_drawn_from_a_pair(small_studio, figure):
    studio = small_studio()
    rows = measured(studio, (figure, PAIR))
    assert {row.claim.rpartition("/")[0] for row in rows} == {figure}
    wanted = set(figure_settings(figure).claims)
    assert {row.claim.rpartition("/")[2] for row in rows} == wanted
    for row in rows:
        definitions()[row.claim].effect(row.values)
        unit = definitions()[row.claim].unit
        assert (row.photograph, row.artwork, row.seed) == (
            "chelsea" if unit in ("pair", "photograph") else "",
            "swirls" if unit in ("pair", "artwork") else "",
            3,
        )
    assert studio.drawn == []


def test_what_was_only_read_took_no_evaluations(small_studio):
    studio, task = small_studio(), ("gram_analysis/content_maps", PAIR)
    (row,) = measured(studio, task)
    assert row.evaluations == 0 and str(row.setting) == f"{row.network}, 64 px"
    assert known(studio, task, [row])
    assert not known(studio, task, [replace(row, evaluations=7)])
    drawn = measured(studio, ("gatys2016/fig5", PAIR))
    assert {row.evaluations for row in drawn} == {studio.profile.evaluations}


def test_rounded_layers_of_a_network_that_judges_stand_in_its_rows(small_studio, monkeypatch):
    studio = small_studio()
    info = studio.engine.networks.info

    def rounded(spec: Any) -> Any:
        return info(spec).model_copy(update={"rounded": "conv4_1" if spec == JUDGE else ""})

    monkeypatch.setattr(studio.engine.networks, "info", rounded)
    rows = measured(studio, ("gatys2016/fig1", PAIR))
    assert [row.claim for row in rows if row.rounded] == ["gatys2016/fig1/content-stays"]


def test_the_noise_is_the_pair_s(small_studio):
    at_pair = replace(small_studio(), pair=PAIR).at("gatys2016/fig4")
    job = at_pair.job(at_pair.preset, at_pair.picture("content"), at_pair.picture("style"))
    assert job.seed == 3
    assert list(at_pair.config.ratios) == [1e-4, 1e-3, 1e-1]
    assert at_pair.roles == ["content", "style"]


def test_a_judged_profile_takes_no_shortcuts(small_studio):
    def job(profile: str) -> Any:
        studio = replace(small_studio(), profile_name=profile).at("gatys2016/fig5")
        return studio.job(studio.preset, studio.picture("content"), studio.picture("style"))

    levels = job("evidence").levels()
    assert [level.style for level in levels] == [True]
    assert levels[0].content_weight == 1 != job("preview").content_weight


def test_what_depends_on_photographs_alone_is_drawn_once_for_each():
    pairs = [Pair("a", "x"), Pair("a", "y"), Pair("b", "x")]
    assert [pair for _, pair in tasks(["gram_analysis/content_maps"], pairs)] == [
        pairs[0],
        pairs[2],
    ]
    assert len(tasks(["gatys2016/fig5"], pairs)) == 3
    assert len(tasks(["gatys2016/fig1"], pairs)) == 3


def test_what_is_given_no_picture_is_drawn_by_seeds():
    pairs = [Pair("a", "x"), Pair("a", "y"), Pair("b", "x")]
    found = tasks([DRAWN], pairs)
    assert [(pair.content, pair.style, pair.seed) for _, pair in found] == [
        ("", "", 0),
        ("", "", 1),
        ("", "", 2),
    ]
    assert len(tasks([DRAWN], pairs * 9)) == DRAWS


def test_claims_are_measured_on_fewer_channels_than_the_page_shows(small_studio, monkeypatch):
    name = "feature_visualisation/channels"
    config = figure_settings(name)
    studio = small_studio().at(name)
    assert studio.config.channels == config.channels
    narrow = replace(small_studio(), pair=Pair("", "", 0)).at(name)
    assert tuple(narrow.config.channels) == config.evidence.channels
    assert set(config.evidence.channels) < set(config.channels)
    ours = version(f"{name}/noise")
    other = config.model_copy(update={"evidence": Fewer(channels=(0,))})
    monkeypatch.setattr("replicate.papers.verdicts.figure_settings", lambda _: other)
    assert version.__wrapped__(f"{name}/noise") != ours


def test_what_cannot_be_judged_over_pairs():
    assert not can_be_judged("fastai/sum_or_mean")  # claims nothing
    assert len(JUDGED) > 20


def test_another_preset_measure_or_other_panels_are_another_version(monkeypatch):
    fresh, claim = version.__wrapped__, "gatys2016/fig5/style"
    assert fresh(claim) == version(claim) != version("gatys2016/fig5/structure")
    config = figure_settings("gatys2016/fig5")
    for change in ({"ratios": [1e-2]}, {"preset": "gatys2016-code"}, {"balanced": True}):
        other = config.model_copy(update=change)
        monkeypatch.setattr("replicate.papers.verdicts.figure_settings", lambda _, o=other: o)
        assert fresh(claim) != version(claim)
    style = config.claims["style"]
    for change in ({"text": "Another text", "delta": 9.0}, {"measure": "another measure"}):
        claims = {"style": style.model_copy(update=change)}
        worded = config.model_copy(update={"title": "Another title", "claims": claims})
        monkeypatch.setattr("replicate.papers.verdicts.figure_settings", lambda _, w=worded: w)
        assert (fresh(claim) != version(claim)) == ("measure" in change)


def test_engines_do_not_share_what_they_read_sizes_with(small_studio, monkeypatch):
    asked = []

    def apart(painting: Any, reader: Any, layer: str, spec: Any) -> Any:
        asked.append(reader)
        return statistics_apart(painting, reader, layer, spec)

    monkeypatch.setattr(measures, "statistics_apart", apart)
    monkeypatch.setattr(measures, "_RULERS", {})
    studios = [small_studio().at("gatys2016/fig5") for _ in range(2)]
    picture = studios[0].picture("style")
    job = studios[0].job(studios[0].preset, picture, picture)
    for studio in studios * 2:
        structures_seen(studio, SimpleNamespace(job=job, picture=picture))
    assert asked == [studio.engine.reader for studio in studios]
