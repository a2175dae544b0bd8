"""Points: a bay at evening in dots of pure pigments, which mix only in the eye."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .noise import fractal_noise, grid, sample, smoothstep
from .paint import colours, gradient, mix, relief

Array = np.ndarray

_GROUND = colours("e9dcc0")[0]
_SKY = colours("3f6fb5", "6f9ed0", "a9c6d8", "e6d8b8", "f7cf8a", "f3a765")
_SUN, _GLOW = colours("fff3c0", "f8b54e")
_FAR = colours("5b6fae", "8d86b8", "b79ab5")
_SEA = colours("e8b07a", "8fb3cc", "4f86bb", "2f5c9d", "243f7d")
_SHORE = colours("f0c66a", "cfae4c", "8aa545", "4f8a4a", "2c5f48")
_TREE = colours("123a3a", "1d5a45", "3f8148", "86a547", "d6b650")
_SAIL = colours("fdf1d8", "f2a58a", "7a4a7c")
# What lies in the box: no earths, no black.
_PIGMENTS = colours(
    "1b2a7a", "2c57b8", "4f95d6", "a8d3ea", "6a3d9a", "b58acb", "c2255c", "ef6a8a",
    "d7371f", "f2762e", "f9ab3c", "fbd84f", "fff2b3", "c7d64a", "63b04a", "1f8050",
    "0f5a5a", "3fb0a0", "f6e7d6", "f7c7a8",
)  # fmt: skip
_SUN_AT = np.array([0.66, 0.335])
_HORIZON = 0.475
# Dots: distance, width, and the share that is the complement of what is seen.
_LAYERS = ((0.019, 0.017, 0.04), (0.014, 0.0125, 0.10), (0.0115, 0.0088, 0.18))


def draw_points(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: dots over dots on a warm ground, the last ones smallest."""
    fine = 2 * size
    scene = _scene(512, rng)  # what is seen; its size decides nothing but how smooth it is
    image = Image.new("RGB", (fine, fine), tuple((255 * _GROUND).astype(int).tolist()))
    height = Image.new("L", (fine, fine), 40)
    for pitch, width, stray in _LAYERS:
        places = _places(pitch, rng)
        _dab(image, height, places, _chosen(sample(scene, places), stray, rng), width, rng)
    small = image.resize((size, size), Image.Resampling.BOX)
    paint = np.asarray(height.resize((size, size), Image.Resampling.BOX)) / 255
    return relief(np.asarray(small) / 255, paint, strength=0.55)


