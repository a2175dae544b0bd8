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
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from . import __version__
from .engine.job import ENGINE_VERSION, Job, Result
from .engine.preset import Init, Preset
from .errors import ImageError, ReplicateError
from .images import Picture, find_image, read_text
from .images.reading import MAX_PIXELS
from .networks.spec import NetworkInfo
from .strict import Strict

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
    network: NetworkInfo
    precision: str
    loss: float
    losses: dict[str, float]
    seconds: float
    picture: DrawnPicture
    versions: dict[str, str]

    def plain(self) -> dict[str, Any]:
        """The record in JSON's types."""
        return self.model_dump(mode="json")


def record_of(result: Result, **sources: str | Path | None) -> Record:
    """The record of a result.

    Args:
        sources: what found ``content``, ``style`` and ``start``: a path or a bundled name.  Where
            it is not given, the picture's own name is taken.
    """
    job = result.job
    width, height = result.picture.size
    return Record(
        preset=job.preset,
        size=job.size,
        evaluations=job.evaluations,
        stopped=job.stop,
        seed=job.seed,
        init=job.init,
        content=_picture_record(job.content, sources.get("content")),
        style=_picture_record(job.style, sources.get("style")),
        start=_picture_record(job.start, sources.get("start")),
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


def save_recorded(result: Result, path: str | Path, **sources: str | Path | None) -> Record:
    """Write the result's picture with its record; ``sources`` as for :func:`record_of`.

    Raises:
        ImageError: a suffix other than .png, .jpg and .webp.
        ReplicateError: the file cannot be written.
    """
    record = record_of(result, **sources)
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
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        message = first["msg"].removeprefix("Value error, ")
        raise ReplicateError(f"{called} is damaged: {place}: {message}.") from error
    except (ReplicateError, OverflowError) as error:
        raise ReplicateError(f"{called} is damaged: {str(error).rstrip('.')}.") from error


def job_from_record(
    record: Record,
    content: Picture | None = None,
    style: Picture | None = None,
    start: Picture | None = None,
    folder: str | Path | None = None,
    find: Finder = find_image,
) -> Job:
    """The job that draws the recorded picture again.

    Args:
        content, style, start: take the place of the recorded inputs.
        folder: where the recorded file lies; inputs are looked for there as well.
        find: gives the picture of a recorded source.  A server that reads strangers' records
            passes one that opens no files.

    Raises:
        ImageError: an input is missing or is not what it was.
    """
    return Job(
        preset=record.preset,
        content=content or _found(record.content, "content", folder, find),
        style=style or _found(record.style, "style", folder, find),
        size=record.size,
        evaluations=record.evaluations,
        stop=record.stopped,
        seed=record.seed,
        init=record.init,
        start=start or _found(record.start, "start", folder, find),
    )


def engine_version_differs(record: Record) -> bool:
    """Whether this engine draws the same job differently by design."""
    return record.versions.get("engine", str(ENGINE_VERSION)) != str(ENGINE_VERSION)


def _picture_record(picture: Picture | None, source: str | Path | None) -> PictureRecord | None:
    if picture is None:
        return None
    width, height = picture.size
    return PictureRecord(
        name=picture.name,
        source=str(source or picture.name),
        sha256=picture.sha256,
        width=width,
        height=height,
    )


def _found(
    wanted: PictureRecord | None, role: str, folder: str | Path | None, find: Finder
) -> Picture | None:
    if wanted is None:
        return None
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
