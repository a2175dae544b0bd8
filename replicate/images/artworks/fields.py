"""Fields: flat colour between black bars, and circles in which the colours change sides."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .noise import fractal_noise, grid
from .paint import brush_marks, canvas_weave, colours, relief

Array = np.ndarray

_COLOURS = colours("f1ebdd", "f6f2e8", "dcd8d0", "d8261c", "1f3f9b", "f4c412", "1a1a1c", "8fa3b0")
_SHARES = np.array([0.30, 0.20, 0.11, 0.12, 0.11, 0.12, 0.02, 0.02])
_INSIDE = np.array([4, 3, 5, 0, 5, 4, 1, 3])
"""What each colour turns into within a circle."""
_BAR = colours("141416")[0]
_CIRCLES = ((0.655, 0.335, 0.235), (0.27, 0.72, 0.175), (0.845, 0.83, 0.085), (0.14, 0.2, 0.075))


def draw_fields(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: oil on canvas, every field painted with a broad brush."""
    fine = 2 * size
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    x, y = grid(fine)
    field, lies, bar = _divided(x, y, rng)
    for centre_x, centre_y, radius in _CIRCLES:
        away = np.hypot(x - centre_x, y - centre_y)
        field = np.where(away < radius, _INSIDE[field], field)
        bar |= np.abs(away - radius) < 0.0055
    pixels = np.where(bar[..., None], _BAR, _COLOURS[field])
    across, down = (brush_marks(size, angle, grain) for angle in (0, np.pi / 2))
    marks = np.where(lies[::2, ::2], across, down)
    return _painted(_small(255 * pixels, size) / 255, _small(255.0 * bar, size) / 255, marks, grain)


def _divided(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """The colour of each place, as a number, whether its field is wide, and where bars lie."""
    field, lies, bar = np.zeros(x.shape, int), np.zeros(x.shape, bool), np.zeros(x.shape, bool)
    for left, top, right, bottom in _cut(0, 0, 1, 1, 0, rng):
        rows = slice(*np.searchsorted(y[:, 0], (top, bottom)))
        across = slice(*np.searchsorted(x[0], (left, right)))
        field[rows, across] = rng.choice(len(_COLOURS), p=_SHARES)
        lies[rows, across] = right - left > bottom - top
        near = np.minimum(
            np.minimum(x[rows, across] - left, right - x[rows, across]),
            np.minimum(y[rows, across] - top, bottom - y[rows, across]),
        )
        # The larger the field, the heavier the bars about it.
        bar[rows, across] |= near < 0.0028 + 0.010 * np.sqrt((right - left) * (bottom - top))
    return field, lies, bar


def _cut(
    left: float, top: float, right: float, bottom: float, depth: int, rng: np.random.Generator
) -> list[tuple[float, float, float, float]]:
    """A rectangle cut into parts of very different sizes; long ones into a row of small squares."""
    wide, tall = right - left, bottom - top
    if max(wide, tall) < 0.06 or (depth > 4 and rng.random() < 0.14 * (depth - 3)):
        return [(left, top, right, bottom)]
    upright = wide * rng.uniform(0.6, 1.6) > tall
    length, breadth = (wide, tall) if upright else (tall, wide)
    if breadth < 0.075 and length > 2.5 * breadth:
        places = np.linspace(0, 1, round(length / breadth) + 1)[1:-1]
    else:
        share = rng.choice([0.14, 0.27, 0.38, 0.62, 0.73, 0.86])
        places = np.array([share + rng.normal(0, 0.02)])
    cuts = [0.0, *places.tolist(), 1.0]
    parts: list[tuple[float, float, float, float]] = []
    for low, high in zip(cuts, cuts[1:]):
        if upright:
            part = (left + low * wide, top, left + high * wide, bottom)
        else:
            part = (left, top + low * tall, right, top + high * tall)
        deeper = depth + 1 if len(places) == 1 else 9
        parts += _cut(*part, deeper, rng) if deeper < 9 else [part]
    return parts


def _painted(pixels: Array, bar: Array, marks: Array, grain: np.random.Generator) -> Array:
    """Strokes along the fields, thin places, the weave of the canvas, raised bars."""
    size = len(pixels)
    worn = fractal_noise(size, 7, grain, octaves=5)
    toned = pixels * (1 + 0.022 * marks + 0.016 * worn)[..., None]
    ridge = ndimage.gaussian_filter(bar, 0.0012 * size)
    height = 0.05 * marks + 0.30 * ridge + 0.05 * canvas_weave(size, grain)
    return relief(toned, height, strength=0.9)


def _small(values: Array, size: int) -> Array:
    image = Image.fromarray(np.rint(values).astype(np.uint8))
    return np.asarray(image.resize((size, size), Image.Resampling.BOX)).astype(np.float32)
