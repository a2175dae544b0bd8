"""The record of a drawn picture, kept in the text of the picture's own file.

It holds all that is needed to draw the picture again: the whole preset, sizes, seed, where the
inputs were and what they were, and which network drew it in which precision.

    save_recorded(result, "out.png", content="photo.jpg", style="swirls")
    job = job_from_record(read_record("out.png"))

Nothing here imports torch.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from . import __version__
from .engine.job import ENGINE_VERSION, Job, KeepColour, Result
from .engine.preset import Init, Preset
from .errors import ImageError, ReplicateError
from .images import Picture, find_image, read_text
from .images.reading import MAX_PIXELS
from .networks.spec import NetworkInfo
from .strict import Strict, reason

CHUNK = "replicate"
"""Key of the text in which the record lies."""

FORMAT: Literal[2] = 2
"""Raised when a record of today could not be read by the program of yesterday: 1 called networks by
two names."""

Finder = Callable[[str], Picture]


class PictureRecord(Strict):
    """An input: its short name, what found it (path or name), and its pixels' digest."""

    name: str
    source: str
    sha256: str
    width: int
    height: int


class BlendedRecord(PictureRecord):
    """A further style picture, with its weight beside the first one's of 1."""

    weight: float = Field(gt=0)


class DrawnPicture(Strict):
    """The picture itself."""

    width: int
    height: int
    sha256: str


class Record(Strict):
    """All that is known about one drawn picture.

    Attributes:
        preset: complete, so that the picture can be repeated when presets change.
        evaluations: that were planned.
        stopped: after how many of them somebody stopped the work, if somebody did.
        losses: by layer, unweighted.
        versions: of the programs that drew it.
    """

    format: Literal[1, 2] = FORMAT
    preset: Preset
    size: int = Field(ge=16, le=8192)
    evaluations: int = Field(ge=1, le=100_000)
    stopped: int | None = Field(default=None, ge=1)
    seed: int = Field(ge=-(2**63), lt=2**63)
    init: Init
    content: PictureRecord | None
    style: PictureRecord | None
    start: PictureRecord | None
    blend: tuple[BlendedRecord, ...] = ()
    style_scale: float = Field(default=1.0, ge=0.1, le=4)
    keep_colour: KeepColour | None = None
    network: NetworkInfo
    precision: str
    loss: float
    losses: dict[str, float]
    seconds: float
    picture: DrawnPicture
    versions: dict[str, str]

    def plain(self) -> dict[str, Any]:
        """The record in JSON's types, without what is not used of what newer versions know."""
        data = self.model_dump(mode="json")
        for name in ("blend", "style_scale", "keep_colour"):
            if getattr(self, name) == type(self).model_fields[name].default:
                del data[name]
        return data


def record_of(
    result: Result, blend: Sequence[str | Path] = (), **sources: str | Path | None
) -> Record:
    """The record of a result.

    Args:
        blend: what found the further style pictures, as for ``sources``.
        sources: what found ``content``, ``style`` and ``start``: a path or a bundled name.  Where
            it is not given, the picture's own name is taken.
    """
    job = result.job
    width, height = result.picture.size

    def recorded(role: str) -> PictureRecord | None:
        picture: Picture | None = getattr(job, role)
        return PictureRecord(**_known(picture, sources.get(role))) if picture else None

    return Record(
        preset=job.preset,
        size=job.size,
        evaluations=job.evaluations,
        stopped=job.stop,
        seed=job.seed,
        init=job.init,
        content=recorded("content"),
        style=recorded("style"),
        start=recorded("start"),
        blend=tuple(
            BlendedRecord(**_known(picture, source), weight=weight)
            for (picture, weight), source in zip_longest(job.blend, blend)
        ),
        style_scale=job.style_scale,
        keep_colour=job.keep_colour,
        network=result.network,
        precision=result.precision,
        loss=result.loss,
        losses={name: loss for name, loss in result.losses.items() if math.isfinite(loss)},
        seconds=round(result.seconds, 2),
        picture=DrawnPicture(width=width, height=height, sha256=result.picture.sha256),
        versions={
            "replicate": __version__,
            "engine": str(ENGINE_VERSION),
            "torch": metadata.version("torch"),
            "python": platform.python_version(),
        },
    )


