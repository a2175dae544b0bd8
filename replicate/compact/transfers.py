"""Transfers that the student does while it learns: the pictures on which it must be right.

An optimizer looks for pictures on which the student's losses are small; wherever the student
errs, it will be led there. So the student practises: it does short transfers, texture
syntheses and reconstructions of its own, and the pictures on the way become training data.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from replicate.compact.model import CONTENT_DEPTH, MEAN, POOLINGS, STYLE_DEPTHS, Student
from replicate.compact.pictures import Sampler
from replicate.networks.features import FeatureMap, LinearReadout

KEPT_AT = (12, 30, 60)
"""Evaluations after which the pictures of a practice transfer are kept."""


class Objective:
    """A random task for one batch: what to match where, with targets by the student itself."""

    def __init__(self, student: Student, units: list[Tensor], sampler: Sampler, pixels: Tensor):
        rng = sampler.rng
        self.student = student
        self.pooling = POOLINGS[int(rng.integers(2))]
        self.readouts = [
            LinearReadout(layer.head.weight.detach().float(), layer.head.bias.detach()).scaled(unit)
            for layer, unit in zip(student.layers(), units, strict=True)
        ]
        self.styles: dict[int, float] = {}
        self.contents: dict[int, float] = {}
        kind = rng.random()
        if kind < 0.2:
            self.contents[int(rng.integers(16))] = 1.0
        else:
            kept = [d for d in STYLE_DEPTHS if rng.random() < 0.85]
            kept = kept or [int(rng.choice(STYLE_DEPTHS))]
            self.styles = {depth: float(np.exp(rng.normal(0, 0.7))) for depth in kept}
            if kind < 0.8:
                self.contents[CONTENT_DEPTH] = float(np.exp(rng.uniform(np.log(0.01), np.log(1.0))))
        self.depth = 1 + max(*self.styles, *self.contents, 0)
        order = torch.roll(torch.arange(len(pixels)), 1)
        with torch.no_grad():
            content, style = self._maps(pixels), self._maps(pixels[order])
            self.content_targets = {d: content[d].coordinates() for d in self.contents}
            self.style_targets = {d: style[d].gram() for d in self.styles}

    def _maps(self, pixels: Tensor) -> list[FeatureMap]:
        with torch.autocast(pixels.device.type, torch.bfloat16):
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            narrow = self.student(pixels, self.pooling, self.depth)
        return [FeatureMap(*each) for each in zip(narrow, self.readouts, strict=False)]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Sum over the batch of weighted relative distances."""
        maps = self._maps(pixels)
        total = pixels.new_zeros(())
        for depth, weight in self.styles.items():
            total = total + weight * relative(maps[depth].gram(), self.style_targets[depth])
        for depth, weight in self.contents.items():
            found = maps[depth].coordinates()
            total = total + weight * relative(found, self.content_targets[depth])
        return total


def relative(found: Tensor, target: Tensor) -> Tensor:
    """||F - P||^2 / ||P||^2, summed over the batch."""
    off = (found - target).square().flatten(1).sum(1)
    return (off / target.square().flatten(1).sum(1)).sum()


def practise(
    student: Student,
    units: list[Tensor],
    sampler: Sampler,
    size: int = 160,
    count: int = 4,
    kept_at: tuple[int, ...] = KEPT_AT,
) -> None:
    """Do a batch of ``count`` transfers at ``size`` pixels by L-BFGS.

    ``units`` are factors (N,) of each layer's channels, in which losses weigh them.
    Pictures after ``kept_at`` evaluations go to the sampler's pool.
    """
    rng = sampler.rng
    device = next(student.parameters()).device
    crops = np.stack([sampler.crop(size) for _ in range(count)]).transpose(0, 3, 1, 2)
    mean = np.asarray(MEAN, np.float32).reshape(3, 1, 1)
    pixels = torch.from_numpy(np.ascontiguousarray(crops - mean)).to(device)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    objective = Objective(student, units, sampler, pixels)
    level = float(np.exp(rng.uniform(np.log(0.5), np.log(60.0))))
    image = torch.from_numpy(rng.standard_normal(pixels.shape, np.float32) * level).to(device)
    if objective.styles and rng.random() < 0.5:
        image = pixels.contiguous().clone()
    image.requires_grad_()
    optimizer = torch.optim.LBFGS(
        [image], lr=1.0, max_iter=max(kept_at), max_eval=max(kept_at), history_size=10,
        tolerance_grad=0.0, tolerance_change=0.0,
    )  # fmt: skip
    evaluations = 0

    def evaluate() -> Tensor:
        nonlocal evaluations
        optimizer.zero_grad()
        loss = objective(image) * 1e3
        loss.backward()
        evaluations += 1
        if evaluations in kept_at:
            keep(image.detach(), sampler, mean)
        return loss

    optimizer.step(evaluate)


def keep(image: Tensor, sampler: Sampler, mean: np.ndarray) -> None:
    """Put the pictures of a batch into the sampler's pool, but none that has run away."""
    for picture in image.cpu().numpy() + mean:
        if np.isfinite(picture).all() and np.abs(picture).max() < 2000:
            sampler.pool.add(picture.transpose(1, 2, 0))
