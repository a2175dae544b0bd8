"""What excites a channel most in a collection of pictures, cut out at what its units see.

    found = excerpts(engine, spec, [Channel("conv4_1", 12)], pictures)
    found[channel].strongest.picture, found[channel].strongest.activation

A unit of a layer sees a square of the picture, its receptive field (68 px for ``conv4_1`` of
VGG-19), and nothing else; so that square is the whole of what excited it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..engine.device import arithmetic
from ..engine.engine import Engine
from ..engine.preset import NetworkSpec
from ..images import Picture
from ..networks.layers import receptive_field
from ..networks.means import to_tensor
from .optimised import Channel, channel_key

Array = NDArray[Any]

SHORT_SIDE = 256
"""Pixels of the shorter side at which pictures are looked at, as in VGG's training (Simonyan &
Zisserman 2015, section 3.1)."""


@dataclass(frozen=True)
class Square:
    """A square of a picture, in pixels; the place of its upper left corner may be negative."""

    left: int
    top: int
    side: int

    def inside(self, width: int, height: int) -> bool:
        return 0 <= self.left <= width - self.side and 0 <= self.top <= height - self.side

    def of(self, pixels: Array) -> Array:
        """The part (side, side, ...) of (H, W, ...) that it covers, as a view; all of it inside."""
        return pixels[self.top : self.top + self.side, self.left : self.left + self.side]


@dataclass(frozen=True, eq=False)
class Excerpt:
    """What a unit saw.

    Attributes:
        activation: of the unit, before rectification.
        source: name of the picture that it is cut from.
        square: where, in the picture at :data:`SHORT_SIDE`.
    """

    picture: Picture
    activation: float
    source: str
    square: Square


@dataclass(frozen=True, eq=False)
class Excerpts:
    """What excites a channel most, strongest first.

    Attributes:
        leak: of the strongest: the largest gradient of its unit by a pixel outside of the square
            over the largest inside; 0 where the square holds all that matters.
    """

    found: tuple[Excerpt, ...]
    leak: float

    @property
    def strongest(self) -> Excerpt:
        return self.found[0]


def receptive_square(layer: str, row: int, column: int, architecture: str = "vgg19") -> Square:
    """What the unit at this place of a layer's map sees of the picture.

    Convolutions are padded by one pixel on each side, so that the first unit's square begins
    outside of the picture, by half of what field and stride differ.
    """
    field, stride = receptive_field(layer, architecture)
    before = (field - stride) // 2
    return Square(column * stride - before, row * stride - before, field)


def units_inside(layer: str, pixels: int, architecture: str = "vgg19") -> range:
    """The units along one axis whose squares lie inside of so many pixels."""
    field, stride = receptive_field(layer, architecture)
    before = (field - stride) // 2
    return range(-(-before // stride), max(0, (pixels - field + before) // stride + 1))


def excerpts(
    engine: Engine,
    spec: NetworkSpec,
    channels: Sequence[Channel],
    pictures: Sequence[Picture],
    count: int = 9,
) -> dict[Channel, Excerpts]:
    """The ``count`` squares that excite each channel most, strongest first; kept in the store.

    Only units that see nothing but picture take part.  Two squares of one picture are at least
    half their side apart, or the nine strongest would be one shifted by a pixel.

    Raises:
        LayerError: an unknown layer.
        ValueError: no unit of a layer fits into any of the pictures.
    """
    collection = _Collection(engine, spec, pictures, count)
    found = {channel: kept for channel in channels if (kept := collection.stored(channel))}
    missing = [channel for channel in dict.fromkeys(channels) if channel not in found]
    if missing:
        found.update(collection.search(missing))
    return {channel: found[channel] for channel in channels}


@dataclass(frozen=True)
class _Candidate:
    """A unit that is strong in its picture."""

    activation: float
    picture: int
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class _Collection:
    engine: Engine
    spec: NetworkSpec
    pictures: Sequence[Picture]
    count: int

    def search(self, channels: Sequence[Channel]) -> dict[Channel, Excerpts]:
        """One pass over all pictures for all channels."""
        strongest: dict[Channel, list[_Candidate]] = {channel: [] for channel in channels}
        for index, picture in enumerate(self.pictures):
            for channel, values in self._maps(_at_size(picture), channels).items():
                known = strongest[channel] + self._peaks(values, channel.layer, index)
                known.sort(key=lambda candidate: -candidate.activation)
                strongest[channel] = known[: self.count]
        found = {}
        for channel, known in strongest.items():
            if not known:
                raise ValueError(f"No unit of {channel.layer} sees a whole square of any picture.")
            found[channel] = Excerpts(
                tuple(self._cut_out(channel, candidate) for candidate in known),
                self._leak(channel, known[0]),
            )
            self._keep(channel, found[channel])
        return found

    def _maps(self, picture: Picture, channels: Sequence[Channel]) -> dict[Channel, np.ndarray]:
        """Each channel's map (H, W); one pass, cut after the deepest layer."""
        layers = {channel.layer for channel in channels}
        maps = self.engine.features(picture, sorted(layers), self.spec)
        wide = {layer: maps[layer].wide()[0] for layer in layers}
        return {channel: wide[channel.layer][channel.index].cpu().numpy() for channel in channels}

    def _peaks(self, values: np.ndarray, layer: str, index: int) -> list[_Candidate]:
        """The strongest units of a map whose squares lie inside and apart from each other."""
        field, stride = receptive_field(layer, self.spec.architecture)
        width, height = _at_size(self.pictures[index]).size
        rows = units_inside(layer, height, self.spec.architecture)
        columns = units_inside(layer, width, self.spec.architecture)
        left = np.array(values[rows.start : rows.stop, columns.start : columns.stop])
        apart = max(1, field // (2 * stride))
        found: list[_Candidate] = []
        while len(found) < self.count and np.isfinite(left).any():
            row, column = (int(at) for at in np.unravel_index(np.argmax(left), left.shape))
            found.append(_Candidate(float(left[row, column]), index, rows[row], columns[column]))
            above, before = max(0, row - apart + 1), max(0, column - apart + 1)
            left[above : row + apart, before : column + apart] = -np.inf
        return found

    def _cut_out(self, channel: Channel, candidate: _Candidate) -> Excerpt:
        picture = _at_size(self.pictures[candidate.picture])
        square = receptive_square(
            channel.layer, candidate.row, candidate.column, self.spec.architecture
        )
        return Excerpt(
            picture=Picture(square.of(picture.pixels).copy(), picture.name),
            activation=candidate.activation,
            source=picture.name,
            square=square,
        )

    def _leak(self, channel: Channel, candidate: _Candidate) -> float:
        network = self.engine.network(self.spec)
        pixels = to_tensor(_at_size(self.pictures[candidate.picture])).to(network.device)
        pixels.requires_grad_(True)
        with torch.enable_grad(), arithmetic(self.engine.exact):
            wide = network(pixels, [channel.layer])[channel.layer].wide()
            unit = wide[0, channel.index, candidate.row, candidate.column]
            (gradient,) = torch.autograd.grad(unit, pixels)
        square = receptive_square(
            channel.layer, candidate.row, candidate.column, self.spec.architecture
        )
        return leak(gradient[0].abs().amax(dim=0).cpu().numpy(), square)

    # ------------------------------------------------------------------ the store

    def _key(self, channel: Channel) -> str:
        looked_at = {
            "excerpts": self.count,
            "side": SHORT_SIDE,
            "pictures": [picture.sha256 for picture in self.pictures],
        }
        return channel_key(self.engine, self.spec, channel, looked_at)

    def stored(self, channel: Channel) -> Excerpts | None:
        """The channel's squares if they have been found before and kept."""
        store = self.engine.store
        kept = store.get(self._key(channel)) if store is not None else None
        if kept is None:
            return None
        records = kept.record["squares"]
        found = tuple(
            Excerpt(
                picture=Picture(cut.copy(), record["source"]),
                activation=record["activation"],
                source=record["source"],
                square=Square(**record["square"]),
            )
            for cut, record in zip(np.split(kept.pixels, len(records), axis=1), records)
        )
        return Excerpts(found, kept.record["leak"])

    def _keep(self, channel: Channel, excerpts: Excerpts) -> None:
        """One strip of all squares beside each other."""
        if self.engine.store is None:
            return
        squares = [
            {
                "activation": each.activation,
                "source": each.source,
                "square": asdict(each.square),
            }
            for each in excerpts.found
        ]
        strip = np.concatenate([each.picture.pixels for each in excerpts.found], axis=1)
        record = {"squares": squares, "leak": excerpts.leak}
        self.engine.store.put(self._key(channel), strip, record)


def leak(gradient: Array, square: Square) -> float:
    """The largest of (H, W) absolute gradients outside of the square over the largest inside."""
    largest = float(square.of(gradient).max())
    outside = gradient.copy()
    square.of(outside)[:] = 0
    return float(outside.max()) / largest if largest > 0 else float("nan")


def _at_size(picture: Picture) -> Picture:
    """The picture at the size at which it is looked at."""
    factor = SHORT_SIDE / min(picture.size)
    width, height = (round(side * factor) for side in picture.size)
    return picture.resized(width, height)
