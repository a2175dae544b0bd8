"""Shards: splinters, arcs and whips of colour thrown across a warm ground."""

from __future__ import annotations

import numpy as np

from .noise import fractal_noise, smoothstep
from .paint import (
    Shape,
    Sheet,
    brush_marks,
    canvas_weave,
    colours,
    gradient,
    relief,
)

Array = np.ndarray

_GROUND = colours("c9a27a", "e6cfa0", "f3e6c4", "ecd3b8", "d8b6a6", "b9c3c4")
_PIGMENTS = colours(
    "1b2f8f", "2d5fc4", "49a0d8", "0f6e63", "3f9a4a", "a7c23b", "f6d81f", "f2a81d",
    "e8651c", "cf2a1e", "a31432", "e98aa5", "6b2d83", "7a4a24", "f4efe0", "16141c",
)  # fmt: skip
_SHARES = np.array([3, 3, 2, 2, 1.5, 1.2, 2.5, 2, 2.5, 3, 2, 1.8, 1.8, 1, 4, 3])
_SHARES /= _SHARES.sum()
_INK = colours("120f17")[0]
_CENTRE = np.array([0.5, 0.5])
_THRUST = -0.72  # the main diagonal, from lower left to upper right


def draw_shards(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: an abstract burst of translucent shapes and black whips."""
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    marks = [brush_marks(size, angle, grain) for angle in np.arange(6) * np.pi / 6]
    blush = 0.5 + 0.22 * fractal_noise(size, 3, rng, octaves=5)
    sheet = Sheet(gradient(_GROUND, blush + 0.05 * marks[1]), marks, _INK)
    for _ in range(40):
        _wash(sheet, rng)
    for _ in range(9):
        _sweep(sheet, rng)
    for scale, count in ((0.24, 26), (0.14, 60), (0.08, 110), (0.045, 120)):
        for _ in range(count):
            _shard(sheet, scale, rng)
            if rng.random() < 0.3:
                _arc(sheet, scale, rng)
    for _ in range(24):
        _disc(sheet, rng)
    for _ in range(4):
        _checks(sheet, rng)
    for _ in range(4):
        _sweep(sheet, rng)
    for _ in range(20):
        _comb(sheet, rng)
    for _ in range(95):
        _whip(sheet, rng)
    height = sheet.height + 0.015 * canvas_weave(size, grain)
    return relief(sheet.pixels, height, strength=2.2, gloss=0.3)


def _place(rng: np.random.Generator, spread: float = 0.26) -> Array:
    """A point near the centre, spread out further along the main diagonal."""
    along, across = rng.normal(0, 1.25 * spread), rng.normal(0, 0.85 * spread)
    turn = np.array([[np.cos(_THRUST), -np.sin(_THRUST)], [np.sin(_THRUST), np.cos(_THRUST)]])
    return np.clip(_CENTRE + turn @ np.array([along, across]), 0.01, 0.99)


def _pigments(rng: np.random.Generator) -> tuple[Array, Array]:
    """A colour and one of its neighbours, now and then a contrast."""
    first = int(rng.choice(len(_PIGMENTS), p=_SHARES))
    second = (first + int(rng.choice([-2, -1, 1, 2, 6]))) % len(_PIGMENTS)
    return _PIGMENTS[first], _PIGMENTS[second]


def _angle(rng: np.random.Generator) -> float:
    """Mostly along or against the main diagonal."""
    return float(_THRUST + rng.choice([0, np.pi / 2, np.pi]) + rng.normal(0, 0.5))


def _wash(sheet: Sheet, rng: np.random.Generator) -> None:
    centre, radius = _place(rng, 0.42), rng.uniform(0.08, 0.22)
    bumps = rng.uniform(0, 2 * np.pi, 4)

    def blob(x: Array, y: Array) -> Array:
        dx, dy = x - centre[0], y - centre[1]
        angle = np.arctan2(dy, dx)
        edge = sum(np.cos((k + 1) * angle + bumps[k]) / (k + 2) for k in range(4))
        return (radius * (1 + 0.4 * edge) - np.hypot(dx, dy)) * 0.35

    sheet.lay(blob, centre, radius * 2.1, _pigments(rng), (0.75, 0.1), _angle(rng))


def _sweep(sheet: Sheet, rng: np.random.Generator) -> None:
    """A long crescent that holds the composition together."""
    centre, radius = _place(rng, 0.2), rng.uniform(0.22, 0.42)
    middle, half = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.4)
    width = rng.uniform(0.012, 0.045)

    def crescent(x: Array, y: Array) -> Array:
        dx, dy = x - centre[0], y - centre[1]
        angle = np.abs((np.arctan2(dy, dx) - middle + np.pi) % (2 * np.pi) - np.pi)
        taper = width * (1 - (angle / half) ** 2)
        return np.where(angle < half, taper - np.abs(np.hypot(dx, dy) - radius), -1.0)

    sheet.lay(crescent, centre, radius + width, _pigments(rng), (1, 0.8), middle + 1.5, 0.7)


def _shard(sheet: Sheet, scale: float, rng: np.random.Generator) -> None:
    """A splinter: three or four sides, some of them bent."""
    centre, reach = _place(rng), scale * rng.uniform(0.6, 1.4)
    long = _angle(rng)
    sides = int(rng.integers(3, 5))
    facing = long + (np.arange(sides) + rng.uniform(-0.35, 0.35, sides)) * 2 * np.pi / sides
    away = reach * np.where(np.abs(np.cos(facing - long)) > 0.6, 0.85, rng.uniform(0.15, 0.4))
    bend = rng.choice([0.0, 0.0, 0.9, -0.7], sides) / reach

    def splinter(x: Array, y: Array) -> Array:
        dx, dy = x - centre[0], y - centre[1]
        inside = np.full_like(dx, reach) - np.hypot(dx, dy)
        for direction, distance, curve in zip(facing, away, bend, strict=True):
            forward = dx * np.cos(direction) + dy * np.sin(direction)
            sideways = dy * np.cos(direction) - dx * np.sin(direction)
            inside = np.minimum(inside, distance - forward + 0.5 * curve * sideways**2)
        return inside

    cover = (rng.uniform(0.75, 1.0), rng.uniform(0.0, 0.5))
    rim = float(rng.choice([0.0, 0.6, 0.9]))
    sheet.lay(splinter, centre, reach, _pigments(rng), cover, _angle(rng), rim)


def _arc(sheet: Sheet, scale: float, rng: np.random.Generator) -> None:
    """Part of a ring, often several nested ones as in a rainbow."""
    centre, radius = _place(rng), scale * rng.uniform(0.6, 1.3)
    middle, half = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.6)
    bands = int(rng.choice([1, 1, 2, 4]))
    width = radius * rng.uniform(0.10, 0.32) / bands
    first = int(rng.integers(len(_PIGMENTS)))

    def band(number: int) -> Shape:
        def ring(x: Array, y: Array) -> Array:
            dx, dy = x - centre[0], y - centre[1]
            angle = np.abs((np.arctan2(dy, dx) - middle + np.pi) % (2 * np.pi) - np.pi)
            taper = width * smoothstep(half, half * 0.55, angle)
            off = np.abs(np.hypot(dx, dy) - radius + 2 * number * width)
            return np.where(angle < half, taper - off, -1.0)

        return ring

    for number in range(bands):
        tone = _PIGMENTS[(first + 2 * number) % len(_PIGMENTS)]
        shift = np.clip(tone * 0.7 + 0.15, 0, 1)
        sheet.lay(band(number), centre, radius + width, (tone, shift), (0.95, 0.75), middle, 0.5)


def _disc(sheet: Sheet, rng: np.random.Generator) -> None:
    """A disc in a halo."""
    centre, radius = _place(rng, 0.3), rng.uniform(0.010, 0.045)
    core, glow = _pigments(rng)

    def disc(scale: float, softness: float) -> Shape:
        return lambda x, y: (radius * scale - np.hypot(x - centre[0], y - centre[1])) * softness

    sheet.lay(disc(2.0, 0.06), centre, radius * 2.8, (glow, glow), (0.8, 0.5), _angle(rng))
    sheet.lay(disc(1.0, 1.0), centre, radius * 1.1, (core, core * 0.8), (1, 0.9), _angle(rng), 0.9)


def _whip(
    sheet: Sheet, rng: np.random.Generator, start: Array | None = None, angle: float | None = None
) -> None:
    """A black line that swells and bends, as a loaded brush draws it."""
    start = _place(rng, 0.3) if start is None else start
    angle = _angle(rng) if angle is None else angle
    length = rng.uniform(0.04, 0.22)
    width, bend = rng.uniform(0.0012, 0.0042), rng.choice([0, 0, 1.5, -2.5, 4.0])

    def line(x: Array, y: Array) -> Array:
        dx, dy = x - start[0], y - start[1]
        forward = dx * np.cos(angle) + dy * np.sin(angle)
        sideways = dy * np.cos(angle) - dx * np.sin(angle) - bend * (forward**2 - length**2 / 3)
        swell = width * (1 - (forward / length) ** 2) * (1.3 + np.sin(9 * forward / length))
        return np.where(np.abs(forward) < length, 0.6 * swell - np.abs(sideways), -1.0)

    tone = _INK if rng.random() < 0.8 else _pigments(rng)[0]
    sheet.lay(line, start, length * 1.3, (tone, tone), (0.97, 0.9), angle)


def _comb(sheet: Sheet, rng: np.random.Generator) -> None:
    """A row of short parallel lines."""
    start, angle = _place(rng, 0.3), _angle(rng)
    step = rng.uniform(0.007, 0.016) * np.array([-np.sin(angle), np.cos(angle)])
    length, width = rng.uniform(0.02, 0.06), rng.uniform(0.0012, 0.003)
    tone = _INK if rng.random() < 0.6 else _pigments(rng)[0]
    count = int(rng.integers(4, 10))
    lean = step + rng.normal(0, 0.003, 2)

    def tooth(place: Array) -> Shape:
        def bar(x: Array, y: Array) -> Array:
            dx, dy = x - place[0], y - place[1]
            forward = np.abs(dx * np.cos(angle) + dy * np.sin(angle))
            sideways = np.abs(dy * np.cos(angle) - dx * np.sin(angle))
            return np.minimum(length - forward, width - sideways)

        return bar

    for number in range(count):
        place = start + lean * number
        sheet.lay(tooth(place), place, length * 1.1, (tone, tone), (0.95, 0.8), angle)


def _checks(sheet: Sheet, rng: np.random.Generator) -> None:
    """A small tilted chessboard that fades out."""
    centre, angle = _place(rng, 0.28), _angle(rng)
    cell, reach = rng.uniform(0.008, 0.016), rng.uniform(0.04, 0.075)

    def board(x: Array, y: Array) -> Array:
        dx, dy = x - centre[0], y - centre[1]
        forward = dx * np.cos(angle) + dy * np.sin(angle)
        sideways = dy * np.cos(angle) - dx * np.sin(angle) + 3 * forward**2
        checks = np.sin(np.pi * forward / cell) * np.sin(np.pi * sideways / cell) * cell / 2
        return np.minimum(checks, 0.8 * reach - np.hypot(forward, 1.6 * sideways))

    tone, _ = _pigments(rng)
    sheet.lay(board, centre, reach, (_INK, tone), (0.95, 0.5), angle)
