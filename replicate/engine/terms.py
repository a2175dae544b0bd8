"""From jobs to the method's terms: objective, start and optimizer of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ..images import Picture
from ..method import Objective, Optimizer, Statistic, content, noise, style, variation
from ..networks.features import FeatureMap
from ..networks.network import Network
from ..networks.pixels import to_tensor
from .job import Job, Role
from .optimizers import LBFGS, Adam
from .plan import Level
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
    """The objective of a batch, at each job's level: targets and weights by picture.

    Jobs may differ in their layers: one that a job does not use weighs nothing there.
    """
    preset, device = jobs[0].preset, network.device

    def weigh(weights: Iterable[float], term: Objective) -> Objective:
        return torch.tensor(list(weights), device=device) * term

    def maps(picture: Picture, layers: Iterable[str]) -> dict[str, FeatureMap]:
        return network(to_tensor(picture).to(device), layers)

    objective = Objective()
    canvas = levels[0].canvas
    seen = [
        maps(job.read(job.given("content"), "content", canvas), job.content_layers)
        if job.content_layers
        else {}
        for job in jobs
    ]
    for layer in _in_order(network, [job.content_layers for job in jobs]):
        target = _targets([each[layer].coordinates() if layer in each else None for each in seen])
        weights = (
            at.content_weight * job.content_layers.get(layer, 0.0) for job, at in zip(jobs, levels)
        )
        objective += weigh(weights, content(layer, target, preset.content_loss))
    styled = [job.style_layers if at.style else {} for job, at in zip(jobs, levels)]
    blends = [
        [(maps(picture, layers), share) for picture, share in job.styles()] if layers else []
        for job, layers in zip(jobs, styled)
    ]
    compared = _in_order(network, styled)
    statistics = style_statistics(preset.style_statistic, compared, preset.activation_shift)
    for layer, statistic in statistics.items():
        target = _targets(
            [
                _blended(statistic, blend) if layer in layers else None
                for blend, layers in zip(blends, styled)
            ]
        )
        weights = (
            job.preset.style_weight * layers.get(layer, 0.0) for job, layers in zip(jobs, styled)
        )
        objective += weigh(weights, style(layer, target, preset.style_loss, statistic))
    if any(job.preset.tv_weight for job in jobs):
        objective += weigh((job.preset.tv_weight for job in jobs), variation())
    return objective


def terms_of(job: Job) -> list[str]:
    """Names of the terms that count for this job in the objective of its batch."""
    kinds = {"content": job.content_layers, "style": job.style_layers}
    names = [f"{kind}/{layer}" for kind, layers in kinds.items() for layer in layers]
    return names + ["variation"] * (job.preset.tv_weight > 0)


def _in_order(network: Network, layers: Sequence[Mapping[str, float]]) -> list[str]:
    """The layers that any job uses, from shallow to deep."""
    used = {layer for each in layers for layer in each}
    return [layer for layer in network.layers if layer in used]


def _blended(statistic: Statistic, styles: list[tuple[dict[str, FeatureMap], float]]) -> Tensor:
    """The styles' statistics by their shares, as neural-style's -style_blend_weights has it.

    As shares sum to 1, sum of w_k |G - A_k|^2 is |G - sum of w_k A_k|^2 and a constant: the same
    picture as from a style loss for each.
    """
    (first, share), *others = ((statistic(maps), share) for maps, share in styles)
    return sum((share * values for values, share in others), share * first)


def _targets(each: Sequence[Tensor | None]) -> Tensor:
    """(B, ...) of the pictures' targets (1, ...); zeros for one that has none."""
    there = next(target for target in each if target is not None)
    return torch.cat([torch.zeros_like(there) if target is None else target for target in each])


def start_of(job: Job) -> Tensor:
    """(1, 3, H, W) on the CPU, on the first level's canvas: the origin, or the seed's noise."""
    width, height = job.levels()[0].canvas
    if job.origin is not None:
        role: Role = "style" if job.init == "style" else "content"
        return to_tensor(job.read(job.origin, role, (width, height)))
    return noise(height, width, job.seed)


def optimizer_of(preset: Preset, start: Tensor) -> Optimizer:
    if preset.optimizer == "adam":
        return Adam(start, preset.learning_rate, preset.clamp)
    return LBFGS(start, clamp=preset.clamp)
