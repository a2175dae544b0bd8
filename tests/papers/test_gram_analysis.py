"""The notebook's figures: drawn small, and their claims both ways."""

from __future__ import annotations

from statistics import mean

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.measure.analysis import relative_distance
from replicate.measure.metrics import relative_gram_distance
from replicate.papers import draw_figure
from replicate.papers.gram_analysis import EARLY, LATE, favoured
from replicate.papers.looks import Look
from replicate.papers.registry import figure_settings

LAYERS = [f"conv{block}_1" for block in range(1, 6)]


def test_layers_inputs_and_weights_are_the_notebook_s():
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


# Figures from end to end: what is seen, and what each claim is told

CLAIMS = {
    "feature_maps": {"smaller": {"structure_size"}},
    "heat_maps": {"diagonal": {"standing_out"}},
    "matched_filters": {
        "similar": {"lowest_cosine_rank"},
        "strength": {"follows_likeness", "follows_strength"},
    },
    "content_maps": {"own": {"map_correlation"}},
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_figure_that_only_looks(name, small_studio):
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
        names = CLAIMS[name][claim.id]
        columns = [[each[metric] for each in metrics.values()] for metric in names]
        told = sorted(claim.value.values())
        by_layer = sorted(columns[0]), sorted(map(mean, columns))
        assert any(told == pytest.approx(each, nan_ok=True) for each in by_layer)


def test_channels_are_shown_once_and_entries_in_order(small_studio):
    figure = draw_figure(small_studio(), "gram_analysis/feature_maps")
    grid = figure.grids[0]
    shown = [grid.panels[0, column].lines[0] for column in range(5)]  # the tiny network's channels
    assert sorted(shown) == ["0", "1", "2", "3", "4"]
    grid = draw_figure(small_studio(), "gram_analysis/heat_maps").grids[-1]
    for panel in grid.panels.values():
        values = {rank: y for series in panel.picture.series for rank, y in zip(series.x, series.y)}
        ordered = [values[rank] for rank in range(1, 21)]
        assert ordered == sorted(ordered, reverse=True) and ordered[0] == 1
        assert len(panel.lines[0].split(", ")) == 20


def test_artefact_size_draws_each_layer_and_both_transfers(small_studio):
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

    expected = [
        means("{}", "structure_size"),
        {label: metrics[label]["structure_size"] for label in (EARLY, LATE)},
    ]
    assert [claim.id for claim in figure.claims] == ["larger", "weighting"]
    for claim, values in zip(figure.claims, expected):
        assert claim.value == pytest.approx(values, nan_ok=True)


# What is measured


def test_distances_are_relative_to_the_other_picture(small_studio, scene):
    studio = small_studio().at("gram_analysis/artefact_size")
    one, other = (Look(studio, scene(64, 48, seed)) for seed in (1, 2))
    grams, features = one.gram_distances(other), one.feature_distances(other)
    for label, seen in one.items():
        assert grams[label] == relative_gram_distance(seen.gram, other[label].gram)
        assert features[label] == relative_distance(seen.maps, other[label].maps)
