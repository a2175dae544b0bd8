"""Feature visualisation's figures: drawn small, and their claims both ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from replicate.config import load_paper
from replicate.figure.record import read_record
from replicate.images import Picture
from replicate.images.evaluation import Pair
from replicate.measure import scale
from replicate.papers import draw_figure
from replicate.papers import feature_visualisation as module
from replicate.papers.evidence import measured
from replicate.papers.looks import Look
from replicate.papers.registry import draw_sheet, figure_settings
from replicate.papers.studio import Studio
from replicate.storage.store import ResultStore
from replicate.visualisation import excerpts as excerpts_module

CHANNELS = load_paper("feature_visualisation").figures["channels"]


def test_style_or_content_is_drawn(small_studio):
    studio = small_studio()
    figure = draw_figure(studio, "feature_visualisation/style_or_content")
    assert studio.drawn == []
    outline, cut, moved = figure.grids
    assert (outline.row_count, outline.column_count) == (3, 6)
    assert list(cut.columns) == ["photograph", "8 px", "4 px", "2 px", "1 px"]
    assert [panel.picture.values.shape for panel in moved.panels.values()] == [(4, 6), (4, 6)]
    metrics = {panel.label: panel.metrics for panel in figure.panels}
    layers, squares = list(figure_settings(figure.id).content_sets), metrics["squares of 8 px"]
    for layer in layers:  # a Gram matrix does not know where
        assert metrics[layer]["shuffled_gram"] < 1e-6 < 0.5 < metrics[layer]["shuffled_features"]
    outlines, depth = figure.claims
    assert outlines.value == pytest.approx(
        {
            label: np.mean([metrics[layer][name] for layer in layers])
            for label, name in (("the photograph", "outlines"), ("another", "outlines_of_another"))
        }
    )
    assert depth.value == pytest.approx({layer: squares[f"gram/{layer}"] for layer in layers})


def test_squares_move_a_gram_matrix_that_knows_more_than_a_position(small_studio, scene):
    studio = small_studio().at("feature_visualisation/style_or_content")

    def moved(picture: Picture) -> dict[str, float]:
        whole, sides = scale.squared(picture)
        return Look(studio, scale.shuffled_pieces(whole, sides[-1])).gram_distances(
            Look(studio, whole)
        )

    first, *_, last = moved(scene(64, 48)).values()
    assert 0 < first < last
    *_, last = moved(Picture(np.full((48, 64, 3), 90, dtype=np.uint8))).values()
    assert last == 0


def test_the_figure_of_channels_from_end_to_end(tiny_engine, tmp_path, scene, monkeypatch):
    """With channels that a tiny network has, and two small scenes."""
    changes = {"channels": [0, 3], "images": {"bundled": {"a": "1", "b": "2"}}}
    studio = Studio(tiny_engine(store=ResultStore(tmp_path / "store")), "smoke")
    monkeypatch.setattr(Studio, "config", CHANNELS.model_copy(update=changes))
    monkeypatch.setattr(module, "find_image", lambda name: scene(180, 180, int(name)))
    monkeypatch.setattr(excerpts_module, "SHORT_SIDE", 180)
    figure = draw_figure(studio, "feature_visualisation/channels")
    record = read_record(figure.write(tmp_path).with_suffix(".json"))
    metrics = {panel.label: panel.metrics for panel in record.panels}
    assert len(metrics) == 8 * 3

    def column(way: str, name: str) -> dict[str, list[float]]:
        """By layer, the numbers of both channels."""
        return {
            f"conv{block}_1": [metrics[f"conv{block}_1 · {at}, {way}"][name] for at in (0, 3)]
            for block in range(2, 6)
        }

    def every(way: str, name: str) -> np.ndarray:
        return np.ravel(list(column(way, name).values()))

    ways = "Fourier basis", "plain pixels"
    above = np.mean(every(ways[0], "mean") > every("crops", "mean"))
    asked = {
        "stronger": {"value": above},
        "noise": {way: np.nanmedian(every(way, "high_frequencies")) for way in ways},
        "robust": {way: np.nanmedian(every(way, "robustness")) for way in ways},
    }
    assert [claim.id for claim in record.claims] == list(asked)
    for claim in record.claims:
        assert claim.value == pytest.approx(asked[claim.id], nan_ok=True)
    assert "Optimised pictures of 48 px after 12 steps" in record.caption
    assert "from 2 bundled pictures" in record.caption

    monkeypatch.setattr("replicate.visualisation.optimised.evaluate", None)  # nothing is drawn anew
    again = draw_figure(studio, "feature_visualisation/channels")
    assert again.panels == figure.panels


def test_each_draw_looks_at_other_channels(tiny_engine, scene, monkeypatch):
    changes = {"channels": [0], "images": {"bundled": {"a": "1", "b": "2"}}}
    studio = Studio(tiny_engine(), "smoke")
    monkeypatch.setattr(Studio, "config", CHANNELS.model_copy(update=changes))
    monkeypatch.setattr(module, "find_image", lambda name: scene(180, 180, int(name)))
    monkeypatch.setattr(excerpts_module, "SHORT_SIDE", 180)
    sheet = draw_sheet(replace(studio, pair=Pair("", "", 2)).at("feature_visualisation/channels"))
    assert "conv2_1 · 2, crops" in sheet.readings
    rows = measured(studio, ("feature_visualisation/channels", Pair("", "", 2)))
    assert {(row.photograph, row.artwork, row.seed) for row in rows} == {("", "", 2)}
    assert len(rows) == 3 and {row.evaluations for row in rows} == {studio.profile.evaluations}


def test_a_folder_of_pictures_instead(tmp_path, monkeypatch, scene, small_studio):
    studio = small_studio(inputs="paper").at("feature_visualisation/channels")
    monkeypatch.setattr(module, "find_image", lambda name: replace(scene(20, 20), name=name))
    names = list(CHANNELS.images["paper"].values())
    assert CHANNELS.images["bundled"] == CHANNELS.images["paper"] and "horse" not in names
    assert [picture.name for picture in module._collection(studio)[0]] == names
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path))
    scene(40, 40).save(tmp_path / CHANNELS.folders["paper"] / "one.png")
    pictures, origin = module._collection(studio)
    assert [picture.name for picture in pictures] == ["one"]
    assert origin == "1 picture of the folder natural/imagenet_sample"
    studio.inputs = "bundled"
    assert len(module._collection(studio)[0]) == len(names)
