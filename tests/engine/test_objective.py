"""Objectives add and scale; their gradient is that of finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from replicate.engine.objective import Objective, content, evaluate, style, variation
from replicate.networks import vgg as networks
from replicate.networks.vgg import Network

MakeNetwork = Callable[..., Network]


def noise(seed: int, batch: int = 1, side: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, side, side, generator=generator, dtype=torch.float64)


@pytest.fixture
def network(tiny_network: MakeNetwork) -> Network:
    return tiny_network(dtype=torch.float64)


def targets(network: Network, side: int = 16) -> tuple[Tensor, Tensor]:
    """Content coordinates at relu4_2 and the Gram matrix at relu2_1 of two pictures."""
    maps = network(noise(1, side=side), ["relu4_2"]), network(noise(2, side=side), ["relu2_1"])
    return maps[0]["relu4_2"].coordinates(), maps[1]["relu2_1"].gram()


def test_terms_add_and_scale(network: Network) -> None:
    content_target, style_target = targets(network)
    parts = [content("relu4_2", content_target), style("relu2_1", style_target), variation()]
    x = noise(0)
    alone = [evaluate(part, network, x) for part in parts]
    together = evaluate(2 * parts[0] + parts[1] * 3 + 1e-6 * parts[2], network, x)
    weights = (2, 3, 1e-6)
    torch.testing.assert_close(
        together.total, sum(w * each.total for w, each in zip(weights, alone))
    )
    torch.testing.assert_close(
        together.gradient, sum(w * each.gradient for w, each in zip(weights, alone))
    )


def test_losses_are_reported_before_weighting(network: Network) -> None:
    content_target, style_target = targets(network)
    plain = content("relu4_2", content_target) + style("relu2_1", style_target) + variation()
    x = noise(0)
    once, scaled = evaluate(plain, network, x), evaluate(7.0 * plain, network, x)
    assert set(once.losses) == {"content/relu4_2", "style/relu2_1", "variation"}
    for name, loss in once.losses.items():
        torch.testing.assert_close(scaled.losses[name], loss)
    torch.testing.assert_close(sum(once.losses.values()), once.total)
    torch.testing.assert_close(scaled.total, 7 * once.total)


def test_scaling_twice_multiplies_and_leaves_the_first_alone(network: Network) -> None:
    content_target, _ = targets(network)
    once = 2.0 * content("relu4_2", content_target)
    twice = 5.0 * once
    assert [term.weight for term in once.terms] == [2.0]
    assert [term.weight for term in twice.terms] == [10.0]
    assert (once + twice).layers == {"relu4_2"}
    assert Objective().layers == set()


def test_sum_and_mean_over_layers_differ_by_a_constant(network: Network) -> None:
    """Averaging and summing point the same way (a question on a forum for years)."""
    layers = ["relu1_1", "relu2_1", "relu3_1"]
    maps = network(noise(2), layers)
    terms = [style(layer, maps[layer].gram()) for layer in layers]
    summed = terms[0] + terms[1] + terms[2]
    a, b = evaluate(summed, network, noise(0)), evaluate(summed * (1 / 3), network, noise(0))
    torch.testing.assert_close(b.gradient * 3, a.gradient, rtol=1e-10, atol=1e-15)


def test_each_picture_is_evaluated_by_itself(network: Network) -> None:
    content_target, style_target = targets(network)
    objective = content("relu4_2", content_target) + style("relu2_1", style_target) + variation()
    x = noise(3, batch=3)
    together = evaluate(objective, network, x)
    assert together.total.shape == (3,)
    for index in range(3):
        alone = evaluate(objective, network, x[index : index + 1])
        torch.testing.assert_close(together.total[index], alone.total[0])
        torch.testing.assert_close(together.gradient[index], alone.gradient[0])
        for name, loss in alone.losses.items():
            torch.testing.assert_close(together.losses[name][index], loss[0])


def test_weights_and_targets_by_picture(network: Network) -> None:
    """A batch of one figure's panels: same layers, each its own ratio and target."""
    maps = network(noise(4, batch=2), ["relu2_1", "relu3_1"])
    grams, coordinates = maps["relu2_1"].gram(), maps["relu3_1"].coordinates()
    weights = torch.tensor([1e-3, 1e-1]), torch.tensor([2.0, 0.0])
    objective = weights[0] * content("relu3_1", coordinates) + style("relu2_1", grams) * weights[1]
    x = noise(5, batch=2)
    together = evaluate(objective, network, x)
    for index in range(2):
        one = slice(index, index + 1)
        alone = float(weights[0][index]) * content("relu3_1", coordinates[one]) + float(
            weights[1][index]
        ) * style("relu2_1", grams[one])
        expected = evaluate(alone, network, x[one])
        torch.testing.assert_close(together.total[index], expected.total[0])
        torch.testing.assert_close(together.gradient[index], expected.gradient[0])


