"""A judge of style that no loss has seen: how the patches of two pictures are distributed.

A picture is a cloud of points, one for each of its patches, and two clouds are compared by the
sliced Wasserstein distance, whatever the places of the patches.  A patch is what VGG-16 says of it
in two layers where that network is here and did not draw; elsewhere it is the patch's own pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..engine.engine import Engine
from ..engine.job import Result
from ..images import Picture
from ..networks.spec import NetworkSpec
from .metrics import sliced_wasserstein

VGG16 = NetworkSpec(name="vgg16-caffe")
LAYERS = ("relu3_3", "relu4_3")
SIDE = 7
"""Of a patch of pixels; also taken from the picture at half and at a quarter of its size."""

MOST = 16_384
"""About how many patches of pixels at most are compared, spread evenly over the picture."""

PROJECTIONS = 64

Clouds = list[np.ndarray]
"""(M, d) arrays, one for each layer or size."""


@dataclass
class Judge:
    """Says how far a picture is from a style.

    Attributes:
        name: what is compared, for captions.
        clouds: a picture's patches.
    """

    name: str
    clouds: Callable[[Picture], Clouds]
    _known: dict[str, Clouds] = field(default_factory=dict)

    def left(self, result: Result) -> float:
        """Distance of the result to its style over that of its photograph: 0 is equal, 1 no nearer.

        Mean over the clouds of these quotients.
        """
        job = result.job
        drawn, photograph, style = (
            self._seen(picture)
            for picture in (result.picture, job.content_on_canvas, job.style_on_canvas)
        )
        quotients = [
            sliced_wasserstein(ours, theirs, PROJECTIONS)
            / sliced_wasserstein(before, theirs, PROJECTIONS)
            for ours, before, theirs in zip(drawn, photograph, style)
        ]
        return float(np.mean(quotients))

    def _seen(self, picture: Picture) -> Clouds:
        if picture.sha256 not in self._known:
            self._known[picture.sha256] = self.clouds(picture)
        return self._known[picture.sha256]


def style_judge(engine: Engine, drawing: NetworkSpec) -> Judge:
    """The judge of what ``drawing`` draws."""
    resolve = engine.networks.resolve
    if resolve(VGG16) != VGG16 or resolve(drawing).architecture == VGG16.architecture:
        return Judge("patches of pixels at three sizes", patches)

    def features(picture: Picture) -> Clouds:
        maps = engine.reader.features(picture, LAYERS, VGG16)
        return [maps[layer].wide()[0].flatten(1).T.cpu().numpy() for layer in LAYERS]

    return Judge(f"{' and '.join(LAYERS)} of VGG-16, which drew nothing", features)


def patches(picture: Picture) -> Clouds:
    """Patches of 7 x 7 RGB pixels in [0, 1] at three sizes, each (M, 147)."""
    width, height = picture.size
    sizes = [(width // factor, height // factor) for factor in (1, 2, 4)]
    return [_patches(picture.resized(*size)) for size in sizes if min(size) > SIDE]


def _patches(picture: Picture) -> np.ndarray:
    windows = sliding_window_view(picture.pixels, (SIDE, SIDE), axis=(0, 1))
    step = math.ceil((windows.shape[0] * windows.shape[1] / MOST) ** 0.5)
    chosen = windows[::step, ::step]
    return chosen.reshape(-1, 3 * SIDE * SIDE).astype(np.float32) / 255
