"""Which network draws: the one that is asked for, a stand-in, or the one chosen for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import LayerError, WeightsError
from replicate.networks import networks as module
from replicate.networks.spec import NetworkSpec
from replicate.networks.stored import Weights

SPEC = NetworkSpec()


def test_a_stand_in_draws_and_is_said_once(tiny_engine):
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


def test_the_bundled_network_stands_in_where_there_is_one(tiny_engine, monkeypatch):
    said: list[str] = []
    networks = tiny_engine(here=(), notify=said.append).networks
    compact = lambda name: Path(name) if "compact" in name else None  # noqa: E731
    monkeypatch.setattr(module, "find_weights", compact)
    monkeypatch.setattr(module, "load_weights", lambda name: Weights({}, name))
    assert networks.info(SPEC).sha256 == "vgg19-compact"
    assert "vgg19-compact" in said[0]


@pytest.mark.parametrize(
    ("chosen", "asked", "name"),
    [
        ("vgg19-random", "vgg19", "vgg19-random"),
        ("vgg16-caffe", "vgg19", "vgg16-caffe"),
        ("vgg16", "vgg19", "vgg16-caffe"),
        ("vgg19", "vgg19", "vgg19-caffe"),
        ("vgg19", "vgg19-compact", "vgg19-caffe"),
        ("vgg16", "vgg19-random", "vgg19-random"),  # which is about doing without training
        ("auto", "vgg19", "vgg19-caffe"),
    ],
)
def test_a_network_by_name_overrides_the_presets(chosen, asked, name, tiny_engine):
    said: list[str] = []
    networks = tiny_engine(network=chosen, notify=said.append).networks
    info = networks.info(NetworkSpec(name=asked))
    assert (info.spec.name, info.sha256) == (name, f"tiny {name}")
    assert said == []


@pytest.mark.parametrize("name", ["vgg19-torchvision", "vgg19-compact"])
def test_a_network_asked_for_by_name_must_be_there(name, tiny_engine):
    with pytest.raises(WeightsError, match=name):
        tiny_engine(here=(), network=name).networks.network(SPEC)
    with pytest.raises(WeightsError, match=f"did you mean '{name}'"):  # at once
        tiny_engine(here=(), network=f"{name}x")


@pytest.mark.parametrize("network", ["vgg16-caffe", "resnet18"])
def test_a_layer_that_the_drawing_network_lacks_is_told_before_its_weights_are_read(
    network, scene, tiny_engine, monkeypatch
):
    engine = tiny_engine(network=network)
    monkeypatch.setattr(module, "load_weights", None)
    job = Job(Preset(content_layers=["relu3_4"]), scene(), size=32, evaluations=1)
    for draw in (engine.run, engine.stream):
        with pytest.raises(LayerError, match="relu3_4"):
            draw(job)
