"""Transfers that the student does while it learns: the pictures on which it must be right.

An optimizer looks for pictures on which the student's losses are small; wherever the student
errs, it will be led there. So the student practises: it does short transfers, texture
syntheses and reconstructions of its own, and the pictures on the way become training data.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from replicate.compact.model import CONTENT_DEPTH, MEAN, POOLINGS, STYLE_DEPTHS, Student
from replicate.compact.pictures import Sampler

KEPT_AT = (12, 30, 60)
"""Evaluations after which the pictures of a practice transfer are kept."""


def augmented_gram(maps: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C + 1, C + 1): Gram over positions, with a channel of ones."""
    flat = maps.float().flatten(2)
    flat = torch.cat([flat, torch.ones_like(flat[:, :1])], 1)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def wide_gram(narrow: Tensor, head: Tensor) -> Tensor:
    """H G H^T: the Gram matrix (B, N, N) of the wide map, from the narrow one's."""
    return head @ narrow @ head.T


class Objective:
    """A random task for one batch: what to match where, with targets by the student itself."""

    def __init__(self, student: Student, units: list[Tensor], sampler: Sampler, pixels: Tensor):
        rng = sampler.rng
        self.student = student
        self.pooling = POOLINGS[int(rng.integers(2))]
        self.heads = [
            torch.cat([layer.head.weight, layer.head.bias[:, None]], 1).float() * unit[:, None]
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
            content, style = self._narrow(pixels), self._narrow(pixels[order])
            self.content_targets = {d: content[d] for d in self.contents}
            self.style_targets = {
                d: wide_gram(augmented_gram(style[d]), self.heads[d]) for d in self.styles
            }

    def _narrow(self, pixels: Tensor) -> list[Tensor]:
        with torch.autocast(pixels.device.type, torch.bfloat16):
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            return self.student(pixels, self.pooling, self.depth)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Sum over the batch of weighted relative distances."""
        narrow = self._narrow(pixels)
        total = pixels.new_zeros(())
        for depth, weight in self.styles.items():
            target = self.style_targets[depth]
            off = wide_gram(augmented_gram(narrow[depth]), self.heads[depth]) - target
            total = total + weight * (off.square().sum((1, 2)) / target.square().sum((1, 2))).sum()
        for depth, weight in self.contents.items():
            head, target = self.heads[depth], self.content_targets[depth]
            kernel = head[:, :-1, None, None]
            off = F.conv2d((narrow[depth] - target).float(), kernel)
            size = F.conv2d(target.float(), kernel, head[:, -1]).square().sum((1, 2, 3))
            total = total + weight * (off.square().sum((1, 2, 3)) / size).sum()
        return total


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
    optimiser = torch.optim.LBFGS(
        [image], lr=1.0, max_iter=max(kept_at), max_eval=max(kept_at), history_size=10,
        tolerance_grad=0.0, tolerance_change=0.0,
    )  # fmt: skip
    evaluations = 0

    def evaluate() -> Tensor:
        nonlocal evaluations
        optimiser.zero_grad()
        loss = objective(image) * 1e3
        loss.backward()
        evaluations += 1
        if evaluations in kept_at:
            keep(image.detach(), sampler, mean)
        return loss

    optimiser.step(evaluate)


def keep(image: Tensor, sampler: Sampler, mean: np.ndarray) -> None:
    """Put the pictures of a batch into the sampler's pool, but none that has run away."""
    for picture in image.cpu().numpy() + mean:
        if np.isfinite(picture).all() and np.abs(picture).max() < 2000:
            sampler.pool.add(picture.transpose(1, 2, 0))