def test_evaluate_leaves_its_input_alone(network: Network) -> None:
    content_target, _ = targets(network)
    x = noise(0)
    before = x.clone()
    found = evaluate(content("relu4_2", content_target), network, x)
    assert not x.requires_grad and x.grad is None
    assert not found.total.requires_grad and not found.gradient.requires_grad
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def test_evaluate_works_inside_no_grad(network: Network) -> None:
    content_target, _ = targets(network)
    objective = content("relu4_2", content_target)
    with torch.no_grad():
        inside = evaluate(objective, network, noise(0))
    torch.testing.assert_close(inside.gradient, evaluate(objective, network, noise(0)).gradient)


def test_one_forward_pass_however_many_terms(network: Network, monkeypatch: Any) -> None:
    names = ["relu1_1", "relu2_1", "relu3_1"]
    maps = network(noise(2), names)
    objective = variation()
    for name in names:
        objective = objective + style(name, maps[name].gram())
        objective = objective + content(name, maps[name].coordinates())
    calls = []
    original = F.conv2d
    monkeypatch.setattr(networks.F, "conv2d", lambda *a, **k: calls.append(1) or original(*a, **k))
    evaluate(objective, network, noise(0))
    assert len(calls) == 5  # to conv3_1


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("normalised", [False, True])
def test_total_gradient_by_finite_differences(
    pooling: str, normalised: bool, tiny_network: MakeNetwork
) -> None:
    """Content, style and variation through the network, along random directions and by pixel."""
    network = tiny_network(pooling=pooling, dtype=torch.float64)
    if normalised:
        network.normalise({"relu1_1": 0.5 + torch.arange(5.0), "relu3_1": 0.3 + torch.arange(7.0)})
    layers = ["relu1_1", "conv2_2", "relu3_1"]
    maps = network(noise(2), [*layers, "relu4_2"])
    objective = 10 * content("relu4_2", network(noise(1), ["relu4_2"])["relu4_2"].coordinates())
    objective = objective + content("conv2_2", maps["conv2_2"].coordinates() + 1, "gatys")
    objective = objective + 1e-6 * variation()
    for layer in layers:
        objective = objective + style(layer, maps[layer].gram())
    x = noise(0)
    found = evaluate(objective, network, x)
    generator = torch.Generator().manual_seed(9)
    directions = [torch.randn(x.shape, generator=generator, dtype=torch.float64) for _ in range(3)]
    for pixel in [(0, 0, 0, 0), (0, 1, 7, 8), (0, 2, 15, 15)]:
        unit = torch.zeros_like(x)
        unit[pixel] = 1
        directions.append(unit)
    step = 1e-6
    for direction in directions:
        ahead, behind = (
            float(evaluate(objective, network, x + sign * step * direction).total)
            for sign in (1, -1)
        )
        slope = float((found.gradient * direction).sum())
        assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=2e-5, abs=1e-6)


def test_gradient_is_zero_where_no_unit_is_active(tiny_tensors: Any) -> None:
    """Rectified features: silent units neither lose nor pull (Gatys et al. 2016, after eq. 2)."""
    tensors = dict(tiny_tensors())
    tensors["features.0.bias"] = torch.full((5,), -1e6)
    network = Network(tensors, dtype=torch.float64)
    target = torch.ones(1, 5, 16, 16, dtype=torch.float64)
    silent = evaluate(content("relu1_1", target), network, noise(0))
    assert float(silent.total) == pytest.approx(1.0)
    assert silent.gradient.abs().max() == 0
    before_relu = evaluate(content("conv1_1", target), network, noise(0))
    assert before_relu.gradient.abs().max() > 0
