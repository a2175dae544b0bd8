"""Smooth random fields on the unit square, the same picture at every size."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

Array = np.ndarray


def grid(size: int) -> tuple[Array, Array]:
    """x and y of the pixel centres, each (size, size) in (0, 1); y points down."""
    centres = ((np.arange(size) + 0.5) / size).astype(np.float32)
    x, y = np.meshgrid(centres, centres)
    return x, y


def value_noise(size: int, across: float, down: float, rng: np.random.Generator) -> Array:
    """(size, size) noise of unit variance with about `across` × `down` bumps."""
    columns, rows = int(np.ceil(across)) + 4, int(np.ceil(down)) + 4
    lattice = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
    box = (1.5, 1.5, 1.5 + across, 1.5 + down)
    field = np.asarray(lattice.resize((size, size), Image.Resampling.BICUBIC, box=box))
    return field / (field.std() + 1e-6)


def fractal_noise(
    size: int,
    bumps: float,
    rng: np.random.Generator,
    octaves: int = 4,
    gain: float = 0.5,
    stretch: float = 1.0,
) -> Array:
    """(size, size) noise of zero mean and unit variance, each octave finer and weaker.

    `stretch` above one lengthens the bumps along x.
    """
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        bumps_here = bumps * 2**octave
        total += gain**octave * value_noise(size, bumps_here / stretch, bumps_here, rng)
    return (total - total.mean()) / (total.std() + 1e-6)


def curl(potential: Array) -> tuple[Array, Array]:
    """The divergence-free flow (x and y part) whose stream lines are the potential's contours."""
    down, across = np.gradient(potential)
    return down, -across


def sample(field: Array, points: Array) -> Array:
    """Bilinear values of a (size, size, …) field at (…, 2) points (x, y) of the unit square."""
    size = field.shape[0]
    places = np.clip(points * size - 0.5, 0, size - 1.001)
    corner = places.astype(int)
    weight = places - corner
    column, row = corner[..., 0], corner[..., 1]
    right, below = weight[..., 0], weight[..., 1]
    if field.ndim == 3:
        right, below = right[..., None], below[..., None]
    upper = field[row, column] * (1 - right) + field[row, column + 1] * right
    lower = field[row + 1, column] * (1 - right) + field[row + 1, column + 1] * right
    return upper * (1 - below) + lower * below


def flow_texture(flow_x: Array, flow_y: Array, rng: np.random.Generator, length: float) -> Array:
    """(size, size) streaks of unit variance along a flow, by line integral convolution.

    White noise is averaged along the flow line through each pixel, `length` (a fraction of the
    picture's side) long (Cabral and Leedom 1993).
    """
    size = flow_x.shape[0]
    speed = np.hypot(flow_x, flow_y) + 1e-9
    step_x, step_y = flow_x / speed, flow_y / speed
    noise = ndimage.gaussian_filter(rng.standard_normal((size, size)).astype(np.float32), 0.6)
    total = noise.copy()
    rows, columns = np.indices((size, size), dtype=np.float32)
    steps = max(2, round(length * size / 2))
    for sign in (1, -1):
        place_x, place_y = columns.copy(), rows.copy()
        for _ in range(steps):
            near_x = np.clip(np.rint(place_x), 0, size - 1).astype(np.intp)
            near_y = np.clip(np.rint(place_y), 0, size - 1).astype(np.intp)
            total += noise[near_y, near_x]
            place_x += sign * step_x[near_y, near_x]
            place_y += sign * step_y[near_y, near_x]
    return (total - total.mean()) / (total.std() + 1e-6)


def smoothstep(low: float, high: float, values: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between; also with `low` above `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
