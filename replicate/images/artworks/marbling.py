"""Marbling: drops of colour floated on water, drawn out with a stylus and combed.

Every step moves the paint that is already there by a map that can be undone, so each pixel is
followed back to the drop that it came from (Lu, Jaffer et al. 2012, "Mathematical Marbling").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from .noise import fractal_noise, grid
from .paint import colours

Array = np.ndarray
# Where the paint at a place (x + i y) was before a step.
Undo = Callable[[Array], Array]

_WATER = colours("efe3c8")[0]
_PIGMENTS = colours("16244f", "a3182c", "e8b23a", "f4ead2", "1f7f86", "d8622a", "0d1630", "7fb7ae")
_SHARES = np.array([0.22, 0.20, 0.12, 0.16, 0.13, 0.07, 0.05, 0.05])


def draw_marbling(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: stones of colour, a comb's feathers and curls."""
    fine = 2 * size
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    drops = _drops(rng)
    x, y = grid(fine)
    place = (x + 1j * y).astype(np.complex64).ravel()
    for undo in reversed(_strokes(rng)):
        place = undo(place)
    drop = _dropped(place, drops)
    tones = np.vstack([_PIGMENTS[[pigment for _, _, pigment in drops]], _WATER])
    shade = 1 + 0.05 * rng.standard_normal((len(tones), 1))
    pixels = np.clip(tones * shade, 0, 1)[drop].reshape(fine, fine, 3)
    image = Image.fromarray((255 * pixels).astype(np.uint8)).resize(
        (size, size), Image.Resampling.BOX
    )
    fibres = fractal_noise(size, 90, grain, octaves=3, stretch=2.0)
    cloud = fractal_noise(size, 5, grain, octaves=4)
    paper = 1 + 0.022 * fibres + 0.03 * cloud
    return np.clip(np.asarray(image) / 255 * paper[..., None], 0, 1)


def _drops(rng: np.random.Generator) -> list[tuple[complex, float, int]]:
    """Centre, radius and pigment, in the order in which they fall."""
    drops = []
    for count, low, high in ((90, 0.05, 0.10), (140, 0.02, 0.055), (60, 0.008, 0.02)):
        for _ in range(count):
            x, y = rng.uniform(-0.1, 1.1, 2)
            pigment = int(rng.choice(len(_PIGMENTS), p=_SHARES))
            drops.append((complex(x, y), rng.uniform(low, high), pigment))
    return drops


def _dropped(place: Array, drops: list[tuple[complex, float, int]]) -> Array:
    """Number of the drop that each place belongs to; len(drops) where there is water.

    A drop of radius r moves what lies at distance d from its centre to sqrt(d^2 + r^2).
    """
    found = np.full(place.size, len(drops))
    where, left = np.arange(place.size), place
    for number in range(len(drops) - 1, -1, -1):
        centre, radius, _ = drops[number]
        away = left - centre
        squared = away.real**2 + away.imag**2
        inside = squared < radius**2
        found[where[inside]] = number
        outside = ~inside
        where, away, squared = where[outside], away[outside], squared[outside]
        left = centre + away * np.sqrt(1 - radius**2 / squared)
    return found


def _strokes(rng: np.random.Generator) -> list[Undo]:
    """Wide pulls to and fro, a fine comb down through them, and a few curls."""
    pulls = [
        _pull(angle=0.04, offset=0.125 * k + 0.06, reach=0.22 * (-1) ** k, width=0.035)
        for k in range(8)
    ]
    comb = [_comb(np.pi / 2, 0.032, 0.10, 0.006)]
    spots = [(column + 0.5 * (row % 2), row) for row in range(4) for column in range(3)]
    curls = [
        _curl(
            complex((column + 0.3) / 3, (row + 0.5) / 4) + complex(*rng.normal(0, 0.012, 2)),
            turn=rng.uniform(2.4, 3.2),
            width=0.055,
        )
        for column, row in spots
    ]
    return [*pulls, *comb, *curls]


def _pull(angle: float, offset: float, reach: float, width: float) -> Undo:
    """A stylus drawn along a straight line drags paint with it, less the farther away."""
    along = complex(np.cos(angle), np.sin(angle))

    def undo(place: Array) -> Array:
        across = (place * np.conj(along)).imag - offset
        return place - along * reach * 0.5 ** (np.abs(across) / width)

    return undo


def _comb(angle: float, pitch: float, reach: float, width: float) -> Undo:
    """Many styluses at equal distances, drawn along together."""
    along = complex(np.cos(angle), np.sin(angle))

    def undo(place: Array) -> Array:
        across = (place * np.conj(along)).imag
        nearest = np.abs((across / pitch) % 1 - 0.5) * pitch
        return place - along * reach * 0.5 ** (nearest / width)

    return undo


def _curl(centre: complex, turn: float, width: float) -> Undo:
    """A stylus turned on the spot winds the paint around it."""

    def undo(place: Array) -> Array:
        away = place - centre
        return centre + away * np.exp(-1j * turn * np.exp(-((np.abs(away) / width) ** 2)))

    return undo
