"""Feature visualisation's figures: drawn small, and their claims both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from replicate.config import load_paper
from replicate.figure.record import read_record
from replicate.images import Picture
from replicate.papers import draw_figure
from replicate.papers import feature_visualisation as module
from replicate.papers.looks import Look
from replicate.papers.studio import Studio
from replicate.storage.store import ResultStore
from replicate.visualisation import excerpts as excerpts_module
from replicate.visualisation.channels import Channel
from replicate.visualisation.excerpts import Excerpt, Excerpts, Square
from replicate.visualisation.optimised import Optimised

CHANNELS = load_paper("feature_visualisation").figures["channels"]


# Style or content


def test_style_or_content_is_drawn(small_studio: Callable[..., Any]) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "feature_visualisation/style_or_content")
    assert studio.drawn == []
    outline, cut, moved = figure.grids
    assert (outline.row_count, outline.column_count) == (3, 6)
    assert list(cut.columns) == ["photograph", "8 px", "4 px", "2 px", "1 px"]
    assert [panel.picture.values.shape for panel in moved.panels.values()] == [(4, 6), (4, 6)]
    assert {claim.id: claim.holds for claim in figure.claims}["positions"]


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        ({"outlines": 0.1}, ["outlines"]),
        ({"shuffled_features": 0.1}, ["positions"]),
        ({"shuffled_gram": 1e-3}, ["positions"]),
        ({"features": 0.3}, ["squares"]),
        ({"gram": 0.3}, ["depth"]),
    ],
)
def test_claims_of_style_or_content(
    changes: dict[str, float],
    failing: list[str],
    looked: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The numbers of the last layer change."""
    good = {
        "outlines": 0.5, "outlines_of_another": 0.1,
        "shuffled_features": 1.2, "shuffled_gram": 1e-12,
    }  # fmt: skip

    def distances(name: str, by_layer: list[float]) -> Callable[..., dict[str, float]]:
        by_layer = [*by_layer[:-1], changes.get(name, by_layer[-1])]
        return lambda self, other: dict(zip(self, by_layer))

    monkeypatch.setattr(Look, "feature_distances", distances("features", [1.0] * 6))
    rising = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    monkeypatch.setattr(Look, "gram_distances", distances("gram", rising))
    claims = looked(
        "feature_visualisation/style_or_content",
        lambda place: {**good, **(changes if place == 5 else {})},
    )
    assert len(claims) == 4
    assert [claim.id for claim in claims if not claim.holds] == failing


# Channels


FIRST = Channel("conv2_1", 0)
WAYS = ["Fourier basis", "plain pixels"]
GOOD = {
    "peak": {"Fourier basis": 60.0, "plain pixels": 1.0},
    "fine": {"Fourier basis": 0.1, "plain pixels": 0.4},
    "kept": {"Fourier basis": 0.9, "plain pixels": 0.5},
    "leak": {"crops": 0.0},
}


