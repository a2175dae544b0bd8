"""The notebook's figures: drawn small, and their claims both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.engine.job import Job, Result
from replicate.images import Picture
from replicate.papers import draw_figure, gram_analysis
from replicate.papers.gram_analysis import EARLY, LATE, arrangement_known, favoured
from replicate.papers.measures import change
from replicate.papers.registry import figure_settings

LAYERS = [f"conv{block}_1" for block in range(1, 6)]
LOOKING = ["feature_maps", "heat_maps", "matched_filters", "content_maps"]


def test_layers_inputs_and_weights_are_the_notebook_s() -> None:
    figures = load_paper("gram_analysis").figures
    wanted = {label: [label.replace("conv", "relu")] for label in LAYERS}
    for name in ("feature_maps", "heat_maps", "matched_filters", "artefact_size"):
        assert figures[name].style_sets == wanted
    assert figures["content_maps"].content_sets["conv4_2"] == ["relu4_2"]
    assert figures["heat_maps"].images["paper"] == {"style": "mah_tip"}
    assert figures["content_maps"].images["paper"] == {"content": "god_statue"}
    weights = favoured(load_preset("udacity"))
    early = np.array([1, 0.75, 0.2, 0.2, 0.2]) / 2.35
    assert list(weights[EARLY]) == list(weights[LATE]) == [layer for (layer,) in wanted.values()]
    assert list(weights[EARLY].values()) == pytest.approx(early)
    assert list(weights[LATE].values()) == pytest.approx(early[::-1])


# Figures from end to end


@pytest.mark.parametrize("name", LOOKING)
def test_a_figure_that_only_looks(name: str, small_studio: Callable[..., Any]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, f"gram_analysis/{name}")
    assert studio.drawn == []
    assert "64 × 48 px" in figure.caption
    assert [network.name for network in figure.networks] == ["vgg19-caffe"]
    config = load_paper("gram_analysis").figures[name]
    labels = list(config.content_sets or config.style_sets)
    assert [panel.label for panel in figure.panels] == labels
    assert all(panel.metrics and not panel.job for panel in figure.panels)
    assert 1000 <= figure.montage.layout.page.width < 4000


def test_every_channel_is_shown_once_and_entries_are_in_order(
    small_studio: Callable[..., Any],
) -> None:
    grid = draw_figure(small_studio(), "gram_analysis/feature_maps").grids[0]
    shown = [grid.panels[0, column].lines[0] for column in range(5)]  # the tiny network's channels
    assert sorted(shown) == ["0", "1", "2", "3", "4"]
    grid = draw_figure(small_studio(), "gram_analysis/heat_maps").grids[-1]
    for panel in grid.panels.values():
        values = {rank: y for series in panel.picture.series for rank, y in zip(series.x, series.y)}
        ordered = [values[rank] for rank in range(1, 21)]
        assert ordered == sorted(ordered, reverse=True) and ordered[0] == 1
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
    lengths = [p.metrics["coherence_length"] for p in figure.panels if "conv1_1" in p.label]
    assert figure.claims[0].value["conv1_1"] == pytest.approx(np.mean(lengths))


# What is measured


def test_squares_move_a_gram_matrix_that_knows_more_than_a_position(
    small_studio: Callable[..., Any], scene: Callable[..., Any]
) -> None:
    studio = small_studio().at("gram_analysis/artefact_size")
    moved = arrangement_known(studio, scene(64, 48))
    assert list(moved) == LAYERS
    assert 0 < moved["conv1_1"] < moved["conv5_1"]
    flat = Picture(np.full((48, 64, 3), 90, dtype=np.uint8))
    assert arrangement_known(studio, flat)["conv5_1"] == 0


def test_the_change_of_a_transfer(scene: Callable[..., Any]) -> None:
    content = scene(64, 64)
    shifted = content.pixels.astype(np.int64)
    shifted[::2] += 8
    shifted[1::2] -= 8
    drawn = Picture.from_array(np.clip(shifted, 0, 255).astype(np.uint8))
    job = Job(load_preset("gatys2016"), content, content, size=64)
    result = Result(job, drawn, 0.0, {}, [], 1, 0.0, None, "exact")  # type: ignore[arg-type]
    metrics = change(None, result)  # type: ignore[arg-type]
    expected = (8 / 255) ** 2 / (content.pixels / 255).var()
    assert metrics["change_energy"] == pytest.approx(expected, rel=0.1)
    assert metrics["change_length"] < 2
    assert change(None, replace(result, picture=content))["change_energy"] == 0  # type: ignore[arg-type]


# Claims, both ways


def of_layer(place: int) -> dict[str, float]:
    return {
        "structure_size": 9.0 - place, "map_correlation": 0.3 - 0.2 * place, "outshone": 0.9,
        "diagonal_share_of_20": 0.4, "diagonal_over_rest": 3.0, "standing_out": 0.8,
        "lowest_cosine_rank": 0.95, "follows_likeness": 0.8, "follows_strength": 0.7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "failing"),
    [
        ("feature_maps", {}, []),
        ("feature_maps", {3: {"structure_size": 8.5}}, ["smaller"]),
        ("heat_maps", {}, []),
        ("heat_maps", {1: {"standing_out": 0.4}}, ["diagonal"]),
        ("heat_maps", {1: {"outshone": 0.4}}, ["beside"]),
        ("matched_filters", {}, []),
        ("matched_filters", {1: {"lowest_cosine_rank": 0.5}}, ["similar"]),
        ("matched_filters", {1: {"lowest_cosine_rank": float("nan")}}, ["similar"]),
        ("matched_filters", {1: {"follows_strength": 0.9}}, ["likeness"]),
        ("content_maps", {}, []),
        ("content_maps", {0: {"map_correlation": 0.9}, 1: {"map_correlation": 0.3}}, ["own"]),
        ("content_maps", {0: {"map_correlation": 0.1}, 1: {"map_correlation": 0.15}}, ["own"]),
    ],
)
def test_claims_of_what_is_seen(
    name: str, changes: dict[int, dict[str, float]], failing: list[str],
    looked: Callable[..., Any],
) -> None:  # fmt: skip
    claims = looked(f"gram_analysis/{name}", lambda at: {**of_layer(at), **changes.get(at, {})})
    assert [claim.id for claim in claims if not claim.holds] == failing
    if failing == ["smaller"]:
        assert "from conv2_1 to conv3_1" in claims[0].note
        assert "from conv3_1 to conv4_1" not in claims[0].note


RISING, FALLING, NEITHER = (1, 2, 3, 4, 5), (5, 4, 3, 2, 1), (1, 3, 2, 4, 5)


@pytest.mark.parametrize(
    ("sizes", "known", "early", "holding"),
    [
        (RISING, RISING, (3.0, 0.2), {"grow", "statistics", "stronger"}),
        (FALLING, FALLING, (7.0, 0.05), {"larger", "weighting"}),
        (NEITHER, RISING, (3.0, 0.05), {"statistics"}),
    ],
)
def test_claims_of_artefact_size(
    sizes: tuple[float, ...], known: tuple[float, ...], early: tuple[float, float],
    holding: set[str], failing: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    changes = {EARLY: early, LATE: (6.0, 0.1)}

    def of_panel(key: Any) -> dict[str, float]:
        if key in changes:
            return dict(zip(("change_length", "change_energy"), changes[key]))
        factor = 1 if key[0] == "scene 2" else 2
        return {"coherence_length": factor * sizes[LAYERS.index(key[1])], "gram_distance": 0.1}

    monkeypatch.setattr(
        gram_analysis, "arrangement_known", lambda *_: dict(zip(LAYERS, map(float, known)))
    )
    claims = figure_settings("gram_analysis/artefact_size").claims
    assert set(claims) - set(failing("gram_analysis/artefact_size", of_panel)) == holding
