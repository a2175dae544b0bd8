"""Trained networks in use: found, checked, asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load, save

from ..engine.device import Precision, choose_device, choose_dtype
from ..engine.preset import Preset
from ..errors import ReplicateError, WeightsError
from ..images import Picture
from ..networks.pixels import to_picture, to_tensor
from ..storage.files import open_file, write_atomic
from .goal import MIXER, Units
from .network import TransformationNetwork
from .setting import Setting, conditions, length
from .shipped import RECORD, record_in, shipped_file, shipped_names

MOST_PIXELS = 16_000_000
LEAST_SIDE = 16


class Fast:
    """A trained network: one style at one setting, or a mixer.

    >>> mixer = Fast.load("mixer")
    >>> mixer(photo, style="wave", layers={"relu4_1": 1.0}, ratio=1)

    Attributes:
        name: what it is called.
        styles: names of the artworks that it knows; the first is the default.
        preset: the preset whose objective it was trained for.
        units: of a mixer, else None.
        record: how it was made (:meth:`replicate.fast.train.Trainer.record`).
        sha256: of its file; empty if there is none.
    """

    def __init__(
        self,
        name: str,
        network: TransformationNetwork,
        record: Mapping[str, Any],
        device: str = "auto",
        precision: Precision = "auto",
    ):
        self.name, self.record, self.sha256 = name, record, ""
        self.device = choose_device(device)
        self.dtype = choose_dtype(precision, self.device)
        self.styles = tuple(record["styles"])
        self.units = Units(**record["units"]) if record["units"] else None
        self.preset = MIXER if self.units else Preset.model_validate(record["preset"])
        self._network = network.eval().requires_grad_(False).to(self.device)

    @classmethod
    def list(cls) -> list[str]:
        """Names of the networks that the package carries."""
        return shipped_names()

    @classmethod
    def load(
        cls, name: str | Path = "mixer", device: str = "auto", precision: Precision = "auto"
    ) -> Fast:
        """A network of the package by its name, or one of your own by its file.

        Raises:
            WeightsError: there is none, or the file is damaged or no such network.
        """
        path = Path(name)
        if path.suffix != ".safetensors":
            path = shipped_file(str(name))
        data = _read(path)
        try:
            fast = cls(path.stem, *_parsed(data), device, precision)
        except (safetensors.SafetensorError, RuntimeError, ValueError, LookupError, TypeError) as e:
            raise WeightsError(f"'{path}' is damaged, or no fast network.") from e
        fast.sha256 = hashlib.sha256(data).hexdigest()
        return fast

    def __repr__(self) -> str:
        kind = "mixer" if self.units else self.preset.name
        return f"Fast({self.name!r}, {kind}, styles {', '.join(self.styles)})"

    def __call__(
        self, picture: Picture, style: str | None = None, size: int | None = None, **setting: Any
    ) -> Picture:
        """The picture as the network draws it.

        Args:
            style: one of :attr:`styles`; the first unless given.
            size: longest side to which the picture is brought before; its own unless given.
            setting: ``layers``, ``content``, ``ratio`` of a mixer, as in
                :class:`replicate.fast.setting.Setting`.

        Raises:
            ReplicateError: the setting is none of this network's, or the picture too small or
                too large.
        """
        asked = self.setting(style, **setting)
        return self.draw(picture if size is None else picture.scaled_to(size), asked)

    @torch.no_grad()
    def draw(self, picture: Picture, setting: Setting) -> Picture:
        """The picture at a setting of this network's (:meth:`setting`).

        Raises:
            ReplicateError: the picture is too small or too large.
        """
        width, height = picture.size
        if min(width, height) < LEAST_SIDE or width * height > MOST_PIXELS:
            raise ReplicateError(
                f"A picture of {width} × {height} px is too "
                f"{'small' if min(width, height) < LEAST_SIDE else 'large'} for a fast network: "
                f"sides from {LEAST_SIDE} px, at most {MOST_PIXELS:,} px in all."
            )
        wish = None if self.units is None else conditions([setting], self.styles).to(self.device)
        pixels = to_tensor(picture).to(self.device)
        return to_picture(self._network(pixels, wish, self.dtype), picture.name)

    def setting(self, style: str | None = None, **setting: Any) -> Setting:
        """A setting of this network, checked; raises as a call does."""
        if self.units is None and setting:
            raise ReplicateError(
                f"'{self.name}' was trained for one setting; layers, content and ratio are asked "
                "of a mixer."
            )
        asked = Setting(style or self.styles[0], **setting)
        return asked.checked(self.styles)

    def slow(self, setting: Setting) -> Preset:
        """The preset of the very objective, for the optimisation: on the network by whose losses
        this one was trained."""
        preset = self.preset if self.units is None else self.units.preset(setting)
        return preset.with_(network={"name": self.record["judge"]["name"]})

    @property
    def style_size(self) -> int:
        """Longest side of the artworks in training, in pixels."""
        return int(self.record["recipe"]["style_size"])


def write(path: Path, network: TransformationNetwork, record: Mapping[str, Any]) -> Path:
    """Write a network (float16) with its record in the header, whole or not at all."""
    tensors = {
        name: value.half().contiguous().cpu() for name, value in network.state_dict().items()
    }
    return write_atomic(path, save(tensors, {RECORD: json.dumps(record, sort_keys=True)}))


def _read(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise WeightsError(f"Cannot read '{path}': {error.strerror or error}.") from error


def _parsed(data: bytes) -> tuple[TransformationNetwork, dict[str, Any]]:
    """Network and record of a file; of one that is none of ours, many kinds of error."""
    record = record_in(data)
    tensors = {name: value.float() for name, value in load(data).items()}
    network = TransformationNetwork(
        tensors["last.weight"].shape[1], length(record["styles"]) if record["units"] else 0
    )
    network.load_state_dict(tensors)
    if not all(bool(value.isfinite().all()) for value in tensors.values()):
        raise ValueError("not finite")
    return network, record
