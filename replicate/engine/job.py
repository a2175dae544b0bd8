"""What the engine is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ..errors import ReplicateError
from ..images import Picture
from ..networks.spec import NetworkInfo
from .preset import Init, Preset

ENGINE_VERSION = 2
"""Raised when the same job would give another picture; part of every key of the result store."""


BY_PRESET: Any = None
"""What a job's size, evaluations and start are given as, if it takes the preset's."""


@dataclass(frozen=True)
class Level:
    """A part of a job's plan.

    Attributes:
        canvas: (width, height) of the picture.
        evaluations: that it takes.
        content_weight: alpha on this canvas; see ``ratio_pixels`` of :class:`Preset`.
        style: whether style counts yet.
    """

    canvas: tuple[int, int]
    evaluations: int
    content_weight: float
    style: bool


@dataclass(frozen=True, eq=False, repr=False)
class Job:
    """A preset, pictures, a size and a seed: all that decides a picture.

    Without a content picture only the style layers count (a texture, a style reconstruction);
    without a style picture only the content layers (a content reconstruction).

    Attributes:
        size: longest side in pixels of the picture to make; the preset's unless given.
        evaluations: forward and backward passes; the preset's unless given.
        init: where to start; unless given, ``start`` if there is one, else as the preset says.
        start: the picture to start from when ``init`` is ``picture``.
        stop: evaluations after which to stop before the planned ones are done; that is not the
            same as planning fewer, because the plan shares them out over the levels.

    Raises:
        ReplicateError: a picture is missing that the preset's layers need.
    """

    preset: Preset
    content: Picture | None = None
    style: Picture | None = None
    size: int = BY_PRESET
    evaluations: int = BY_PRESET
    seed: int = 0
    init: Init = BY_PRESET
    start: Picture | None = None
    stop: int | None = None
    label: str = ""

    def __post_init__(self) -> None:
        own = {
            "size": self.preset.size,
            "evaluations": self.preset.evaluations,
            "init": "picture" if self.start else self.preset.init,
        }
        for name, value in own.items():
            if getattr(self, name) is BY_PRESET:
                object.__setattr__(self, name, value)
        if self.content is None and self.style is None:
            raise ReplicateError("a job needs a content picture or a style picture")
        if self.init != "noise" and self.origin is None:
            which = "a picture" if self.init == "picture" else f"the {self.init} picture"
            raise ReplicateError(f"to start from {which} the job needs one")
        if not self.content_layers and not self.style_layers:
            raise ReplicateError(
                f"preset '{self.preset.name}' has no layers for the pictures that were given"
            )
        if not 16 <= self.size <= 8192:
            raise ReplicateError(f"size must be between 16 and 8192 pixels, not {self.size}")
        if self.stop is not None and self.stop < 1:
            raise ReplicateError(f"stop must be at least 1 evaluation, not {self.stop}")
        if self.evaluations < 1:
            raise ReplicateError(f"evaluations must be at least 1, not {self.evaluations}")

    def __repr__(self) -> str:
        pictures = " + ".join(
            picture.name or "?" for picture in (self.content, self.style) if picture
        )
        width, height = self.canvas
        label = f"{self.label}: " if self.label else ""
        return (
            f"Job({label}{self.preset.name}, {pictures}, {width}×{height}, "
            f"{self.evaluations} evaluations)"
        )

    @property
    def origin(self) -> Picture | None:
        """The picture to start from, if it is not noise."""
        named = {"content": self.content, "style": self.style, "picture": self.start}
        return named.get(self.init)

    @property
    def content_layers(self) -> dict[str, float]:
        """The preset's content layers that are in force: none without a content picture."""
        return self.preset.content_layers if self.content is not None else {}

    @property
    def style_layers(self) -> dict[str, float]:
        return self.preset.style_layers if self.style is not None else {}

    @property
    def shape(self) -> tuple[int, int]:
        """(width, height) of the picture whose shape the canvas has: content's, else style's."""
        return next(picture.size for picture in (self.content, self.style) if picture)

    @cached_property
    def canvas(self) -> tuple[int, int]:
        """(width, height) of the picture to make."""
        return fit(self.shape, self.size)

    @property
    def content_weight(self) -> float:
        """alpha on the canvas; see ``ratio_pixels`` of :class:`Preset`."""
        return self.levels()[-1].content_weight

    @cached_property
    def style_size(self) -> tuple[int, int]:
        """(width, height) at which the style picture is read.

        It has as many pixels as the canvas and keeps its shape, so that structures keep their
        size relative to the picture ("resized to the same size", Gatys et al. 2016, section 2.3).
        """
        width, height = self.style.size if self.style else self.shape
        factor = (self.canvas[0] * self.canvas[1] / (width * height)) ** 0.5
        return max(16, round(width * factor)), max(16, round(height * factor))

    def given(self, role: Literal["content", "style"]) -> Picture:
        """The picture of that role.

        Raises:
            ReplicateError: the job has none.
        """
        picture = {"content": self.content, "style": self.style}[role]
        if picture is None:
            raise ReplicateError(f"the job has no {role} picture")
        return picture

    @cached_property
    def content_on_canvas(self) -> Picture:
        """The content picture at the canvas' size."""
        return self.given("content").resized(*self.canvas)

    @cached_property
    def style_on_canvas(self) -> Picture:
        """The style picture at ``style_size``, as it is read."""
        return self.given("style").resized(*self.style_size)

    def levels(self) -> list[Level]:
        """The plan, from coarse to fine, whose last level makes the picture.

        One level, unless the start is noise and the preset says otherwise with ``content_first``
        or ``scales``.  A level has sides of at least 32 px and at least one evaluation.
        """
        whole, style = self.evaluations, bool(self.style_layers)
        if self.origin is not None or not self.content_layers:
            return [self._level(self.size, whole, style)]
        if style:
            first = min(round(whole * self.preset.content_first), whole - 1)
            last = self._level(self.size, whole - first, True)
            return [self._level(self._sizes(2)[0], first, False), last] if first else [last]
        sizes = self._sizes(min(self.preset.scales, whole))
        counts = [whole // len(sizes)] * (len(sizes) - 1)
        counts.append(whole - sum(counts))
        return [self._level(size, count, False) for size, count in zip(sizes, counts)]

    def _level(self, size: int, evaluations: int, style: bool) -> Level:
        width, height = canvas = fit(self.shape, size)
        alpha, pixels = self.preset.content_weight, self.preset.ratio_pixels
        if pixels is not None:
            alpha = alpha * pixels / (width * height)
        return Level(canvas, evaluations, alpha, style)

    def _sizes(self, scales: int) -> list[int]:
        """Longest sides from coarse to fine, each half the next; none too small to be read."""
        halved = [round(self.size / 2**halvings) for halvings in reversed(range(scales))]
        return [size for size in halved if min(fit(self.canvas, size)) >= 32] or [self.size]

    def description(self) -> dict[str, Any]:
        """Everything that decides the picture, as plain values: the store's key is made of it."""
        used = {
            "content": self.content if self.content_layers else None,
            "style": self.style if self.style_layers else None,
            "origin": self.origin,
        }
        stop = {} if self.stop is None else {"stop": self.stop}
        objective = self.preset.objective()
        transfer = bool(self.content_layers and self.style_layers)
        if not transfer or self.init != "noise":
            objective.pop("content_first", None)
        if self.style_layers:
            objective["scales"] = 1
        return {
            **stop,
            "engine": ENGINE_VERSION,
            "objective": objective,
            "content_layers": self.content_layers,
            "style_layers": self.style_layers,
            "pictures": {kind: p.sha256 if p else None for kind, p in used.items()},
            "canvas": list(self.canvas),
            "evaluations": self.evaluations,
            "seed": self.seed if self.init == "noise" else None,
            "init": self.init,
        }


def fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """``size`` scaled so that its longer side is ``longest``; no side under 16 px."""
    factor = longest / max(size)
    return max(16, round(size[0] * factor)), max(16, round(size[1] * factor))


@dataclass(frozen=True, repr=False)
class Snapshot:
    """A job under way.

    Attributes:
        step: evaluations done so far, from 1.
        steps: evaluations in all.
        loss: the weighted total of the picture that was last accepted.
        losses: ``content/relu4_2``, ``style/relu1_1``, ... of the same picture, unweighted.
    """

    step: int
    steps: int
    loss: float
    losses: dict[str, float]
    seconds: float
    _draw: Callable[[], Picture]
    _finish: Callable[[Snapshot], Result]

    def __repr__(self) -> str:
        return f"Snapshot({self.step} of {self.steps} evaluations, loss {self.loss:.4g})"

    def _repr_png_(self) -> bytes:
        return self.image._repr_png_()

    @cached_property
    def image(self) -> Picture:
        """The picture as it is now; made when asked for."""
        return self._draw()

    def result(self) -> Result:
        """The result if the work stopped here."""
        return self._finish(self)


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A finished job.

    Attributes:
        loss, losses: as in :class:`Snapshot`, but of ``picture`` as people see it, in 8 bits.
        curve: (evaluation, weighted total) along the way.
        seconds: that it took to draw (also when it comes from the store).
        cached: it came from the store.
    """

    job: Job
    picture: Picture
    loss: float
    losses: dict[str, float]
    curve: list[tuple[int, float]]
    evaluations: int
    seconds: float
    network: NetworkInfo
    precision: str
    cached: bool = False

    def __repr__(self) -> str:
        return f"Result({self.picture!r}, loss {self.loss:.4g}, {self.evaluations} evaluations)"

    def _repr_png_(self) -> bytes:
        return self.picture._repr_png_()
