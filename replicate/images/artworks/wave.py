"""Wave: a woodblock print of breaking seas, colour blocks first and the line block over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import interpolate, ndimage

from .noise import fractal_noise, grid, smoothstep, value_noise
from .paint import colours, gradient, mix

Array = np.ndarray

_PAPER, _FOAM, _MIST, _SUN = colours("efe2c2", "f8f1de", "e6d9b8", "cf4327")
_SKY = colours("5f7d95", "9db3b4", "d3d2b8", "ecdcb4", "efcf9f")
_WATER = colours("13234d", "1f3d75", "3566a0", "6d9dbd", "b4cfd0")
_STRIPES = colours("16295a", "2a5592", "dfe3d3", "1b3468", "5f92b8", "16295a", "a9c8cc", "264c88")
_LINE = colours("101a38")[0]

# A breaking wave of unit width and height that curls to the left; y points up.
_BACK = np.array(
    [(1.75, -0.10), (1.30, 0.06), (1.00, 0.30), (0.80, 0.58), (0.64, 0.82), (0.44, 0.97),
     (0.24, 0.99), (0.08, 0.90), (-0.03, 0.74), (-0.06, 0.60)]
)  # fmt: skip
_FACE = np.array(
    [(-0.75, -0.12), (-0.30, -0.04), (0.02, 0.04), (0.24, 0.18), (0.36, 0.38), (0.37, 0.58),
     (0.28, 0.73), (0.14, 0.77), (0.02, 0.72), (-0.06, 0.60)]
)  # fmt: skip


@dataclass(frozen=True)
class _Breaker:
    x: float  # of the wave's left foot
    y: float
    width: float
    height: float

    def place(self, points: Array) -> Array:
        """From the wave's own coordinates to the page, where y points down."""
        return np.array([self.x, self.y]) + points * np.array([self.width, -self.height])


class _Blocks:
    """The colour blocks and the line block, both twice as large as the print."""

    def __init__(self, sky: Array) -> None:
        self.scale = 2 * len(sky)
        pixels = np.rint(np.clip(sky, 0, 1) * 255).astype(np.uint8)
        self.colour = Image.fromarray(pixels).resize((self.scale, self.scale))
        self.line = Image.new("L", (self.scale, self.scale), 0)
        self._paint = ImageDraw.Draw(self.colour)
        self._carve = ImageDraw.Draw(self.line)

    def area(self, outline: Array, tone: Array, width: float = 0.0) -> None:
        """A flat area that hides what is behind it, with a contour if `width` is given."""
        corners = (outline * self.scale).ravel().tolist()
        self._paint.polygon(corners, fill=_code(tone))
        self._carve.polygon(corners, fill=0)
        if width:
            self.stroke(np.concatenate([outline, outline[:1]]), width)

    def stroke(self, path: Array, width: float) -> None:
        """A line of the line block."""
        points = (path * self.scale).ravel().tolist()
        self._carve.line(points, fill=255, width=max(1, round(width * self.scale)), joint="curve")

    def dots(self, centres: Array, radii: Array, tone: Array, rim: float = 0.0) -> None:
        """Overlapping discs that merge into one area, within one contour."""
        for x, y, r in np.column_stack([centres, radii + rim]) * self.scale if rim else ():
            self._carve.ellipse((x - r, y - r, x + r, y + r), fill=255)
        for x, y, r in np.column_stack([centres, radii]) * self.scale:
            self._carve.ellipse((x - r, y - r, x + r, y + r), fill=0)
            self._paint.ellipse((x - r, y - r, x + r, y + r), fill=_code(tone))


