"""torchvision's classifiers, read at any of their layers."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from replicate.cli import main
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.errors import LayerError, WeightsError
from replicate.networks import means as normalisation
from replicate.networks.classifier import Classifier, state_shapes, survey
from replicate.networks.layers import receptive_field, steps
from replicate.networks.means import measure_means
from replicate.networks.originals import _converted
from replicate.networks.random import random_weights
from replicate.networks.table import network_entry
from replicate.networks.weights import fetch_weights, find_weights, load_weights
from replicate.record import read_record

PREPROCESSING = network_entry("resnet18").preprocessing
LAYERS = ["conv1", "bn1", "relu", "layer1", "layer1.1", "layer1.1.relu_1", "layer2.0"]
LAYERS += ["layer2.0.conv1", "layer3", "layer4.1.bn2"]


@cache
def tensors(name: str = "resnet18-random") -> dict[str, Tensor]:
    return random_weights(name).tensors


def classifier(name: str = "resnet18", **arguments: Any) -> Classifier:
    return Classifier(tensors(f"{name}-random"), name, PREPROCESSING, **arguments)


@pytest.fixture
def pixels() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def plain_maps(pixels: Tensor, pool: nn.Module | None = None) -> dict[str, Tensor]:
    """ResNet-18 by hand, from torchvision's own parts, with nothing in place."""
    model = models.resnet18(weights=None)
    model.load_state_dict(tensors(), strict=False)
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    mean, std = (
        torch.tensor(each).view(3, 1, 1) for each in (PREPROCESSING.mean, PREPROCESSING.std)
    )
    found = {"conv1": model.conv1((pixels - mean) / std)}
    found["bn1"] = model.bn1(found["conv1"])
    found["relu"] = model.relu(found["bn1"])
    x = (pool or model.maxpool)(found["relu"])
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for number, block in enumerate(getattr(model, stage)):
            found[f"{stage}.{number}.conv1"] = block.conv1(x)
            inner = block.relu(block.bn1(found[f"{stage}.{number}.conv1"]))
            found[f"{stage}.{number}.bn2"] = block.bn2(block.conv2(inner))
            x = found[stage] = found[f"{stage}.{number}"] = block(x)
            found[f"{stage}.{number}.relu_1"] = x
    return found


