"""What the JSON beside a figure holds: written in one layout, checked when it is read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
)

from replicate.errors import ReplicateError
from replicate.figure.blocks import Box
from replicate.figure.claims import Claim
from replicate.networks.spec import NetworkInfo
from replicate.storage.files import file_digest, json_text, open_file, write_atomic

ImageFormat = Literal["png", "webp", "jpg"]

_ID = r"^[a-z0-9_]+/[a-z0-9_]+$"
_IMAGE = r"^[a-z0-9_]+\.(png|webp|jpg)$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PanelRecord(_Part):
    """One picture of the figure.

    Attributes:
        label: row and column, or what else names it.
        job: the job as ``replicate transfer`` repeats it.
        fast: instead, what ``replicate fast apply`` repeats, with the network's digest.
        evaluations: forward and backward passes that it took.
        seconds: time that it took, 0 if it came from the store.
        losses: final losses by layer, such as "style/relu1_1".
        metrics: measured numbers by name.
    """

    label: str
    job: dict[str, Any] = {}
    fast: dict[str, Any] = {}
    evaluations: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    losses: dict[str, float] = {}
    metrics: dict[str, float] = {}


class FigureRecord(_Part):
    """All that is known about a drawn figure.

    ``image`` is the picture's name beside the JSON, and ``panels_box`` the part of it, in pixels,
    that holds the panels and their labels: the rest of the picture repeats what stands here.
    ``pictures`` are the places of the pictures in it: all else is paper, ink and plots, which a
    dark page may turn about; None where nobody noted them.
    ``balanced`` says that the layers' weights were balanced. ``made_from`` is the key of all that
    the figure was made from, empty if nobody knows; ``image_sha256`` is of the picture's file,
    ``sha256`` of all else that the JSON says.
    """

    figure: str = Field(pattern=_ID)
    title: str
    source: str
    caption: str = ""
    image: str = Field(pattern=_IMAGE)
    panels_box: Box
    pictures: tuple[Box, ...] | None = None
    profile: str
    inputs: str
    balanced: bool = False
    networks: tuple[NetworkInfo, ...] = Field(min_length=1)
    panels: tuple[PanelRecord, ...] = ()
    claims: tuple[Claim, ...] = ()
    versions: dict[str, str] = {}
    made_from: str = ""
    image_sha256: str = ""
    sha256: str = ""

    @field_serializer("networks")
    def _brief(self, networks: tuple[NetworkInfo, ...]) -> list[dict[str, str]]:
        """Panels may have been drawn with either pooling: only their jobs can tell."""
        brief = {"name", "sha256", "rounded"}
        return [each.model_dump(include=brief) for each in networks]

    @property
    def drawn_by(self) -> str:
        """The networks' names: "vgg16-caffe and vgg19-caffe"."""
        return " and ".join(each.name for each in self.networks)

    @property
    def paper(self) -> str:
        return self.figure.partition("/")[0]

    @property
    def settings(self) -> str:
        """How it was drawn: "vgg19-caffe, bundled inputs, profile gallery"."""
        weights = ["balanced weights"] if self.balanced else []
        parts = [self.drawn_by, f"{self.inputs} inputs", *weights, f"profile {self.profile}"]
        return ", ".join(parts)

    @property
    def image_path(self) -> str:
        """The picture's path relative to the folder of all figures."""
        return f"{self.paper}/{self.image}"

    def only(self, known: Container[str]) -> FigureRecord:
        """The record without claims that the papers' configs have dropped since.

        Args:
            known: ``paper/figure/claim`` of those that are left.
        """
        left = tuple(each for each in self.claims if f"{self.figure}/{each.id}" in known)
        return self.model_copy(update={"claims": left})

    @property
    def metric_names(self) -> list[str]:
        """The metrics of all panels, each once."""
        return list(dict.fromkeys(name for panel in self.panels for name in panel.metrics))


def write_record(record: FigureRecord, path: str | Path) -> Path:
    """Write the record as JSON, whole or not at all; returns the path.

    The keys stand in the order of ``FigureRecord``, and labels in the order in which they were
    given: a series sorted by its labels would run backwards.
    """
    data = json.loads(json_text(record.model_dump(exclude={"sha256"})))
    return write_atomic(path, f"{json_text({**data, 'sha256': _digest(data)})}\n".encode())


def read_record(path: str | Path) -> FigureRecord:
    """Read and check one figure's JSON.

    Raises:
        ReplicateError: the file is missing, is not JSON, lacks a key or has a wrong value, or is
            named differently from the figure in it; one sentence names the file.
    """
    path = Path(path)
    try:
        record = FigureRecord.model_validate(_json(path))
    except OSError as error:
        raise ReplicateError(f"'{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        message = first["msg"][0].lower() + first["msg"][1:]
        raise ReplicateError(f"'{path}' is no figure's record: {place}: {message}.") from error
    except (ValueError, RecursionError) as error:
        raise ReplicateError(f"'{path}' is not JSON: {error}.") from error
    if path.with_suffix("").parts[-2:] != tuple(record.figure.split("/")):
        raise ReplicateError(f"'{path}' holds the record of another figure, {record.figure}.")
    return record


def _json(path: Path) -> Any:
    with open_file(path) as file:
        return json.load(file)


def _digest(data: Mapping[str, Any]) -> str:
    """SHA-256 of all that a record's JSON says but the digest itself."""
    said = {key: value for key, value in data.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def standing_record(folder: str | Path, figure: str, made_from: str) -> FigureRecord | None:
    """The record of a figure that lies whole in the folder and was made from the same things.

    None if it has to be drawn: absent, damaged or changed, of another key, or with another picture
    than the one that was written with the record.
    """
    path = Path(folder) / f"{figure}.json"
    try:
        record = read_record(path)
        if record.sha256 != _digest(_json(path)):
            return None
        whole = file_digest(Path(folder) / record.image_path) == record.image_sha256
    except (ReplicateError, OSError):
        return None
    return record if whole and record.made_from == made_from else None


def read_records(folder: str | Path) -> tuple[list[FigureRecord], list[str]]:
    """All figures' records in a folder, by name, and a sentence for each file that is none."""
    records: list[FigureRecord] = []
    problems: list[str] = []
    for path in sorted(Path(folder).glob("*/*.json")):
        if path.name.startswith("."):
            continue
        try:
            records.append(read_record(path))
        except ReplicateError as error:
            problems.append(str(error))
    return sorted(records, key=lambda record: natural_key(record.figure)), problems


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts fig2 before fig10."""
    parts: Iterable[str] = re.findall(r"\d+|\D+", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
