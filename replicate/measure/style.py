"""How style acts on a picture: the pull of each layer's loss, and how evenly style lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..engine.engine import Engine
from ..engine.job import Job
from ..images import Picture
from ..method import Objective, evaluate, style
from ..networks.features import FeatureMap
from ..networks.pixels import to_tensor
from .metrics import relative_gram_distance

Array = NDArray[Any]

TILES = 4
"""Rows and columns of the grid on which style is compared place by place."""


# ---------------------------------------------------------------------------- gradients


def style_gradients(engine: Engine, job: Job) -> dict[str, Array]:
    """The gradient (3, H, W) of each style layer's own loss at the job's photograph."""
    pixels = to_tensor(job.content_on_canvas).to(engine.device)
    network, found = engine.networks.network(job.preset.network), {}
    for layer, term in zip(job.style_layers, _style_losses(engine, job).terms):
        alone = Objective((replace(term, weight=1.0),))
        found[layer] = np.asarray(evaluate(alone, network, pixels).gradient[0].double().cpu())
    return found


def gradient_shares(
    gradients: Mapping[str, Array], weights: Mapping[str, float]
) -> dict[str, float]:
    """Each layer's part of their sum, as norms that sum to 1.

    Args:
        weights: by layer, what its gradient counts.
    """
    pulls = {layer: weights[layer] * np.linalg.norm(each) for layer, each in gradients.items()}
    whole = sum(pulls.values())
    return {layer: float(pull / whole) for layer, pull in pulls.items()}


def gradients_compared(engine: Engine, one: Job, other: Job, at: Picture) -> dict[str, float]:
    """``cosine`` and ``ratio_of_norms`` of the gradients of two jobs' weighted style losses."""
    ours, theirs = (_style_gradient(engine, job, at) for job in (one, other))
    lengths = ours.norm(), theirs.norm()
    return {
        "cosine": float(ours @ theirs / (lengths[0] * lengths[1])),
        "ratio_of_norms": float(lengths[0] / lengths[1]),
    }


def _style_gradient(engine: Engine, job: Job, at: Picture) -> Tensor:
    pixels = to_tensor(at).to(engine.device)
    network = engine.networks.network(job.preset.network)
    gradient = evaluate(_style_losses(engine, job), network, pixels).gradient
    return gradient.flatten().double().cpu()


def _style_losses(engine: Engine, job: Job) -> Objective:
    layers = job.style_layers
    targets = engine.reader.features(job.style_on_canvas, list(layers), job.preset.network)
    objective = Objective()
    for layer, weight in layers.items():
        objective += weight * style(layer, targets[layer].gram(), job.preset.style_loss)
    return objective


# ---------------------------------------------------------------------------- Gram matrices


def unevenness(engine: Engine, job: Job, picture: Picture, layer: str) -> float:
    """How unevenly style lies: the spread over a grid of tiles of the tile's relative Gram distance
    to the job's painting, standard deviation over mean.
    """
    spec = job.preset.network
    target = engine.reader.grams(job.style_on_canvas, [layer], spec)[layer]
    whole = engine.reader.features(picture, [layer], spec)[layer]
    distances = [
        relative_gram_distance(FeatureMap(tile, whole.readout).wide_gram()[0].cpu(), target)
        for row in whole.map.tensor_split(TILES, dim=2)
        for tile in row.tensor_split(TILES, dim=3)
    ]
    return float(np.std(distances) / np.mean(distances))
