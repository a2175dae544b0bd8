"""The ruler of structures, on pictures whose structures have a known size."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from replicate.images import Picture, artworks, bundled
from replicate.measure.analysis import shuffled_pieces
from replicate.measure.scale import Ruler


@cache
def measured(name: str) -> tuple[Picture, Ruler]:
    painting = Picture.from_array(artworks.draw(name, 160))
    return painting, Ruler.of(painting)


@pytest.mark.parametrize("name", ["facets", "mosaic"])
@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_squares_of_a_painting_are_as_large_as_they_are(name: str, side: int) -> None:
    painting, ruler = measured(name)
    other = shuffled_pieces(painting, side, seed=7)
    assert ruler.side(other) == pytest.approx(side, rel=0.25)


def test_the_ends_of_the_ruler() -> None:
    painting, ruler = measured("mosaic")
    noise = Picture(np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8))
    assert ruler.side(noise) < 2
    assert ruler.side(painting) == ruler.sides[-1] == 32


def test_colour_and_brightness_do_not_count() -> None:
    painting, ruler = measured("mosaic")
    other = shuffled_pieces(painting, 8)
    shifted = Picture(np.clip(other.pixels.astype(int) + 12, 0, 255).astype(np.uint8))
    assert ruler.side(shifted) == pytest.approx(ruler.side(other), rel=0.15)


def test_a_smooth_picture_makes_no_ruler() -> None:
    coffee = bundled("coffee").resized(192, 144)
    assert math.isnan(Ruler.of(coffee).side(coffee))
