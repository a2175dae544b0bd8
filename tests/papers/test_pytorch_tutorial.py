"""What the PyTorch tutorial's layer numbers mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from replicate.config import load_preset
from replicate.images.evaluation import Pair
from replicate.measure.style import style_gradients
from replicate.networks.pixels import to_tensor
from replicate.papers import draw_figure
from replicate.papers.pytorch_tutorial import BLOCKS, GATYS, MATCHED, TUTORIAL, shares_by_gram
from replicate.papers.registry import draw_sheet

ID = "pytorch_tutorial/layers"
FIVE = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"]


def test_claims_hold_where_the_tutorial_is_shallow(failing, monkeypatch):
    def numbers(key: Any) -> dict[str, float]:
        shallow = {"edge_correlation": 0.9, "content_field": 14, "style_field": 24}
        deep = {"edge_correlation": 0.5, "content_field": 84, "style_field": 124}
        if not isinstance(key, tuple):
            return {**deep, "style_error": 0.1}
        return {**shallow, "style_error": min(0.5, 100 * key[1])}  # style comes with weight

    def fails(**changes: float) -> list[str]:
        return failing(ID, numbers, {GATYS: changes})

    assert fails() == []
    assert fails(style_error=9.0) == ["shallow"]  # no style weight matches
    assert fails(edge_correlation=0.95) == fails(edge_correlation=float("nan")) == ["shallow"]


def test_shares_of_the_gradient_are_those_of_the_losses_written_out(small_studio, scene):
    studio = small_studio()
    photograph, art = scene(64, 64, seed=1), scene(64, 64, seed=2)
    preset = load_preset("pytorch-tutorial").with_(network={"name": "vgg19-caffe"})
    job = studio.job(preset, photograph, art)
    network = studio.engine.networks.network(preset.network)

    def norm(layer: str, divided: bool) -> float:
        def gram(pixels: torch.Tensor) -> torch.Tensor:
            flat = network(pixels, [layer])[layer].map.flatten(2)[0]
            product = flat @ flat.T
            return product / flat.numel() if divided else product

        pixels = to_tensor(photograph).requires_grad_(True)
        loss = torch.nn.functional.mse_loss(gram(pixels), gram(to_tensor(art)).detach())
        return float(torch.autograd.grad(loss, pixels)[0].norm())

    for found, divided in zip(
        shares_by_gram(studio, job, style_gradients(studio.engine, job)), (False, True)
    ):
        norms = {layer: norm(layer, divided) for layer in FIVE}
        expected = {layer: value / sum(norms.values()) for layer, value in norms.items()}
        assert found == pytest.approx(expected, rel=1e-3)
        assert sum(found.values()) == pytest.approx(1)


def test_the_first_layers_part_is_that_of_both_before_pooling(small_studio):
    studio = small_studio(network="vgg19-caffe")
    figure = draw_figure(studio, "pytorch_tutorial/gradient")
    shares = {panel.label: panel.metrics for panel in figure.panels}
    assert studio.drawn == [] and list(shares["plain"]) == FIVE
    (claim,) = figure.claims
    plain = shares["plain"]
    assert claim.value["value"] == pytest.approx(plain["conv1_1"] + plain["conv1_2"])


def test_from_end_to_end(small_studio):
    studio = small_studio(network="vgg19-caffe")
    figure = draw_figure(studio, ID)
    (pictures,) = figure.grids
    shown = list(pictures.panels.values())
    labels = [TUTORIAL, GATYS, MATCHED, BLOCKS, "Diaz", "Udacity"]
    assert [panel.label for panel in shown] == labels
    lines = [list(panel.lines)[:2] for panel in shown]
    assert lines[0] == lines[2] == ["content conv2_2, 14 px", "style to conv3_1, 24 px"]
    assert lines[3] == ["content conv4_1, 68 px", "style to conv5_1, 156 px"]
    assert all(line[0] == "content relu4_2, 84 px" for line in lines[4:])
    assert {result.job.preset.optimizer for result in studio.drawn} == {"lbfgs"}
    assert {result.job.init for result in studio.drawn} == {"content"}
    assert len({panel.label for panel in figure.panels}) == len(studio.drawn) <= 12
    assert studio.drawn[0].job.preset.ratio == pytest.approx(1e-6)
    assert "β counts as if divided by 33" in figure.caption


def test_pairs_are_drawn_without_what_nothing_is_claimed_of(small_studio):
    studio = replace(small_studio(network="vgg19-caffe"), pair=Pair("chelsea", "wave", 0)).at(ID)
    labels = list(draw_sheet(studio).panels)
    assert labels[:3] == ["tutorial, α/β 10⁻⁶", "tutorial, α/β 10⁻⁴", GATYS]
    assert all(label.startswith("tutorial, α/β") for label in labels[3:])
