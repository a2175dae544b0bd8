"""The Layers tab: what a layer makes of a picture, and reconstructions from it."""

from __future__ import annotations

from typing import Any

import pytest

from demo import looking
from demo.backend import Backend
from demo.layers import Layers
from demo.limits import Limits
from demo.looking import look, reconstructions
from demo.session import Drawings, Stops
from replicate.config import load_preset
from replicate.errors import ReplicateError


@pytest.fixture
def tab(backend: Backend) -> Layers:
    return Layers(Drawings(backend), Stops())


@pytest.mark.parametrize("layer", ["relu1_1", "conv2_1", "pool3", "relu5_4"])
def test_a_look_shows_maps_matrix_and_pairs(backend: Backend, scene: Any, layer: str) -> None:
    found = look(backend, scene(64, 48), layer, load_preset("gatys2016"), "auto")

    channels = {"1": 5, "2": 6, "3": 7, "5": 9}[layer[4]]
    assert found.sentence.startswith(f"{layer} of VGG-19 (caffe), average pooling, normalised: ")
    assert f"{channels} maps of " in found.sentence and "all shown" in found.sentence
    assert found.heat.size == looking._HEAT
    assert len(found.by_value) == looking.PAIRS
    assert all("Gram entry" in pair.caption for pair in found.by_value)
    assert all("cosine" in pair.caption for pair in found.by_cosine)


def test_the_tab_fills_its_fields_with_the_strongest_maps(
    tab: Layers, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SHOWN", 3)

    sentence, maps, heat, pairs = tab.look(files[0], "relu3_1", 64, "auto")

    assert "relu3_1" in sentence and "the 3 strongest shown" in sentence
    assert maps.size[0] > 64 and heat.size[0] > 64
    assert pairs.count("<img") == pairs.count('alt="Maps of filters') == 2 * looking.PAIRS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": None}, "Choose a picture"),
        ({"path": "/nowhere/x.png"}, "no longer on the server"),
        ({"layer": "relu9_9"}, "relu9_9"),
        ({"layer": None}, "None"),
        ({"size": 10_000}, "Size"),
        ({"network": "../../etc"}, "There is no network"),
    ],
)
def test_a_wrong_field_is_one_sentence(
    tab: Layers, files: tuple[str, str], visitor: Any, changes: dict[str, Any], says: str
) -> None:
    form = {"path": files[0], "layer": "relu1_1", "size": 64, "network": "auto", **changes}

    with pytest.raises(ReplicateError, match=says) as caught:
        tab.look(**form)
    with pytest.raises(ReplicateError, match=says):
        tab.arm(visitor, form["path"], form["layer"], form["size"], 3, form["network"])
    assert "/nowhere" not in str(caught.value)


def test_reconstructions_match_one_layer_alone(scene: Any) -> None:
    limits = Limits(128, 60, scales=3)
    jobs = reconstructions(load_preset("gatys2016"), scene(), "conv3_1", 64, 9, limits)

    content, style = jobs["content"], jobs["style"]
    assert (content.content_layers, content.style_layers) == ({"conv3_1": 1.0}, {})
    assert (style.content_layers, style.style_layers) == ({}, {"conv3_1": 1.0})
    assert {job.init for job in jobs.values()} == {"noise"}
    assert {(job.size, job.evaluations) for job in jobs.values()} == {(64, 9)}
    assert (content.preset.scales, style.preset.scales) == (3, 1)


def test_reconstructing_streams_content_then_style(
    tab: Layers, files: tuple[str, str], visitor: Any
) -> None:
    form = [files[0], "relu2_1", 48, 5, "auto"]
    tab.arm(visitor, *form)

    updates = list(tab.run(visitor, *form))

    assert "1 of 2, content: " in updates[0][0] and "2 of 2, style: " in updates[-1][0]
    assert "Done: 5 of 5" in updates[-1][0]
    assert updates[-1][2].size == (48, 32)
    assert "style relu2_1" in updates[-1][3]


def test_stop_leaves_the_second_one_out_and_no_other_tab_s(
    tab: Layers, files: tuple[str, str], visitor: Any
) -> None:
    form = [files[0], "relu2_1", 48, 5, "auto"]
    transfer = tab.stops.begin("visitor/")
    tab.arm(visitor, *form)
    updates = []
    for update in tab.run(visitor, *form):
        updates.append(update)
        tab.stop(visitor)

    assert all("2 of 2" not in update[0] for update in updates)
    assert not transfer.is_set()
