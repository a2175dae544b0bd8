"""The ruler of structures, on pictures whose structures have a known size."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from replicate.engine.engine import Engine
from replicate.images import Picture, artworks, bundled
from replicate.measure.scale import Ruler, patches_apart, shuffled_pieces, squared, statistics_apart
from replicate.networks.spec import NetworkSpec


@cache
def measured(name: str) -> tuple[Picture, Ruler]:
    painting = Picture.from_array(artworks.draw(name, 256))
    return painting, Ruler.of(painting, patches_apart(painting))


@pytest.mark.parametrize("name", ["facets", "wave", "wash", "hatching"])
@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_squares_of_a_painting_are_as_large_as_they_are(name, side):
    painting, ruler = measured(name)
    other = shuffled_pieces(painting, side, seed=7)
    assert ruler.side(other) == pytest.approx(side, rel=0.3)


def test_the_ends_of_the_ruler():
    painting, ruler = measured("mosaic")
    noise = Picture(np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8))
    assert ruler.side(noise) < 2
    assert ruler.side(painting) == ruler.sides[-1] == 64


@pytest.mark.parametrize(("contrast", "shift"), [(0.4, 0), (1, 12), (0.7, -20)])
def test_contrast_and_brightness_do_not_count(contrast, shift):
    painting, ruler = measured("mosaic")
    other = shuffled_pieces(painting, 8)
    changed = np.clip(128 + contrast * (other.pixels.astype(float) - 128) + shift, 0, 255)
    found = ruler.side(Picture(np.rint(changed).astype(np.uint8)))
    assert found == pytest.approx(ruler.side(other), rel=0.15)


@pytest.mark.parametrize("side", [8, 32])
def test_fine_noise_hides_structures_from_patches_but_not_from_a_deep_layer(side):
    """What a picture drawn from one deep layer is like: large structures, free fine detail."""
    painting, patches = measured("mosaic")
    reader = Engine(device="cpu", network="vgg19-compact", precision="float32").reader
    deep = Ruler.of(painting, statistics_apart(painting, reader, "relu5_3", NetworkSpec()))
    other = shuffled_pieces(painting, side, seed=7)
    assert deep.side(other) == pytest.approx(side, rel=0.3)
    noise = np.random.default_rng(0).normal(0, 25, other.pixels.shape)
    noisy = Picture(np.clip(other.pixels + noise, 0, 255).astype(np.uint8))
    assert deep.side(noisy) > 0.75 * deep.side(other)
    if side == 32:
        assert patches.side(noisy) < 0.65 * patches.side(other)


def test_a_smooth_picture_cannot_tell_small_squares_apart():
    coffee = bundled("coffee").resized(192, 144)
    ruler = Ruler.of(coffee, patches_apart(coffee))
    assert math.isnan(ruler.side(shuffled_pieces(coffee, 4, seed=7)))
    assert ruler.side(shuffled_pieces(coffee, 32, seed=7)) == pytest.approx(32, rel=0.3)


def test_pictures_of_another_size_are_read_on_the_same_ruler():
    """Also where the smaller one has fewer sizes than the painting: 160 has three, 90 two."""
    painting, ruler = measured("mosaic")
    for side in (4, 8):
        other = shuffled_pieces(painting, side, seed=7)
        low = Picture(other.pixels[:90].copy())
        assert ruler.side(low) == pytest.approx(side, rel=0.3)
    low = Picture(painting.pixels[:90].copy())
    tall = Ruler.of(low, patches_apart(low))
    sizes = [tall.side(shuffled_pieces(painting, side, seed=7)) for side in (2, 4, 8)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    assert math.isnan(ruler.side(Picture(painting.pixels[:20].copy())))


def test_shuffled_pieces_are_the_same_pieces(scene):
    picture = scene(35, 24)
    mixed = shuffled_pieces(picture, 8)
    assert mixed.size == (32, 24)

    def pieces(pixels: np.ndarray) -> list[bytes]:
        return sorted(
            pixels[top : top + 8, left : left + 8].tobytes()
            for top in range(0, 24, 8)
            for left in range(0, 32, 8)
        )

    assert pieces(mixed.pixels) == pieces(picture.pixels)
    assert not np.array_equal(mixed.pixels, picture.pixels[:, :32])


def test_whole_squares_fill_the_middle_of_the_picture():
    pixels = np.arange(45 * 70 * 3, dtype=np.uint64).reshape(45, 70, 3).astype(np.uint8)
    cut, sides = squared(Picture(pixels))
    assert sides == [1, 2, 4, 8]
    assert cut.size == (64, 40)
    assert np.array_equal(cut.pixels, pixels[2:42, 3:67])
    assert all(shuffled_pieces(cut, side).size == cut.size for side in sides)


@pytest.mark.parametrize("side", [0, 25])
def test_pieces_that_do_not_fit(side, scene):
    with pytest.raises(ValueError, match=f"square of {side}"):
        shuffled_pieces(scene(32, 24), side)
