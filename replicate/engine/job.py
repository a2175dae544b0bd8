"""What the engine is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..errors import ReplicateError
from ..images import Picture
from .preset import Init, NetworkSpec, Preset

ENGINE_VERSION = 1
"""Raised when the same job would give another picture; part of every key of the result store."""


@dataclass(frozen=True, eq=False)
class Job:
    """A preset, pictures, a size and a seed: all that decides a picture.

    Without a content picture only the style layers count (a texture, a style reconstruction);
    without a style picture only the content layers (a content reconstruction).

    Attributes:
        size: longest side in pixels of the picture to make; None takes the preset's.
        evaluations: forward and backward passes; None takes the preset's.
        stop: evaluations after which to stop before the planned ones are done; that is not the
            same as planning fewer, because the plan shares them out over the scales.
        init: where to start; None takes the preset's.
        start: the picture to start from when ``init`` is ``picture``.

    Raises:
        ReplicateError: a picture is missing that the preset's layers need.
    """

    preset: Preset
    content: Picture | None = None
    style: Picture | None = None
    size: int | None = None
    evaluations: int | None = None
    seed: int = 0
    init: Init | None = None
    start: Picture | None = None
    stop: int | None = None
    label: str = ""

    def __post_init__(self) -> None:
        for name, default in (("size", self.preset.size), ("evaluations", self.preset.evaluations)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        if self.init is None:
            object.__setattr__(self, "init", "picture" if self.start else self.preset.init)
        if self.content is None and self.style is None:
            raise ReplicateError("a job needs a content picture or a style picture")
        if self.init != "noise" and self.origin is None:
            which = "a picture" if self.init == "picture" else f"the {self.init} picture"
            raise ReplicateError(f"to start from {which} the job needs one")
        if not self.content_layers and not self.style_layers:
            raise ReplicateError(
                f"preset '{self.preset.name}' has no layers for the pictures that were given"
            )
        if not 16 <= self.size <= 8192:  # type: ignore[operator]
            raise ReplicateError(f"size must be between 16 and 8192 pixels, not {self.size}")
        if self.stop is not None and self.stop < 1:
            raise ReplicateError(f"stop must be at least 1 evaluation, not {self.stop}")
        if self.evaluations < 1:  # type: ignore[operator]
            raise ReplicateError(f"evaluations must be at least 1, not {self.evaluations}")

    @property
    def origin(self) -> Picture | None:
        """The picture to start from, if it is not noise."""
        named = {"content": self.content, "style": self.style, "picture": self.start}
        return named.get(str(self.init))

    @property
    def content_layers(self) -> dict[str, float]:
        """The preset's content layers that are in force: none without a content picture."""
        return self.preset.content_layers if self.content is not None else {}

    @property
    def style_layers(self) -> dict[str, float]:
        return self.preset.style_layers if self.style is not None else {}

    @cached_property
    def canvas(self) -> tuple[int, int]:
        """(width, height) of the picture to make: the content's shape, else the style's."""
        model = self.content or self.style
        assert model is not None and self.size is not None
        return fit(model.size, self.size)

    @property
    def content_weight(self) -> float:
        """alpha on this canvas; see ``ratio_pixels`` of :class:`Preset`."""
        if self.preset.ratio_pixels is None:
            return self.preset.content_weight
        width, height = self.canvas
        return self.preset.content_weight * self.preset.ratio_pixels / (width * height)

    @cached_property
    def style_size(self) -> tuple[int, int]:
        """(width, height) at which the style picture is read.

        It has as many pixels as the canvas and keeps its shape, so that structures keep their
        size relative to the picture ("resized to the same size", Gatys et al. 2016, section 2.3).
        """
        assert self.style is not None
        width, height = self.style.size
        factor = (self.canvas[0] * self.canvas[1] / (width * height)) ** 0.5
        return max(16, round(width * factor)), max(16, round(height * factor))

    def levels(self) -> list[tuple[Job, int]]:
        """The jobs that lead to the picture, each with its share of the evaluations.

        One, unless the start is noise and the preset says otherwise with ``content_first`` or
        ``scales``.  A level has sides of at least 32 px and at least one evaluation.
        """
        assert self.size is not None and self.evaluations is not None
        if self.origin is not None or not self.content_layers:
            return [(self, self.evaluations)]
        if self.style_layers:
            return self._content_first()
        sizes = self._sizes(min(self.preset.scales, self.evaluations))
        counts = [self.evaluations // len(sizes)] * (len(sizes) - 1)
        counts.append(self.evaluations - sum(counts))
        return [(replace(self, size=size), count) for size, count in zip(sizes, counts)]

    def _content_first(self) -> list[tuple[Job, int]]:
        """The content alone at half the size, if it has a share, then everything."""
        assert self.evaluations is not None
        count = min(round(self.evaluations * self.preset.content_first), self.evaluations - 1)
        if not count:
            return [(self, self.evaluations)]
        half = self._sizes(2)[0]
        return [(replace(self, size=half, style=None), count), (self, self.evaluations - count)]

    def _sizes(self, scales: int) -> list[int]:
        """Longest sides from coarse to fine, each half the next; none too small to be read."""
        assert self.size is not None
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


@dataclass(frozen=True)
class NetworkInfo:
    """The network that drew a picture, for captions and files."""

    spec: NetworkSpec
    sha256: str

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def weights(self) -> str:
        return self.spec.weights

    @property
    def label(self) -> str:
        return self.spec.label()

    def record(self) -> dict[str, Any]:
        return {
            "name": self.spec.name,
            "weights": self.spec.weights,
            "sha256": self.sha256,
            "pooling": self.spec.pooling,
            "normalised": self.spec.normalised,
        }


@dataclass(frozen=True)
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
    _draw: Callable[[], Picture] = field(repr=False)
    _finish: Callable[[Snapshot], Result] = field(repr=False)

    @cached_property
    def image(self) -> Picture:
        """The picture as it is now; made when asked for."""
        return self._draw()

    def result(self) -> Result:
        """The result if the work stopped here."""
        return self._finish(self)


@dataclass(frozen=True, eq=False)
class Result:
    """A finished job.

    Attributes:
        losses: as in :class:`Snapshot`, of the last accepted picture, before clipping to 8 bits.
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
