"""Layer names: every way of numbering that ever led somebody to a wrong layer."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from torchvision import models

from replicate.errors import LayerError, ReplicateError
from replicate.networks.layers import (
    BLOCKS,
    canonical_layer,
    depth,
    layer_names,
    receptive_field,
    steps,
)


@pytest.mark.parametrize("architecture", BLOCKS)
def test_steps_agree_with_torchvision(architecture: str) -> None:
    with torch.device("meta"):
        features = getattr(models, architecture)(weights=None).features
    kinds = {torch.nn.Conv2d: "conv", torch.nn.ReLU: "relu", torch.nn.MaxPool2d: "pool"}
    found = steps(architecture)
    assert [kinds[type(module)] for module in features] == [step.kind for step in found]
    for step in found:
        for name in (f"features.{step.index}", str(step.index), step.name):
            assert canonical_layer(name, architecture) == step.name
        if step.kind == "conv":
            assert features[step.index].out_channels == step.channels


def test_names_run_from_shallow_to_deep() -> None:
    names = layer_names("vgg19")
    assert names[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert names[-3:] == ["conv5_4", "relu5_4", "pool5"]
    assert len(layer_names("vgg16", "conv")) == len(layer_names("vgg16", "relu")) == 13
    assert layer_names("vgg11", "pool") == ["pool1", "pool2", "pool3", "pool4", "pool5"]
    assert [depth(name) for name in names] == list(range(len(names)))
    assert layer_names("resnet50") == []


@pytest.mark.parametrize(
    ("counted", "meant"),
    [
        ("conv_1", "conv1_1"),
        ("conv_2", "conv1_2"),
        ("conv_3", "conv2_1"),
        ("conv_4", "conv2_2"),  # the PyTorch tutorial's content layer: not of block 4
        ("conv_5", "conv3_1"),
        ("conv_16", "conv5_4"),
        ("relu_4", "relu2_2"),
        ("relu_10", "relu4_2"),
    ],
)
def test_the_pytorch_tutorial_counts_convolutions(counted: str, meant: str) -> None:
    assert canonical_layer(counted) == meant


def test_counting_convolutions_differs_between_networks() -> None:
    assert canonical_layer("conv_8", "vgg19") == "conv3_4"
    assert canonical_layer("conv_8", "vgg16") == "conv4_1"
    assert canonical_layer("conv_13", "vgg16") == "conv5_3"
    with pytest.raises(LayerError):
        canonical_layer("conv_14", "vgg16")


def test_torch7_indices_are_one_more_than_torchvisions() -> None:
    """Johnson's code says 4, 9, 16, 23: counted from one, and on VGG-16 the four last relus."""
    last = {4: "relu1_2", 9: "relu2_2", 16: "relu3_3", 23: "relu4_3"}
    for index, name in last.items():
        assert canonical_layer(f"features.{index - 1}", "vgg16") == name
    # The same numbers on VGG-19 end in relu4_2: use the name, not the number.
    on_vgg19 = [canonical_layer(f"features.{index - 1}", "vgg19") for index in last]
    assert on_vgg19 == ["relu1_2", "relu2_2", "relu3_3", "relu4_2"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("block4_conv2", "relu4_2"),  # Keras' convolutions hold their activation
        ("block1_conv1", "relu1_1"),
        ("block3_conv4", "relu3_4"),
        ("block5_pool", "pool5"),
        ("r42", "relu4_2"),
        ("r11", "relu1_1"),
        (" RELU4_2 ", "relu4_2"),
        ("Conv4_2", "conv4_2"),
    ],
)
def test_other_programs_names(name: str, meant: str) -> None:
    assert canonical_layer(name) == meant


@pytest.mark.parametrize("name", ["relu3_4", "conv3_4", "relu4_4", "conv5_4"])
def test_vgg16_has_three_convolutions_in_deep_blocks(name: str) -> None:
    assert canonical_layer(name, "vgg19") == name
    with pytest.raises(LayerError, match="in vgg19 only, not in vgg16"):
        canonical_layer(name, "vgg16")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("rleu4_2", "relu4_2"),
        ("relu42", "relu4_2"),
        ("relu4-2", "relu4_2"),
        ("relu 4_2", "relu4_2"),
        ("con4_2", "conv4_2"),
        ("conv42", "conv4_2"),
        ("pol3", "pool3"),
        ("blok4_conv2", "block4_conv2"),
    ],
)
def test_unknown_layer_suggests_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(LayerError) as caught:
        canonical_layer(name)
    assert f"did you mean '{nearest}'?" in str(caught.value)
    assert f"'{name}'" in str(caught.value)
    assert isinstance(caught.value, ReplicateError)


@pytest.mark.parametrize("name", ["", "xyzzy", "fc7", "-1", "37", "features.37", "relu6_1", "4.2"])
@pytest.mark.parametrize("architecture", BLOCKS)
def test_what_is_no_layer_is_an_error(name: str, architecture: str) -> None:
    with pytest.raises(LayerError) as caught:
        canonical_layer(name, architecture)
    assert architecture in str(caught.value)
    assert "\n" not in str(caught.value)


# Receptive fields


@pytest.mark.parametrize(
    ("architecture", "name", "field", "stride"),
    [
        ("vgg19", "conv1_1", 3, 1),
        ("vgg19", "pool1", 6, 2),
        ("vgg19", "relu3_1", 24, 4),
        ("vgg19", "relu4_2", 84, 8),
        ("vgg16", "relu4_2", 76, 8),
        ("vgg19", "pool5", 268, 32),
        ("vgg16", "pool5", 212, 32),
    ],
)
def test_receptive_field_by_hand(architecture: str, name: str, field: int, stride: int) -> None:
    assert receptive_field(name, architecture) == (field, stride)


def _probed(architecture: str, name: str, side: int, at: int) -> tuple[int, int, int]:
    """First and last pixel of a row that unit ``at`` of layer ``name`` depends on, and positions.

    A line of pixels through kernels of ones stands for the picture: the same strides and reach.
    """
    x = torch.ones(1, 1, side, dtype=torch.float64, requires_grad=True)
    y, kernel = x, torch.ones(1, 1, 3, dtype=torch.float64)
    for step in steps(architecture):
        if step.kind == "conv":
            y = F.conv1d(y, kernel, padding=1)
        elif step.kind == "pool":
            y = F.avg_pool1d(y, 2)
        y = y / y.detach().max()
        if step.name == name:
            break
    (gradient,) = torch.autograd.grad(y[0, 0, at], x)
    seen = gradient[0, 0].nonzero().flatten()
    return int(seen[0]), int(seen[-1]), y.shape[2]


@pytest.mark.parametrize("architecture", BLOCKS)
def test_receptive_field_against_gradients(architecture: str) -> None:
    side = 1024
    for name in layer_names(architecture):
        field, stride = receptive_field(name, architecture)
        middle = side // stride // 2
        first, last, positions = _probed(architecture, name, side, middle)
        following, _, _ = _probed(architecture, name, side, middle + 1)
        assert (last - first + 1, following - first) == (field, stride), name
        assert positions == side // stride
