"""The table of networks, and that a row of it is all that a new network takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import WeightsError
from replicate.networks import networks as module
from replicate.networks.layers import is_chain, layer_names
from replicate.networks.spec import NetworkInfo, NetworkSpec
from replicate.networks.table import TABLE, known_digits, network_entry, network_names, read_table

ROW = """
[networks.shufflenet]
label = "ShuffleNet"
aliases = ["shuffle"]
architecture = "shufflenet_v2_x0_5"
preprocessing = "torchvision"
sources = ["https://download.pytorch.org/models/shufflenetv2_x0.5-f707e7126e.pth"]
"""


@pytest.mark.parametrize("name", [name for name, entry in read_table().items() if entry.sources])
def test_whatever_is_downloaded_can_be_recognised(name):
    entry = network_entry(name)
    assert known_digits(entry.sources[0]) in entry.originals[0]
    assert all(known_digits(source) or entry.landmarks for source in entry.sources)
    convolutions = layer_names(entry.architecture, "conv")
    assert len(entry.landmarks) in (0, 3 + len(convolutions))
    assert entry.bgr == (entry.convention == "caffe")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vgg19-cafe", "did you mean 'vgg19-caffe'"),
        ("VGG16-torchvison", "did you mean 'vgg16-torchvision'"),
        ("../vgg19-caffe", "did you mean 'vgg19-caffe'"),
        ("inception", "there are alexnet"),
        ("", "there are alexnet"),
    ],
)
def test_unknown_names_get_a_hint(name, hint):
    with pytest.raises(WeightsError, match=f"There is no network '{name}'; {hint}"):
        network_entry(name)


def test_no_two_networks_share_a_name():
    assert len(set(network_names())) == len(network_names())
    spelt = [tuple(entry.stored.values()) for entry in read_table().values()]
    assert len(set(spelt)) == len(spelt)


@pytest.mark.parametrize(
    ("given", "name", "label"),
    [
        ({}, "vgg19-caffe", "VGG-19 (caffe), max pooling"),
        ({"name": "vgg19"}, "vgg19-caffe", "VGG-19 (caffe), max pooling"),
        ({"name": "vgg19", "weights": "caffe"}, "vgg19-caffe", "VGG-19 (caffe), max pooling"),
        (
            {"weights": "torchvision", "pooling": "average", "normalised": True},
            "vgg19-torchvision",
            "VGG-19 (torchvision), average pooling, normalised",
        ),
        (
            {"name": "vgg16", "weights": "torchvision"},
            "vgg16-torchvision",
            "VGG-16 (torchvision), max pooling",
        ),
        ({"name": "vgg19", "weights": "random"}, "vgg19-random", "VGG-19-random, max pooling"),
        (
            {"name": "vgg19-compact", "weights": "bundled"},
            "vgg19-compact",
            "VGG-19-compact, max pooling",
        ),
        ({"name": "resnet50"}, "resnet50", "ResNet-50, max pooling"),
    ],
)
def test_aliases_and_old_pairs_are_answered_with_the_one_name(given, name, label):
    spec = NetworkSpec.model_validate(given)
    assert (spec.name, spec.label) == (name, label)
    # What keys of the result store spell in the old way is read again.
    assert NetworkSpec.model_validate(spec.description()) == spec
    info = NetworkInfo(**spec.plain(), sha256="ab")
    assert NetworkInfo.model_validate(info.description()) == info and info.spec == spec


def test_keys_of_the_result_store_spell_networks_as_ever():
    spelt = {"name": "vgg19", "weights": "caffe", "pooling": "average", "normalised": True}
    spec = NetworkSpec(name="vgg19-caffe", pooling="average", normalised=True)
    assert spec.description() == spelt
    compact = {"name": "vgg19-compact", "weights": "bundled", "sha256": "ab"}
    assert compact.items() <= NetworkInfo(name="vgg19-compact", sha256="ab").description().items()
    assert "weights" not in NetworkSpec(name="resnet50").description()


@pytest.mark.parametrize(
    ("name", "drawing", "meant"),
    [
        ("vgg16-caffe", "vgg19-caffe", "vgg19-caffe"),
        ("vgg19-torchvision", "vgg16-caffe", "vgg16-torchvision"),
        ("vgg16-caffe", "vgg19-compact", "vgg19-caffe"),
        ("vgg19-caffe", "vgg13-torchvision", "vgg13-torchvision"),
        ("vgg19-caffe", "resnet50", "resnet50"),
    ],
)
def test_a_preset_keeps_its_scale_of_input_on_another_architecture(name, drawing, meant):
    spec = NetworkSpec(name=name, pooling="average")
    assert spec.meant_for(drawing) == NetworkSpec(name=meant, pooling="average")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROW.replace("sources", "source"), "networks.toml: shufflenet: .*'source'"),
        (ROW.replace('"torchvision"', '"torchvison"'), "did you mean 'torchvision'"),
        (ROW.replace('label = "ShuffleNet"', ""), "networks.toml: shufflenet: .*'label'"),
    ],
)
def test_a_wrong_row_is_named(row, words, tmp_path):
    (tmp_path / "table.toml").write_text(TABLE.read_text() + row)
    with pytest.raises(WeightsError, match=words):
        read_table(tmp_path / "table.toml")


def test_a_row_is_all_that_a_new_network_takes(tmp_path, scene, monkeypatch):
    (tmp_path / "table.toml").write_text(TABLE.read_text() + ROW)
    for name, entry in read_table(tmp_path / "table.toml").items():
        monkeypatch.setitem(read_table(), name, entry)
    monkeypatch.setattr(module, "find_weights", lambda name: None)
    said: list[str] = []
    engine = Engine(device="cpu", precision="exact", notify=said.append)
    preset = Preset(network=NetworkSpec(name="shuffle"), style_layers=["conv1", "stage2", "stage3"])
    result = engine.run(Job(preset, style=scene(64, 64), size=48, evaluations=3))
    assert result.network.name == "shufflenet_v2_x0_5-random" and "shufflenet is not on" in said[0]
    assert list(result.losses) == ["style/conv1", "style/stage2", "style/stage3"]
    assert result.curve[-1][1] < result.curve[0][1]


@pytest.mark.parametrize("name", read_table())
def test_every_network_answers_alike(name, tiny_tensors):
    entry = network_entry(name)
    if entry.random and not is_chain(entry.architecture):
        pytest.skip("made as its trained twin")
    spec = NetworkSpec(name=name)
    tensors = _blank(entry.architecture, tiny_tensors)
    network = module.build(spec, tensors, torch.device("cpu"), torch.float32)
    first, last = network.layers[0], network.layers[-1]
    found = network.features(torch.rand(1, 3, 96, 96), [last, first])
    assert set(found) == {first, last}
    for layer, features in found.items():
        assert features.channels == network.channels(layer)
        assert abs(features.map.shape[2] - 96 / network.stride(layer)) <= 1
        assert (network.field(layer) or 0) >= network.stride(layer)


def _blank(architecture: str, tiny_tensors: Callable[..., Any]) -> module.Weights:
    if is_chain(architecture):
        return module.Weights(tiny_tensors(architecture), "0")
    return module.random_weights(f"{architecture}-random", "max")
