"""The networks against plain re-implementations, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from replicate.method import gram_matrix
from replicate.networks import vgg as networks
from replicate.networks.layers import layer_names, steps
from replicate.networks.spec import NetworkSpec
from replicate.networks.table import network_entry
from replicate.networks.vgg import VGG

POOL = {"max": F.max_pool2d, "average": F.avg_pool2d}


@pytest.fixture
def pixels() -> Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def plain_forward(
    tensors: dict[str, Tensor],
    architecture: str,
    x: Tensor,
    pool: Callable[[Tensor, int], Tensor] = F.max_pool2d,
) -> dict[str, Tensor]:
    """Every layer's map, one operation after another, nothing shared and nothing in place."""
    found = {}
    for step in steps(architecture):
        if step.kind == "conv":
            weight, bias = (tensors[f"features.{step.index}.{p}"] for p in ("weight", "bias"))
            x = F.conv2d(x, weight.to(x), bias.to(x), padding=1)
        else:
            x = F.relu(x) if step.kind == "relu" else pool(x, 2)
        found[step.name] = x
    return found


def caffe_input(pixels: Tensor) -> Tensor:
    """RGB in 0..255 less the mean colour of the training pictures, which Caffe lists as BGR."""
    bgr = torch.tensor([103.939, 116.779, 123.68], dtype=pixels.dtype)
    return pixels * 255 - bgr.flip(0).view(3, 1, 1)


def torchvision_input(pixels: Tensor) -> Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)


# Features


INPUTS = {"caffe": caffe_input, "torchvision": torchvision_input}


@pytest.mark.parametrize(
    ("architecture", "pooling", "convention"),
    [("vgg19", "max", "caffe"), ("vgg16", "average", "torchvision")],
)
def test_every_layer(architecture, pooling, convention, pixels, tiny_tensors, tiny_network):
    """torchvision's in-place ReLU turns a collected conv output into the relu's."""
    pixels = F.pad(pixels, (0, 7, 0, 1), mode="reflect")  # odd sides, which poolings round down
    expected = plain_forward(
        tiny_tensors(architecture), architecture, INPUTS[convention](pixels), POOL[pooling]
    )
    names = layer_names(architecture)
    how = network_entry(f"vgg19-{convention}").preprocessing
    network = tiny_network(architecture, pooling=pooling, preprocessing=how)
    found = network(pixels, ["21", "r42", *names])  # other programs' names too
    assert set(found) == set(names)
    for name in names:
        torch.testing.assert_close(found[name].map, expected[name], rtol=1e-4, atol=1e-5)
        assert found[name].channels == expected[name].shape[1]


def test_gradients_are_those_of_the_plain_network(pixels, tiny_tensors, tiny_network):
    """In-place operations must not spoil the backward pass either."""
    names = ["conv1_2", "relu2_1", "pool2", "conv3_1", "relu3_1", "relu4_2"]
    x = pixels.double().requires_grad_(True)
    plain = plain_forward(tiny_tensors(), "vgg19", caffe_input(x))
    (expected,) = torch.autograd.grad(sum(plain[n].square().sum() for n in names), x)
    maps = tiny_network(dtype=torch.float64)(x, names)
    (found,) = torch.autograd.grad(sum(maps[n].map.square().sum() for n in names), x)
    torch.testing.assert_close(found, expected)


# Input conventions


def test_pixels_outside_0_1_are_not_clipped(tiny_network):
    network = tiny_network()
    one, two, three = (
        network(torch.full((1, 3, 8, 8), value), ["conv1_1"])["conv1_1"].map
        for value in (-1.0, 0.5, 3.5)
    )
    torch.testing.assert_close(2 * (two - one), three - two, rtol=1e-4, atol=1e-4)


# Work


@pytest.mark.parametrize(
    ("asked", "convolutions"),
    [(["pool1"], 2), (["relu1_1", "relu5_1"], 13), (["conv5_4"], 16), ([], 0)],
)
def test_cut_after_the_deepest_layer(asked, convolutions, pixels, tiny_network, monkeypatch):
    calls = []
    original = F.conv2d

    def counted(*arguments: Any, **named: Any) -> Tensor:
        calls.append(arguments[0].shape)
        return original(*arguments, **named)

    network = tiny_network()
    monkeypatch.setattr(networks.F, "conv2d", counted)
    found = network(pixels, asked)
    assert len(calls) == convolutions
    assert set(found) == set(asked)


