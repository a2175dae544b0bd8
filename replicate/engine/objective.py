"""Objectives: terms that add and scale.

objective = alpha * content("relu4_2", target) + beta * style("relu1_1", gram)
total, losses, gradient = evaluate(objective, network, pixels)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..networks.features import FeatureMap
from ..networks.vgg import Network
from .losses import content_loss, style_loss, total_variation
from .statistics import Statistic, gram

Weight = float | Tensor


@dataclass(frozen=True)
class Term:
    """``weight`` times a loss that looks at some layers and at the pixels.

    ``weight`` is a number, or (B,) when the pictures of a batch weigh the term differently.
    ``loss`` takes the feature maps by layer and the pixels, and returns (B,).
    """

    name: str
    layers: tuple[str, ...]
    loss: Callable[[Mapping[str, FeatureMap], Tensor], Tensor]
    weight: Weight = 1.0


@dataclass(frozen=True)
class Objective:
    """A sum of terms."""

    terms: tuple[Term, ...] = ()

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms)

    def __mul__(self, factor: Weight) -> Objective:
        return Objective(tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    @property
    def layers(self) -> set[str]:
        return {layer for term in self.terms for layer in term.layers}


def content(layer: str, target: Tensor, normalisation: str = "mean") -> Objective:
    """The content loss at one layer; see :func:`replicate.engine.losses.content_loss`."""
    loss = lambda maps, pixels: content_loss(maps[layer], target, normalisation)  # noqa: E731
    return Objective((Term(f"content/{layer}", (layer,), loss),))


def style(
    layer: str, target: Tensor, normalisation: str = "mean", statistic: Statistic | None = None
) -> Objective:
    """The style loss at one layer; see :func:`replicate.engine.losses.style_loss`.

    ``statistic`` is what it compares; None stands for the layer's Gram matrix.
    """
    compared = statistic or Statistic(gram, (layer,))
    loss = lambda maps, pixels: style_loss(compared(maps), target, normalisation)  # noqa: E731
    return Objective((Term(f"style/{layer}", compared.layers, loss),))


def variation() -> Objective:
    """The total variation; see :func:`replicate.engine.losses.total_variation`."""
    return Objective((Term("variation", (), lambda maps, pixels: total_variation(pixels)),))


@dataclass(frozen=True)
class Evaluation:
    """One forward and backward pass: the unit of all budgets.

    Attributes:
        total: (B,), the weighted sum.
        losses: name of the term to its loss before weighting, (B,).
        gradient: of the total by the pixels, (B, 3, H, W).
    """

    total: Tensor
    losses: dict[str, Tensor]
    gradient: Tensor


def evaluate(objective: Objective, network: Network, pixels: Tensor) -> Evaluation:
    """Value and gradient of ``objective`` at ``pixels`` (B, 3, H, W), each picture by itself."""
    x = pixels.detach().requires_grad_(True)
    with torch.enable_grad():
        maps = network(x, objective.layers)
        losses: dict[str, Tensor] = {}
        total = torch.zeros(len(x), device=x.device, dtype=x.dtype)
        for term in objective.terms:
            loss = term.loss(maps, x)
            losses[term.name] = loss.detach()
            total = total + term.weight * loss
        (gradient,) = torch.autograd.grad(total.sum(), x)
    return Evaluation(total.detach(), losses, gradient.contiguous())
