"""Whether a minimisation had come to rest when its evaluations were spent."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine.job import Result

MOST_FALL = 0.02
"""A loss that still falls by more in the last tenth of the evaluations is not that of a result."""

NOTHING_LEFT = 0.01
"""A reconstruction has come to rest with so small a part of the loss that it began with: it could
fall to nothing."""


def unsettled(results: Iterable[Result]) -> str:
    """A sentence on the first result whose loss was still falling; empty if all had come to rest.

    A transfer has when its loss fell by no more than 2 % in the last tenth of its evaluations; a
    reconstruction, from one kind of layers, also when a hundredth of its first loss is left.
    """
    for result in results:
        (_, first), *_, (steps, last) = result.curve
        at = next(loss for step, loss in result.curve if step >= 0.9 * steps)
        alone = not (result.job.content_layers and result.job.style_layers)
        if at - last > MOST_FALL * at and not (alone and last <= NOTHING_LEFT * first):
            return "the loss was still falling"
    return ""
