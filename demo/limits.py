"""What the server accepts, whatever the page says; and values checked, refused in one sentence."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from replicate.config import CPU_PROFILE, load_profile
from replicate.errors import ReplicateError
from replicate.suggest import nearest


class InputError(ReplicateError):
    """Something was entered in the page that cannot be drawn."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one server.

    Attributes:
        size: longest side in pixels of a picture to draw.
        evaluations: of one drawing.
        pixels: width × height of a picture to read.
        megabytes: of a file to read.
        waiting: people in the queue; the next one is turned away with a sentence.
        jobs: that one visitor may have waiting or at work.
        evaluations_an_hour, uploads, uploaded_megabytes: that one visitor may have within an hour.
        first_size, first_evaluations: what the page opens with.
        turn: seconds after which a drawing ends with the picture so far if others wait.
        shared: others wait for their turn, and none should take long.
        scales, content_first: how a drawing from noise begins at least (see
            :class:`replicate.engine.preset.Preset`).
        kept_minutes: how long uploads and drawn pictures stay on the server.
        kept_megabytes: of uploads, and as many of drawn pictures.
    """

    size: int
    evaluations: int
    pixels: int = 25_000_000
    megabytes: int = 20
    waiting: int = 24
    jobs: int = 4
    evaluations_an_hour: int = 200_000
    uploads: int = 200
    uploaded_megabytes: int = 1000
    first_size: int = 256
    first_evaluations: int = 200
    turn: float = 60.0
    shared: bool = False
    scales: int = 1
    content_first: float = 0.0
    kept_minutes: int = 50
    kept_megabytes: int = 1000

    @classmethod
    def here(cls, on_gpu: bool, shared: bool | None = None) -> Limits:
        """The limits of this machine; ``shared`` is a Hugging Face Space, where others wait."""
        if shared is None:
            shared = "SPACE_ID" in os.environ
        if on_gpu:  # the papers' size and evaluations
            profile = load_profile("paper")
            return cls(
                1024,
                1000,
                first_size=profile.size,
                first_evaluations=profile.evaluations,
                shared=shared,
            )
        profile = load_profile(CPU_PROFILE)  # as the command line does
        size, evaluations, an_hour = (384, 300, 6000) if shared else (1024, 2000, 200_000)
        return cls(
            size,
            evaluations,
            evaluations_an_hour=an_hour,
            shared=shared,
            scales=profile.scales,
            content_first=profile.content_first,
        )


def whole(called: str, value: Any, low: int, high: int) -> int:
    """``value`` as a whole number from ``low`` to ``high``; InputError with ``called`` if none."""
    try:
        # Not through float alone: a seed of 2**62 + 1 would become another one.
        number = value if isinstance(value, int) else float(str(value))
        result = int(number)
        right = number == result and not isinstance(value, bool)
    except (ValueError, OverflowError):
        result, right = 0, False
    if not right or not low <= result <= high:
        raise InputError(f"{called} is a whole number from {low} to {high}, not '{_shown(value)}'.")
    return result


def number(called: str, value: Any, low: float, high: float) -> float:
    """``value`` as a finite number from ``low`` to ``high``; InputError with ``called`` if none."""
    try:
        result = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        result = math.nan
    if not low <= result <= high:
        raise InputError(f"{called} is a number from {low:g} to {high:g}, not '{_shown(value)}'.")
    return result


def one_of(called: str, value: Any, known: Iterable[str]) -> str:
    """``value`` if it is one of ``known``; InputError naming the nearest if not."""
    names = list(known)
    if value not in names:
        hint = nearest(_shown(value), names)
        raise InputError(f"There is no {called} '{_shown(value)}'{hint}")
    return str(value)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:40] + "…"