def test_maps_are_channels_last(pixels, tiny_network):
    """So that rows of pixels are there without a copy, for the Gram matrix."""
    maps = tiny_network()(pixels, ["relu1_1", "relu2_1"])
    assert all(m.map.is_contiguous(memory_format=torch.channels_last) for m in maps.values())


# bfloat16


def test_bf16_is_close_to_float32(pixels, tiny_network):
    """And though the picture enters in two parts, its gradient is not doubled."""
    layers, found = ["conv1_1", "relu2_1", "relu4_2", "relu5_1"], []
    for dtype in (torch.float32, torch.bfloat16):
        x = pixels.clone().requires_grad_(True)
        maps = [each.map for each in tiny_network(dtype=dtype)(x, layers).values()]
        assert all(each.dtype == dtype for each in maps)
        found.append([*map(Tensor.float, maps), *torch.autograd.grad(maps[1].float().norm(), x)])
    for exact, rounded in zip(*found):
        assert (rounded - exact).norm() < 0.05 * exact.norm()


def test_bf16_input_keeps_more_than_8_bits(tiny_tensors):
    """Neighbouring grey levels of 255, which bfloat16 by itself could not tell apart."""
    levels = torch.arange(200, 256) / 255
    pixels = levels.view(1, 1, 1, -1).expand(1, 3, 8, -1).contiguous()
    tensors = dict(tiny_tensors())
    kernel = torch.zeros(5, 3, 3, 3)
    kernel[:, 0, 1, 1] = 1  # the red channel itself
    tensors |= {"features.0.weight": kernel, "features.0.bias": torch.full((5,), -100.0)}
    network = VGG(tensors, dtype=torch.bfloat16)
    found = network(pixels, ["conv1_1"])["conv1_1"].map[0, 0, 4].float()
    exact = levels * 255 - 123.68 - 100
    # The output, up to 32 in size, is rounded to 8 bits; an input of 8 bits would be off by
    # 0.25 before that.
    assert (found - exact).abs().max() <= 0.07
    assert (exact.bfloat16().float() - exact).abs().max() <= 0.0625
    assert ((exact + 100).bfloat16().float() - 100 - exact).abs().max() > 0.2


# Gatys' normalised network


def measured(network: VGG, pictures: Tensor) -> dict[str, Tensor]:
    """Mean rectified activation of each channel over pictures and positions."""
    names = layer_names(network.architecture, "relu")
    with torch.no_grad():
        maps = network(pictures, names)
    return {name: maps[name].wide().mean(dim=(0, 2, 3)) for name in names}


def rescaled(
    tensors: dict[str, Tensor], architecture: str, means: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The recipe on the weights: W[c] and b[c] over m_c, the next layer's W[:, c] times m_c."""
    found = {key: value.double().clone() for key, value in tensors.items()}
    convolutions = [step for step in steps(architecture) if step.kind == "conv"]
    for step, following in zip(convolutions, [*convolutions[1:], None]):
        mean = means[step.name.replace("conv", "relu")]
        found[f"features.{step.index}.weight"] /= mean.view(-1, 1, 1, 1)
        found[f"features.{step.index}.bias"] /= mean
        if following is not None:
            found[f"features.{following.index}.weight"] *= mean.view(1, -1, 1, 1)
    return found


@pytest.mark.parametrize(("architecture", "pooling"), [("vgg19", "average"), ("vgg16", "max")])
def test_normalised_network_is_the_rescaled_one(architecture, pooling, tiny_tensors):
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)).double()
    tensors = tiny_tensors(architecture)
    how = {"pooling": pooling, "dtype": torch.float64}
    plain = VGG(tensors, architecture, **how)
    # A channel that never fires here has no mean to divide by.
    means = {name: mean.clamp(min=1e-3) for name, mean in measured(plain, pictures).items()}
    explicit = VGG(rescaled(tensors, architecture, means), architecture, **how)
    normalised = VGG(tensors, architecture, **how)
    normalised.normalise(means)
    names = layer_names(architecture)
    expected, found = explicit(pictures, names), normalised(pictures, names)
    for name in names:
        torch.testing.assert_close(found[name].wide(), expected[name].map)
        torch.testing.assert_close(found[name].coordinates(), expected[name].map)
        torch.testing.assert_close(found[name].gram(), gram_matrix(expected[name].map))


