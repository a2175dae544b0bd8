"""What can be set in the page, and its way to a job.

Settings refer to layers by name and weight, so that the picker in the page, a link, the command
line and a recorded picture all say the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from replicate.engine.job import Job, KeepColour
from replicate.engine.preset import Init, Preset
from replicate.errors import ReplicateError
from replicate.images import Picture
from replicate.networks.table import network_entry

from .limits import InputError, Limits, number, one_of, whole
from .rows import layers_from

EXPONENTS = (-8.0, 4.0)
REACH = 2.5
"""Powers of ten to each side of a preset's ratio."""

STARTS: tuple[Init, ...] = ("noise", "content", "style")
COLOURS = ("none", "luminance", "match")
"""As ``keep_colour`` of a job, in the words of the command line."""

SCALES = (0.25, 2.0)
"""Sizes at which the paintings are read: larger ones would take a server's memory."""

WEIGHTS = (0.1, 4.0)
"""Weights of a second painting beside the first one's of 1."""

SEEDS = 2**53 - 1
"""Largest seed: the largest whole number that a browser passes on unharmed."""


@dataclass(frozen=True)
class Settings:
    """All that the page sets but the pictures.

    Attributes:
        base: the preset that these settings change.
        ratio: alpha/beta; None where a weight is zero.
        network: ``auto`` or the name of a network, which overrides the preset's.
        scales, content_first: as of :class:`Preset`; the preset's own or this server's, whichever
            is more.
        keep_colour, style_scale: as of :class:`Job`.
        second_weight: of a second painting, if there is one.
    """

    base: Preset
    size: int
    evaluations: int
    ratio: float | None
    seed: int
    init: Init
    network: str
    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    scales: int = 1
    content_first: float = 0.0
    keep_colour: KeepColour | None = None
    style_scale: float = 1.0
    second_weight: float = 1.0

    @classmethod
    def of(cls, preset: Preset, limits: Limits) -> Settings:
        """A preset's settings, kept small for the first try."""
        return cls(
            base=preset,
            size=min(preset.size, limits.first_size, limits.size),
            evaluations=min(preset.evaluations, limits.first_evaluations, limits.evaluations),
            ratio=ratio_of(preset),
            seed=0,
            init=preset.init if preset.init in STARTS else "noise",
            network="auto",
            content_layers=preset.content_layers,
            style_layers=preset.style_layers,
            scales=max(preset.scales, limits.scales),
            content_first=max(preset.content_first, limits.content_first),
        )

    def architecture(self) -> str:
        """Of the network that draws: ``vgg19``, ``vgg16``, ``resnet50``, ..."""
        return architecture_of(self.network) or self.base.network.architecture

    def changes(self) -> dict[str, Any]:
        """What differs from the preset, in the words of :meth:`Preset.with_`."""
        found: dict[str, Any] = {}
        if self.ratio is not None and self.ratio != ratio_of(self.base):
            found["ratio"] = self.ratio
        for kind in ("content_layers", "style_layers"):
            # As dictionaries, whose order does not count: the preset sorts by depth.
            if dict(getattr(self, kind)) != dict(getattr(self.base, kind)):
                found[kind] = dict(getattr(self, kind))
        for key in ("scales", "content_first"):
            if getattr(self, key) != getattr(self.base, key):
                found[key] = getattr(self, key)
        architecture = architecture_of(self.network)
        if architecture and architecture != self.base.network.architecture:
            found["network"] = {"name": self.base.network.meant_for(self.network).name}
        return found

    def preset(self) -> Preset:
        """The preset to draw: the paper's own object where nothing is changed.

        Raises:
            InputError: the changes do not make a preset.
        """
        changes = self.changes()
        try:
            return self.base.with_(**changes) if changes else self.base
        except ValidationError as error:
            raise InputError(sentence(error.errors()[0]["msg"])) from error
        except ReplicateError as error:
            raise InputError(sentence(error)) from error

    def job(
        self, content: Picture | None, style: Picture | None, second: Picture | None = None
    ) -> Job:
        """The job of these settings; ``second`` is a painting to blend with the first.

        Raises:
            InputError: a picture is missing that the layers, the start, the colours or a second
                painting need; no layer has a weight.
        """
        if not any([*self.content_layers.values(), *self.style_layers.values()]):
            raise InputError("Every layer's weight is zero: give one layer a weight.")
        needed = (
            ("content", content, self.content_layers or self.keep_colour),
            ("style", style, self.style_layers or second),
        )
        for role, picture, asked in needed:
            if picture is None and (asked or self.init == role):
                raise InputError(f"Choose a {role} picture, or one of the examples under it.")
        return Job(
            self.preset(),
            content,
            style,
            size=self.size,
            evaluations=self.evaluations,
            seed=self.seed,
            init=self.init,
            blend=((second, self.second_weight),) if second else (),
            style_scale=self.style_scale,
            keep_colour=self.keep_colour,
        )