@pytest.mark.parametrize(
    ("number", "way", "value", "which", "failing"),
    [
        ("peak", "Fourier basis", 60.0, None, []),
        ("peak", "Fourier basis", 9.0, FIRST, []),  # one of twelve may be weaker than its crop
        ("peak", "Fourier basis", 9.0, None, ["stronger"]),
        ("peak", "plain pixels", 60.0, None, []),
        ("fine", "Fourier basis", 0.2, None, ["noise"]),
        ("fine", "Fourier basis", float("nan"), None, ["noise"]),
        ("kept", "Fourier basis", 0.6, None, ["robust"]),
        ("kept", "plain pixels", 0.95, None, ["robust"]),
        ("kept", "Fourier basis", float("nan"), FIRST, ["robust"]),
        ("leak", "crops", 0.1, FIRST, ["crop"]),
        ("length", "Fourier basis", 22.0, FIRST, ["growing"]),  # a flat field
    ],
)
def test_claims_of_channels(
    number: str,
    way: str,
    value: float,
    which: Channel | None,
    failing: list[str],
    small_studio: Callable[..., Studio],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One number of pictures made one way changes: of one channel, or of all."""

    def made_up(name: str, by: str, channel: Channel, usual: float | None = None) -> float:
        changed = (name, by) == (number, way) and which in (None, channel)
        return value if changed else GOOD[name][by] if usual is None else usual

    def optimised(engine: Any, spec: Any, seen: list[Channel], recipe: Any, *_: Any) -> Any:
        """Pictures whose colours say how, and for which channel, they were made."""
        colours = [(WAYS.index(recipe.name), each.index, int(each.layer[4])) for each in seen]
        pictures = [Picture(np.full((8, 8, 3), colour, np.uint8)) for colour in colours]
        peaks = [made_up("peak", recipe.name, each) for each in seen]
        return [Optimised(*made) for made in zip(seen, pictures, [1.0] * len(seen), peaks)]

    def labelled(pixels: np.ndarray) -> tuple[str, Channel]:
        by, index, block = pixels[0, 0].tolist()
        return WAYS[by], Channel(f"conv{block}_1", index)

    def excerpts(engine: Any, spec: Any, seen: list[Channel], pictures: Any) -> Any:
        cut = Excerpt(Picture(np.zeros((8, 8, 3), np.uint8)), 10.0, Square(0, 0, 8))
        return {each: Excerpts((cut,), made_up("leak", "crops", each)) for each in seen}

    def coherence_length(pixels: np.ndarray) -> float:
        return made_up("length", *labelled(pixels), usual=float(pixels[0, 0, 2]))

    def robustness(engine: Any, spec: Any, found: list[Optimised]) -> list[float]:
        return [made_up("kept", *labelled(each.picture.pixels)) for each in found]

    fakes = SimpleNamespace(
        band_energy_share=lambda pixels: made_up("fine", *labelled(pixels)),
        coherence_length=coherence_length,
        COHERENCE_NOTE="",
    )
    for name, fake in (
        ("optimised", optimised), ("excerpts", excerpts), ("robustness", robustness),
        ("metrics", fakes),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, fake)
    sheet = module.channels(small_studio().at("feature_visualisation/channels"))
    assert len(sheet.claims) == 5
    assert [claim.id for claim in sheet.claims if not claim.holds] == failing


def test_the_figure_of_channels_from_end_to_end(
    tiny_engine: Callable[..., Any],
    tmp_path: Path,
    scene: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With channels that a tiny network has, and two small scenes."""
    changes = {"channels": [0, 3], "images": {"bundled": {"a": "1", "b": "2"}}}
    studio = Studio(tiny_engine(store=ResultStore(tmp_path / "store")), "smoke")
    monkeypatch.setattr(Studio, "config", CHANNELS.model_copy(update=changes))
    monkeypatch.setattr(module, "find_image", lambda name: scene(180, 180, int(name)))
    monkeypatch.setattr(excerpts_module, "SHORT_SIDE", 180)
    figure = draw_figure(studio, "feature_visualisation/channels")
    record = read_record(figure.write(tmp_path).with_suffix(".json"))
    assert record.claims[3].id == "crop" and record.claims[3].verdict == "holds"
    assert len(record.panels) == 8 * 3
    labels = {panel.label for panel in record.panels}
    assert labels >= {"conv4_1 · 3, Fourier basis", "conv5_1 · 0, crops"}
    assert "Optimised pictures of 48 px after 12 steps" in record.caption
    assert "from 2 bundled pictures" in record.caption

    monkeypatch.setattr("replicate.visualisation.optimised.evaluate", None)  # nothing is drawn anew
    again = draw_figure(studio, "feature_visualisation/channels")
    assert again.panels == figure.panels


def test_a_folder_of_pictures_instead(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scene: Callable[..., Any],
    small_studio: Callable[..., Studio],
) -> None:
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