# The compact network: a narrow trunk with linear heads


def compact_tensors(tiny_tensors: Any, wide: int = 12) -> dict[str, Tensor]:
    tensors = dict(tiny_tensors())
    for step in steps("vgg19"):
        if step.kind in ("conv", "relu"):
            narrow = (5, 6, 7, 8, 9)[int(step.name[4]) - 1]
            generator = torch.Generator().manual_seed(len(tensors))
            tensors[f"heads.{step.name}.weight"] = torch.randn(wide, narrow, generator=generator)
            tensors[f"heads.{step.name}.bias"] = torch.randn(wide, generator=generator)
    return tensors


def test_heads_widen_the_maps(tiny_tensors, pixels):
    tensors = compact_tensors(tiny_tensors)
    trunk = plain_forward(tiny_tensors(), "vgg19", caffe_input(pixels))
    found = VGG(tensors)(pixels, ["conv2_1", "relu2_1", "pool2", "relu4_2"])
    for name, head in [("conv2_1",) * 2, ("relu2_1",) * 2, ("pool2", "relu2_2")]:
        weight, bias = tensors[f"heads.{head}.weight"], tensors[f"heads.{head}.bias"]
        expected = F.conv2d(trunk[name], weight[:, :, None, None], bias)
        torch.testing.assert_close(found[name].wide(), expected, rtol=1e-4, atol=1e-4)
        assert found[name].channels == 12


def test_heads_are_normalised_too(tiny_tensors, pixels):
    means = {"relu2_1": 0.5 + torch.arange(12.0)}
    plain, normalised = (VGG(compact_tensors(tiny_tensors)) for _ in range(2))
    normalised.normalise(means)
    for name in ("conv2_1", "relu2_1"):
        before, after = plain(pixels, [name])[name], normalised(pixels, [name])[name]
        expected = before.wide() / means["relu2_1"].view(1, -1, 1, 1)
        torch.testing.assert_close(after.wide(), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(after.wide_gram(), gram_matrix(expected), rtol=1e-4, atol=1e-4)


def test_rescaled_features_are_a_multiple(tiny_tensors, pixels):
    """Of a plain, a normalised and a compact network, which itself stays as it was."""
    normalised = VGG(tiny_tensors())
    normalised.normalise({"relu2_1": 0.5 + torch.arange(6.0)})
    names = ["conv2_1", "relu2_1", "pool2"]
    for network in (VGG(tiny_tensors()), normalised, VGG(compact_tensors(tiny_tensors))):
        before, after = (each(pixels, names) for each in (network, network.rescaled(0.25)))
        for name in names:
            expected = before[name].wide() / 4
            torch.testing.assert_close(after[name].wide(), expected, rtol=1e-4, atol=1e-4)
            gram = gram_matrix(expected)
            torch.testing.assert_close(after[name].wide_gram(), gram, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(network(pixels, [name])[name].wide(), before[name].wide())


# Reflected borders


def test_reflected_maps_know_no_border(tiny_tensors):
    """A pattern that reflection continues looks the same to a layer everywhere; zeros do not."""
    rows = torch.arange(8) % 2
    pixels = (rows[:, None] ^ rows[None, :]).float().expand(1, 3, 8, 8)
    reflected, zeros = (VGG(tiny_tensors(), padding=padding) for padding in ("reflect", "zeros"))
    for network, alike in ((reflected, True), (zeros, False)):
        found = network(pixels, ["relu1_2"])["relu1_2"].map
        centre = found[:, :, 2:4, 2:4].repeat(1, 1, 4, 4)
        assert torch.allclose(found, centre, atol=1e-4) is alike


def test_reflection_works_down_to_maps_of_one_pixel(tiny_tensors):
    found = VGG(tiny_tensors(), padding="reflect")(torch.rand(1, 3, 16, 16), ["relu5_1"])
    assert found["relu5_1"].map.shape[2:] == (1, 1) and found["relu5_1"].map.isfinite().all()


def test_only_chains_reflect():
    assert NetworkSpec(padding="reflect").label.endswith("reflected borders")
    assert "padding" not in NetworkSpec().description()  # keys of results stay
    with pytest.raises(ValueError, match="has no padding 'reflect'; VGG has"):
        NetworkSpec(name="resnet50", padding="reflect")