def draw_wave(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: curling waves with clawed foam under a red sun."""
    blocks = _Blocks(_sky(size, rng))
    _distant_sea(blocks, rng)
    for breaker in (
        _Breaker(0.86, 0.74, 0.17, 0.17),
        _Breaker(0.02, 0.76, 0.22, 0.22),
        _Breaker(0.40, 0.92, 0.52, 0.78),
        _Breaker(0.12, 1.04, 0.30, 0.36),
        _Breaker(0.74, 1.04, 0.24, 0.22),
    ):
        _breaker(blocks, breaker, rng)
    _spray(blocks, rng)
    return _pull(blocks, size, rng)


def _code(tone: Array) -> tuple[int, ...]:
    return tuple(int(v) for v in np.rint(np.clip(tone, 0, 1) * 255))


def _smooth(points: Array, count: int = 90) -> Array:
    """(count, 2) places evenly along a smooth curve through the points."""
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    curve = interpolate.CubicSpline(steps, points)
    return curve(np.linspace(0, steps[-1], count))


def _sky(size: int, rng: np.random.Generator) -> Array:
    """Graded sky with a sun and bars of mist."""
    x, y = grid(size)
    sky = gradient(_SKY, y / 0.72 + 0.02 * fractal_noise(size, 3, rng, octaves=3, stretch=3))
    away = np.hypot(x - 0.21, y - 0.24)
    edge = np.clip((0.105 - away) * size + 0.5, 0, 1)
    sky = mix(sky, mix(_SUN, colours("e8894e")[0], smoothstep(0.18, 0.36, y)), edge)
    for level, left, right in ((0.30, -0.2, 0.30), (0.335, 0.10, 0.52), (0.13, 0.55, 1.2),
                               (0.165, 0.40, 0.86), (0.42, -0.2, 0.16)):  # fmt: skip
        half = 0.011
        nearest = np.clip(x, left + half, right - half)
        bar = np.hypot(x - nearest, y - level)
        sky = mix(sky, _MIST, 0.9 * np.clip((half - bar) * size + 0.5, 0, 1))
    return sky


def _distant_sea(blocks: _Blocks, rng: np.random.Generator) -> None:
    """Rows of swell, larger towards the viewer, each a band with light ridges."""
    x = np.linspace(-0.02, 1.02, 240)
    for row, level in enumerate(np.linspace(0.60, 1.0, 13) ** 1.0):
        swell = 0.004 + 0.0026 * row
        phase, pitch = rng.uniform(0, 2 * np.pi), 34 / (1 + 0.35 * row)
        wave = np.sin(pitch * x + phase) + 0.4 * np.sin(2.3 * pitch * x + 2 * phase)
        crest = level - swell * np.abs(wave) ** 0.8
        tone = gradient(_WATER, np.array(rng.uniform(0.05, 0.75)))
        foot = np.array([[1.02, 1.1], [-0.02, 1.1]])
        blocks.area(np.concatenate([np.column_stack([x, crest]), foot]), tone)
        for depth, width in ((0, 0.0014), (0.007, 0.0010), (0.013, 0.0010)):
            blocks.stroke(np.column_stack([x, crest + depth * (0.5 + 0.1 * row)]), width)
        ridge = crest + 0.004
        cap = np.concatenate([np.column_stack([x, crest]), np.column_stack([x, ridge])[::-1]])
        blocks.area(cap, _FOAM)
        blocks.stroke(np.column_stack([x, crest]), 0.0014)


def _breaker(blocks: _Blocks, breaker: _Breaker, rng: np.random.Generator) -> None:
    back, face = breaker.place(_smooth(_BACK)), breaker.place(_smooth(_FACE))
    blocks.area(np.concatenate([back, face[::-1]]), _WATER[0], 0.003)
    _stripes(blocks, back, face)
    size = np.sqrt(breaker.width * breaker.height)
    _foam(blocks, back, face, size, rng)


def _stripes(blocks: _Blocks, back: Array, face: Array) -> None:
    """Bands of water that rise from the foot and are drawn out to the tip."""
    edges = np.linspace(0, 1, 2 * len(_STRIPES) + 1)
    rise = np.linspace(0, 1, len(back))[:, None]
    for number, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        near = back + (face - back) * low
        # A band tapers off against its neighbour before it reaches the crest.
        far = back + (face - back) * (low + (high - low) * (1 - 0.35 * rise**3))
        tone = _STRIPES[number % len(_STRIPES)]
        pieces = 12
        for piece in range(pieces):
            part = slice(piece * len(back) // pieces, (piece + 1) * len(back) // pieces + 1)
            graded = tone * (0.80 + 0.035 * piece)
            blocks.area(np.concatenate([near[part], far[part][::-1]]), graded)
    for low in edges:
        blocks.stroke(back + (face - back) * low, 0.0014)
    hair = (edges[1] - edges[0]) / 4
    for low in edges[:-1:2]:
        for step in (1, 2, 3):  # fine lines model the darker bands
            line = back + (face - back) * (low + hair * step)
            blocks.stroke(line[8 * step : -4 * step], 0.0009)
    blocks.stroke(back, 0.003)
    blocks.stroke(face, 0.003)


def _foam(blocks: _Blocks, back: Array, face: Array, size: float, rng: np.random.Generator) -> None:
    """Foam over the crest and the lip, ending in hooked fingers."""
    count = len(back)
    crest = np.concatenate([back[int(0.58 * count) :], face[int(0.84 * count) :][::-1]])
    along = np.gradient(crest, axis=0)
    heading = np.arctan2(along[:, 1], along[:, 0])
    share = np.linspace(0, 1, len(crest))
    lip = len(back) - int(0.58 * count)  # from here on the path runs under the lip
    body = size * (0.008 + 0.024 * np.sin(np.pi * np.clip(share * 1.05, 0, 1)) ** 0.8)
    wobble = rng.normal(0, 0.012 * size, crest.shape)
    for row, (number, longest) in enumerate(((46, 0.17), (34, 0.12), (26, 0.09))):
        hooks = []
        for place in np.linspace(0.03, 0.97, number) + rng.normal(0, 0.01, number):
            k = int(np.clip(place, 0, 0.99) * len(crest))
            lean = heading[k] + np.radians(rng.uniform(80, 125) if k > lip else rng.uniform(10, 80))
            length = size * longest * rng.uniform(0.6, 1.1) * (0.55 + 0.6 * place)
            start = crest[k] + row * wobble[k]
            hooks.append(_finger(start, lean, length, 0.15 * length, rng, 2))
        if row == 0:  # the farthest fingers merge with the body of the foam
            centres, radii = _joined([part for hook in hooks for part in hook])
            centres = np.concatenate([centres, crest + wobble])
            blocks.dots(centres, np.concatenate([radii, body]), _FOAM, 0.0020)
            blocks.dots(crest + 1.3 * wobble, 0.55 * body, _WATER[4])
            continue
        for number, hook in enumerate(hooks):
            centres, radii = _joined(hook)
            blocks.dots(centres, radii, _FOAM if number % 4 else _WATER[4], 0.0015)
    blocks.dots(crest + 1.8 * wobble, 0.20 * body, _FOAM, 0.0010)


def _joined(hook: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    centres, radii = zip(*hook, strict=True)
    return np.concatenate(centres), np.concatenate(radii)


def _finger(
    start: Array, heading: float, length: float, width: float, rng: np.random.Generator, depth: int
) -> list[tuple[Array, Array]]:
    """Centres and radii of the discs along a tapering hook and along those that sprout from it."""
    steps = 14
    bend = rng.uniform(-0.16, -0.06)
    turns = heading + bend * np.arange(steps) * np.linspace(0.4, 1.5, steps)
    moves = length / steps * np.column_stack([np.cos(turns), np.sin(turns)])
    centres = start + np.cumsum(moves, axis=0)
    radii = width * (1 - 0.85 * np.linspace(0, 1, steps) ** 1.3)
    hooks = [(centres, radii)]
    if depth > 1:
        for k in (4, 7, 10):
            side = turns[k] + rng.uniform(0.4, 0.9) * rng.choice([-1, 1])
            hooks += _finger(centres[k], side, 0.5 * length, 0.75 * radii[k], rng, depth - 1)
    return hooks


def _spray(blocks: _Blocks, rng: np.random.Generator) -> None:
    """Drops torn off the crests."""
    centres = np.concatenate([
        rng.normal((0.42, 0.22), (0.13, 0.10), (170, 2)),
        rng.normal((0.12, 0.66), (0.09, 0.06), (70, 2)),
    ])  # fmt: skip
    blocks.dots(centres, rng.uniform(0.0012, 0.0042, len(centres)), _FOAM, 0.0008)


def _pull(blocks: _Blocks, size: int, rng: np.random.Generator) -> Array:
    """Print the blocks on paper: wood grain in the colour, fibres, an uneven line."""
    half = (size, size)
    colour = np.asarray(blocks.colour.resize(half, Image.Resampling.BOX)).astype(np.float32) / 255
    line = np.asarray(blocks.line.resize(half, Image.Resampling.BOX)).astype(np.float32) / 255
    rings = grid(size)[1] * 9 + 0.7 * value_noise(size, 1.6, 5, rng)
    rings += 0.05 * value_noise(size, 5, 40, rng)
    grain = 1.3 * (1 - 2 * (8 * rings % 1)) + 0.5 * value_noise(size, 8, 300, rng)
    fibres = ndimage.gaussian_filter(rng.standard_normal((size, size)), (0.5, 2.5))
    fibres = fibres / fibres.std()
    mottle = fractal_noise(size, 24, rng, octaves=4)
    inked = 1 - colour.mean(axis=2, keepdims=True)  # grain shows where ink lies
    pigment = colour * (1 + (0.05 + 0.10 * inked) * (0.7 * grain + 0.5 * mottle)[..., None])
    printed = mix(pigment, _PAPER, np.clip(0.05 + 0.03 * mottle + 0.025 * fibres, 0, 0.3))
    worn = line * np.clip(0.95 + 0.10 * mottle, 0, 1)
    return np.clip(mix(printed, _LINE, worn) + 0.012 * fibres[..., None], 0, 1)
