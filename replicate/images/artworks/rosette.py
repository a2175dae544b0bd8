"""Rosette: a cup of coffee from above, with a leaf poured in milk."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .noise import fractal_noise, grid, smoothstep, value_noise
from .paint import colours, gradient, mix, relief

Array = np.ndarray

_COFFEE = colours("2e1408", "5a2c12", "8a4a1e", "b97a3c")
_MILK = colours("e9d2a8", "fbf1dc")
_PORCELAIN = colours("8f8a86", "d8d4cf", "f6f4f0", "ffffff")
_TABLE = colours("2c1a10", "4a2d1a", "6d4527", "8a5c36")
_CUP = (0.5, 0.5)
_COFFEE_RADIUS, _CUP_RADIUS, _SAUCER_RADIUS = 0.318, 0.350, 0.470


def draw_rosette(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: cream on brown, white porcelain, a wooden table."""
    x, y = grid(size)
    dx, dy = x - _CUP[0], y - _CUP[1]
    radius = np.hypot(dx, dy)
    pixels = _table(size, rng)
    pixels = (
        pixels
        * (1 - 0.6 * smoothstep(0.06, -0.02, np.hypot(dx - 0.02, dy - 0.025) - 0.46))[..., None]
    )
    pixels = _lay(pixels, _saucer(dx, dy, radius), radius, _SAUCER_RADIUS)
    pixels = _lay(pixels, _rim(dx, dy, radius), radius, _CUP_RADIUS)
    pixels = _lay(pixels, _drink(dx, dy, radius, size, rng), radius, _COFFEE_RADIUS)
    grain = ndimage.gaussian_filter(rng.standard_normal((size, size)), 0.7)
    return relief(pixels, 0.02 * grain, strength=1.0)


def _lay(below: Array, above: Array, radius: Array, reach: float) -> Array:
    return mix(below, above, np.clip((reach - radius) * len(below) + 0.5, 0, 1))


def _table(size: int, rng: np.random.Generator) -> Array:
    """Planks with grain along x."""
    _, y = grid(size)
    rings = value_noise(size, 1.5, 12, rng) + 0.2 * value_noise(size, 6, 60, rng)
    grain = 0.5 + 0.3 * np.sin(7 * rings) + 0.12 * value_noise(size, 10, 400, rng)
    seam = smoothstep(0.006, 0.0, np.abs((4 * y + 0.3) % 1 - 0.5) / 4)
    return gradient(_TABLE, grain * (1 - 0.8 * seam))


def _saucer(dx: Array, dy: Array, radius: Array) -> Array:
    slope = (dx + dy) / (radius + 1e-6)
    well = np.exp(-(((radius - 0.40) / 0.02) ** 2)) - np.exp(-(((radius - 0.455) / 0.012) ** 2))
    shadow = smoothstep(0.06, -0.01, np.hypot(dx - 0.025, dy - 0.03) - _CUP_RADIUS)
    return gradient(_PORCELAIN, 0.74 - 0.13 * slope * well - 0.45 * shadow)


def _rim(dx: Array, dy: Array, radius: Array) -> Array:
    """The cup's rounded edge, lit from the upper left."""
    slope = (dx + dy) / (radius + 1e-6)
    across = (radius - _COFFEE_RADIUS) / (_CUP_RADIUS - _COFFEE_RADIUS)
    return gradient(_PORCELAIN, 0.80 - 0.22 * slope * (2 * across - 1))


def _drink(dx: Array, dy: Array, radius: Array, size: int, rng: np.random.Generator) -> Array:
    marble = fractal_noise(size, 10, rng, octaves=5)
    crema = gradient(_COFFEE, 0.60 + 0.10 * marble - 0.5 * smoothstep(0.20, 0.33, radius))
    milk = gradient(_MILK, 0.7 + 0.25 * marble)
    drink = mix(crema, milk, _leaf(dx, dy, marble))
    froth = rng.random((size, size)) > 0.9985
    bubbles = ndimage.gaussian_filter(froth.astype(float), 0.0012 * size)
    bubbles /= bubbles.max() + 1e-9
    drink = mix(drink, _COFFEE[1], 0.5 * bubbles)
    shade = smoothstep(0.05, -0.01, _COFFEE_RADIUS - np.hypot(dx + 0.012, dy + 0.015))
    return drink * (1 - 0.45 * shade)[..., None]


def _leaf(dx: Array, dy: Array, marble: Array) -> Array:
    """(size, size) share of milk: nested leaflets on a stem, a heart at the head."""
    u = np.abs(dx + 0.008 * np.sin(14 * dy)) / 0.27
    v = dy / 0.27 + 0.012 * marble
    envelope = 0.88 * np.sqrt(np.clip(1 - ((v - 0.08) / 0.98) ** 2, 0, 1)) * (0.86 + 0.22 * v)
    # The jug is drawn through at the end and drags every leaflet along the stem.
    drag = 0.55 * np.exp(-u / 0.13)
    phase = 6.2 * (v + 0.85 * u**1.25 - drag) + 0.06 * marble
    # Leaflets end in rounded tips, so the rim of the leaf is scalloped.
    scallop = 0.07 * np.abs(np.sin(np.pi * (phase + 0.15)))
    inside = smoothstep(0.0, 0.04, envelope - 0.07 + scallop - u)
    layers = smoothstep(0.20, 0.27, np.abs((phase % 1) - 0.5) + 0.05 * u)
    stem = smoothstep(0.020, 0.008, u) * smoothstep(-0.62, -0.45, v)
    lobe = np.hypot(u - 0.15, v + 0.76) - 0.19
    point = np.maximum(u * 0.78 + (v + 0.36) * 0.62, -(v + 0.80))
    heart = smoothstep(0.02, -0.01, np.minimum(lobe, point))
    ditch = smoothstep(0.06, 0.03, np.minimum(lobe, point))  # keeps the heart off the leaflets
    inside = inside * (1 - ditch)
    return np.clip(np.maximum(inside * layers, heart) * (1 - 0.8 * stem), 0, 1)
