"""Pictures that are compared at an equal measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..measure.matching import matched
from .measures import content_loss, loss_of
from .panels import Key, Panels, Variant, label_of

if TYPE_CHECKING:
    from .studio import Studio

USUAL_EXPONENT = -3.0
"""alpha/beta goes as this power of the content loss, seen where one was swept with VGG-19."""


def matched_weights(
    studio: Studio,
    panels: Panels,
    metric: str,
    targets: Mapping[Key, float],
    variant: Callable[[Key, float], Variant],
    exponent: float | None = None,
) -> dict[Key, float]:
    """For each key the weight at which a metric of its panel comes nearest to its target.

    The panels under ``(key, weight)`` are known points; more are drawn until the metric matches.

    Args:
        variant: what to draw for a key at a weight.
        exponent: see :func:`replicate.measure.matching.next_weight`.
    """

    def measure(weights: Mapping[Key, float]) -> dict[Key, float]:
        panels.draw({(key, weight): variant(key, weight) for key, weight in weights.items()})
        return {key: panels.metrics[key, weight][metric] for key, weight in weights.items()}

    curves: dict[Key, dict[float, float]] = {key: {} for key in targets}
    for place, numbers in panels.metrics.items():
        if isinstance(place, tuple) and place[0] in curves:
            curves[place[0]][place[1]] = numbers[metric]
    return matched(targets, measure, curves, exponent, studio.profile.matched)


def at_equal_content(
    studio: Studio, references: Mapping[Key, Result], variants: Mapping[Key, Variant]
) -> Panels:
    """Panels whose content loss is a reference's, found by a factor on their ratio alpha/beta."""

    def variant(key: Key, factor: float) -> Variant:
        chosen = variants[key]
        if isinstance(chosen, Job):
            return replace(chosen, preset=_scaled(chosen.preset, factor))
        return _scaled(chosen, factor)

    def label(place: Key) -> str:
        return f"{label_of(place[0])}, α/β × {place[1]:g}"

    tried = studio.panels({}, label).measure(content_loss)
    targets = {key: loss_of(result, "content") for key, result in references.items()}
    found = matched_weights(studio, tried, "content_loss", targets, variant, USUAL_EXPONENT)
    return tried.select({key: (key, factor) for key, factor in found.items()})


def _scaled(preset: Preset, factor: float) -> Preset:
    return preset.with_(ratio=preset.ratio * factor)
