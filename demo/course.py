"""How the losses of a drawing went, kept beside its result."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from replicate.engine.job import Job, Result, Snapshot
from replicate.errors import ReplicateError
from replicate.storage.files import write_atomic


@dataclass
class Course:
    """How the losses went: evaluations, the total, and each layer's share in the total.

    A share is NaN while its layer does not count, as style does not where content comes first.

    Attributes:
        begins: evaluations that begin at another size or with other layers, so that totals
            before and after do not compare.
    """

    begins: tuple[int, ...] = ()
    steps: list[int] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)

    def add(self, snapshot: Snapshot, weights: dict[str, float]) -> None:
        self.steps.append(snapshot.step)
        self.total.append(snapshot.loss)
        for name in {**self.parts, **snapshot.losses}:
            part = self.parts.setdefault(name, [math.nan] * (len(self.steps) - 1))
            part.append(weights.get(name, 1.0) * snapshot.losses.get(name, math.nan))


def term_weights(job: Job) -> dict[str, float]:
    """The factor of each term in the total, by the names under which snapshots give losses."""
    preset = job.preset
    weights = {"variation": preset.tv_weight}
    for layer, weight in job.content_layers.items():
        weights[f"content/{layer}"] = job.content_weight * weight
    for layer, weight in job.style_layers.items():
        weights[f"style/{layer}"] = preset.style_weight * weight
    return weights


def begins(job: Job) -> tuple[int, ...]:
    ends = accumulate(level.evaluations for level in job.levels())
    return tuple(end + 1 for end in ends)[:-1]


def keep(course: Course, result: Path) -> None:
    """Write each layer's course beside the result, which holds the total's alone."""
    parts = {
        name: [loss if math.isfinite(loss) else None for loss in line]
        for name, line in course.parts.items()
    }
    with suppress(ReplicateError):  # a full disk: the curves are not worth an error
        write_atomic(_beside(result), json.dumps({"steps": course.steps, "parts": parts}).encode())


def kept(result: Result, path: Path) -> Course:
    """The course of a stored result; of one without curves, how its layers ended."""
    steps, total = map(list, zip(*result.curve))
    parts: dict[str, Any] = {}
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        read = json.loads(_beside(path).read_bytes())
        parts = {
            str(name): [math.nan if loss is None else float(loss) for loss in line]
            for name, line in read["parts"].items()
            if read["steps"] == steps and len(line) == len(steps)
        }
    if not parts:
        before = [math.nan] * (len(steps) - 1)
        weights = term_weights(result.job)
        for name, loss in result.losses.items():
            parts[name] = [*before, weights.get(name, 1.0) * loss]
    return Course(begins(result.job), steps, total, parts)


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
