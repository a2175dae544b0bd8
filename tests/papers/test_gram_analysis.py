"""The notebook's figures: drawn small, and their claims both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import mean
from typing import Any

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.engine.job import Job, Result
from replicate.images import Picture
from replicate.measure.analysis import relative_distance
from replicate.measure.metrics import relative_gram_distance
from replicate.papers import draw_figure
from replicate.papers.gram_analysis import EARLY, LATE, arrangement_known, favoured
from replicate.papers.looks import Look
from replicate.papers.measures import change
from replicate.papers.registry import figure_settings

LAYERS = [f"conv{block}_1" for block in range(1, 6)]


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


# Figures from end to end: what is seen, and what each claim asks of it

Metrics = dict[str, dict[str, float]]


def metric(name: str) -> Callable[[Metrics], dict[str, float]]:
    return lambda metrics: {label: each[name] for label, each in metrics.items()}


def own(metrics: Metrics) -> dict[str, float]:
    values = {label: each["map_correlation"] for label, each in metrics.items()}
    joint = {f"with depth: {label}": value for label, value in values.items()}
    return {"conv4_2": values["conv4_2"], **joint}


def likeness(metrics: Metrics) -> dict[str, float]:
    return {
        label: each["follows_likeness"] - each["follows_strength"]
        for label, each in metrics.items()
    }


CLAIMS = {
    "feature_maps": {"smaller": (metric("structure_size"), "strictly decreasing")},
    "heat_maps": {
        "diagonal": (metric("standing_out"), "each ≥ 0.5"),
        "beside": (metric("outshone"), "each ≥ 0.5"),
    },
    "matched_filters": {
        "similar": (metric("lowest_cosine_rank"), "each ≥ 0.9"),
        "likeness": (likeness, "each ≥ 0"),
    },
    "content_maps": {"own": (own, "conv4_2: ≤ 0.2 (our bound); with depth: strictly decreasing")},
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_figure_that_only_looks(name: str, small_studio: Callable[..., Any]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, f"gram_analysis/{name}")
    assert studio.drawn == []
    assert "64 × 48 px" in figure.caption
    assert [network.name for network in figure.networks] == ["vgg19-caffe"]
    config = figure_settings(f"gram_analysis/{name}")
    metrics = {panel.label: panel.metrics for panel in figure.panels}
    assert list(metrics) == list(config.content_sets or config.style_sets)
    assert all(panel.metrics and not panel.job for panel in figure.panels)
    assert 1000 <= figure.montage.layout.page.width < 4000
    assert {claim.id for claim in figure.claims} == set(CLAIMS[name])
    for claim in figure.claims:
        expected, threshold = CLAIMS[name][claim.id]
        assert claim.value == pytest.approx(expected(metrics), nan_ok=True)
        assert claim.threshold.startswith(threshold)


def test_channels_are_shown_once_entries_in_order_and_shrinking_layers_are_named(
    small_studio: Callable[..., Any],
) -> None:
    figure = draw_figure(small_studio(), "gram_analysis/feature_maps")
    sizes = figure.claims[0].value
    for before, after in pairwise(sizes):
        shrinks = sizes[after] < sizes[before]
        assert (f"from {before} to {after}" in figure.claims[0].note) == shrinks
    grid = figure.grids[0]
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
    layers = [label.replace("conv", "relu") for label in LAYERS]
    assert [list(result.job.style_layers) for result in single] == [[each] for each in layers] * 2
    assert all(len(r.job.levels()) == 1 and r.job.content is None for r in single)
    assert [result.job.init for result in transfers] == ["content", "content"]
    metrics = {panel.label: panel.metrics for panel in figure.panels}

    def means(labels: str, name: str) -> dict[str, float]:
        """By layer, the mean of both paintings."""
        found = {layer: (labels.format(layer), name.format(layer)) for layer in LAYERS}
        return {
            layer: mean(metrics[f"scene {seed}, {label}"][name] for seed in (2, 3))
            for layer, (label, name) in found.items()
        }

    lengths = means("{}", "coherence_length"), means("squares", "{}")
    changes = (
        {label: metrics[label][name] for label in (EARLY, LATE)}
        for name in ("change_length", "change_energy")
    )
    expected = [lengths[0], lengths[0], lengths[1], *changes]
    assert [claim.value for claim in figure.claims] == [pytest.approx(each) for each in expected]
    assert {claim.id: claim.threshold for claim in figure.claims} == {
        "larger": "strictly decreasing", "grow": "strictly increasing",
        "statistics": "strictly increasing",
        "weighting": f"largest for {EARLY}", "stronger": f"largest for {EARLY}",
    }  # fmt: skip


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


def test_distances_are_relative_to_the_other_picture(
    small_studio: Callable[..., Any], scene: Callable[..., Any]
) -> None:
    studio = small_studio().at("gram_analysis/artefact_size")
    one, other = (Look(studio, scene(64, 48, seed)) for seed in (1, 2))
    grams, features = one.gram_distances(other), one.feature_distances(other)
    for label, seen in one.items():
        assert grams[label] == relative_gram_distance(seen.gram, other[label].gram)
        assert features[label] == relative_distance(seen.maps, other[label].maps)


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
