"""Li et al. 2017: presets against the authors' program, the identity, claims both ways."""

from __future__ import annotations

import pytest
import torch

from replicate.config import load_preset
from replicate.measure.mmd import squared_mmd
from replicate.papers import draw_figure
from replicate.papers.li2017 import BOTH, GRAM, MEANS, PRESETS, gram_and_mmd

LAYERS = [f"relu{block}_1" for block in range(1, 6)]


# Presets: the gradients of the authors' program, computed as it does


def program_gradient(kernel: str, balance: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of a layer's style loss by x, (M, N), in mmd_loss.py and bn_loss.py."""
    m, n = x.shape
    if kernel == "poly":
        return balance * 0.1 / (n * m * n) * x @ (x.T @ x - y.T @ y)
    if kernel == "linear":
        return balance * 2e3 / (n * m) * (x - y).sum(0).expand(m, n)
    means = x.mean(0) - y.mean(0)
    deviations = [(each - each.mean(0)).square().mean(0).sqrt() for each in (x, y)]
    part = (deviations[0] - deviations[1]) / deviations[0] / m * (x - x.mean(0))
    return balance * 1e3 * (n * m) / n / n * (means / m + part)


@pytest.mark.parametrize(
    ("name", "kernel", "balance"),
    [(GRAM, "poly", 5.0), (MEANS, "linear", 5.0), (BOTH, "bn", 5.0)],
)
def test_weights_are_the_programs(name, kernel, balance):
    """At relu3_1 of a picture whose conv4_2 has a quarter of its positions and 512 channels."""
    from replicate.engine.terms import style_statistics
    from replicate.method import content_loss, style_loss
    from replicate.networks.features import FeatureMap, Readout

    preset = load_preset(PRESETS[name])
    generator = torch.Generator().manual_seed(0)
    x, y = (
        torch.rand(1, 6, 8, 8, generator=generator, dtype=torch.float64) * 100 for _ in range(2)
    )
    x.requires_grad_(True)
    statistic = style_statistics(preset.style_statistic, ["relu3_1"])["relu3_1"]
    maps, target = ({"relu3_1": FeatureMap(each, Readout(6))} for each in (x, y))
    size = statistic.size(maps)
    loss = style_loss(statistic(maps), statistic(target), *size, preset.style_loss)
    weight = preset.style_weight * preset.style_layers["relu3_1"]
    (ours,) = torch.autograd.grad(weight * loss.sum(), x)
    rows = x.detach()[0].flatten(1).T
    theirs = program_gradient(kernel, balance, rows, y[0].flatten(1).T).T.reshape(x.shape)
    # Theirs adds the content's plain sum of squares, ours its mean.
    deep = torch.ones(1, 512, 4, 4, dtype=torch.float64)
    mean = content_loss(FeatureMap(deep, Readout(512)), torch.zeros_like(deep), "mean")
    scale = float(deep.square().sum() / mean)
    torch.testing.assert_close(ours * scale, theirs, rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("name", PRESETS)
def test_layers_and_network(name):
    preset = load_preset(PRESETS[name])
    spec = preset.network
    assert (spec.name, spec.pooling, spec.normalised) == (
        "vgg19-caffe", "average", False,
    )  # fmt: skip
    assert preset.content_layers == {"relu4_2": 1.0}
    assert preset.style_layers == dict(zip(LAYERS, [64.0, 16.0, 4.0, 1.0, 0.25]))
    assert (preset.content_weight, preset.tv_weight, preset.init) == (1.0, 0.0, "noise")


# The identity


def test_squared_mmd_by_hand():
    """Two rows each; k(x, y) = (x.y)^2."""
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([[0.0, 2.0]], dtype=torch.float64)
    xx = (1 + 1 + 1 + 4) / 4
    xy = (0 + 4) / 2
    assert squared_mmd(x, y) == pytest.approx(xx - 2 * xy + 16)


def test_squared_mmd_is_the_distance_of_gram_matrices(small_studio, scene, monkeypatch):
    """CHK-12c, in several pieces: of the network's features and of its Gram matrices."""
    monkeypatch.setattr("replicate.measure.mmd.ROWS", 7)
    studio = small_studio().at("li2017/gram_is_mmd")
    found = gram_and_mmd(studio, scene(64, 48, seed=1), scene(48, 64, seed=2))
    assert list(found) == LAYERS
    for gram, mmd in found.values():
        assert gram > 0 and mmd == pytest.approx(gram, rel=1e-5)


def test_the_figure_is_drawn_and_its_claims_are_of_its_numbers(small_studio):
    figure = draw_figure(small_studio(), "li2017/gram_is_mmd")
    metrics = {panel.label: panel.metrics for panel in figure.panels}
    assert list(metrics)[6:] == [f"transfer, {loss}" for loss in PRESETS]
    assert [grid.heading for grid in figure.grids] == ["Textures", "Transfers", ""]
    names = {name for panel in figure.panels for name in panel.losses}
    assert names == {"content/relu4_2", *(f"style/{layer}" for layer in LAYERS)}
    left = {loss: metrics[f"transfer, {loss}"]["style_left"] for loss in PRESETS}
    appealing, linear = figure.claims
    assert appealing.value["value"] == pytest.approx((left[BOTH] + left[MEANS]) / 2)
    assert linear.value == pytest.approx(left)
