"""What trainings share: how far a run is, and the rate that belongs there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Length(Protocol):
    """How long a run is: so many steps, or so many minutes where ``steps`` is 0."""

    @property
    def steps(self) -> int: ...
    @property
    def minutes(self) -> float: ...


@dataclass
class Progress:
    """How far a run is; what a checkpoint restores besides tensors."""

    step: int = 0
    seconds: float = 0.0

    def share(self, length: Length) -> float:
        """From 0 to 1."""
        done = self.step / length.steps if length.steps else self.seconds / 60 / length.minutes
        return min(done, 1.0)

    def left(self, length: Length) -> float:
        """Seconds until the run is over, at its pace so far."""
        if not length.steps:
            return max(0.0, 60 * length.minutes - self.seconds)
        return (length.steps - self.step) * self.seconds / max(self.step, 1)


def rate_factor(share: float, warm_up: float = 0.01) -> float:
    """Linear warm-up, then half a cosine down to nearly nothing."""
    if share < warm_up:
        return max(share / warm_up, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up))) + 1e-3
