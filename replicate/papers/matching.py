"""Pictures that are compared at an equal measure, and the claim that they are equal."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from ..engine.job import Job, Result
from ..figure.claims import Claim, Measured
from ..figure.old_claims import within
from ..measure.matching import TOLERANCE, matched
from .studio import Studio

USUAL_EXPONENT = -3.0
"""alpha/beta goes as this power of the content loss, seen where one was swept with VGG-19."""

Key = TypeVar("Key", bound=Hashable)


def at_equal_content(
    studio: Studio, references: Mapping[Key, Result], job: Callable[[Key, float], Job]
) -> dict[Key, Result]:
    """Pictures whose content loss is a reference's, found by a factor on their ratio alpha/beta.

    Args:
        job: of a key and a factor.
    """
    drawn: dict[tuple[Key, float], Result] = {}

    def losses(factors: Mapping[Key, float]) -> dict[Key, float]:
        drawn.update(studio.draw({(key, at): job(key, at) for key, at in factors.items()}))
        return {key: content_loss(drawn[key, at]) for key, at in factors.items()}

    targets = {key: content_loss(result) for key, result in references.items()}
    found = matched(targets, losses, exponent=USUAL_EXPONENT)
    return {key: drawn[key, factor] for key, factor in found.items()}


def content_loss(result: Result) -> float:
    """Sum over the content layers, before weighting."""
    return sum(value for name, value in result.losses.items() if name.startswith("content/"))


def match_claim(text: str, measure: str, value: Measured) -> Claim:
    """Whether the comparison is fair: the measure of one picture over that of the other."""
    return within(
        "matched",
        text,
        "the condition of the comparison, not a claim of the source",
        measure,
        value,
        1 - TOLERANCE,
        1 + TOLERANCE,
        basis="our bound: 5 %",
    )


def equal_content_claim(quotients: Mapping[str, float]) -> Claim:
    """Whether the content losses, over those of the references, are equal."""
    return match_claim(
        "The pictures that are compared keep as much of the photograph.",
        "content loss over that of the picture it is compared with",
        quotients,
    )
