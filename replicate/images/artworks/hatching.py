"""Hatching: a moonlit lake among mountains, engraved in lines that swell with the shade."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .noise import fractal_noise, grid, smoothstep, value_noise
from .paint import colours, mix

Array = np.ndarray
Rng = np.random.Generator
Values = Array | float

_PAPER, _SHADE, _INK = colours("f3ead4", "dcc9a0", "17140f")
_MOON = (0.63, 0.215, 0.085)
_SHORE = 0.60
_CLOUDS = ((0.04, 0.40, 0.165, 8), (0.60, 0.97, 0.315, 9))  # left, right, foot, puffs
_MOUNTAINS = (  # summit and half the width of the foot, from the farthest to the nearest
    (0.93, 0.34, 0.34), (0.12, 0.31, 0.36), (0.47, 0.40, 0.22), (0.76, 0.44, 0.20),
    (0.29, 0.43, 0.24), (0.03, 0.47, 0.22), (1.00, 0.50, 0.22), (0.60, 0.52, 0.17),
)  # fmt: skip
_PINES = (  # foot, height and half the width
    (0.055, 0.965, 0.52, 0.095), (0.175, 0.93, 0.36, 0.07), (0.265, 0.955, 0.23, 0.05),
    (0.945, 0.97, 0.62, 0.11), (0.825, 0.94, 0.33, 0.065), (0.735, 0.955, 0.19, 0.042),
)  # fmt: skip


class _Plate:
    """What the burin follows: shade in [0, 1], and the courses of two sets of lines."""

    def __init__(self, size: int, rng: Rng) -> None:
        self.x, self.y = grid(size)
        self.rough = fractal_noise(size, 7, rng, octaves=5)
        self.fine = fractal_noise(size, 40, rng, octaves=2)
        self.shade = np.zeros((size, size), np.float32)
        self.along, self.across = self.shade, self.shade

    def lay(self, inside: Array, shade: Values, along: Values, across: Values) -> None:
        """Engrave a shape over what lies behind it; lines run where courses are whole numbers."""
        self.shade = np.where(inside, shade, self.shade)
        self.along = np.where(inside, along, self.along)
        self.across = np.where(inside, across, self.across)

    def fill(self, inside: Array, shade: float) -> None:
        """Leave a shape white (0) or black (1)."""
        self.lay(inside, shade, 0.5 * shade, 0.5 * shade)

    def ink(self) -> Array:
        """(size, size) in [0, 1]: one set of lines for half-tones, the second in the shade."""
        shade = np.clip(self.shade + 0.05 * self.fine, 0, 1)
        lines = np.zeros_like(shade)
        for course, width in ((self.along, 0.95 * shade), (self.across, 1.5 * shade - 0.65)):
            off = np.abs((course + 0.05 * self.rough) % 1 - 0.5)
            line = smoothstep(0.09, -0.09, off - 0.5 * np.clip(width, -0.3, 0.9))
            lines = np.maximum(lines, line)
        return lines


def draw_hatching(size: int, rng: Rng) -> Array:
    """(size, size, 3) in [0, 1]: black ink on laid paper, with the plate's margin."""
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    plate = _Plate(2 * size, rng)
    _sky(plate)
    for number, mountain in enumerate(_MOUNTAINS):
        _mountain(plate, *mountain, 0.6 + 0.4 * number / len(_MOUNTAINS), rng)
    _lake(plate)
    for pine in _PINES:
        _pine(plate, *pine, rng)
    rim = 0.5 - np.maximum(np.abs(plate.x - 0.5), np.abs(plate.y - 0.5))
    ink = np.where(rim < 0.026, rim > 0.0215, plate.ink()).astype(np.float32)
    ink = np.asarray(Image.fromarray(ink).resize((size, size), Image.Resampling.BOX))
    fibres = ndimage.gaussian_filter(grain.standard_normal((size, size)), (0.5, 2.0))
    fibres /= fibres.std()
    age = 0.28 + 0.2 * fractal_noise(size, 3, grain, octaves=4) + 0.05 * fibres
    paper = mix(_PAPER, _SHADE, np.clip(age, 0, 1))
    return mix(paper, _INK, np.clip(0.93 + 0.05 * fibres, 0, 1) * ink)


def _sky(plate: _Plate) -> None:
    """Rings about the moon, crossed by rays where it is dark, and banks of cloud."""
    x, y = plate.x, plate.y
    away, angle = np.hypot(x - _MOON[0], y - _MOON[1]), np.arctan2(y - _MOON[1], x - _MOON[0])
    shade = 0.10 + 0.62 * smoothstep(_MOON[2], 0.62, away)
    plate.lay(x > -1, shade, away / 0.0105, 30 * angle + 3 * away)
    plate.fill(away < _MOON[2] + 0.0016, 1)
    plate.fill(away < _MOON[2] - 0.0016, 0)
    for left, right, foot, puffs in _CLOUDS:
        gap = 9 + 0 * x
        for k in range(puffs):
            share = (0.5 + k * 0.618) % 1
            radius = (right - left) * (0.06 + 0.09 * np.sin(np.pi * share) + 0.02 * np.cos(5 * k))
            centre = left + (right - left) * (0.07 + 0.86 * share)
            gap = np.minimum(gap, np.hypot(x - centre, y - foot + 0.8 * radius) - radius)
        gap = np.maximum(gap + 0.002 * plate.rough, y - foot)
        shade = 0.55 * smoothstep(foot - 0.05, foot, y) + 0.25 * smoothstep(-0.02, 0, gap)
        plate.fill(gap < 0.0012, 1)
        plate.lay(gap < -0.0012, shade - 0.1, gap / 0.0072, (x + y) / 0.012)


