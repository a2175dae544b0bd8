"""Wash: poppies before misty hills, in transparent colour on rough paper."""

from __future__ import annotations

import numpy as np

from .noise import fractal_noise, grid, smoothstep, value_noise
from .paint import colours

Array = np.ndarray
Rng = np.random.Generator

_PAPER = colours("fbf6ea")[0]
_ROSE, _OCHRE, _BLUE, _VIOLET = colours("f2a7a0", "f7d38c", "7fa9d8", "a58fc4")
_RIDGES = colours("a9b6dc", "8f95cc", "6f83b4", "4d739a", "2f6377")
_SAP, _OLIVE, _DEEP = colours("a9b94e", "7c9440", "2f5d3c")
_SCARLET, _CRIMSON, _ORANGE, _DARK = colours("ea4a33", "c8203c", "f58a42", "2c1f38")
_SUN = (0.70, 0.20)


class _Paper:
    """A sheet that takes up pigment: what lies over each other multiplies."""

    def __init__(self, size: int, rng: Rng, grain: Rng) -> None:
        self.x, self.y = grid(size)
        self.size = size
        self.tooth = fractal_noise(size, 120, grain, octaves=3, gain=0.8)
        self.pool = fractal_noise(size, 4, rng, octaves=4, gain=0.55)
        self.ragged = fractal_noise(size, 22, rng, octaves=4, gain=0.6)
        self.bare = np.ones((size, size), np.float32)  # 0 where the paper takes no more
        self.density = np.zeros((size, size, 3), np.float32)

    def wash(
        self, depth: Array, colour: Array, strength: Array | float = 1.0, wet: float = 0.0,
        at: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> None:  # fmt: skip
        """Flood a shape; pigment gathers at its edge, in pools and in the paper's hollows.

        ``depth`` is the distance inside the shape, in picture sides, over the box ``at``; at
        strength 1 it has the colour itself on average; ``wet`` is how far it runs over its edge.
        """
        depth = depth + (0.0035 + 0.5 * wet) * self.ragged[at]
        inside = smoothstep(-wet - 0.6 / self.size, wet + 0.6 / self.size, depth)
        rim = 0.0 if wet else 0.75 * np.exp(-((depth / 0.0035) ** 2)) + 0.25 * np.exp(-depth / 0.02)
        load = 0.85 + 0.24 * self.pool[at] + rim + 0.10 * self.tooth[at]
        amount = inside * np.clip(load, 0.05, 2.2) * strength * self.bare[at]
        self.density[at] += amount[..., None] * -np.log(np.clip(colour, 0.02, 1))

    def reserve(self) -> None:
        """Keep later washes off what has been painted, as with masking fluid."""
        self.bare = smoothstep(0.12, 0.02, self.density.mean(axis=2))

    def pixels(self) -> Array:
        light = 1 + 0.018 * self.tooth
        return np.clip(_PAPER * np.exp(-self.density) * light[..., None], 0, 1)


def draw_wash(size: int, rng: Rng) -> Array:
    """(size, size, 3) in [0, 1]: a wet sky, hills one behind the other, flowers last."""
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    paper = _Paper(size, rng, grain)
    for near in np.sort(rng.uniform(0, 1, 34)):
        place = np.array([rng.uniform(0.02, 0.98), 0.69 + 0.28 * near])
        _poppy(paper, place, 0.014 + 0.046 * near**1.4, rng)
    for _ in range(70):
        place, reach = rng.uniform(0, 1, 2) ** (1, 0.6), rng.uniform(0.001, 0.0045)
        colour = (_SCARLET, _ORANGE, _SAP, _BLUE)[rng.choice(4, p=[0.4, 0.2, 0.25, 0.15])]
        _blot(paper, place, reach, reach, 0.0, colour, 0.8)
    paper.reserve()
    _sky(paper)
    for number, colour in enumerate(_RIDGES):
        _ridge(paper, number, colour, rng)
    _meadow(paper, rng)
    return paper.pixels()


def _sky(paper: _Paper) -> None:
    """Colours let into each other while wet; the sun is bare paper."""
    x, y = paper.x, paper.y
    away = np.hypot(x - _SUN[0], y - _SUN[1])
    bare = smoothstep(0.052, 0.064, away + 0.003 * paper.ragged)
    cloud = paper.pool + 0.5 * paper.ragged
    glow = np.exp(-((away / 0.30) ** 2))
    paper.wash(0.42 - y, _OCHRE, bare * (0.12 + 0.8 * glow), wet=0.10)
    paper.wash(0.50 - y, _ROSE, bare * smoothstep(0.0, 0.35, y) * (0.45 + 0.2 * cloud), wet=0.12)
    blue = smoothstep(0.45, 0.02, y - 0.04 * cloud) * (1 - 0.85 * glow)
    paper.wash(0.40 - y, _BLUE, bare * blue * (0.62 + 0.42 * np.tanh(1.4 * cloud)), wet=0.08)
    paper.wash(0.20 - y - 0.08 * cloud, _VIOLET, 0.30 * bare * (1 - glow), wet=0.06)


def _ridge(paper: _Paper, number: int, colour: Array, rng: Rng) -> None:
    """A hill with a sharp crest, thinned with water towards its foot; firs on the near ones."""
    x, y = paper.x, paper.y
    bumps = 2.0 + 0.8 * number
    crest = 0.05 * value_noise(paper.size, bumps, 1, rng)[:1]
    crest = crest + 0.012 * value_noise(paper.size, 5 * bumps, 1, rng)[:1]
    level = 0.33 + 0.075 * number + crest * (1.1 - 0.12 * number)
    if number >= 2:
        firs = rng.uniform(0, 1, 26 * number - 30)
        tall = rng.uniform(0.4, 1, len(firs)) * (0.012 + 0.011 * number)
        spikes = tall[:, None] - 3.2 * np.abs(x[:1] - firs[:, None])
        level = level - np.clip(spikes.max(0), 0, None)
    mist = np.exp(-np.clip(y - level, 0, None) / (0.075 + 0.004 * number))
    paper.wash(y - level, colour, 0.03 + 0.90 * mist)


def _meadow(paper: _Paper, rng: Rng) -> None:
    """Wet greens, then blades of grass drawn up with the point of the brush."""
    y = paper.y
    paper.wash(y - 0.66, _SAP, 0.62 + 0.2 * paper.pool, wet=0.03)
    paper.wash(y - 0.80 - 0.05 * paper.pool, _OLIVE, 0.3, wet=0.05)
    paper.wash(y - 0.95 - 0.04 * paper.pool, _DEEP, 0.35, wet=0.05)
    for _ in range(130):
        foot = np.array([rng.uniform(0, 1), rng.uniform(0.82, 1.05)])
        tall, lean = rng.uniform(0.05, 0.20) * foot[1], rng.normal(0, 0.25)
        middle = foot - tall * np.array([-0.5 * lean, 0.5])
        _blot(paper, middle, 0.0022, 0.5 * tall, lean, (_OLIVE, _DEEP)[rng.integers(2)], 0.6)


def _poppy(paper: _Paper, at: Array, reach: float, rng: Rng) -> None:
    """A stalk, five petals that overlap, and a dark heart let into them while wet."""
    stalk = at + reach * np.array([0.2, 2.2])
    _blot(paper, stalk, 0.04 * reach + 0.001, 1.6 * reach, rng.normal(0, 0.1), _OLIVE, 0.9)
    start = rng.uniform(0, 2 * np.pi)
    for petal in range(5):
        angle = start + 2 * np.pi * petal / 5
        shift = 0.62 * reach * np.array([np.cos(angle), 0.62 * np.sin(angle)])
        colour = (_SCARLET, _CRIMSON, _ORANGE)[rng.choice(3, p=[0.55, 0.15, 0.3])]
        wide = reach * rng.uniform(0.5, 0.75)
        _blot(paper, at + shift, wide, 0.78 * wide, 0.3 * angle, colour, rng.uniform(0.45, 0.8))
    _blot(paper, at, 0.24 * reach, 0.18 * reach, 0, _DARK, 0.8, wet=0.06 * reach)


def _blot(
    paper: _Paper, centre: Array, wide: float, tall: float, lean: float, colour: Array,
    strength: float, wet: float = 0.0,
) -> None:  # fmt: skip
    """A touch of the brush: an ellipse with a ragged rim."""
    reach = 1.4 * max(wide, tall) + 0.01
    low = np.clip(((centre - reach) * paper.size).astype(int), 0, paper.size)
    high = np.clip(((centre + reach) * paper.size).astype(int) + 1, 0, paper.size)
    at = slice(low[1], high[1]), slice(low[0], high[0])
    x, y = paper.x[at] - centre[0], paper.y[at] - centre[1]
    if x.size == 0:
        return
    radius = np.hypot(
        (x * np.cos(lean) + y * np.sin(lean)) / wide, (y * np.cos(lean) - x * np.sin(lean)) / tall
    )
    depth = (1 - radius + 0.10 * paper.ragged[at]) * min(wide, tall)
    paper.wash(depth, colour, strength, wet, at)
