"""What the PyTorch tutorial's layer numbers mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from replicate.config import load_preset
from replicate.papers import draw_figure
from replicate.papers.pytorch_tutorial import claims, gradient_shares
from replicate.papers.studio import Studio

ID = "pytorch_tutorial/layers"
FIVE = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"]


# Claims


def numbers(edges: float, style: float, fields: tuple[float, float]) -> dict[str, float]:
    content, deepest = fields
    return {
        "edge_correlation": edges,
        "style_error": style,
        "content_field": content,
        "style_field": deepest,
    }


def shares(first: float) -> dict[str, float]:
    return dict(zip(FIVE, [0.25 * first, 0.75 * first, 1 - first, 0.0, 0.0]))


def verdicts(**changes: Any) -> dict[str, bool]:
    given = {
        "tutorial": numbers(0.9, 0.1, (14, 24)),
        "gatys": numbers(0.5, 0.101, (84, 124)),
        "raw": shares(0.95),
        "normalised": shares(0.6),
        **changes,
    }
    return {claim.id: claim.holds for claim in claims("a page", **given)}


CLAIMS = ["matched", "fields", "shallow", "first-layers", "normalised-gram"]


def test_all_claims_hold_where_the_tutorial_is_shallow() -> None:
    assert verdicts() == dict.fromkeys(CLAIMS, True)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"gatys": numbers(0.5, 0.2, (84, 124))}, {"matched"}),
        ({"tutorial": numbers(0.9, 0.1, (14, 124))}, {"fields"}),
        ({"gatys": numbers(0.95, 0.1, (84, 124))}, {"shallow"}),
        ({"raw": shares(0.4), "normalised": shares(0.3)}, {"first-layers"}),
        ({"normalised": shares(0.96)}, {"normalised-gram"}),
        ({"gatys": numbers(float("nan"), 0.1, (84, 124))}, {"shallow"}),
    ],
)
def test_each_claim_can_fail(changes: dict[str, Any], failing: set[str]) -> None:
    assert {id for id, holds in verdicts(**changes).items() if not holds} == failing


# Whose gradient it is


def test_shares_of_the_gradient_are_those_of_the_losses_written_out(
    small_studio: Callable[..., Studio], scene: Callable[..., Any]
) -> None:
    import torch

    from replicate.networks.means import to_tensor

    studio = small_studio()
    photograph, art = scene(64, 64, seed=1), scene(64, 64, seed=2)
    preset = load_preset("pytorch-tutorial").with_(network={"weights": "caffe"})
    job = studio.job(preset, photograph, art)
    network = studio.engine.network(preset.network)

    def norm(layer: str, divided: bool) -> float:
        def gram(pixels: torch.Tensor) -> torch.Tensor:
            flat = network(pixels, [layer])[layer].map.flatten(2)[0]
            product = flat @ flat.T
            return product / flat.numel() if divided else product

        pixels = to_tensor(photograph).requires_grad_(True)
        loss = torch.nn.functional.mse_loss(gram(pixels), gram(to_tensor(art)).detach())
        return float(torch.autograd.grad(loss, pixels)[0].norm())

    for found, divided in zip(gradient_shares(studio, job), (False, True)):
        norms = {layer: norm(layer, divided) for layer in FIVE}
        expected = {layer: value / sum(norms.values()) for layer, value in norms.items()}
        assert found == pytest.approx(expected, rel=1e-3)
        assert sum(found.values()) == pytest.approx(1)


# The figure


def test_from_end_to_end(small_studio: Callable[..., Studio]) -> None:
    studio = small_studio(network="vgg19-caffe")
    figure = draw_figure(studio, ID)
    assert [claim.id for claim in figure.claims] == CLAIMS
    fields = next(claim for claim in figure.claims if claim.id == "fields")
    assert list(fields.value.values()) == [14, 24, 84]  # conv2_2, conv3_1, conv4_2
    assert fields.holds
    pictures, shares = figure.grids
    labels = ["tutorial", "Gatys' layers", "tutorial, less style", "read as blocks"]
    shown = list(pictures.panels.values())
    assert [panel.label for panel in shown] == [*labels, "Diaz", "Udacity"]
    lines = [list(panel.lines)[:2] for panel in shown]
    assert lines[0] == lines[2] == ["content conv2_2, 14 px", "style to conv3_1, 24 px"]
    assert lines[3] == ["content conv4_1, 68 px", "style to conv5_1, 156 px"]
    assert all(line[0] == "content relu4_2, 84 px" for line in lines[4:])
    assert shares.panels[0, 0].picture.draw(400, 200, 12).size == (400, 200)
    assert {result.job.preset.optimizer for result in studio.drawn} == {"lbfgs"}
    assert {result.job.init for result in studio.drawn} == {"content"}
    assert len({panel.label for panel in figure.panels}) == len(studio.drawn) <= 12
    tutorial = next(result.job.preset for result in studio.drawn)
    assert tutorial.ratio == pytest.approx(1e-6)
    assert "β counts as if divided by 33" in figure.caption
