"""The table of networks, read from ``networks.toml``.

A network has one name, such as ``vgg19-caffe``; what the table knows of it is its
:class:`NetworkEntry`.  This module knows neither torch nor pydantic, so that the command line can
name every network at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from ..suggest import nearest

TABLE = Path(__file__).with_name("networks.toml")
PACKAGE = Path(__file__).parents[1]

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """How pixels in [0, 1] become a network's input: ``(x * range - mean) / std`` by channel."""

    range: float
    mean: Triple
    std: Triple

    @property
    def scale(self) -> Triple:
        """With :attr:`shift` the same in two numbers: ``x * scale - shift``."""
        red, green, blue = (self.range / std for std in self.std)
        return red, green, blue

    @property
    def shift(self) -> Triple:
        red, green, blue = (mean / std for mean, std in zip(self.mean, self.std))
        return red, green, blue

    @property
    def gain(self) -> float:
        """What a pixel's change is multiplied by, mean of the three colours."""
        return sum(self.scale) / len(self.scale)


@dataclass(frozen=True)
class NetworkEntry:
    """One row of the table; ``networks.toml`` says what each key means."""

    id: str
    label: str
    architecture: str
    convention: str
    preprocessing: Preprocessing
    training: str = ""
    about: str = ""
    aliases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    landmarks: tuple[float, ...] = ()
    bgr: bool = False
    bundled: str = ""
    sha256: str = ""
    random: bool = False
    stored: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def title(self) -> str:
        """``VGG-19 (caffe)``: label and training."""
        return f"{self.label} ({self.training})" if self.training else self.label

    @property
    def file_name(self) -> str:
        return f"{self.id}.safetensors"

    @cached_property
    def originals(self) -> tuple[str, ...]:
        """File names under which an original is recognised in ``REPLICATE_WEIGHTS``."""
        named = [address.rsplit("/", 1)[-1] for address in self.sources]
        return tuple(dict.fromkeys([*named, f"{self.id}.pth"]))

    @property
    def bundled_path(self) -> Path | None:
        """The file of this package that holds the weights, if one is meant to."""
        return PACKAGE / self.bundled if self.bundled else None


def known_digits(address: str) -> str:
    """The first digits of a file's SHA-256 if its address tells them, else nothing."""
    found = re.search(r"-([0-9a-f]{8,64})\.pth$", address)
    return found[1] if found else ""


@cache
def read_table(path: Path = TABLE) -> dict[str, NetworkEntry]:
    """Every network by name, those of the file first, then an untrained one by architecture.

    Raises:
        WeightsError: a key is unknown or missing.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    ways = {name: _preprocessing(row) for name, row in data["preprocessing"].items()}
    found = {name: _entry(name, row, ways) for name, row in data["networks"].items()}
    for entry in list(found.values()):
        untrained = f"{entry.architecture}-random"
        found.setdefault(untrained, _untrained(untrained, entry))
    return found


def network_entry(name: str) -> NetworkEntry:
    """The row of a network by its name or by an alias.

    Raises:
        WeightsError: there is none; names the nearest.
    """
    table = read_table()
    if name in table:
        return table[name]
    for entry in table.values():
        if name in entry.aliases:
            return entry
    raise WeightsError(f"There is no network '{name}'{nearest(name, network_names())}")


def network_names() -> list[str]:
    """Every name by which a network may be called: names and aliases."""
    table = read_table()
    return [*table, *(alias for entry in table.values() for alias in entry.aliases)]


def flat_name(name: str, weights: str) -> str:
    """The one name of what old files call by two, such as ``vgg19`` with weights ``caffe``.

    A network that has but one training, such as ``vgg19-compact``, keeps its name.
    """
    entry = read_table().get(name)
    return name if entry and not entry.training else f"{name}-{weights}"


def _preprocessing(row: Mapping[str, Any]) -> Preprocessing:
    return Preprocessing(row["range"], tuple(row["mean"]), tuple(row["std"]))


def _entry(name: str, row: Mapping[str, Any], ways: Mapping[str, Preprocessing]) -> NetworkEntry:
    plain: dict[str, Any] = {"stored": {"name": name}}
    for key, value in row.items():
        plain[key] = tuple(value) if isinstance(value, list) else value
    convention = plain.pop("preprocessing", None)
    if convention not in ways:
        raise WeightsError(
            f"networks.toml: {name}.preprocessing: there is no '{convention}'"
            f"{nearest(str(convention), ways)}"
        )
    try:
        return NetworkEntry(id=name, convention=convention, preprocessing=ways[convention], **plain)
    except TypeError as error:
        raise WeightsError(f"networks.toml: {name}: {error}.") from error


def _untrained(name: str, trained: NetworkEntry) -> NetworkEntry:
    """A network of the same architecture and preprocessing with random weights."""
    return NetworkEntry(
        id=name,
        label=f"{trained.label}-random",
        architecture=trained.architecture,
        convention=trained.convention,
        preprocessing=trained.preprocessing,
        about="untrained: random filters",
        random=True,
        stored={"name": name},
    )