def save_recorded(
    result: Result,
    path: str | Path,
    blend: Sequence[str | Path] = (),
    **sources: str | Path | None,
) -> Record:
    """Write the result's picture with its record; the rest is as for :func:`record_of`.

    Raises:
        ImageError: a suffix other than .png, .jpg and .webp.
        ReplicateError: the file cannot be written.
    """
    record = record_of(result, blend, **sources)
    text = json.dumps(record.plain(), ensure_ascii=False)
    # A path of bytes that are no letters: JSON can say them, UTF-8 cannot.
    text = text.encode("utf-8", "backslashreplace").decode()
    result.picture.save(path, {CHUNK: text})
    return record


def read_record(path: str | Path, max_pixels: int = MAX_PIXELS) -> Record:
    """The record in a picture's file.

    Raises:
        ImageError: the file is missing, not a picture, over ``max_pixels``, or carries no record.
        ReplicateError: the record is damaged or of a newer version.
    """
    text = read_text(path, max_pixels).get(CHUNK)
    if text is None:
        raise ImageError(
            f"'{path}' does not say how it was drawn: this program did not write it, or another "
            "one has saved it since."
        )
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReplicateError(f"The record in '{path}' is damaged: {error}.") from error
    return parse_record(data, f"The record in '{path}'")


def parse_record(data: Any, called: str = "The record") -> Record:
    """A record from JSON's types; ``called`` begins the sentence if it cannot be one.

    Raises:
        ReplicateError: the record is damaged or of a newer version.
    """
    if isinstance(data, dict) and data.get("format", FORMAT) not in (1, FORMAT):
        raise ReplicateError(
            f"{called} is of format {data['format']}; this version of the program reads up to "
            f"{FORMAT}."
        )
    try:
        return Record.model_validate(data)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the whole"
        raise ReplicateError(f"{called} is damaged: {place}: {reason(error)}.") from error
    except (ReplicateError, OverflowError) as error:
        raise ReplicateError(f"{called} is damaged: {str(error).rstrip('.')}.") from error


def job_from_record(
    record: Record,
    content: Picture | None = None,
    style: Picture | None = None,
    start: Picture | None = None,
    blend: tuple[tuple[Picture, float], ...] = (),
    folder: str | Path | None = None,
    find: Finder = find_image,
) -> Job:
    """The job that draws the recorded picture again.

    Args:
        content, style, start, blend: take the place of the recorded inputs.
        folder: where the recorded file lies; inputs are looked for there as well.
        find: gives the picture of a recorded source.  A server that reads strangers' records
            passes one that opens no files.

    Raises:
        ImageError: an input is missing or is not what it was.
    """

    def found(role: str) -> Picture | None:
        wanted: PictureRecord | None = getattr(record, role)
        return _found(wanted, role, folder, find) if wanted else None

    return Job(
        preset=record.preset,
        content=content or found("content"),
        style=style or found("style"),
        size=record.size,
        evaluations=record.evaluations,
        stop=record.stopped,
        seed=record.seed,
        init=record.init,
        start=start or found("start"),
        blend=blend
        or tuple((_found(each, "style", folder, find), each.weight) for each in record.blend),
        style_scale=record.style_scale,
        keep_colour=record.keep_colour,
    )


def engine_version_differs(record: Record) -> bool:
    """Whether this engine draws the same job differently by design."""
    return record.versions.get("engine", str(ENGINE_VERSION)) != str(ENGINE_VERSION)


def _known(picture: Picture, source: str | Path | None) -> dict[str, Any]:
    found = {"name": picture.name, "source": str(source or picture.name), "sha256": picture.sha256}
    return {**found, "width": picture.size[0], "height": picture.size[1]}


def _found(wanted: PictureRecord, role: str, folder: str | Path | None, find: Finder) -> Picture:
    others = []
    for place in _places(wanted.source, folder):
        try:
            picture = find(place)
        except ImageError:
            continue
        if picture.sha256 == wanted.sha256:
            return picture
        others.append(place)
    called = wanted.source or "unnamed"
    if others:
        raise ImageError(
            f"The {role} picture '{others[0]}' is no longer the one that was recorded: its pixels "
            "have changed. Name the right file, or this one to take it as it is."
        )
    raise ImageError(
        f"The recorded {role} picture '{called}' cannot be found or read; name the file anew."
    )


def _places(source: str, folder: str | Path | None) -> list[str]:
    """Where a recorded source may be: as it was named, or beside the recorded file."""
    if not source:
        return []
    beside = [Path(folder) / source, Path(folder) / Path(source).name] if folder else []
    return list(dict.fromkeys([source, *(str(path) for path in beside if os.path.isfile(path))]))