def checked(
    base: Preset,
    limits: Limits,
    size: Any,
    evaluations: Any,
    exponent: Any,
    seed: Any,
    init: Any,
    network: Any,
    rows: Sequence[Sequence[Any]],
    colours: Any = "none",
    style_scale: Any = 1.0,
    second_weight: Any = 1.0,
    *,
    networks: Collection[str],
) -> Settings:
    """Settings from the page's fields.

    Raises:
        InputError: one of them is out of bounds or unknown; one sentence says which.
    """
    content_layers, style_layers = layers_from(rows)
    return Settings(
        base=base,
        size=whole("Size", size, 16, limits.size),
        evaluations=whole("Evaluations", evaluations, 1, limits.evaluations),
        ratio=_ratio(base, exponent),
        seed=whole("Seed", seed, 0, SEEDS),
        init=one_of("start", init, STARTS),  # type: ignore[arg-type]
        network=one_of("network", network, networks),
        content_layers=_with_zeros(content_layers, base.content_layers),
        style_layers=_with_zeros(style_layers, base.style_layers),
        scales=max(base.scales, limits.scales),
        content_first=max(base.content_first, limits.content_first),
        keep_colour=colours_of(colours),
        style_scale=number("The size of the painting's strokes", style_scale, *SCALES),
        second_weight=number("The second painting's weight", second_weight, *WEIGHTS),
    )


def colours_of(value: Any) -> KeepColour | None:
    """One of :data:`COLOURS` as a job has it."""
    chosen = one_of("way to keep colours", value, COLOURS)
    return None if chosen == "none" else chosen  # type: ignore[return-value]


def _with_zeros(layers: dict[str, float], preset: Mapping[str, float]) -> dict[str, float]:
    """The layers, and those that the preset names with a weight of zero: a chain begins with one,
    which the table does not tell from a layer that is not named.
    """
    return {layer: 0.0 for layer, weight in preset.items() if not weight} | layers


def ratio_of(preset: Preset) -> float | None:
    """alpha/beta of a preset; None where one of the two weights is zero."""
    return preset.ratio if 0 < preset.ratio < math.inf else None


def exponent_of(ratio: float | None) -> float | None:
    """The slider's place for a ratio: its power of ten to two decimals, within the range."""
    if ratio is None:
        return None
    return min(max(round(math.log10(ratio), 2), EXPONENTS[0]), EXPONENTS[1])


def exponents(settings: Settings) -> tuple[float, float]:
    """Where the slider begins and ends: around the preset's own ratio, where something happens."""
    places = [exponent_of(ratio) for ratio in (ratio_of(settings.base), settings.ratio)]
    known = [place for place in places if place is not None] or [0.0]
    return max(min(known) - REACH, EXPONENTS[0]), min(max(known) + REACH, EXPONENTS[1])


def _ratio(base: Preset, exponent: Any) -> float | None:
    """The ratio at the slider's place: the preset's own, or the roundest that has this place."""
    own = ratio_of(base)
    if own is None or exponent is None:
        return own
    place = round(number("The ratio's power of ten", exponent, *EXPONENTS), 2)
    if place == exponent_of(own):
        return own
    rounded = (float(f"{10**place:.{digits}g}") for digits in (1, 2, 3))
    return next(ratio for ratio in rounded if exponent_of(ratio) == place)


def sentence(error: object) -> str:
    text = str(error)
    for prefix in ("Value error, ", "content_layers: ", "style_layers: "):
        text = text.removeprefix(prefix)
    end = "" if text.endswith((".", "?")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def architecture_of(network: str) -> str | None:
    """``vgg19`` or ``vgg16``; None where the preset decides."""
    return None if network == "auto" else network_entry(network).architecture
