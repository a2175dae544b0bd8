"""``random2016/inversion``: the preset, what unscaled losses are, claims both ways, the figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from replicate.config import load_paper, load_preset
from replicate.engine.engine import Engine
from replicate.measure import kernels
from replicate.measure.kernels import loss_factors
from replicate.networks.spec import NetworkSpec
from replicate.networks.vgg import VGG
from replicate.networks.weights import Weights
from replicate.papers import draw_figure, random2016
from replicate.papers.random2016 import BALANCED, RANDOM, TRAINED, UNSCALED, paired_p
from replicate.papers.studio import Studio, only

FIVE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


def test_the_shipped_settings() -> None:
    made = load_preset("random2016")
    assert (made.network.name, made.network.pooling) == ("vgg19-random", "average")
    assert not made.network.normalised
    assert made.content_layers == {"relu4_2": 1.0}
    assert made.style_layers == dict.fromkeys(FIVE, 0.2)
    assert made.ratio == pytest.approx(1e-3)
    config = load_paper("random2016").figures["inversion"]
    assert list(config.content_sets.values()) == [["relu3_1"], ["relu4_1"], ["relu5_1"]]
    assert config.kernel_spread == 0.015
    assert made.status == config.status == "unverified"
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
        kernels,
        "random_weights",
        lambda *_, **__: Weights(tensors, "0"),
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


# Claims


def test_paired_test() -> None:
    assert paired_p([1, 2, 3]) == 1 / 8
    assert paired_p([-1, -2, -3]) == 1
    assert paired_p([3, -1]) == 1 / 2
    assert paired_p([0, 0]) == 1
    assert paired_p([1] * 6) == 1 / 64


@pytest.fixture
def judged(
    random_tensors: Any, failing: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Claims that fail where these are the gains in PSNR and the distances of the textures."""
    monkeypatch.setattr(random2016, "start_distance", lambda *_: 1.0)

    def found(gains: tuple[float, ...], distances: dict[str, tuple[float, float]]) -> list[str]:
        gain = iter(gains)

        def of_panel(key: Any) -> dict[str, float]:
            if isinstance(key, tuple):
                psnr = 20.0 if key[0] == TRAINED else 20.0 + next(gain)
                return {"psnr": psnr, "ssim": 0.5}
            by_trained, deepest = distances[key]
            seen = {f"gram_distance/{TRAINED}/{layer}": by_trained for layer in FIVE}
            own = {f"gram_distance/{RANDOM}/{layer}": 0.1 for layer in FIVE}
            return {**seen, **own, f"gram_distance/{RANDOM}/relu5_1": deepest}

        return failing("random2016/inversion", of_panel)

    return found


GAINS = (1, 3, 5, 2, 4, 6)
"""Of the two photographs, each at three layers."""

TEXTURES = {TRAINED: (0.01, 0.1), BALANCED: (0.1, 0.01), UNSCALED: (0.5, 0.1)}
"""Distance to the painting for the trained network, and for the random one's deepest layer."""


@pytest.mark.parametrize(
    ("gains", "holds"),
    [
        (GAINS, True),
        ((-1, 3, 5, 2, 4, 6), True),  # the layer's mean and the whole still gain
        ((-3, 3, 5, 2, 4, 6), False),  # conv3_1 loses
        ((1, 1, 1, -1, -1, -1), False),  # by chance
    ],
)
def test_inversions_must_gain_at_every_layer(
    gains: tuple[float, ...], holds: bool, judged: Callable[..., list[str]]
) -> None:
    assert judged(gains, TEXTURES) == ([] if holds else ["inversion"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({BALANCED: (0.3, 0.01)}, ["texture"]),
        ({UNSCALED: (0.15, 0.1)}, ["texture"]),
        ({UNSCALED: (0.5, 0.02)}, ["scale"]),
    ],
)
def test_textures_need_balanced_losses(
    changes: dict[str, Any], expected: list[str], judged: Callable[..., list[str]]
) -> None:
    assert judged(GAINS, {**TEXTURES, **changes}) == expected


# The figure


def test_the_figure_from_end_to_end(small_studio: Callable[..., Studio]) -> None:
    figure = draw_figure(small_studio(), "random2016/inversion")
    labels = [panel.label for panel in figure.panels]
    assert len(labels) == 2 * 3 * 2 + 3
    assert labels[-3:] == ["trained texture", BALANCED, UNSCALED]
    assert {network.name for network in figure.networks} == {"vgg19-caffe", "vgg19-random"}
    balanced, unscaled = (panel.job["preset"]["style_layers"] for panel in figure.panels[-2:])
    assert unscaled["relu1_1"] == 0.2
    assert len(set(balanced.values())) > 1
    assert set(figure.panels[-1].metrics) == {
        f"gram_distance/{judge}/{layer}" for judge in (TRAINED, RANDOM) for layer in FIVE
    }


def test_without_a_trained_network_nothing_is_compared(
    small_studio: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch
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
