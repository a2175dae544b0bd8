"""``random2016/inversion``: the preset, what unscaled losses are, claims both ways, the figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from replicate.config import load_paper, load_preset
from replicate.engine.engine import Engine
from replicate.networks.spec import NetworkSpec
from replicate.networks.vgg import Network
from replicate.networks.weights import LoadedWeights
from replicate.papers import draw_figure
from replicate.papers import random2016 as module
from replicate.papers.random2016 import (
    BALANCED,
    RANDOM,
    TRAINED,
    UNSCALED,
    better_inversion,
    differences,
    loss_factors,
    paired_p,
    scale,
    scaled_texture,
)
from replicate.papers.studio import Studio, only

FIVE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


def test_the_preset() -> None:
    made = load_preset("random2016")
    assert (made.network.name, made.network.pooling) == ("vgg19-random", "average")
    assert not made.network.normalised
    assert made.content_layers == {"relu4_2": 1.0}
    assert made.style_layers == dict.fromkeys(FIVE, 0.2)
    assert made.ratio == pytest.approx(1e-3)
    assert made.status == "unverified"


def test_the_shipped_figure() -> None:
    config = load_paper("random2016").figures["inversion"]
    assert list(config.content_sets.values()) == [["relu3_1"], ["relu4_1"], ["relu5_1"]]
    assert config.kernel_spread == 0.015
    assert config.status == "unverified"
    assert not config.compares_layers


@pytest.mark.parametrize("other", ["gatys2015", "gatys2016"])
def test_trained_panels_are_those_of_gatys_figures(other: str) -> None:
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
        module,
        "random_weights",
        lambda *_, **__: LoadedWeights("vgg19-random", "vgg19", "caffe", tensors, "0", None),
    )
    return tensors


def test_unscaled_losses_are_those_of_plain_gaussian_kernels(
    random_tensors: dict[str, torch.Tensor],
) -> None:
    """Kernels of one deviation everywhere really have losses that differ by these factors."""
    spread, layers = 0.3, ["relu1_1", "relu2_1", "relu4_1"]
    plain = {
        key: value * (spread / value.std()) if key.endswith("weight") else value
        for key, value in random_tensors.items()
    }
    pictures = torch.rand(2, 1, 3, 48, 48, generator=torch.Generator().manual_seed(0))

    def losses(tensors: dict[str, torch.Tensor]) -> dict[str, float]:
        network = Network(tensors, pooling="average", dtype=torch.float64)
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


# Claims


def gains(*values: float) -> dict[str, list[float]]:
    return {f"conv{block}_1": list(pair) for block, pair in
            zip((3, 4, 5), zip(values[::2], values[1::2]))}  # fmt: skip


def test_paired_test() -> None:
    assert paired_p([1, 2, 3]) == 1 / 8
    assert paired_p([-1, -2, -3]) == 1
    assert paired_p([3, -1]) == 1 / 2
    assert paired_p([0, 0]) == 1
    assert paired_p([1] * 6) == 1 / 64


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ((1, 2, 3, 4, 5, 6), True),
        ((-1, 2, 3, 4, 5, 6), True),  # the layer's mean and the whole still gain
        ((-3, 2, 3, 4, 5, 6), False),  # conv3_1 loses
        ((1, -1, 1, -1, 1, -1), False),  # by chance
    ],
)
def test_inversions_must_gain_at_every_layer(values: tuple[float, ...], holds: bool) -> None:
    assert better_inversion("a paper", gains(*values)).holds is holds


def test_differences_are_paired() -> None:
    kept = {
        (network, photograph, "conv3_1"): {"psnr": psnr}
        for network, photograph, psnr in (
            (TRAINED, "a", 10.0), (TRAINED, "b", 30.0), (RANDOM, "a", 11.0), (RANDOM, "b", 28.0),
        )
    }  # fmt: skip
    assert differences(kept, ["conv3_1"]) == {"conv3_1": [1.0, -2.0]}


def by_layer(value: float) -> dict[str, float]:
    return dict.fromkeys(FIVE, value)


@pytest.mark.parametrize(
    ("balanced", "unscaled", "holds"), [(0.1, 0.5, True), (0.3, 0.5, False), (0.1, 0.15, False)]
)
def test_texture_needs_balanced_losses(balanced: float, unscaled: float, holds: bool) -> None:
    distances = {TRAINED: by_layer(0.01), BALANCED: by_layer(balanced),
                 UNSCALED: by_layer(unscaled)}  # fmt: skip
    claim = scaled_texture("a paper", by_layer(1.0), distances)
    assert claim.holds is holds
    assert "100" in claim.note


def test_deep_layers_need_balanced_losses() -> None:
    assert scale("a paper", by_layer(0.01), {**by_layer(0.001), "relu5_1": 0.1}).holds
    assert not scale("a paper", by_layer(0.01), {**by_layer(0.1), "relu5_1": 0.02}).holds


# The figure


def test_the_figure_from_end_to_end(
    small_studio: Callable[..., Studio], random_tensors: dict[str, torch.Tensor]
) -> None:
    studio = small_studio()
    figure = draw_figure(studio, "random2016/inversion")
    labels = [panel.label for panel in figure.panels]
    assert len(labels) == 2 * 3 * 2 + 3
    assert labels[-3:] == ["trained texture", BALANCED, UNSCALED]
    assert [claim.id for claim in figure.claims] == ["scale", "inversion", "texture"]
    assert {network.name for network in figure.networks} == {"vgg19-caffe", "vgg19-random"}
    weights = {
        label: panel.job["preset"]["style_layers"]
        for label, panel in zip(labels[-2:], figure.panels[-2:])
    }
    assert weights[UNSCALED]["relu1_1"] == 0.2
    assert len(set(weights[BALANCED].values())) > 1
    assert set(figure.panels[-1].metrics) == {
        f"gram_distance/{judge}/{layer}" for judge in (TRAINED, RANDOM) for layer in FIVE
    }


def test_without_a_trained_network_nothing_is_compared(
    small_studio: Callable[..., Studio],
    random_tensors: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
