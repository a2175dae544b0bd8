"""``replicate list`` and ``replicate weights``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from replicate.config import presets
from replicate.networks.layers import canonical_layer
from replicate.papers import figure_ids


def test_figures_and_presets_by_default(typed):
    ran = typed("list")
    assert ran.code == 0
    assert all(figure in ran.out for figure in figure_ids())
    assert all(f"\n{name}  (" in ran.out for name in presets())
    assert list(json.loads(typed("list --json").out)) == ["figures", "presets"]


@pytest.mark.parametrize("topic", ["figures", "presets", "layers", "images", "profiles"])
def test_one_topic(typed, topic):
    found = json.loads(typed(f"list {topic} --json").out)
    assert list(found) == [topic] and len(found[topic]) > 3
    table = typed(f"list {topic}")
    assert table.code == 0 and len(table.out.splitlines()) > 4


def test_entries_say_what_there_is(typed):
    found = {
        topic: {each["name"]: each for each in json.loads(typed(f"list {topic} --json").out)[topic]}
        for topic in ("presets", "images")
    }
    preset, images = found["presets"]["gatys2016"], found["images"]
    assert (preset["paper"], preset["ratio"]) == ("gatys2016", pytest.approx(1e-3))
    assert list(preset["content_layers"]) == ["relu4_2"]
    origins = {name: images[name]["from"] for name in ("coffee", "neckarfront", "stone_house")}
    assert list(origins.values()) == ["bundled", "download", "your folder"]


def test_layers_have_the_names_that_others_give_them(typed):
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


def test_every_other_name_means_the_layer_beside_it(typed):
    for each in json.loads(typed("list layers --json").out)["layers"]:
        for name in filter(None, each["elsewhere"].values()):
            assert canonical_layer(name, each["network"]) == each["layer"]


def test_layers_of_any_network(typed):
    layers = json.loads(typed("list layers --network resnet50 --json").out)["layers"]
    deep = {each["layer"]: each for each in layers}["layer4.2"]
    assert (deep["network"], deep["channels"]) == ("resnet50", 2048)
    assert (deep["receptive_field"], deep["stride"], deep["elsewhere"]) == (427, 32, {})
    assert "layer4.2" in typed("list layers --network resnet50").out
    assert "for 'replicate list layers'" in typed("list images --network vgg19").refused()


# Weights


def test_no_weights_here(typed):
    ran = typed("weights")
    assert ran.code == 0
    assert "REPLICATE_WEIGHTS: not set" in ran.out
    rows = {line.split()[0]: line for line in ran.out.splitlines() if line.startswith("vgg")}
    assert "not on this machine" in rows["vgg19-caffe"]


def test_weights_in_a_folder(typed, tmp_path, monkeypatch):
    (tmp_path / "vgg19-caffe.safetensors").write_bytes(bytes(3_000_000))
    monkeypatch.setenv("REPLICATE_WEIGHTS", str(tmp_path))
    found = {each["name"]: each for each in json.loads(typed("weights status --json").out)}
    assert found["vgg19-caffe"]["where"] == "folder"
    assert found["vgg19-caffe"]["bytes"] == 3_000_000
    assert found["vgg16-caffe"]["where"] == "absent"
    table = typed("weights").out
    assert f"3 MB  in REPLICATE_WEIGHTS: {tmp_path}" in table


def test_weights_folder_that_is_none(typed, monkeypatch):
    monkeypatch.setenv("REPLICATE_WEIGHTS", "nowhere")
    assert "not a folder" in typed("weights").refused()


@pytest.mark.parametrize(
    ("name", "full"), [("vgg19", "vgg19-caffe"), ("VGG16-Caffe", "vgg16-caffe")]
)
def test_fetch(typed, monkeypatch, name, full):
    monkeypatch.setattr("replicate.cli.weights.fetch_weights", lambda name: Path("to") / name)
    assert typed(f"weights fetch {name}").out == f"{full}  {Path('to') / full}\n"
    assert json.loads(typed(f"weights fetch {name} --json").out) == {full: str(Path("to") / full)}


def test_nothing_is_fetched_when_one_name_is_wrong(typed, monkeypatch):
    def fetch(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr("replicate.cli.weights.fetch_weights", fetch)
    assert "'vgg20'" in typed("weights fetch vgg19 vgg20").refused()
