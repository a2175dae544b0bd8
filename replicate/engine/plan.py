"""A job's plan: its levels, from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .job import Job


@dataclass(frozen=True)
class Level:
    """A part of a job's plan.

    Attributes:
        canvas: (width, height) of the picture.
        evaluations: that it takes.
        content_weight: alpha on this canvas; see ``ratio_pixels`` of
            :class:`replicate.engine.preset.Preset`.
        style: whether style counts yet.
    """

    canvas: tuple[int, int]
    evaluations: int
    content_weight: float
    style: bool


def levels(job: Job) -> list[Level]:
    """The plan, from coarse to fine, whose last level makes the picture.

    One level, unless the start is noise and the preset says otherwise with ``content_first`` or
    ``scales``.  A level has sides of at least 32 px and at least one evaluation.
    """
    whole, style = job.evaluations, bool(job.style_layers)
    if job.origin is not None or not job.content_layers:
        return [_level(job, job.size, whole, style)]
    if style:
        first = min(round(whole * job.preset.content_first), whole - 1)
        last = _level(job, job.size, whole - first, True)
        return [_level(job, _sizes(job, 2)[0], first, False), last] if first else [last]
    sizes = _sizes(job, min(job.preset.scales, whole))
    counts = [whole // len(sizes)] * (len(sizes) - 1)
    counts.append(whole - sum(counts))
    return [_level(job, size, count, False) for size, count in zip(sizes, counts)]


def fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """``size`` scaled so that its longer side is ``longest``; no side under 16 px."""
    factor = longest / max(size)
    return max(16, round(size[0] * factor)), max(16, round(size[1] * factor))


def _level(job: Job, size: int, evaluations: int, style: bool) -> Level:
    width, height = canvas = fit(job.shape, size)
    alpha, pixels = job.preset.content_weight, job.preset.ratio_pixels
    if pixels is not None:
        alpha = alpha * pixels / (width * height)
    return Level(canvas, evaluations, alpha, style)


def _sizes(job: Job, scales: int) -> list[int]:
    """Longest sides from coarse to fine, each half the next; none too small to be read."""
    halved = [round(job.size / 2**halvings) for halvings in reversed(range(scales))]
    return [size for size in halved if min(fit(job.canvas, size)) >= 32] or [job.size]
