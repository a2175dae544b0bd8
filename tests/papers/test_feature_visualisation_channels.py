"""``feature_visualisation/channels``: its claims on made-up numbers, and the figure end to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replicate.config import load_paper
from replicate.figure.record import read_record
from replicate.papers import feature_visualisation as module
from replicate.papers.feature_visualisation import (
    confined,
    growing,
    less_noise,
    robust,
    stronger,
)
from replicate.papers.registry import draw_figure
from replicate.papers.studio import Studio, figure_config
from replicate.storage.store import ResultStore
from replicate.visualisation import excerpts as excerpts_module
from replicate.visualisation.optimised import Channel

SHALLOW = [Channel("conv2_1", index) for index in range(5)]
DEEP = [Channel("conv4_1", index) for index in range(5)]
CHANNELS = SHALLOW + DEEP


def of_all(shallow: float, deep: float) -> dict[Channel, float]:
    return {**dict.fromkeys(SHALLOW, shallow), **dict.fromkeys(DEEP, deep)}


def metrics(name: str, shallow: float, deep: float) -> dict[Channel, dict[str, float]]:
    return {channel: {name: value} for channel, value in of_all(shallow, deep).items()}


# Claims


def peaks(fourier: dict[Channel, float], pixels: dict[Channel, float]) -> Any:
    return {
        "Fourier basis": {channel: {"peak": value} for channel, value in fourier.items()},
        "plain pixels": {channel: {"peak": value} for channel, value in pixels.items()},
    }


def test_nine_of_ten_channels_must_be_stronger() -> None:
    best, weak, enough = of_all(10, 20), of_all(1, 1), {**of_all(20, 60), SHALLOW[0]: 9.0}
    claim = stronger("a paper", peaks(enough, weak), best)
    assert claim.holds and claim.value == 0.9
    assert claim.note.endswith("0.00.")
    assert not stronger("a paper", peaks(weak, enough), best).holds  # plain pixels do not count
    assert not stronger("a paper", peaks({**enough, SHALLOW[1]: 9.0}, weak), best).holds


@pytest.mark.parametrize(("fourier", "holds"), [(0.1, True), (0.2, False), (float("nan"), False)])
def test_plain_pixels_must_be_noisier(fourier: float, holds: bool) -> None:
    numbers = {
        "Fourier basis": metrics("high_frequencies", fourier, fourier),
        "plain pixels": metrics("high_frequencies", 0.3, 0.5),
    }
    claim = less_noise("a paper", numbers)
    assert claim.holds is holds
    assert claim.value == pytest.approx(0.4 / fourier, nan_ok=True)


@pytest.mark.parametrize(
    ("transformed", "pixels", "holds"),
    [
        ((0.9, 0.8), (0.5, 0.7), True),
        ((0.9, 0.6), (0.5, 0.5), False),
        ((0.9, 0.8), (0.5, 0.9), False),
        ((0.9, float("nan")), (0.5, 0.9), False),
    ],
)
def test_transformed_pictures_must_be_robust(
    transformed: tuple[float, float], pixels: tuple[float, float], holds: bool
) -> None:
    claim = robust("a paper", metrics("robustness", *transformed), metrics("robustness", *pixels))
    assert claim.holds is holds


def test_a_crop_must_hold_all_that_matters() -> None:
    assert confined("a paper", of_all(0, 0)).holds
    one_leaks = {**of_all(0, 0), DEEP[3]: 0.1}
    assert not confined("a paper", one_leaks).holds
    assert confined("a paper", one_leaks).value == {"conv2_1": 0, "conv4_1": 0.1}


def test_structures_must_grow() -> None:
    assert growing("a paper", of_all(2, 5)).holds
    assert not growing("a paper", of_all(5, 2)).holds
    flat_field = growing("a paper", {**of_all(2, 5), SHALLOW[0]: 22})
    assert not flat_field.holds and flat_field.value == {"conv2_1": 6, "conv4_1": 5}


# The figure


def test_the_shipped_settings() -> None:
    config = load_paper("feature_visualisation").figures["channels"]
    layers = [layer for (layer,) in config.content_sets.values()]
    assert layers == [f"conv{block}_1" for block in (2, 3, 4, 5)]
    assert config.images["bundled"] == config.images["paper"]
    assert "horse" not in config.images["bundled"].values()


@pytest.fixture
def two_channels(monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]) -> None:
    """The figure's settings with channels that a tiny network has, and with two small scenes."""

    def config(figure_id: str) -> Any:
        paper, figure, preset = figure_config(figure_id)
        images = {"bundled": {"a": "1", "b": "2"}}
        changed = figure.model_copy(update={"channels": [0, 3], "images": images})
        return paper, changed, preset

    monkeypatch.setattr(module, "figure_config", config)
    monkeypatch.setattr(module, "find_image", lambda name: scene(180, 180, int(name)))
    monkeypatch.setattr(excerpts_module, "SHORT_SIDE", 180)


def test_the_figure_from_end_to_end(
    tiny_engine: Callable[..., Any],
    two_channels: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = tiny_engine(store=ResultStore(tmp_path / "store"))
    figure = draw_figure(Studio(engine, "smoke"), "feature_visualisation/channels")
    path = figure.write(tmp_path)
    record = read_record(path.with_suffix(".json"))
    assert [claim.id for claim in record.claims] == [
        "stronger", "noise", "robust", "crop", "growing"
    ]  # fmt: skip
    assert record.claims[3].verdict == "holds"
    assert len(record.panels) == 8 * 3
    assert {panel.label for panel in record.panels} >= {"conv4_1 · 3, Fourier basis",
                                                        "conv5_1 · 0, crops"}  # fmt: skip
    assert record.drawn_by == "vgg19-caffe"
    assert "Optimised pictures of 48 px after 12 steps" in record.caption
    assert "from 2 bundled pictures" in record.caption

    monkeypatch.setattr("replicate.visualisation.optimised.evaluate", None)  # nothing is drawn anew
    again = draw_figure(Studio(engine, "smoke"), "feature_visualisation/channels")
    assert again.panels == figure.panels


def test_a_folder_of_pictures_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]
) -> None:
    config = load_paper("feature_visualisation").figures["channels"]
    monkeypatch.setattr(module, "find_image", lambda name: replace(scene(20, 20), name=name))
    names = [picture.name for picture in module._collection(config, "paper")[0]]
    assert names == list(config.images["paper"].values())
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path))
    scene(40, 40).save(tmp_path / config.folders["paper"] / "one.png")
    pictures, origin = module._collection(config, "paper")
    assert [picture.name for picture in pictures] == ["one"]
    assert origin == "1 picture of the folder natural/imagenet_sample"
    assert len(module._collection(config, "bundled")[0]) == len(names)
