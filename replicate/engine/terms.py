"""From jobs to the method's terms: objective, start and optimizer of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ..images import Picture
from ..method import Objective, Optimizer, Statistic, content, noise, style, variation
from ..networks.features import FeatureMap
from ..networks.network import Network
from ..networks.pixels import to_tensor
from .job import Job, Level
from .optimizers import LBFGS, Adam
from .preset import Preset, StyleStatistic


def style_statistics(
    kind: StyleStatistic, layers: Sequence[str], shift: float = 0.0
) -> dict[str, Statistic]:
    """What the style terms at ``layers``, from shallow to deep, compare.

    A chain has a term for every layer but the first, which it joins to the one before it.
    """
    if kind == "chain":
        return {deep: Statistic(kind, (near, deep), shift) for near, deep in pairwise(layers)}
    return {layer: Statistic(kind, (layer,), shift) for layer in layers}


def objective_of(jobs: Sequence[Job], levels: Sequence[Level], network: Network) -> Objective:
    """The objective of a batch, at each job's level: targets and weights by picture."""
    preset, device = jobs[0].preset, network.device

    def weigh(weights: list[float], term: Objective) -> Objective:
        return torch.tensor(weights, device=device) * term

    def maps(picture: Picture, layers: dict[str, float]) -> dict[str, FeatureMap]:
        return network(to_tensor(picture).to(device), layers)

    objective = Objective()
    if jobs[0].content_layers:
        canvas = levels[0].canvas
        seen = [maps(job.given("content").resized(*canvas), job.content_layers) for job in jobs]
        for layer in jobs[0].content_layers:
            target = torch.cat([each[layer].coordinates() for each in seen])
            weights = [
                at.content_weight * job.content_layers[layer] for job, at in zip(jobs, levels)
            ]
            objective += weigh(weights, content(layer, target, preset.content_loss))
    if levels[0].style:
        seen = [maps(job.style_on_canvas, job.style_layers) for job in jobs]
        layers, kind = list(jobs[0].style_layers), preset.style_statistic
        for layer, statistic in style_statistics(kind, layers, preset.activation_shift).items():
            target = torch.cat([statistic(each) for each in seen])
            weights = [job.preset.style_weight * job.style_layers[layer] for job in jobs]
            objective += weigh(weights, style(layer, target, preset.style_loss, statistic))
    if preset.tv_weight:
        objective += weigh([job.preset.tv_weight for job in jobs], variation())
    return objective


def start_of(job: Job) -> Tensor:
    """(1, 3, H, W) on the CPU, on the first level's canvas: the origin, or the seed's noise."""
    width, height = job.levels()[0].canvas
    if job.origin is not None:
        return to_tensor(job.origin.resized(width, height))
    return noise(height, width, job.seed)


def optimizer_of(preset: Preset, start: Tensor) -> Optimizer:
    if preset.optimizer == "adam":
        return Adam(start, preset.learning_rate, preset.clamp)
    return LBFGS(start, clamp=preset.clamp)
