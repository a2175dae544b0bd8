"""Which network draws: the one that is asked for, a stand-in, or the one chosen for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import LayerError, WeightsError
from replicate.networks import networks as module
from replicate.networks.spec import NetworkSpec

MakeEngine = Callable[..., Engine]
SPEC = NetworkSpec()


@pytest.mark.parametrize(
    ("given", "name", "architecture", "label"),
    [
        ({}, "vgg19-caffe", "vgg19", "VGG-19 (caffe), max pooling"),
        ({"name": "vgg16"}, "vgg16-caffe", "vgg16", "VGG-16 (caffe), max pooling"),
        (
            {"weights": "torchvision", "pooling": "average", "normalised": True},
            "vgg19-torchvision",
            "vgg19",
            "VGG-19 (torchvision), average pooling, normalised",
        ),
        ({"name": "vgg19-random"}, "vgg19-random", "vgg19", "VGG-19-random, max pooling"),
        (
            {"name": "vgg19-compact", "weights": "caffe"},
            "vgg19-compact",
            "vgg19",
            "VGG-19-compact, max pooling",
        ),
    ],
)
def test_network_specs(given: dict[str, Any], name: str, architecture: str, label: str) -> None:
    spec = NetworkSpec.model_validate(given)
    assert (spec.name, spec.architecture, spec.label) == (name, architecture, label)


def test_a_stand_in_draws_and_is_said_once(tiny_engine: MakeEngine) -> None:
    said: list[str] = []
    networks = tiny_engine(here=(), notify=said.append).networks
    for spec in (SPEC, SPEC, NetworkSpec(pooling="average")):
        info = networks.info(spec)
        assert (info.spec.name, info.spec.pooling) == ("vgg19-random", spec.pooling)
        assert info.sha256 == "tiny vgg19-random"
    assert len(said) == 1
    assert "vgg19-caffe" in said[0] and "vgg19-random" in said[0]
    assert "replicate weights fetch vgg19-caffe" in said[0]
    networks.info(NetworkSpec(name="vgg16-torchvision"))
    assert len(said) == 2 and "rescaled" not in said[0]
    assert "vgg16-torchvision is not" in said[1] and "losses rescaled to its units" in said[1]


def test_the_bundled_network_stands_in_where_there_is_one(
    tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    networks = tiny_engine(here=(), notify=said.append).networks
    weights = module.random_weights("vgg19-random", "max")
    monkeypatch.setattr(
        module, "find_weights", lambda name: Path(name) if "compact" in name else None
    )
    monkeypatch.setattr(module, "load_weights", lambda name: weights)
    info = networks.info(SPEC)
    assert info.spec.name == "vgg19-compact" and info.entry.bundled
    assert "vgg19-compact" in said[0]


@pytest.mark.parametrize(
    ("chosen", "asked", "name"),
    [
        ("vgg19-random", "vgg19", "vgg19-random"),
        ("vgg16-caffe", "vgg19", "vgg16-caffe"),
        ("vgg16", "vgg19", "vgg16-caffe"),
        ("vgg19", "vgg19", "vgg19-caffe"),
        ("vgg19", "vgg19-compact", "vgg19-caffe"),
        ("auto", "vgg19", "vgg19-caffe"),
    ],
)
def test_a_network_by_name_overrides_the_presets(
    chosen: str, asked: str, name: str, tiny_engine: MakeEngine
) -> None:
    said: list[str] = []
    networks = tiny_engine(network=chosen, notify=said.append).networks
    info = networks.info(NetworkSpec(name=asked))
    assert (info.spec.name, info.sha256) == (name, f"tiny {name}")
    assert said == []


@pytest.mark.parametrize("name", ["vgg19-torchvision", "vgg19-compact"])
def test_a_network_asked_for_by_name_must_be_there(name: str, tiny_engine: MakeEngine) -> None:
    with pytest.raises(WeightsError, match=name):
        tiny_engine(here=(), network=name).networks.network(SPEC)


@pytest.mark.parametrize(
    ("network", "near"),
    [
        ("vgg91", "vgg19"),
        ("vgg19-cafe", "vgg19-caffe"),
        ("VGG19", "vgg19"),
        ("vgg19-compcat", "vgg19-compact"),
    ],
)
def test_unknown_network(network: str, near: str) -> None:
    with pytest.raises(WeightsError, match=f"did you mean '{near}'"):
        Engine(device="cpu", network=network)


@pytest.mark.parametrize("network", ["vgg16-caffe", "resnet18"])
def test_a_layer_that_the_drawing_network_lacks_is_told_before_its_weights_are_read(
    network: str, scene: Callable[..., Any], tiny_engine: MakeEngine, monkeypatch: Any
) -> None:
    engine = tiny_engine(network=network)
    monkeypatch.setattr(module, "load_weights", None)
    job = Job(Preset(content_layers=["relu3_4"]), scene(), size=32, evaluations=1)
    for draw in (engine.run, engine.stream):
        with pytest.raises(LayerError, match="relu3_4"):
            draw(job)


def test_random_network_for_real(scene: Callable[..., Any]) -> None:
    """Not a stand-in's stand-in: the true one, of full width."""
    engine = Engine(device="cpu", precision="exact", network="vgg19-random")
    preset = Preset(content_layers=["relu3_1"], style_layers=["relu1_1"])
    result = engine.run(Job(preset, scene(), scene(seed=1), size=32, evaluations=2))
    assert result.network.spec.label == "VGG-19-random, max pooling"
    assert len(result.network.sha256) == 64
    assert result.loss < result.curve[0][1]


def test_networks_are_built_once(tiny_engine: MakeEngine) -> None:
    networks = tiny_engine().networks
    assert networks.network(SPEC) is networks.network(NetworkSpec())
    assert networks.network(SPEC) is not networks.network(NetworkSpec(pooling="average"))
