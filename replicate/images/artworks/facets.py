"""Facets: a still life broken into planes of ochre, grey and green."""

from __future__ import annotations

import numpy as np

from .noise import fractal_noise, smoothstep
from .paint import (
    Shape,
    Sheet,
    canvas_weave,
    colours,
    dabs,
    gradient,
    relief,
)

Array = np.ndarray

_OCHRE = colours("2a1d12", "5d4020", "94682c", "c0934a", "dcbb7c", "f0e0b4")
_GREY = colours("14171a", "353c40", "646c6c", "949a92", "c2c3b2", "ece8d4")
_GREEN = colours("0d1a16", "203a2e", "3d5e45", "6b8562", "a1ab83", "d8d7b0")
_RUST = colours("2a0f0a", "5f2415", "984022", "bf6a3a", "d99a68", "eccba0")
_INK = colours("12100e")[0]
_DIRECTIONS = np.array([0.08, 0.62, 1.05, 1.50, 2.05, 2.62])


def draw_facets(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: overlapping planes, each lit at one edge and fading away."""
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    marks = [dabs(size, angle, 0.021, grain) for angle in np.arange(6) * np.pi / 6]
    haze = 0.45 + 0.14 * fractal_noise(size, 3, rng, octaves=4)
    sheet = Sheet(gradient(_GREY, haze + 0.03 * marks[0]), marks, _INK)
    for corners in _split(np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]), 0.02, rng):
        _plane(sheet, corners, (1.0, 0.85), 0.5, rng)
    for scale, count in ((0.20, 40), (0.12, 90), (0.07, 150), (0.04, 130)):
        for _ in range(count):
            _plane(sheet, _corners(scale, rng), (rng.uniform(0.8, 1), 0.0), 0.95, rng)
    for _ in range(15):
        _curve(sheet, rng)
    for _ in range(60):
        _edge(sheet, rng)
    for _ in range(7):
        _strings(sheet, rng)
    height = sheet.height + 0.012 * canvas_weave(size, grain)
    contrast = smoothstep(0.02, 0.86, sheet.pixels)
    return relief(0.35 * sheet.pixels + 0.65 * contrast, height, strength=2.2, gloss=0.3)


def _split(corners: Array, area: float, rng: np.random.Generator) -> list[Array]:
    """A convex polygon cut along the main directions until its parts are about `area` large."""
    if _area(corners) < area * rng.uniform(0.5, 2.0):
        return [corners]
    angle = rng.choice(_DIRECTIONS) + rng.normal(0, 0.08)
    normal = np.array([-np.sin(angle), np.cos(angle)])
    heights = corners @ normal
    cut = heights.min() + (heights.max() - heights.min()) * rng.uniform(0.35, 0.65)
    parts = []
    for sign in (1, -1):
        part = _clip(corners, sign * normal, sign * cut)
        if len(part) >= 3:
            parts += _split(part, area, rng)
    return parts


def _area(corners: Array) -> float:
    x, y = corners.T
    return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


def _clip(corners: Array, normal: Array, cut: float) -> Array:
    """The part of a convex polygon where normal · point is at least `cut`."""
    kept = []
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside, next_inside = here @ normal - cut, there @ normal - cut
        if inside >= 0:
            kept.append(here)
        if inside * next_inside < 0:
            kept.append(here + (there - here) * inside / (inside - next_inside))
    return np.array(kept)


def _corners(scale: float, rng: np.random.Generator) -> Array:
    """A plane of three or four corners whose sides follow the main directions."""
    place = _place(rng)
    first, second = rng.choice(len(_DIRECTIONS), 2, replace=False)
    one, two = (
        np.array([np.cos(a), np.sin(a)]) * scale * rng.uniform(0.5, 1.3)
        for a in _DIRECTIONS[[first, second]] + rng.normal(0, 0.06, 2)
    )
    corners = [place - one - two, place + one - two, place + one + two, place - one + two]
    if rng.random() < 0.4:
        corners.pop(int(rng.integers(4)))
    return np.array(corners)


def _place(rng: np.random.Generator) -> Array:
    """A point in the pyramid in which the still life stands."""
    height = rng.beta(1.5, 1.3)
    spread = 0.10 + 0.26 * height
    return np.array([0.52 + rng.normal(0, spread), 0.02 + 0.98 * height])


def _tones(place: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """A light and a dark tone of one pigment; light falls on the middle from the left."""
    beside = abs(place[0] - 0.5) / (0.25 + 0.3 * place[1])
    glow = float(smoothstep(1.2, 0.1, np.array(beside)))
    shares = np.array([0.30 + 0.35 * glow, 0.32, 0.30 - 0.15 * glow, 0.10])
    family = (_OCHRE, _GREY, _GREEN, _RUST)[rng.choice(4, p=shares / shares.sum())]
    light = np.clip(0.50 + 0.34 * glow + rng.normal(0, 0.20), 0.1, 1)
    dark = np.clip(light - rng.uniform(0.3, 0.75), 0.0, 1)
    return gradient(family, np.array(light)), gradient(family, np.array(dark))


def _plane(
    sheet: Sheet, corners: Array, cover: tuple[float, float], rim: float, rng: np.random.Generator
) -> None:
    centre = corners.mean(axis=0)
    reach = float(np.linalg.norm(corners - centre, axis=1).max())
    light, dark = _tones(centre, rng)
    paint = (light, dark) if rng.random() < 0.6 else (dark, light)
    angle = rng.choice(_DIRECTIONS) + np.pi * rng.integers(2)
    sheet.lay(_polygon(corners), centre, reach, paint, cover, angle, rim)


def _polygon(corners: Array) -> Shape:
    sides = np.roll(corners, -1, axis=0) - corners
    turn = np.sign(sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0]) or 1.0

    def inside(x: Array, y: Array) -> Array:
        nearest = np.full(x.shape, 9.0, np.float32)
        for corner, side in zip(corners, sides, strict=True):
            length = np.hypot(*side) + 1e-9
            distance = turn * (side[0] * (y - corner[1]) - side[1] * (x - corner[0])) / length
            nearest = np.minimum(nearest, distance)
        return nearest

    return inside


def _curve(sheet: Sheet, rng: np.random.Generator) -> None:
    """A bulging plane: part of a bottle, a bowl, the body of an instrument."""
    centre, radius = _place(rng), rng.uniform(0.05, 0.15)
    middle, half = rng.choice(_DIRECTIONS) * 2, rng.uniform(0.8, 1.5)
    depth = radius * rng.uniform(0.35, 1.0)

    def bulge(x: Array, y: Array) -> Array:
        dx, dy = x - centre[0], y - centre[1]
        distance = np.hypot(dx, dy)
        angle = np.abs((np.arctan2(dy, dx) - middle + np.pi) % (2 * np.pi) - np.pi)
        ring = np.minimum(radius - distance, distance - radius + depth)
        return np.minimum(ring, (half - angle) * radius)

    light, dark = _tones(centre, rng)
    sheet.lay(bulge, centre, radius, (dark, light), (0.9, 0.0), middle + np.pi, 0.95)


def _edge(sheet: Sheet, rng: np.random.Generator) -> None:
    """A dark line along one of the main directions."""
    place, angle = _place(rng), rng.choice(_DIRECTIONS) + rng.normal(0, 0.05)
    length, width = rng.uniform(0.03, 0.16), rng.uniform(0.0010, 0.0026)

    def line(x: Array, y: Array) -> Array:
        dx, dy = x - place[0], y - place[1]
        forward = np.abs(dx * np.cos(angle) + dy * np.sin(angle))
        sideways = np.abs(dy * np.cos(angle) - dx * np.sin(angle))
        return np.minimum(width * (1.2 - forward / length) - sideways, length - forward)

    sheet.lay(line, place, length, (_INK, _INK), (0.95, 0.3), angle)


def _strings(sheet: Sheet, rng: np.random.Generator) -> None:
    """Parallel lines on a light ground: strings, staves, slats."""
    place, angle = _place(rng), rng.choice(_DIRECTIONS)
    length, pitch = rng.uniform(0.05, 0.11), rng.uniform(0.006, 0.010)

    def strings(x: Array, y: Array) -> Array:
        dx, dy = x - place[0], y - place[1]
        forward = np.abs(dx * np.cos(angle) + dy * np.sin(angle))
        sideways = dy * np.cos(angle) - dx * np.sin(angle)
        lines = 0.0012 - np.abs((sideways / pitch + 0.5) % 1 - 0.5) * pitch
        return np.minimum(lines, np.minimum(length - forward, 2.5 * pitch - np.abs(sideways)))

    sheet.lay(strings, place, length * 1.1, (_INK, _INK), (0.9, 0.6), angle)
