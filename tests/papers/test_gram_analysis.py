"""The notebook's figures and the forum's puzzle: drawn small, and their claims both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.engine.job import Job, Result
from replicate.images import Picture
from replicate.papers import draw_figure
from replicate.papers.feature_visualisation import style_or_content_claims
from replicate.papers.gram_analysis import (
    EARLY,
    LATE,
    arrangement_known,
    artefact_claims,
    change_metrics,
    favoured,
    gram_claims,
    matching_claims,
    own_arrangements,
    smaller_features,
)

LAYERS = [f"conv{block}_1" for block in range(1, 6)]
LOOKING = ["feature_maps", "heat_maps", "matched_filters", "content_maps"]


def verdicts(claims: list[Any]) -> dict[str, bool]:
    return {claim.id: claim.holds for claim in claims}


# Configs


def test_layers_are_the_notebook_s() -> None:
    figures = load_paper("gram_analysis").figures
    wanted = {label: [label.replace("conv", "relu")] for label in LAYERS}
    for name in ("feature_maps", "heat_maps", "matched_filters", "artefact_size"):
        assert figures[name].style_sets == wanted
    assert figures["content_maps"].content_sets["conv4_2"] == ["relu4_2"]


def test_inputs_are_the_notebook_s() -> None:
    figures = load_paper("gram_analysis").figures
    assert figures["heat_maps"].images["paper"] == {"style": "mah_tip"}
    assert figures["content_maps"].images["paper"] == {"content": "god_statue"}


def test_early_layers_are_favoured_as_in_the_exercise() -> None:
    """1, 0.75, 0.2, 0.2, 0.2, and the same in reverse, each of sum 1."""
    weights = favoured(load_preset("udacity"))
    assert list(weights[EARLY]) == [f"relu{block}_1" for block in range(1, 6)]
    early = np.array([1, 0.75, 0.2, 0.2, 0.2]) / 2.35
    assert list(weights[EARLY].values()) == pytest.approx(early)
    assert list(weights[LATE].values()) == pytest.approx(early[::-1])


# Figures from end to end


@pytest.mark.parametrize("name", LOOKING)
def test_a_figure_that_only_looks(name: str, small_studio: Callable[..., Any]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, f"gram_analysis/{name}")
    assert studio.drawn == []
    assert [n.name for n in figure.networks] == ["vgg19-caffe"]
    assert "64 × 48 px" in figure.caption
    config = load_paper("gram_analysis").figures[name]
    assert [panel.label for panel in figure.panels] == list(
        config.content_sets or config.style_sets
    )
    assert all(panel.metrics and not panel.job for panel in figure.panels)
    assert figure.claims
    assert 1000 <= figure.montage.layout.page.width < 4000


def test_feature_maps_show_every_channel_once(small_studio: Callable[..., Any]) -> None:
    grid = draw_figure(small_studio(), "gram_analysis/feature_maps").grids[0]
    shown = [grid.panels[0, column].lines[0] for column in range(5)]  # the tiny network's channels
    assert sorted(shown) == ["0", "1", "2", "3", "4"]


def test_the_listed_entries_are_in_order(small_studio: Callable[..., Any]) -> None:
    figure = draw_figure(small_studio(), "gram_analysis/heat_maps")
    for panel in figure.grids[-1].panels.values():
        values = {rank: y for series in panel.picture.series for rank, y in zip(series.x, series.y)}
        ordered = [values[rank] for rank in range(1, 21)]
        assert ordered == sorted(ordered, reverse=True)
        assert ordered[0] == 1
        assert len(panel.lines[0].split(", ")) == 20


def test_artefact_size_draws_each_layer_and_both_transfers(
    small_studio: Callable[..., Any],
) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "gram_analysis/artefact_size")
    single, transfers = studio.drawn[:10], studio.drawn[10:]
    assert [list(r.job.style_layers) for r in single] == [
        [label.replace("conv", "relu")] for label in LAYERS
    ] * 2
    assert all(len(r.job.levels()) == 1 and r.job.content is None for r in single)
    assert [r.job.init for r in transfers] == ["content", "content"]
    assert [claim.id for claim in figure.claims] == [
        "larger", "grow", "statistics", "weighting", "stronger",
    ]  # fmt: skip
    lengths = {p.label: p.metrics.get("coherence_length") for p in figure.panels if p.job}
    assert len(lengths) == 12
    (shown, *_) = figure.claims
    first = np.mean([v for k, v in lengths.items() if k.endswith("conv1_1")])
    assert shown.value["conv1_1"] == pytest.approx(first)


def test_style_or_content(small_studio: Callable[..., Any]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "feature_visualisation/style_or_content")
    assert studio.drawn == []
    outline, cut, moved = figure.grids
    assert (outline.row_count, outline.column_count) == (3, 6)
    assert list(cut.columns) == ["photograph", "8 px", "4 px", "2 px", "1 px"]
    assert [panel.picture.values.shape for panel in moved.panels.values()] == [(4, 6), (4, 6)]
    assert {claim.id for claim in figure.claims} == {"outlines", "positions", "squares", "depth"}


# What is measured


def test_squares_move_a_gram_matrix_that_knows_more_than_a_position(
    small_studio: Callable[..., Any], scene: Callable[..., Any]
) -> None:
    studio, preset = small_studio(), load_preset("gatys2016")
    sets = {"conv1_1": ["relu1_1"], "conv5_1": ["relu5_1"]}
    moved = arrangement_known(studio, preset, scene(64, 48), sets)
    assert 0 < moved["conv1_1"] < moved["conv5_1"]
    flat = Picture(np.full((48, 64, 3), 90, dtype=np.uint8))
    assert arrangement_known(studio, preset, flat, sets)["conv5_1"] == 0


def test_the_change_of_a_transfer(scene: Callable[..., Any]) -> None:
    content = scene(64, 64)
    shifted = content.pixels.astype(np.int64)
    shifted[::2] += 8
    shifted[1::2] -= 8
    drawn = Picture.from_array(np.clip(shifted, 0, 255).astype(np.uint8))
    job = Job(load_preset("gatys2016"), content, content, size=64)
    result = Result(job, drawn, 0.0, {}, [], 1, 0.0, None, "exact")  # type: ignore[arg-type]
    metrics = change_metrics(result, content)
    expected = (8 / 255) ** 2 / (content.pixels / 255).var()
    assert metrics["change_energy"] == pytest.approx(expected, rel=0.1)
    assert metrics["change_length"] < 2
    twice = replace(result, picture=content)
    assert change_metrics(twice, content)["change_energy"] == 0


# Claims, both ways


def series(*values: float) -> dict[str, float]:
    return dict(zip(LAYERS, values))


def test_smaller_features() -> None:
    assert smaller_features("a source", series(9, 7, 5, 3, 1)).holds
    claim = smaller_features("a source", series(9, 4, 6, 8, 10))
    assert not claim.holds
    assert claim.note == "They shrink from conv1_1 to conv2_1"
    assert smaller_features("a source", series(1, 2, 3, 4, 5)).note == "They shrink nowhere"


def test_gram_claims() -> None:
    layer = {"diagonal_share_of_20": 0.4, "diagonal_over_rest": 3.0}
    good = {**layer, "standing_out": 0.8, "outshone": 0.9}
    assert verdicts(gram_claims("s", {"conv1_1": good})) == {"diagonal": True, "beside": True}
    for name, claim in (("standing_out", "diagonal"), ("outshone", "beside")):
        bad = {"conv1_1": good, "conv2_1": {**good, name: 0.4}}
        found = verdicts(gram_claims("s", bad))
        assert [id for id, holds in found.items() if not holds] == [claim]


def test_matching_claims() -> None:
    good = {"lowest_cosine_rank": 0.95, "follows_likeness": 0.8, "follows_strength": 0.7}
    assert all(verdicts(matching_claims("s", {"conv1_1": good})).values())
    for name, value, claim in (
        ("lowest_cosine_rank", 0.5, "similar"),
        ("lowest_cosine_rank", float("nan"), "similar"),
        ("follows_strength", 0.9, "likeness"),
    ):
        found = verdicts(matching_claims("s", {"a": good, "b": {**good, name: value}}))
        assert [id for id, holds in found.items() if not holds] == [claim]


@pytest.mark.parametrize(
    ("shallow", "deep", "holds"), [(0.3, 0.1, True), (0.9, 0.3, False), (0.1, 0.15, False)]
)
def test_own_arrangements(shallow: float, deep: float, holds: bool) -> None:
    numbers = {"conv1_1": {"map_correlation": shallow}, "conv4_2": {"map_correlation": deep}}
    assert own_arrangements("s", numbers).holds is holds


CHANGES = {
    EARLY: {"change_length": 3.0, "change_energy": 0.2},
    LATE: {"change_length": 6.0, "change_energy": 0.1},
}


def test_artefact_claims() -> None:
    known = {"one": series(0.1, 0.2, 0.3, 0.4, 0.5)}
    rising = {"one": series(1, 2, 3, 4, 5), "other": series(2, 4, 6, 8, 10)}
    assert verdicts(artefact_claims(rising, known, CHANGES)) == {
        "larger": False, "grow": True, "statistics": True, "weighting": False, "stronger": True,
    }  # fmt: skip
    swapped = {EARLY: CHANGES[LATE], LATE: CHANGES[EARLY]}
    falling = {"one": series(5, 4, 3, 2, 1)}
    assert verdicts(artefact_claims(falling, falling, swapped)) == {
        "larger": True, "grow": False, "statistics": False, "weighting": True, "stronger": False,
    }  # fmt: skip
    neither = verdicts(artefact_claims({"one": series(1, 3, 2, 4, 5)}, known, CHANGES))
    assert not neither["larger"] and not neither["grow"]


def test_style_or_content_claims() -> None:
    layer = {
        "outlines": 0.5,
        "outlines_of_another": 0.1,
        "shuffled_features": 1.2,
        "shuffled_gram": 1e-12,
    }
    numbers = {"conv1_1": layer, "conv5_1": layer}
    features, grams = {"conv1_1": 1.0, "conv5_1": 1.2}, {"conv1_1": 0.1, "conv5_1": 0.4}

    def failing(**changes: Any) -> list[str]:
        given = {"numbers": numbers, "features": features, "grams": grams, **changes}
        claims = style_or_content_claims("s", side=8, **given)
        return [claim.id for claim in claims if not claim.holds]

    assert failing() == []
    for name, value, claim in (
        ("outlines", 0.1, "outlines"),
        ("shuffled_features", 0.1, "positions"),
        ("shuffled_gram", 1e-3, "positions"),
    ):
        assert failing(numbers={**numbers, "conv5_1": {**layer, name: value}}) == [claim]
    assert failing(features={"conv1_1": 1.0, "conv5_1": 0.3}) == ["squares"]
    assert failing(grams={"conv1_1": 0.4, "conv5_1": 0.1}) == ["depth"]
