"""``random2016/inversion``: the preset, what unscaled losses are, claims both ways, the figure."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any

import pytest
import torch

from replicate.config import load_paper, load_preset
from replicate.engine.engine import Engine
from replicate.measure import kernels
from replicate.measure.kernels import loss_factors
from replicate.networks.spec import NetworkSpec
from replicate.networks.stored import Weights
from replicate.networks.vgg import VGG
from replicate.papers import draw_figure
from replicate.papers.random2016 import BALANCED, RANDOM, TRAINED, UNSCALED
from replicate.papers.studio import only

FIVE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


def test_the_shipped_settings():
    config = load_paper("random2016").figures["inversion"]
    assert list(config.content_sets.values()) == [["relu3_1"], ["relu4_1"], ["relu5_1"]]
    assert config.kernel_spread == 0.015
    assert config.status == "unverified"
    assert not config.compares_layers


@pytest.mark.parametrize("other", ["gatys2015", "gatys2016"])
def test_trained_panels_are_those_of_gatys_figures(other):
    """So that they come from the store where those figures have been drawn."""
    trained = load_preset("random2016").with_(network=load_preset("gatys2016").network)
    for kind, layers in (("content", ["relu3_1"]), ("style", FIVE)):
        ours, theirs = only(trained, kind, layers), only(load_preset(other), kind, layers)
        assert ours.objective() == theirs.objective()


# Unscaled losses


@pytest.fixture
def random_tensors(
    monkeypatch: pytest.MonkeyPatch, tiny_tensors: Callable[..., dict[str, Any]]
) -> dict[str, torch.Tensor]:
    """Small random weights without biases, in place of the random network's."""
    tensors = {
        key: torch.zeros_like(value) if key.endswith("bias") else value
        for key, value in tiny_tensors(seed=3).items()
    }
    monkeypatch.setattr(
        kernels,
        "random_weights",
        lambda *_, **__: Weights(tensors, "0"),
    )
    return tensors


def test_unscaled_losses_are_those_of_plain_gaussian_kernels(random_tensors):
    """Kernels of one deviation everywhere really have losses that differ by these factors."""
    spread, layers = 0.3, ["relu1_1", "relu2_1", "relu4_1"]
    plain = {
        key: value * (spread / value.std()) if key.endswith("weight") else value
        for key, value in random_tensors.items()
    }
    pictures = torch.rand(2, 1, 3, 48, 48, generator=torch.Generator().manual_seed(0))

    def losses(tensors: dict[str, torch.Tensor]) -> dict[str, float]:
        network = VGG(tensors, pooling="average", dtype=torch.float64)
        ours, theirs = (network(picture.double(), layers) for picture in pictures)
        return {
            layer: float((ours[layer].gram() - theirs[layer].gram()).square().mean())
            for layer in layers
        }

    scaled, unscaled = losses(random_tensors), losses(plain)
    factors = loss_factors(layers, spread, NetworkSpec(name="vgg19-random", pooling="average"))
    assert factors["relu1_1"] == 1
    for layer in layers:
        expected = unscaled[layer] / scaled[layer] / (unscaled["relu1_1"] / scaled["relu1_1"])
        assert factors[layer] == pytest.approx(expected, rel=1e-4)


# The figure


def test_the_figure_from_end_to_end(small_studio):
    studio = small_studio()
    figure = draw_figure(studio, "random2016/inversion")
    assert {network.name for network in figure.networks} == {"vgg19-caffe", "vgg19-random"}
    metrics = {panel.label: panel.metrics for panel in figure.panels}
    assert len(metrics) == 2 * 3 * 2 + 3
    trained, balanced, unscaled = list(metrics)[-3:]
    assert (trained, balanced, unscaled) == ("trained texture", BALANCED, UNSCALED)
    weights = [panel.job["preset"]["style_layers"] for panel in figure.panels[-2:]]
    factors = loss_factors(FIVE, 0.015, load_preset("random2016").network)
    assert len(set(weights[0].values())) > 1
    assert weights[1] == pytest.approx({layer: 0.2 * factors[layer] for layer in FIVE})

    def distance(texture: str, judge: str, *layers: str) -> float:
        return mean(metrics[texture][f"gram_distance/{judge}/{layer}"] for layer in layers)

    scale, inversion = figure.claims
    own = {each: distance(each, RANDOM, "relu5_1") for each in (UNSCALED, BALANCED)}
    assert scale.value == pytest.approx(own)
    psnr = {
        kind: mean(
            each["psnr"] for label, each in metrics.items() if label.startswith(f"{kind}, s")
        )
        for kind in (RANDOM, TRAINED)
    }
    assert inversion.value == pytest.approx(psnr)


def test_without_a_trained_network_nothing_is_compared(small_studio, monkeypatch):
    drawn: list[str] = []
    run_many = Engine.run_many

    def counting(self: Engine, jobs: Any, *rest: Any) -> Any:
        drawn.extend(job.label for job in jobs)
        return run_many(self, jobs, *rest)

    monkeypatch.setattr(Engine, "run_many", counting)
    figure = draw_figure(small_studio(network="vgg19-random"), "random2016/inversion")
    assert [claim.id for claim in figure.claims] == ["scale"]
    assert "no trained network is on this machine" in figure.caption
    assert len(drawn) == 2 * 3 + 2
    assert not [label for label in drawn if TRAINED in label]