def _scene(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: the bay as smooth colour."""
    x, y = grid(size)
    cloud = fractal_noise(size, 3, rng, octaves=4, stretch=3)
    sky = gradient(_SKY, y / _HORIZON + 0.07 * cloud)
    away = np.hypot(x - _SUN_AT[0], y - _SUN_AT[1])
    sky = mix(sky, _GLOW, 0.75 * np.exp(-((away / 0.17) ** 2)))
    pixels = mix(sky, _SUN, smoothstep(0.052, 0.046, away))
    ridge = _HORIZON - 0.055 - 0.04 * np.sin(5 * x + 0.6) - 0.02 * np.sin(13 * x)
    ridge += 0.10 * smoothstep(0.25, 0.75, x)
    pixels = mix(pixels, gradient(_FAR, (y - ridge) / 0.10), smoothstep(0, 0.004, y - ridge))
    pixels = mix(pixels, _sea(x, y, size, rng), smoothstep(0, 0.003, y - _HORIZON))
    for place, scale in (((0.40, 0.545), 1.0), ((0.545, 0.502), 0.5), ((0.22, 0.492), 0.38)):
        pixels = _boat(pixels, x, y, np.array(place), 0.17 * scale)
    bank = 0.80 - 0.16 * smoothstep(0.62, 0.0, x) + 0.012 * np.sin(19 * x) + 0.05 * x
    grass = fractal_noise(size, 6, rng, octaves=4, stretch=2)
    meadow = gradient(_SHORE, (y - bank) / 0.22 + 0.16 * grass + 0.25 * smoothstep(0.5, 0.0, x))
    pixels = mix(pixels, meadow, smoothstep(0, 0.006, y - bank))
    for foot, tall, wide in (
        ((0.10, 0.80), 0.66, 0.105),
        ((0.235, 0.79), 0.44, 0.07),
        ((0.91, 0.93), 0.52, 0.10),
    ):
        pixels = _poplar(pixels, x, y, foot, tall, wide, rng)
    return pixels


def _sea(x: Array, y: Array, size: int, rng: np.random.Generator) -> Array:
    ripple = fractal_noise(size, 9, rng, octaves=4, stretch=7)
    sea = gradient(_SEA, (y - _HORIZON) / 0.40 + 0.10 * ripple)
    reach = 0.028 + 0.16 * np.clip(y - _HORIZON, 0, 1)
    path = np.exp(-(((x - _SUN_AT[0] + 0.02 * ripple) / reach) ** 2))
    return mix(sea, _SKY[4], 0.85 * path * (0.55 + 0.45 * np.tanh(1.5 * ripple)))


def _boat(pixels: Array, x: Array, y: Array, foot: Array, tall: float) -> Array:
    """A hull and two sails, and what the water gives back of them."""
    u, v = (x - foot[0]) / tall, (foot[1] - y) / tall
    lean = u - 0.06 * v
    main = np.minimum(np.minimum(v - 0.08, 0.40 * (1 - v) - lean), lean + 0.01)
    jib = np.minimum(np.minimum(v - 0.10, lean + 0.30 * (0.92 - v)), -0.03 - lean)
    hull = np.minimum(np.minimum(0.05 - v, v + 0.06), 0.42 - 0.9 * (0.05 - v) - np.abs(u - 0.03))
    mirror = np.minimum(np.minimum(-0.06 - v, v + 0.75), 0.26 * (1 + 1.3 * v) - np.abs(u))
    for shape, colour, cover in (
        (mirror, _SAIL[0], 0.4),
        (main, _SAIL[0], 1),
        (jib, _SAIL[1], 1),
        (hull, _SAIL[2], 1),
    ):
        pixels = mix(pixels, colour, cover * smoothstep(-0.008, 0.008, shape))
    return pixels


def _poplar(
    pixels: Array, x: Array, y: Array, foot: tuple[float, float], tall: float, wide: float,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """A flame of leaves, lit on the side of the sun, and its shadow on the ground."""
    along = (foot[1] - y) / tall
    ragged = fractal_noise(len(x), 26, rng, octaves=3)
    half = wide * np.clip(along + 0.02, 0, 1) ** 0.45 * np.clip(1 - along, 0, 1) ** 0.75
    across = (x - foot[0]) / (half + 1e-4)
    inside = smoothstep(1.15, 0.85, np.abs(across) + 0.16 * ragged) * (along > -0.02)
    light = 0.42 + 0.36 * across * np.sign(_SUN_AT[0] - foot[0]) + 0.16 * ragged
    shadow = np.exp(-(((y - foot[1]) / 0.014) ** 2 + ((x - foot[0]) / (1.3 * wide)) ** 2))
    return mix(mix(pixels, _TREE[0], 0.7 * shadow), gradient(_TREE, light), inside)


def _places(pitch: float, rng: np.random.Generator) -> Array:
    """(n, 2) places of dots, row by row and jittered, in an order by chance."""
    steps = np.arange(-0.01, 1.01, pitch)
    x, y = np.meshgrid(steps, steps)
    places = np.stack([x + 0.5 * pitch * (np.arange(len(x)) % 2)[:, None], y], axis=-1)
    places = places.reshape(-1, 2) + rng.normal(0, 0.22 * pitch, (x.size, 2))
    return places[rng.permutation(len(places))]


def _chosen(seen: Array, stray: float, rng: np.random.Generator) -> Array:
    """(n, 3) a pigment for each dot: near what is seen, now and then its complement."""
    wanted = seen + rng.normal(0, 0.12, seen.shape)
    opposed = rng.random(len(seen)) < stray
    wanted[opposed] = seen[opposed].mean(1, keepdims=True) * 1.6 - 0.6 * seen[opposed]
    nearest = ((wanted[:, None] - _PIGMENTS) ** 2).sum(-1).argmin(1)
    return np.clip(0.72 * _PIGMENTS[nearest] + 0.28 * seen + rng.normal(0, 0.015, seen.shape), 0, 1)


def _dab(
    image: Image.Image, height: Image.Image, places: Array, tones: Array, width: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Touch the canvas once at each place."""
    brush, load = ImageDraw.Draw(image), ImageDraw.Draw(height)
    radii = 0.5 * width * rng.uniform(0.75, 1.2, (len(places), 2))
    loads = rng.integers(90, 220, len(places))
    low, high = (places - radii) * image.width, (places + radii) * image.width
    fills = np.rint(255 * tones).astype(int)
    for start, stop, fill, thick in zip(low, high, fills, loads):
        box = [*start, *stop]
        brush.ellipse(box, fill=tuple(fill.tolist()))
        load.ellipse(box, fill=int(thick))