def _mountain(plate: _Plate, at: float, top: float, foot: float, near: float, rng: Rng) -> None:
    """A peak with a lit and a dark flank, which meet in a ridge that wanders down."""
    x, y = plate.x, plate.y
    down = (y - top) / (_SHORE - top)
    jags = value_noise(len(x), 1, 26, rng)[:, :1] + 0.5 * value_noise(len(x), 1, 70, rng)[:, :1]
    ridge = at + foot * (0.05 * jags * np.sqrt(np.clip(down, 0, 1)) + 0.12 * down)
    half = foot * np.clip(down, 0, None) ** 0.92 + 0.006 * plate.rough * smoothstep(0, 0.1, down)
    side = np.where(x > ridge, 1.0, -1.0)
    spurs = smoothstep(-0.3, 0.9, np.sin(26 * (x - at) * side + 9 * down + 2.0 * plate.rough))
    lit = 0.02 + 0.42 * spurs * smoothstep(0.1, 0.6, down)
    shade = np.where(side > 0, 0.68 + 0.24 * spurs, lit) * near * smoothstep(1.25, 0.6, down)
    along = (0.62 * (x - at) * side - 0.8 * (y - top)) / 0.0095
    across = (0.9 * (x - at) * side + 0.35 * (y - top)) / 0.0105
    above = y < _SHORE
    plate.fill((np.abs(x - at) < half + 0.0016) & above & (down > 0), 1)
    plate.lay((np.abs(x - at) < half - 0.0016) & above, shade, along, across)


def _lake(plate: _Plate) -> None:
    """Level lines, closer in the distance; mountains darken them, the moon clears a path."""
    x, y = plate.x, plate.y
    depth = np.clip(y - _SHORE, 0, None)
    heights = [(_SHORE - top) * (1 - np.abs(x - at) / foot) for at, top, foot in _MOUNTAINS]
    shadow = smoothstep(0.012, -0.012, depth - 0.62 * np.max(heights, 0) + 0.004 * plate.rough)
    reach = 0.035 + 0.22 * depth
    path = np.exp(-(((x - _MOON[0] + 0.012 * plate.rough) / reach) ** 2))
    shade = (0.34 + 0.42 * shadow) * (1 - 0.93 * path * (0.7 + 0.3 * np.tanh(2 * plate.fine)))
    course = 35 * np.log1p(20 * depth) + 1.25 * depth * np.sin(38 * x + 60 * depth)
    course += 0.3 * plate.rough * smoothstep(0, 0.1, depth)
    plate.lay(y > _SHORE, shade, course, (x + 0.4 * y) / 0.012)
    edge = 0.93 - 0.11 * smoothstep(0.36, 0.0, x) - 0.13 * smoothstep(0.62, 1.0, x)
    edge += 0.006 * plate.fine + 0.008 * np.sin(23 * x)
    shade = 0.60 + 0.12 * plate.rough - 0.35 * smoothstep(0.03, 0.0, y - edge)
    plate.fill(y > edge - 0.004, 0)
    plate.lay(y > edge, shade, (x - 0.35 * y + 0.02 * np.sin(9 * y)) / 0.009, (x + 0.8 * y) / 0.01)


def _pine(plate: _Plate, at: float, foot: float, tall: float, wide: float, rng: Rng) -> None:
    """Tiers of drooping boughs about a trunk, with a gap of light around the tree."""
    x, y = plate.x, plate.y
    along, u = np.clip((y - foot + tall) / tall, 0, 2), np.abs(x - at) / wide
    tiers = 11 * along**0.85 + 0.8 * u + 0.12 * plate.fine
    half = along**0.9 * (0.62 + 0.38 * (tiers % 1) + 0.06 * value_noise(len(x), 60, 40, rng))
    turned = np.sign(_MOON[0] - at) * (at - x) / wide / np.clip(half, 0.05, None)
    shade = 0.49 + 0.5 * smoothstep(-0.6, 0.7, turned) - 0.22 * (tiers % 1)
    plate.fill((u < half + 0.10) & (along < 0.95) & (along > 0), 0)
    plate.fill((u < 0.07 + 0.03 * along) & (along > 0.05) & (along < 1), 1)
    course = (0.75 * y + 0.55 * np.abs(x - at)) / 0.0062
    plate.lay((u < half) & (along < 0.93) & (along > 0), shade, course, (x + 0.3 * y) / 0.007)
