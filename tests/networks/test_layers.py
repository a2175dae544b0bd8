"""Layer names: every way of numbering that ever led somebody to a wrong layer."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from torchvision import models

from replicate.errors import LayerError
from replicate.networks.layers import (
    BLOCKS,
    canonical_layer,
    layer_names,
    receptive_field,
    steps,
)


@pytest.mark.parametrize("architecture", BLOCKS)
def test_steps_agree_with_torchvision(architecture):
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


def test_names_run_from_shallow_to_deep():
    names = layer_names("vgg19")
    assert names[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert names[-3:] == ["conv5_4", "relu5_4", "pool5"]
    assert len(layer_names("vgg16", "conv")) == len(layer_names("vgg16", "relu")) == 13
    assert layer_names("vgg11", "pool") == ["pool1", "pool2", "pool3", "pool4", "pool5"]
    assert layer_names("resnet50") == []


@pytest.mark.parametrize(
    ("name", "meant", "architecture"),
    [
        # The PyTorch tutorial counts convolutions, and networks differ in these.
        ("conv_1", "conv1_1", "vgg19"),
        ("conv_4", "conv2_2", "vgg19"),  # the tutorial's content layer: not of block 4
        ("conv_8", "conv3_4", "vgg19"),
        ("conv_8", "conv4_1", "vgg16"),
        ("conv_13", "conv5_3", "vgg16"),
        ("conv_16", "conv5_4", "vgg19"),
        ("relu_10", "relu4_2", "vgg19"),
        # Johnson's Torch7 says 4, 9, 16, 23: counted from one, the last relus of VGG-16's blocks.
        ("features.3", "relu1_2", "vgg16"),
        ("features.8", "relu2_2", "vgg16"),
        ("features.15", "relu3_3", "vgg16"),
        ("features.22", "relu4_3", "vgg16"),
        ("features.22", "relu4_2", "vgg19"),  # use the name, not the number
        ("block4_conv2", "relu4_2", "vgg19"),  # Keras' convolutions hold their activation
        ("block3_conv4", "relu3_4", "vgg19"),
        ("block5_pool", "pool5", "vgg19"),
        ("r42", "relu4_2", "vgg19"),
        (" RELU4_2 ", "relu4_2", "vgg19"),
        ("Conv4_2", "conv4_2", "vgg19"),
    ],
)
def test_other_programs_names(name, meant, architecture):
    assert canonical_layer(name, architecture) == meant


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("rleu4_2", "relu4_2"),
        ("relu42", "relu4_2"),
        ("relu4-2", "relu4_2"),
        ("pol3", "pool3"),
        ("blok4_conv2", "block4_conv2"),
    ],
)
def test_unknown_layer_suggests_the_nearest(name, nearest):
    with pytest.raises(LayerError) as caught:
        canonical_layer(name)
    assert f"did you mean '{nearest}'?" in str(caught.value)
    assert f"'{name}'" in str(caught.value)


@pytest.mark.parametrize("name", ["", "xyzzy", "fc7", "-1", "37", "conv_17", "relu6_1", "4.2"])
@pytest.mark.parametrize("architecture", BLOCKS)
def test_what_is_no_layer_is_an_error(name, architecture):
    with pytest.raises(LayerError) as caught:
        canonical_layer(name, architecture)
    assert architecture in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["relu3_4", "conv5_4"])
def test_vgg16_has_three_convolutions_in_deep_blocks(name):
    with pytest.raises(LayerError, match="in vgg19 only, not in vgg16"):
        canonical_layer(name, "vgg16")


# Receptive fields


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
def test_receptive_field_against_gradients(architecture):
    side = 1024
    for name in layer_names(architecture):
        field, stride = receptive_field(name, architecture)
        middle = side // stride // 2
        first, last, positions = _probed(architecture, name, side, middle)
        following, _, _ = _probed(architecture, name, side, middle + 1)
        assert (last - first + 1, following - first) == (field, stride), name
        assert positions == side // stride
