"""What excites a channel most in a collection of pictures, cut out at what its units see.

    found = excerpts(engine, spec, [Channel("conv4_1", 12)], pictures)
    found[channel].strongest.picture, found[channel].strongest.activation

A unit of a layer sees a square of the picture, its receptive field (68 px for ``conv4_1`` of
VGG-19), and nothing else; so that square is the whole of what excited it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..engine.device import arithmetic
from ..engine.engine import Engine
from ..images import Picture
from ..networks.pixels import to_tensor
from ..networks.spec import NetworkSpec
from ..storage.store import StoredResult
from .channels import Channel, ChannelStore

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

    def of(self, pixels: Array) -> Array:
        """The part (side, side, ...) of (H, W, ...) that it covers, as a view; all of it inside."""
        return pixels[self.top : self.top + self.side, self.left : self.left + self.side]


@dataclass(frozen=True)
class Field:
    """What the units of a layer see.

    Convolutions are padded by one pixel on each side, so that the first unit's square begins
    outside of the picture, by half of what side and stride differ.

    Attributes:
        side: of a unit's square in the picture, in pixels.
        stride: pixels from one unit's square to the next.
    """

    side: int
    stride: int

    @property
    def before(self) -> int:
        """Pixels of padding that the first unit sees."""
        return (self.side - self.stride) // 2

    def square(self, row: int, column: int) -> Square:
        """What the unit at this place of the layer's map sees."""
        left, top = (place * self.stride - self.before for place in (column, row))
        return Square(left, top, self.side)

    def units_inside(self, pixels: int) -> range:
        """The units along one axis whose squares lie inside of so many pixels."""
        first = -(-self.before // self.stride)
        return range(first, max(0, (pixels - self.side + self.before) // self.stride + 1))


@dataclass(frozen=True, eq=False)
class Excerpt:
    """What a unit saw.

    Attributes:
        picture: cut out; it has the name of the picture that it is cut from.
        activation: of the unit, before rectification.
        square: where, in the picture at :data:`SHORT_SIDE`.
    """

    picture: Picture
    activation: float
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
    looked_at = {
        "excerpts": count,
        "side": SHORT_SIDE,
        "pictures": [picture.sha256 for picture in pictures],
    }
    store = ChannelStore(engine, spec, looked_at)
    found = {channel: _restored(kept) for channel in channels if (kept := store.get(channel))}
    missing = [channel for channel in dict.fromkeys(channels) if channel not in found]
    for channel, fresh in _searched(engine, spec, missing, pictures, count).items():
        found[channel] = fresh
        strip = np.concatenate([each.picture.pixels for each in fresh.found], axis=1)
        store.put(channel, strip, _record(fresh))
    return {channel: found[channel] for channel in channels}


def strongest_means(
    engine: Engine,
    spec: NetworkSpec,
    channels: Sequence[Channel],
    pictures: Sequence[Picture],
    size: int,
) -> dict[Channel, float]:
    """For each channel its largest mean, before rectification, over a square of some pictures.

    The squares of ``size`` pixels a side, half of it apart, are cut out before the network sees
    them: one as large as an optimised picture has a mean of one kind with that picture's.

    Raises:
        LayerError: an unknown layer.
        ValueError: the squares are larger than :data:`SHORT_SIDE`.
    """
    if size > SHORT_SIDE:
        raise ValueError(f"Pictures are looked at at {SHORT_SIDE} px, too few for {size} px.")
    network, layers = engine.networks.network(spec), sorted({each.layer for each in channels})
    found = dict.fromkeys(channels, -math.inf)
    for picture in map(_at_size, pictures):
        windows = to_tensor(picture).unfold(2, size, size // 2).unfold(3, size, size // 2)
        squares = windows.flatten(2, 3).squeeze(0).transpose(0, 1).contiguous()
        with torch.no_grad(), arithmetic(engine.exact):
            maps = network(squares.to(network.device), layers)
        means = {layer: maps[layer].wide().mean(dim=(2, 3)).amax(dim=0) for layer in layers}
        for channel, known in found.items():
            found[channel] = max(known, float(means[channel.layer][channel.index]))
    return found


@dataclass(frozen=True)
class _Unit:
    """A unit that is strong in its picture."""

    activation: float
    row: int
    column: int
    picture: Picture


def _searched(
    engine: Engine,
    spec: NetworkSpec,
    channels: Sequence[Channel],
    pictures: Sequence[Picture],
    count: int,
) -> dict[Channel, Excerpts]:
    """One pass over all pictures for all channels."""
    if not channels:
        return {}
    layers = sorted({channel.layer for channel in channels})
    network = engine.networks.network(spec)
    fields = {
        layer: Field(network.field(layer) or SHORT_SIDE, network.stride(layer)) for layer in layers
    }
    strongest: dict[Channel, list[_Unit]] = {channel: [] for channel in channels}
    for picture in map(_at_size, pictures):
        maps = engine.reader.features(picture, layers, spec)
        wide = {layer: maps[layer].wide()[0] for layer in layers}
        for channel, known in strongest.items():
            values = wide[channel.layer][channel.index].cpu().numpy()
            known += _peaks(values, fields[channel.layer], picture, count)
            known.sort(key=lambda unit: -unit.activation)
            del known[count:]
    found = {}
    for channel, units in strongest.items():
        if not units:
            raise ValueError(f"No unit of {channel.layer} sees a whole square of any picture.")
        squares = [fields[channel.layer].square(unit.row, unit.column) for unit in units]
        gradient = _gradient(engine, spec, channel, units[0])
        found[channel] = Excerpts(tuple(map(_cut_out, units, squares)), leak(gradient, squares[0]))
    return found


def _peaks(values: Array, field: Field, picture: Picture, count: int) -> list[_Unit]:
    """The strongest units of a map (H, W) whose squares lie inside and apart from each other."""
    columns, rows = (field.units_inside(length) for length in picture.size)
    left = np.array(values[rows.start : rows.stop, columns.start : columns.stop])
    apart = max(1, field.side // (2 * field.stride))
    found: list[_Unit] = []
    while len(found) < count and np.isfinite(left).any():
        row, column = (int(at) for at in np.unravel_index(np.argmax(left), left.shape))
        found.append(_Unit(float(left[row, column]), rows[row], columns[column], picture))
        above, before = max(0, row - apart + 1), max(0, column - apart + 1)
        left[above : row + apart, before : column + apart] = -np.inf
    return found


def _cut_out(unit: _Unit, square: Square) -> Excerpt:
    cut = Picture(square.of(unit.picture.pixels).copy(), unit.picture.name)
    return Excerpt(cut, unit.activation, square)


def _gradient(engine: Engine, spec: NetworkSpec, channel: Channel, unit: _Unit) -> Array:
    """(H, W), the largest absolute gradient of the unit by a colour of each pixel."""
    network = engine.networks.network(spec)
    pixels = to_tensor(unit.picture).to(network.device).requires_grad_(True)
    with torch.enable_grad(), arithmetic(engine.exact):
        wide = network(pixels, [channel.layer])[channel.layer].wide()
        activation = wide[0, channel.index, unit.row, unit.column]
        (gradient,) = torch.autograd.grad(activation, pixels)
    return np.asarray(gradient[0].abs().amax(dim=0).cpu())


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


def _record(excerpts: Excerpts) -> dict[str, Any]:
    """What the store keeps beside the strip of all squares."""
    squares = [
        {"activation": each.activation, "source": each.picture.name, "square": asdict(each.square)}
        for each in excerpts.found
    ]
    return {"squares": squares, "leak": excerpts.leak}


def _restored(kept: StoredResult) -> Excerpts:
    records = kept.record["squares"]
    cuts = np.split(kept.pixels, len(records), axis=1)
    found = tuple(
        Excerpt(Picture(cut.copy(), each["source"]), each["activation"], Square(**each["square"]))
        for cut, each in zip(cuts, records)
    )
    return Excerpts(found, kept.record["leak"])