def test_every_layer_is_the_modules_output(pixels):
    """Also of a block, its stage and its last operation, which are one map, and of an operation
    whose neighbour might be done in its place."""
    found, expected = classifier()(pixels, LAYERS), plain_maps(pixels)
    assert list(found) == LAYERS
    for layer, features in found.items():
        torch.testing.assert_close(features.map, expected[layer], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(features.coordinates(), features.map)


def test_average_pooling_takes_the_place_of_max_pooling(pixels):
    expected = plain_maps(pixels, nn.AvgPool2d(3, 2, 1, count_include_pad=False))
    found = classifier(pooling="average")(pixels, ["layer2"])["layer2"].map
    torch.testing.assert_close(found, expected["layer2"], rtol=1e-4, atol=1e-4)


def test_it_is_frozen_and_runs_no_deeper_than_it_must(pixels, monkeypatch):
    network = classifier()
    calls: list[int] = []
    forward = nn.Conv2d._conv_forward
    counted = lambda *arguments: calls.append(1) or forward(*arguments)  # noqa: E731
    monkeypatch.setattr(nn.Conv2d, "_conv_forward", counted)
    x = pixels.requires_grad_(True)
    features = network(x, ["layer1"])["layer1"]
    assert len(calls) == 5
    (gradient,) = torch.autograd.grad(features.map.square().sum(), x)
    assert gradient.abs().sum() > 0
    assert not any(each.requires_grad for each in network._model.parameters())


@pytest.mark.parametrize(
    ("layer", "nearest"),
    [("layer2.9", "layer2."), ("Layer3", "layer3"), ("relu4_2", "relu"), ("", "layer1, layer2.0")],
)
def test_an_unknown_layer_is_one_sentence(layer, nearest):
    with pytest.raises(LayerError) as caught:
        classifier().channels(layer)
    assert f"resnet18 has no layer '{layer}'" in str(caught.value)
    assert nearest in str(caught.value).split(";")[1] and "\n" not in str(caught.value)


# What is known of layers without weights


def test_the_survey_of_vgg_agrees_with_the_chain():
    found = survey("vgg11")
    for step in steps("vgg11"):
        place = found[f"features.{step.index}"]
        assert (place.field, place.stride) == receptive_field(step.name, "vgg11")
        assert place.channels == step.channels


@pytest.mark.parametrize(
    ("architecture", "layer", "channels", "stride", "field"),
    [
        ("resnet50", "relu", 64, 2, 7),
        ("resnet50", "layer1.2", 256, 4, 35),
        ("resnet50", "layer4", 2048, 32, 427),
        ("alexnet", "features.12", 256, 32, 195),
        ("convnext_tiny", "features.0", 96, 4, 4),
        ("convnext_tiny", "features.1.0", 96, 4, 28),
        ("mobilenet_v3_large", "features.16", 960, 32, None),  # squeeze-and-excitation sees all
    ],
)
def test_channels_stride_and_field(architecture, layer, channels, stride, field):
    place = survey(architecture)[layer]
    assert (place.channels, place.stride, place.field) == (channels, stride, field)


# Weights


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REPLICATE_WEIGHTS", str(tmp_path))
    return tmp_path


def test_an_original_is_found_under_torchvisions_name(no_weights, monkeypatch):
    (original,) = network_entry("resnet18").sources
    state = {**tensors(), "bn1.num_batches_tracked": torch.tensor(7)}
    torch.save(state, no_weights / original.rsplit("/", 1)[-1])
    with pytest.raises(WeightsError, match="checksum"):
        find_weights("resnet18")
    monkeypatch.setattr("replicate.networks.originals.known_digits", lambda address: "0")
    monkeypatch.setattr("replicate.networks.originals.file_digest", lambda path: "0" * 64)
    assert find_weights("resnet18") == no_weights / "cache/weights/resnet18.safetensors"
    found = load_weights("resnet18").tensors
    assert found.keys() == tensors().keys()
    assert all(torch.equal(found[key], each) for key, each in tensors().items())
    assert fetch_weights("resnet18") == find_weights("resnet18")


def test_an_original_densenet_has_dots_in_its_names():
    shapes = state_shapes("densenet121")
    made = {
        key: torch.full(shape, float(place)) for place, (key, shape) in enumerate(shapes.items())
    }
    dotted = re.compile(r"(denselayer\d+\.(?:norm|conv))(\d)")  # as torchvision's own reader has it
    state = {dotted.sub(r"\1.\2", key): each for key, each in made.items()}
    assert state.keys() != made.keys()
    entry = replace(network_entry("resnet18"), architecture="densenet121")
    found = _converted(state, Path("densenet121.pth"), entry)
    assert found.keys() == made.keys()
    assert all(torch.equal(found[key], each) for key, each in made.items())


def test_normalised_layers_have_means_of_one(scene, monkeypatch):
    monkeypatch.setattr(normalisation, "SIDE", 64)
    photographs = [scene(64, 64, seed=seed) for seed in range(2)]
    network = classifier()
    network.normalise(measure_means(network, photographs))
    for layer, means in measure_means(network, photographs).items():
        alive = means > 0
        torch.testing.assert_close(means[alive], torch.ones(int(alive.sum())), msg=layer)


# From end to end


def test_a_preset_of_resnet50_is_drawn(no_weights, scene, monkeypatch):
    from replicate.config import load_preset

    said: list[str] = []
    engine = Engine(device="cpu", precision="exact", notify=said.append)
    preset = load_preset("wang2021-swag")
    job = Job(preset, scene(48, 48), scene(48, 48, seed=1), size=48, evaluations=3)
    result = engine.run(job)
    assert result.network.name == "resnet50-random"
    assert "resnet50 is not on this machine, so resnet50-random draws" in said[0]
    assert set(result.losses) == {"content/layer3.5", *(f"style/{s}" for s in preset.style_layers)}
    assert result.curve[-1][1] < result.curve[0][1]


def test_the_command_line_draws_and_repeats_it(no_weights, monkeypatch, capsys):
    monkeypatch.chdir(no_weights)
    small = ["--size", "32", "--evaluations", "2", "--network", "resnet18-random"]
    layers = ["--content-layers", "layer2", "--style-layers", "relu,layer1=0.5"]
    base = ["transfer", "chelsea", "coffee", "--preset", "gatys2016-code", *small]
    assert main([*base, *layers, "-o", "out.png"]) == 0
    record = read_record("out.png")
    assert (record.network.name, record.preset.network.name) == ("resnet18-random",) * 2
    assert record.preset.style_layers == {"relu": 1.0, "layer1": 0.5}
    assert main(["transfer", "--from", "out.png", "-o", "again.png"]) == 0
    assert "to the last bit" in capsys.readouterr().err
    assert main([*base, "-o", "wrong.png"]) == 2
    assert "resnet18 has no layer 'relu4_2'" in capsys.readouterr().err
