"""``replicate list`` and ``replicate weights``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicate.config import presets
from replicate.networks.layers import canonical_layer
from replicate.papers import figure_ids


def test_figures_and_presets_by_default(typed: Callable[..., Any]) -> None:
    ran = typed("list")
    assert ran.code == 0
    assert all(figure in ran.out for figure in figure_ids())
    assert all(f"\n{name}  (" in ran.out for name in presets())


@pytest.mark.parametrize("topic", ["figures", "presets", "layers", "images", "profiles"])
def test_one_topic_as_json(typed: Callable[..., Any], topic: str) -> None:
    found = json.loads(typed(f"list {topic} --json").out)
    assert list(found) == [topic]
    assert len(found[topic]) > 3


@pytest.mark.parametrize("topic", ["layers", "images", "profiles"])
def test_one_topic_as_a_table(typed: Callable[..., Any], topic: str) -> None:
    ran = typed(f"list {topic}")
    assert ran.code == 0
    assert len(ran.out.splitlines()) > 4


def test_two_topics_as_json(typed: Callable[..., Any]) -> None:
    assert list(json.loads(typed("list --json").out)) == ["figures", "presets"]


def test_presets_say_what_they_do(typed: Callable[..., Any]) -> None:
    listed = {
        each["name"]: each for each in json.loads(typed("list presets --json").out)["presets"]
    }
    assert listed["gatys2016"]["paper"] == "gatys2016"
    assert listed["gatys2016"]["ratio"] == pytest.approx(1e-3)
    assert list(listed["gatys2016"]["content_layers"]) == ["relu4_2"]


def test_layers_have_the_names_that_others_give_them(typed: Callable[..., Any]) -> None:
    layers = json.loads(typed("list layers --json").out)["layers"]
    by_name = {(each["network"], each["layer"]): each for each in layers}
    relu = by_name["vgg19", "relu4_2"]
    assert relu["elsewhere"] == {
        "torchvision": "features.22",
        "PyTorch tutorial": "relu_10",
        "Keras": "block4_conv2",
        "Gatys' code": "r42",
    }
    assert (relu["receptive_field"], relu["stride"]) == (84, 8)
    assert by_name["vgg16", "relu4_2"]["receptive_field"] == 76
    assert by_name["vgg19", "conv4_2"]["elsewhere"]["Keras"] is None


def test_every_other_name_means_the_layer_beside_it(typed: Callable[..., Any]) -> None:
    for each in json.loads(typed("list layers --json").out)["layers"]:
        for name in filter(None, each["elsewhere"].values()):
            assert canonical_layer(name, each["network"]) == each["layer"]


def test_pictures_say_where_they_come_from(typed: Callable[..., Any]) -> None:
    images = {each["name"]: each for each in json.loads(typed("list images --json").out)["images"]}
    assert images["coffee"]["from"] == "bundled"
    assert images["neckarfront"]["from"] == "download"
    assert images["stone_house"]["from"] == "your folder"


# Weights


def test_no_weights_here(typed: Callable[..., Any]) -> None:
    ran = typed("weights")
    assert ran.code == 0
    assert "REPLICATE_WEIGHTS: not set" in ran.out
    rows = {line.split()[0]: line for line in ran.out.splitlines() if line.startswith("vgg")}
    assert "not on this machine" in rows["vgg19-caffe"]


def test_weights_in_a_folder(
    typed: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vgg19-caffe.safetensors").write_bytes(bytes(3_000_000))
    monkeypatch.setenv("REPLICATE_WEIGHTS", str(tmp_path))
    found = {each["name"]: each for each in json.loads(typed("weights status --json").out)}
    assert found["vgg19-caffe"]["where"] == "folder"
    assert found["vgg19-caffe"]["bytes"] == 3_000_000
    assert found["vgg16-caffe"]["where"] == "absent"
    table = typed("weights").out
    assert f"3 MB  in REPLICATE_WEIGHTS: {tmp_path}" in table


def test_weights_folder_that_is_none(
    typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_WEIGHTS", "nowhere")
    assert "not a folder" in typed("weights").refused()


@pytest.mark.parametrize(
    ("name", "full"), [("vgg19", "vgg19-caffe"), ("VGG16-Caffe", "vgg16-caffe")]
)
def test_fetch(
    typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str, full: str
) -> None:
    monkeypatch.setattr("replicate.cli.weights.fetch_weights", lambda name: Path("to") / name)
    assert typed(f"weights fetch {name}").out == f"{full}  {Path('to') / full}\n"
    assert json.loads(typed(f"weights fetch {name} --json").out) == {full: str(Path("to") / full)}


def test_nothing_is_fetched_when_one_name_is_wrong(
    typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr("replicate.cli.weights.fetch_weights", fetch)
    assert "'vgg20'" in typed("weights fetch vgg19 vgg20").refused()
