"""Jobs drawn beside each other: which may be, how many, and the drawing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..errors import DivergedError
from ..method import Evaluation, Stage, Step, evaluate, transfer
from ..networks.networks import Networks
from ..networks.pixels import to_picture
from ..storage.store import ResultStore
from . import graphs
from .compiling import Works
from .device import arithmetic
from .job import Job, Result, Snapshot
from .terms import objective_of, optimizer_of, start_of, terms_of

SHARE = 0.8
"""Of a GPU's free memory, what a batch may take; the rest is for what its parts leave between."""

EXPLODED = 1e4
"""A loss this many times a stage's first one will not come back."""

UNASKED = 16
"""Evaluations between two looks at a GPU's losses: each look waits for all that it has to do."""


def batch_key(job: Job, description: dict[str, Any]) -> str:
    """Equal for jobs that may share a batch: what decides a picture, but for layers, weights,
    pictures, starts and seeds.  Any other field sets jobs apart, also one to come.

    Args:
        description: all that decides the picture, as the result store's key is made of it.
    """
    common, objective = dict(description), dict(description["objective"])
    own = ["pictures", "seed", "init"]
    if objective.get("style_statistic") != "chain":  # which joins a layer to the one before
        own += ["content_layers", "style_layers"]
    for name in own:
        del common[name]
    for kind in ("content", "style", "tv"):
        objective.pop(f"{kind}_layers", None)
        objective.pop(f"{kind}_weight")
    for elsewhere in ("network", "ratio_pixels", "scales", "content_first"):
        objective.pop(elsewhere, None)  # in the network that draws, alpha and the levels
    levels = [(level.canvas, level.evaluations) for level in job.levels()]
    return ResultStore.key({**common, "objective": objective, "levels": levels})


def room(networks: Networks, job: Job, precision: str) -> int:
    """How many jobs like this one fit into the GPU's free memory, by drawing one a little."""
    device = networks.device
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    next(iter(Batch(networks, [job], precision)))
    each = torch.cuda.max_memory_allocated(device) - before
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(SHARE * free / each))


class Batch:
    """Jobs that are drawn together: iterating does one evaluation at a time.

    Args:
        precision: that of the networks; ``exact`` is without TF32, and is never compiled.
        works: what was drawn before, see :mod:`replicate.engine.compiling`.
    """

    def __init__(
        self,
        networks: Networks,
        jobs: Sequence[Job],
        precision: str,
        works: Works | None = None,
    ):
        self.networks = networks
        self.jobs = jobs
        self.precision = precision
        self.evaluations = min(jobs[0].evaluations, jobs[0].stop or jobs[0].evaluations)
        self.network = networks.network(jobs[0].preset.network)
        self._exact = precision == "exact"
        self._works = None if self._exact else works
        self.curve: list[Tensor] = []
        self.seconds = 0.0
        self._last: tuple[Step, Evaluation] | None = None

    def __iter__(self) -> Iterator[Step]:
        begun = time.perf_counter()
        start = torch.cat([start_of(job) for job in self.jobs]).to(self.networks.device)
        optimizer = partial(optimizer_of, self.jobs[0].preset)
        how = graphs.accelerated(self.networks.device, optimizer, self._works)
        steps = transfer(self.network, self._stages(), start, *how)
        good, stage = start, None
        every = 1 if self.networks.device.type == "cpu" else UNASKED
        for _ in range(self.evaluations):
            with arithmetic(self._exact):
                step = next(steps)
            if step.stage is not stage:
                stage, first = step.stage, step.loss
            if step.number % every == 0 or step.number == self.evaluations:
                self._check(step, first, good)
                good = step.pixels
            self.curve.append(step.loss)
            self.seconds = time.perf_counter() - begun
            yield step

    def _stages(self) -> Iterator[Stage]:
        for levels in zip(*(job.levels() for job in self.jobs)):
            with torch.no_grad():
                objective = objective_of(self.jobs, levels, self.network)
            width, height = levels[0].canvas
            yield Stage(objective, levels[0].evaluations, (height, width))

    def _check(self, step: Step, first: Tensor, good: Tensor) -> None:
        """Stop at a loss that will not come back.

        Args:
            first: (B,), the losses at the stage's start.
            good: (B, 3, H, W), the pictures before this evaluation.
        """
        bad = ~torch.isfinite(step.loss) | ((step.loss > EXPLODED * first) & (first > 0))
        if bad.any():
            index = int(bad.nonzero()[0])
            job = self.jobs[index]
            raise DivergedError(
                f"the loss of {job.label or job.preset.name} has exploded at evaluation "
                f"{step.number}: lower the style weight or the learning rate",
                step=step.number,
                picture=job.shown(to_picture(good[index])),
            )

    def snapshot(self, step: Step, index: int = 0) -> Snapshot:
        pixels, job = step.pixels[index], self.jobs[index]
        return Snapshot(
            step=step.number,
            steps=self.evaluations,
            loss=float(step.loss[index]),
            losses={
                name: float(step.losses[name][index])
                for name in terms_of(job)
                if name in step.losses
            },
            seconds=self.seconds,
            _draw=lambda: job.shown(to_picture(pixels, job.label)),
            _finish=lambda snapshot: self._finished(step, snapshot, index),
        )

    def result(self, step: Step, index: int = 0) -> Result:
        return self.snapshot(step, index).result()

    def _finished(self, step: Step, snapshot: Snapshot, index: int) -> Result:
        job = self.jobs[index]
        if step.number < self.evaluations:
            job = replace(job, stop=step.number)
        seen = self._seen(step)
        curve = torch.stack(self.curve[: step.number])[:, index].tolist()
        return Result(
            job=job,
            picture=snapshot.image,
            loss=float(seen.total[index]),
            losses={name: float(seen.losses[name][index]) for name in snapshot.losses},
            curve=list(enumerate(curve, start=1)),
            evaluations=step.number,
            seconds=snapshot.seconds / len(self.jobs),
            network=self.networks.info(job.preset.network),
            precision=self.precision,
        )

    def _seen(self, step: Step) -> Evaluation:
        """The evaluation of the pictures that people see: clipped, in 8 bits."""
        if self._last is None or self._last[0] is not step:
            pixels = (step.pixels.clamp(0, 1) * 255).round() / 255
            with arithmetic(self._exact):
                self._last = step, evaluate(step.stage.objective, self.network, pixels)
        return self._last[1]
