"""What the engine is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ..errors import ReplicateError
from ..images import Picture
from ..images.colour import grey, matched_colours, matched_luminance, with_luminance_of
from ..networks.spec import NetworkInfo
from .plan import Level, fit, levels
from .preset import Init, Preset

KeepColour = Literal["luminance", "match"]
Role = Literal["content", "style"]

ENGINE_VERSION = 2
"""Raised when the same job would give another picture; part of every key of the result store."""


BY_PRESET: Any = None
"""What a job's size, evaluations and start are given as, if it takes the preset's."""


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
        blend: further style pictures, each with its weight beside the first one's of 1.
        style_scale: the style pictures are read so many times larger than the picture to make:
            below 1 their structures come out finer, above 1 coarser.
        keep_colour: whether the picture keeps the content picture's colours, in one of the ways of
            Gatys et al., "Preserving color in neural artistic style transfer" (arXiv 1606.05897):
            ``match`` gives the style pictures its mean and covariance of colour beforehand;
            ``luminance`` draws in grey and puts its colours back.  Losses are those of the grey.

    Raises:
        ReplicateError: a picture is missing that the preset's layers need, or a value is out of
            its range.
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
    blend: tuple[tuple[Picture, float], ...] = ()
    style_scale: float = 1.0
    keep_colour: KeepColour | None = None
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
        if self.blend and self.style is None:
            raise ReplicateError("style pictures to blend need a first one")
        if not all(0 < weight < float("inf") for _, weight in self.blend):
            raise ReplicateError("weights of style pictures to blend must be above 0")
        if not 0.1 <= self.style_scale <= 4:
            raise ReplicateError(f"style scale must be between 0.1 and 4, not {self.style_scale}")
        if self.keep_colour and self.content is None:
            raise ReplicateError("to keep the content picture's colours the job needs one")

    def __repr__(self) -> str:
        given = (self.content, self.style, *(picture for picture, _ in self.blend))
        pictures = " + ".join(picture.name or "?" for picture in given if picture)
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
        """(width, height) at which the (first) style picture is read.

        It has as many pixels as the canvas, times ``style_scale`` squared, and keeps its shape, so
        that structures keep their size relative to the picture ("resized to the same size", Gatys
        et al. 2016, section 2.3).
        """
        return self._size_of(self.style.size if self.style else self.shape)

    def _size_of(self, style: tuple[int, int]) -> tuple[int, int]:
        width, height = style
        factor = self.style_scale * (self.canvas[0] * self.canvas[1] / (width * height)) ** 0.5
        return max(16, round(width * factor)), max(16, round(height * factor))

    def given(self, role: Role) -> Picture:
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
        """The (first) style picture at ``style_size``."""
        return self.given("style").resized(*self.style_size)

    def read(self, picture: Picture, role: Role, size: tuple[int, int]) -> Picture:
        """A picture of that role at a size, in the colours in which the network sees it."""
        sized = picture.resized(*size)
        if role == "content" or self.keep_colour is None:
            return grey(sized) if self.keep_colour == "luminance" else sized
        matched = matched_luminance if self.keep_colour == "luminance" else matched_colours
        return matched(sized, self.content_on_canvas)

    def styles(self) -> list[tuple[Picture, float]]:
        """The style pictures as they are read, with weights that sum to 1."""
        given = ((self.given("style"), 1.0), *self.blend)
        whole = sum(weight for _, weight in given)
        return [
            (self.read(picture, "style", self._size_of(picture.size)), weight / whole)
            for picture, weight in given
        ]

    def shown(self, drawn: Picture) -> Picture:
        """What people see of a drawn picture: with the content picture's colours put back."""
        in_grey = self.keep_colour == "luminance"
        return with_luminance_of(self.given("content"), drawn) if in_grey else drawn

    def levels(self) -> list[Level]:
        """The plan, from coarse to fine, whose last level makes the picture."""
        return levels(self)

    def description(self) -> dict[str, Any]:
        """Everything that decides the picture, as plain values: the store's key is made of it."""
        used = {
            "content": self.content if self.content_layers or self.keep_colour else None,
            "style": self.style if self.style_layers else None,
            "origin": self.origin,
        }
        styled = bool(self.style_layers)
        added = {
            "stop": self.stop,
            "blend": [[each.sha256, weight] for each, weight in self.blend] if styled else None,
            "style_scale": self.style_scale if styled and self.style_scale != 1 else None,
            "keep_colour": self.keep_colour,
        }
        objective = self.preset.objective()
        if not (self.content_layers and styled) or self.init != "noise":
            objective.pop("content_first", None)
        if styled:
            objective["scales"] = 1
        return {
            # Left out while they are not used: keys of old results stay.
            **{name: value for name, value in added.items() if value},
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
