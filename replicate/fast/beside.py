"""A fast network beside the optimisation of the same objective (Johnson et al. 2016, Fig. 5)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..engine.engine import Engine
from ..engine.job import Job, Result
from ..images import Picture
from .setting import Setting
from .use import Fast

COARSEST = 4.0
"""Largest ``style_scale`` of a job: of pictures under a quarter of the training's artworks."""


@dataclass(frozen=True, eq=False, repr=False)
class Pass(Result):
    """What a fast network drew in one pass, with the losses that it was asked to make small.

    Attributes:
        job: the optimisation of the same objective, which was not run.
        how: network and setting, as ``replicate fast apply`` repeats it.
    """

    how: Mapping[str, Any] = field(default_factory=dict)


def slow_job(
    fast: Fast, setting: Setting, content: Picture, style: Picture, **settings: Any
) -> Job:
    """The optimisation, from noise, of what the network is asked for.

    The artwork is read as large as in training, for which the network draws its strokes.

    Args:
        settings: ``size``, ``evaluations``, ``seed`` and so on of :class:`Job`.
    """
    job = Job(fast.slow(setting), content, style, **settings)
    width, height = job.canvas
    longest, (across, down) = fast.style_size, style.size
    scale = longest / max(across, down) * math.sqrt(across * down / (width * height))
    return replace(job, style_scale=min(scale, COARSEST))


def one_pass(fast: Fast, setting: Setting, job: Job, engine: Engine) -> Pass:
    """The network's picture of the job's photograph, judged by the job's objective."""
    reader, network = engine.reader, engine.networks.info(job.preset.network)
    photograph = job.content_on_canvas
    begun = time.perf_counter()
    drawn = fast.draw(photograph, setting)
    seconds = time.perf_counter() - begun
    loss, losses = reader.losses(job, drawn)
    known = {"network": fast.name, "sha256": fast.sha256}
    asked = asdict(setting) if fast.units else {"style": setting.style}
    how = {**known, "content_picture": photograph.name, "size": job.size, **asked}
    return Pass(job, drawn, loss, losses, [], 0, seconds, network, engine.precision, how=how)


def passed_after(curve: Iterable[tuple[int, float]], loss: float) -> int | None:
    """The first evaluation at which an optimisation is at ``loss``; None if it never is.

    Args:
        curve: (evaluation, weighted total), read no further than that.
    """
    return next((step for step, reached in curve if reached <= loss), None)
