"""The size of the structures that a picture shares with a painting, on the painting's own ruler.

Cut a painting into squares and let them change places: it is the less like what it was, the smaller
the squares.  So a picture's distance from the painting can be read as a length: the side of the
squares into which the painting would have to be cut to be as unlike itself.  Places must not count
in that distance.  There are two:

* Of patches: 8 x 8 pixels of grey, less their mean and in units of their own contrast, compared at
  several sizes of both pictures by the sliced Wasserstein distance.  No network has a say in it,
  and a pale picture has structures as large as a strong one.  That works for pictures with strokes
  all over; where much is smooth, the seams of small squares are more than what they cut, and
  the ruler says so.
* Of Gram matrices at a deep layer.  A picture that matches one layer alone is left free in what the
  others see, and its pixels are unlike the painting's at every size; only a layer that it did not
  match can say whether what is large came along.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color

from ..engine.reader import Reader
from ..images import Picture
from ..networks.spec import NetworkSpec
from .metrics import sliced_wasserstein

Clouds = list[NDArray[np.float64]]

Apart = Callable[[Picture], NDArray[np.float64]]
"""A picture's distances from the painting, one for each size at which both can be compared."""

SIDE = 8
"""Of a patch in pixels."""

MOST = 3000
"""About how many patches at most are compared at each size, spread evenly over the picture."""

FAINT = 0.1
"""Share of the picture's contrast below which a patch's structure fades: else the rounding of flat
parts would count as much as strokes. Of .02, .05, .1 and 1 it reads squares of ten artworks best, a
quarter of an octave off on average."""

SHUFFLES = 4
"""Times that the squares change places; the ruler is their mean."""

PROJECTIONS = 32

CHANCE = 0.02
"""By how much, of the distance of pixels in disorder, the ruler may rise by chance."""


@dataclass(frozen=True)
class Ruler:
    """Reads distances from a painting as sides of squares.

    Attributes:
        apart: how far a picture is from the painting.
        sides: 1, 2, 4, ... pixels, up to a third of the shorter side.
        distances: (sides, sizes), of the painting in squares of these sides.
    """

    apart: Apart
    sides: list[int]
    distances: NDArray[np.float64]

    @classmethod
    def of(cls, painting: Picture, apart: Apart) -> Ruler:
        most = min(painting.size) // 3
        sides = [2**power for power in range(most.bit_length()) if 2**power <= most]
        found = [
            [apart(shuffled_pieces(painting, side, seed)) for side in sides]
            for seed in range(SHUFFLES)
        ]
        return cls(apart, sides, np.mean(found, axis=0))

    def side(self, picture: Picture) -> float:
        """Side in pixels of the squares that the picture is as unlike the painting as.

        1 for a picture without any of its structure, the largest of ``sides`` for one that is as
        like the painting as the ruler can tell; NaN where squares of one side are farther from the
        painting than smaller ones, so that the distance could be either's.  Both are compared at as
        many sizes as the smaller one has.
        """
        distances = self.apart(picture)
        both = self.distances[:, : len(distances)]
        if not both.size:
            return math.nan
        # The painting's pixels in disorder are at 1.
        ruler = (both / both[0]).mean(axis=1)
        distance = (distances / both[0]).mean()
        rises = np.flatnonzero(np.diff(ruler) > CHANCE)
        if rises.size and distance >= ruler[: rises[-1] + 1].min():
            return math.nan
        ruler = np.minimum.accumulate(ruler)
        return float(2 ** np.interp(-distance, -ruler, np.log2(self.sides)))


def patches_apart(painting: Picture) -> Apart:
    """Sliced Wasserstein distances of patches at a picture's own size, a half, a quarter, ...

    As many numbers as the smaller picture has sizes of 24 pixels or more, in units of a patch's
    contrast; see :func:`replicate.measure.metrics.sliced_wasserstein`.
    """
    theirs = _clouds(painting)

    def apart(picture: Picture) -> NDArray[np.float64]:
        pairs = zip(theirs, _clouds(picture))
        return np.array([sliced_wasserstein(one, other, PROJECTIONS) for one, other in pairs])

    return apart


def statistics_apart(painting: Picture, reader: Reader, layer: str, spec: NetworkSpec) -> Apart:
    """One less the cosine of two Gram matrices at a layer, each (N, N) read as a vector.

    One number, from 0 (alike up to a factor: how strong the maps are is no matter) to 1. Source:
    Gram matrices as of Gatys et al. 2015; their cosine is ours.
    """

    def gram(picture: Picture) -> NDArray[np.float64]:
        found = reader.grams(picture, [layer], spec)[layer].double().numpy().ravel()
        return found / (np.linalg.norm(found) or 1.0)

    theirs = gram(painting)
    return lambda picture: np.array([1 - theirs @ gram(picture)])


def _clouds(picture: Picture) -> Clouds:
    """Patches at the picture's own size, a half, a quarter, ..., (M, 64) each."""
    grey = color.rgb2gray(picture.pixels)
    faint = FAINT * grey.std() or 1.0  # a flat picture has no structure at all
    found = []
    while min(grey.shape) >= 3 * SIDE:
        windows = np.lib.stride_tricks.sliding_window_view(grey, (SIDE, SIDE))
        step = math.ceil((windows.shape[0] * windows.shape[1] / MOST) ** 0.5)
        patches = windows[::step, ::step].reshape(-1, SIDE * SIDE)
        patches = patches - patches.mean(axis=1, keepdims=True)
        contrast = patches.std(axis=1, keepdims=True)
        found.append((patches / (contrast + faint)).astype(np.float32))
        grey = ndimage.gaussian_filter(grey, 1)[::2, ::2]
    return found


def shuffled_pieces(picture: Picture, side: int, seed: int = 0) -> Picture:
    """The picture cut into squares of ``side`` pixels, which change places at random.

    What is over at the right and at the bottom of whole squares is cut off.

    Raises:
        ValueError: no whole square fits.
    """
    width, height = picture.size
    if not 1 <= side <= min(width, height):
        raise ValueError(f"No square of {side} pixels fits into {width} × {height}.")
    columns, rows = width // side, height // side
    cut = picture.pixels[: rows * side, : columns * side]
    pieces = cut.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    order = np.random.default_rng(seed).permutation(rows * columns)
    pieces = pieces.reshape(rows * columns, side, side, 3)[order]
    mixed = pieces.reshape(rows, columns, side, side, 3).swapaxes(1, 2)
    return Picture.from_array(mixed.reshape(cut.shape), picture.name, picture.credit)


def squared(picture: Picture) -> tuple[Picture, list[int]]:
    """The middle of the picture that whole squares fill, and sides 1, 2, 4, ... of such squares.

    At least four of the largest squares fit into either side; all sides divide the picture's, so
    that :func:`shuffled_pieces` cuts nothing off.
    """
    largest = max(1, min(picture.size) // 4)
    sides = [2**power for power in range(largest.bit_length())]
    width, height = (length // sides[-1] * sides[-1] for length in picture.size)
    left, top = (picture.size[0] - width) // 2, (picture.size[1] - height) // 2
    pixels = picture.pixels[top : top + height, left : left + width].copy()
    return Picture(pixels, picture.name, picture.credit), sides
