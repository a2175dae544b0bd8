"""Feature visualisation: a picture made to excite one channel of the network.

    found = optimised(engine, spec, [Channel("conv4_1", 12)], FOURIER, size=128, steps=512)
    found[0].picture, found[0].mean

The methods are those of Olah, Mordvintsev & Schubert, "Feature Visualization" (Distill 2017).  A
picture that climbs a channel's activation pixel by pixel ends in noise of high frequency.  Two
ways out of it are taken together: to look for the picture in a basis where all frequencies and the
usual colours have equal energy, and to ask for patterns that survive when the picture is shifted,
scaled and turned.

A channel is measured before its rectification (``conv4_1``): where it is silent, the rectified
one has no gradient that could wake it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..engine.device import arithmetic
from ..engine.engine import Engine
from ..engine.optimizers import Adam
from ..images import Picture
from ..method import Objective, Term, evaluate
from ..networks.features import FeatureMap
from ..networks.pixels import to_picture, to_tensor
from ..networks.spec import NetworkSpec
from .channels import Channel, ChannelStore

LEARNING_RATE = 0.05
"""Of Adam (Distill 2017, and its program's default)."""

SPREAD = 0.01
"""Standard deviation of the parameters that every search starts from (as in lucid)."""

SHIFTS = 20
"""Random shifts over which :func:`robustness` averages."""

COLOUR_AXES = ((0.565, 0.206, 0.056), (0.581, -0.003, -0.116), (0.586, -0.196, 0.061))
"""Root U sqrt(S) of the covariance of red, green and blue, the longest column scaled to one.

Rows are red, green and blue; columns are brightness, warm against cold, and magenta against green.
Measured by this project over 1000 photographs, one of each class of ImageNet.
"""


@dataclass(frozen=True)
class Pixels:
    """Every pixel and colour by itself."""

    def start(self, size: int, generator: torch.Generator) -> Tensor:
        """(1, ...) parameters of an almost grey square of ``size`` pixels a side."""
        return SPREAD * torch.randn(1, 3, size, size, generator=generator)

    def picture(self, parameters: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] of parameters (B, ...); differentiable."""
        return torch.sigmoid(parameters)


@dataclass(frozen=True)
class Fourier:
    """Spatial frequencies of equal energy, of colours that photographs vary independently.

    A frequency f is scaled by 1/f, as photographs are, so that a step of one size moves the coarse
    and the fine alike; colours are mixed by :data:`COLOUR_AXES`.
    """

    def start(self, size: int, generator: torch.Generator) -> Tensor:
        return SPREAD * torch.randn(1, 3, size, size // 2 + 1, 2, generator=generator)

    def picture(self, parameters: Tensor) -> Tensor:
        size = parameters.shape[2]
        down, right = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
        # In cycles per pixel; the mean, too, counts as one cycle across the picture.
        frequencies = torch.hypot(down[:, None], right[None, :]).clamp(min=1 / size)
        scale = 1 / frequencies.to(parameters.device)
        spectrum = torch.view_as_complex(parameters.contiguous()) * scale
        waves = torch.fft.irfft2(spectrum, s=(size, size), norm="ortho") / 4
        axes = torch.tensor(COLOUR_AXES, device=waves.device, dtype=waves.dtype)
        return torch.sigmoid(torch.einsum("ij,bjhw->bihw", axes, waves))


@dataclass(frozen=True)
class Transformations:
    """What a picture must survive: at every step it is shifted, scaled, turned and shifted again.

    The defaults are Distill's, who write the shifts as ranges of 16 and 8 pixels.  What lies
    outside of the picture is middle grey.

    Attributes:
        jitter: largest first shift along each axis, in pixels to either side.
        scales: one is drawn.
        degrees: largest whole angle to either side.
        last_jitter: largest last shift.
    """

    jitter: int = 8
    scales: tuple[float, ...] = (0.95, 0.975, 1.0, 1.025, 1.05)
    degrees: int = 5
    last_jitter: int = 4

    def drawn(self, size: int, generator: torch.Generator) -> Tensor:
        """(2, 3) random map from places in the seen picture to places in the picture.

        Places run from -1 to 1 across ``size`` pixels.
        """

        def within(limit: int, count: int) -> Tensor:
            return torch.randint(-limit, limit + 1, (count,), generator=generator)

        first = within(self.jitter, 2) * 2 / size
        scale = self.scales[int(torch.randint(len(self.scales), (), generator=generator))]
        angle = math.radians(int(within(self.degrees, 1)))
        last = within(self.last_jitter, 2) * 2 / size
        cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
        turn = torch.tensor([[cosine, -sine], [sine, cosine]])
        return torch.cat([turn, (turn @ last + first)[:, None]], dim=1)


def transformed(pictures: Tensor, places: Tensor) -> Tensor:
    """(B, 3, S, S) pictures looked at through ``places`` (2, 3), grey outside; differentiable."""
    each = places.to(pictures).expand(len(pictures), 2, 3)
    grid = F.affine_grid(each, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures - 0.5, grid, align_corners=False) + 0.5


@dataclass(frozen=True)
class Recipe:
    """How a picture is sought.

    Attributes:
        name: for labels.
        basis: in which the steps are taken.
        transformations: that are drawn anew at every step, if any.
    """

    name: str
    basis: Pixels | Fourier
    transformations: Transformations | None = None

    def description(self) -> dict[str, Any]:
        """What decides the picture, as plain values."""
        return {
            "basis": type(self.basis).__name__,
            "transformations": asdict(self.transformations) if self.transformations else None,
        }


PIXELS = Recipe("plain pixels", Pixels())
FOURIER = Recipe("Fourier basis", Fourier(), Transformations())


@dataclass(frozen=True, eq=False)
class Optimised:
    """A picture that was made to excite a channel.

    Attributes:
        mean: of the channel before rectification over the picture; what the search climbs.
        peak: its largest value.
    """

    channel: Channel
    picture: Picture
    mean: float
    peak: float


def optimised(
    engine: Engine,
    spec: NetworkSpec,
    channels: Sequence[Channel],
    recipe: Recipe,
    size: int = 128,
    steps: int = 512,
    seed: int = 0,
) -> list[Optimised]:
    """A picture for each channel, in their order; those of one layer are sought in one batch.

    Each picture follows the path that it would follow alone, from the same start and through the
    same transformations, both drawn from ``seed``.  They are kept in the engine's store.

    Args:
        size: side in pixels.
        steps: evaluations; Distill takes 2560, its program 512.

    Raises:
        LayerError: an unknown layer.
        IndexError: a layer has no such channel.
    """
    settings = {"recipe": recipe.description(), "size": size, "steps": steps, "seed": seed}
    store = ChannelStore(engine, spec, settings)
    found: dict[Channel, Optimised] = {}
    missing: dict[str, list[Channel]] = {}
    for channel in dict.fromkeys(channels):
        if kept := store.get(channel):
            found[channel] = Optimised(channel, Picture(kept.pixels, channel.label), **kept.record)
        else:
            missing.setdefault(channel.layer, []).append(channel)
    for batch in missing.values():
        drawn = _climbed(engine, spec, batch, recipe, size, steps, seed)
        pictures = [to_picture(each, channel.label) for each, channel in zip(drawn, batch)]
        maps = _maps(engine, spec, torch.cat([to_tensor(each) for each in pictures]), batch)
        for channel, picture, values in zip(batch, pictures, maps):
            measured = {"mean": float(values.mean()), "peak": float(values.max())}
            found[channel] = Optimised(channel, picture, **measured)
            store.put(channel, picture.pixels, measured)
    return [found[channel] for channel in channels]


def _climbed(
    engine: Engine,
    spec: NetworkSpec,
    channels: Sequence[Channel],
    recipe: Recipe,
    size: int,
    steps: int,
    seed: int,
) -> Tensor:
    """(B, 3, S, S), the pictures of one layer's channels after the last step."""
    network, basis = engine.networks.network(spec), recipe.basis
    generator = torch.Generator().manual_seed(seed)
    start = basis.start(size, generator).to(network.device)
    adam = Adam(torch.cat([start] * len(channels)), LEARNING_RATE, clamp=False)
    objective = excitement(channels)
    with arithmetic(engine.exact):
        for _ in range(steps):
            parameters = adam.pixels.detach().requires_grad_(True)
            with torch.enable_grad():
                seen = basis.picture(parameters)
                if recipe.transformations:
                    seen = transformed(seen, recipe.transformations.drawn(size, generator))
            evaluation = evaluate(objective, network, seen)
            (gradient,) = torch.autograd.grad(seen, parameters, evaluation.gradient)
            adam.tell(evaluation.total, gradient)
        with torch.no_grad():
            return basis.picture(adam.pixels)


def excitement(channels: Sequence[Channel]) -> Objective:
    """Minus the mean of the b-th channel over the b-th picture; all channels are of one layer."""
    layer = channels[0].layer

    def loss(maps: Mapping[str, FeatureMap], pixels: Tensor) -> Tensor:
        return -_own(maps[layer], channels).mean(dim=(1, 2))

    return Objective((Term(f"channel/{layer}", (layer,), loss),))


def robustness(engine: Engine, spec: NetworkSpec, found: Sequence[Optimised]) -> list[float]:
    """How much of each picture's activation is left when it is shifted by up to 8 pixels.

    The mean of the channel over the shifted picture, grey where nothing is left of it, over that
    of the picture in its place, averaged over :data:`SHIFTS` shifts, the same for all pictures,
    which have one size.  About 1 for pictures that do not mind; NaN for one that does not excite
    its channel.
    """
    jitter = Transformations(jitter=8, scales=(1.0,), degrees=0, last_jitter=0)
    size, generator = found[0].picture.size[0], torch.Generator().manual_seed(0)
    places = [jitter.drawn(size, generator) for _ in range(SHIFTS)]
    ratios = [math.nan] * len(found)
    for layer in {each.channel.layer for each in found}:
        members = [index for index, each in enumerate(found) if each.channel.layer == layer]
        channels = [found[index].channel for index in members]
        pictures = torch.cat([to_tensor(found[index].picture) for index in members])
        shifted = torch.zeros(len(members))
        for place in places:
            moved = transformed(pictures, place)
            shifted += _maps(engine, spec, moved, channels).mean(dim=(1, 2)) / SHIFTS
        for index, after in zip(members, shifted.tolist()):
            if found[index].mean > 0:
                ratios[index] = after / found[index].mean
    return ratios


def _maps(
    engine: Engine, spec: NetworkSpec, pictures: Tensor, channels: Sequence[Channel]
) -> Tensor:
    """(B, H, W) float32 on the CPU, of pictures (B, 3, S, S); all channels are of one layer."""
    network, layer = engine.networks.network(spec), channels[0].layer
    with torch.no_grad(), arithmetic(engine.exact):
        return _own(network(pictures.to(network.device), [layer])[layer], channels).cpu()


def _own(features: FeatureMap, channels: Sequence[Channel]) -> Tensor:
    """(B, H, W), the b-th channel of the b-th picture."""
    wide = features.wide()
    for channel in channels:
        if not 0 <= channel.index < wide.shape[1]:
            raise IndexError(f"{channel.layer} has {wide.shape[1]} channels, not {channel.index}.")
    return wide[torch.arange(len(wide)), [channel.index for channel in channels]]
