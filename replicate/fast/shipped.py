"""The fast networks that the package carries, and what their files tell; needs no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from ..suggest import nearest

FOLDER = Path(__file__).parent / "weights"
RECORD = "making"
"""The only key of a file's header: with several, equal networks would not write equal bytes."""


@dataclass(frozen=True)
class Shipped:
    """A network of the package.

    Attributes:
        sha256: of its file.
        styles: names of the artworks that it knows.
        judge: name of the network by whose losses it was trained.
    """

    name: str
    sha256: str
    styles: tuple[str, ...]
    judge: str


def shipped_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def shipped_file(name: str) -> Path:
    """Where the network lies.

    Raises:
        WeightsError: there is none of that name; names the nearest.
    """
    known = shipped_names()
    if name not in known:
        raise WeightsError(f"There is no fast network '{name}'{nearest(name, known)}")
    return FOLDER / f"{name}.safetensors"


@cache
def shipped(name: str) -> Shipped:
    """What the network's file tells; raises as :func:`shipped_file`."""
    data = shipped_file(name).read_bytes()
    record = record_in(data)
    return Shipped(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        styles=tuple(record["styles"]),
        judge=record["judge"]["name"],
    )


def record_in(data: bytes) -> dict[str, Any]:
    """The record in a file's header; of a file that is none of ours, many kinds of error."""
    size = int.from_bytes(data[:8], "little")
    record: dict[str, Any] = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][RECORD])
    return record
