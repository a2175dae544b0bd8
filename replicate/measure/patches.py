"""Style as no loss has seen it: how the patches of two pictures are distributed.

A picture is a cloud of points, one for each of its patches, and two clouds are compared by the
sliced Wasserstein distance, whatever the places of the patches.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..images import Picture
from .metrics import sliced_wasserstein

SIDE = 7
"""Of a patch in pixels; also taken from the picture at half and at a quarter of its size."""

MOST = 16_384
"""About how many patches at most are compared, spread evenly over the picture."""

PROJECTIONS = 64


def style_left(drawn: Picture, photograph: Picture, style: Picture) -> float:
    """Distance of a picture to a style over that of its photograph: 0 is equal, 1 no nearer.

    Without unit: the mean of these quotients over the sizes of the patches. Sizes of pictures may
    differ. Source: ours, by the sliced Wasserstein distance (Rabin et al. 2011).

    Raises:
        ZeroDivisionError: the photograph is the style.
    """
    quotients = [
        sliced_wasserstein(ours, theirs, PROJECTIONS)
        / sliced_wasserstein(before, theirs, PROJECTIONS)
        for ours, before, theirs in zip(patches(drawn), patches(photograph), patches(style))
    ]
    return float(np.mean(quotients))


def patches(picture: Picture) -> list[np.ndarray]:
    """Patches of 7 x 7 RGB pixels in [0, 1] at three sizes, each (M, 147)."""
    width, height = picture.size
    sizes = [(width // factor, height // factor) for factor in (1, 2, 4)]
    return [_patches(picture.resized(*size)) for size in sizes if min(size) > SIDE]


def _patches(picture: Picture) -> np.ndarray:
    windows = sliding_window_view(picture.pixels, (SIDE, SIDE), axis=(0, 1))
    step = math.ceil((windows.shape[0] * windows.shape[1] / MOST) ** 0.5)
    chosen = windows[::step, ::step]
    return chosen.reshape(-1, 3 * SIDE * SIDE).astype(np.float32) / 255
