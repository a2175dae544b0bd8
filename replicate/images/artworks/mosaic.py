"""Mosaic: a stained-glass window with a rose in the sun, over hills."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from .noise import fractal_noise, grid, smoothstep, value_noise
from .paint import brush_marks, colours, gradient, mix, relief

Array = np.ndarray

_ROSE = colours("4a0a22", "8e1030", "c81e3c", "e8506a", "f7a0a8")
_CORE = colours("f2941e", "f9c531", "fff0a0")
_LEAF = colours("06301f", "0f5c34", "2f8f3f", "7fbf3f", "cfe07a")
_RAY = colours("fff2a6", "fcd53c", "f7a21e", "e8641c", "b8321e")
_SKY = colours("9fe0ea", "3fa9dc", "1f6fd0", "1c3fae", "3a1f86", "5f1f78")
_HILL = colours("0c4a3f", "157a5a", "4ea64a", "b4c63a", "2a6f8f")
_FRAME = colours("b3122e", "1c3fb0", "e89a1c", "0f6b4a", "6a1f86")
_LEAD = colours("17161a")[0]

_SUN = (0.5, 0.42)
_BORDER = 0.055
# Regions of the window; each is cut into cells of its own.
_FRAMED, _CORE_AT, _PETALS, _LEAVES, _RAYS, _HILLS = range(6)
_PETAL_RINGS = ((0.045, 6), (0.085, 8), (0.130, 10), (0.180, 12))
_LEAF_RING = (0.235, 16)
_RAY_COUNT = 34


def draw_mosaic(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: leaded cells of streaked and hammered glass."""
    fine = 2 * size
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    region, cell = _cells(fine, rng)
    lead = _distance_to_lead(region, cell)
    depth = np.asarray(Image.fromarray(lead).resize((size, size), Image.Resampling.BOX))
    glass = _glass(region[::2, ::2], cell[::2, ::2], depth, size, rng, grain)
    return _leaded(glass, lead, depth, size, grain)


def _cells(fine: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Region and cell number of each pixel, (fine, fine) integers."""
    x, y = grid(fine)
    bend = 0.006 * value_noise(fine, 9, 9, rng), 0.006 * value_noise(fine, 9, 9, rng)
    dx, dy = x - _SUN[0] + bend[0], y - _SUN[1] + bend[1]
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    region, cell = _rays(radius, angle, rng)
    _lay_flower(region, cell, radius, angle)
    _lay_hills(region, cell, x, y, rng)
    _lay_frame(region, cell, x, y)
    return region, cell


def _rays(radius: Array, angle: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Wavy rays around the flower, each broken across at its own distances."""
    sway = angle + 0.10 * np.sin(11 * radius) + 0.5 * radius
    ray = np.floor((sway / (2 * np.pi) + 1) * _RAY_COUNT).astype(int) % _RAY_COUNT
    offset = rng.uniform(0, 1, _RAY_COUNT)
    pitch = rng.uniform(0.048, 0.085, _RAY_COUNT)
    step = np.floor(radius / pitch[ray] + offset[ray] + 0.25 * np.sin(7 * angle)).astype(int)
    return np.full(radius.shape, _RAYS), ray * 64 + step


def _lay_flower(region: Array, cell: Array, radius: Array, angle: Array) -> None:
    """Scalloped rings of petals, from the leaves inwards."""
    for ring, (reach, petals) in reversed(list(enumerate((*_PETAL_RINGS, _LEAF_RING)))):
        turned = petals * (angle / (2 * np.pi) + 1) + 0.5 * (ring % 2) + 3 * radius
        tip = np.abs((turned % 1) - 0.5) * 2  # 0 in a petal's middle, 1 at its side
        pointed = ring == len(_PETAL_RINGS)
        edge = reach * (1.12 - (0.32 if pointed else 0.17) * tip ** (1.2 if pointed else 2.5))
        inside = radius < edge
        region[inside] = _LEAVES if pointed else _PETALS
        cell[inside] = ring * 64 + np.floor(turned[inside]).astype(int) % petals
    core = radius < 0.026
    region[core], cell[core] = _CORE_AT, 0


def _lay_hills(region: Array, cell: Array, x: Array, y: Array, rng: np.random.Generator) -> None:
    """Rolling bands along the foot, cut into leaning cells."""
    for band in range(5):
        crest = (
            0.755
            + 0.045 * band
            + 0.030 * np.sin(2 * np.pi * (x * (1.1 + 0.2 * band) + 0.37 * band))
        )
        inside = y > crest
        lean = x + (0.35 if band % 2 else -0.25) * (y - crest)
        seams = np.cumsum(rng.uniform(0.05, 0.11, 40)) - 0.4
        region[inside] = _HILLS
        cell[inside] = band * 64 + np.searchsorted(seams, lean[inside])


def _lay_frame(region: Array, cell: Array, x: Array, y: Array) -> None:
    """Square tiles and narrow strips around the window."""
    rim = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    across = np.where(np.minimum(x, 1 - x) < np.minimum(y, 1 - y), y, x)
    side = np.where(np.minimum(x, 1 - x) < np.minimum(y, 1 - y), x > 0.5, 2 + (y > 0.5))
    tile = np.floor((across - _BORDER) / ((1 - 2 * _BORDER) / 14)).astype(int) + 1
    framed = rim < _BORDER
    region[framed] = _FRAMED
    cell[framed] = (side * 64 + tile)[framed]
    strip = (rim >= _BORDER) & (rim < _BORDER + 0.019)
    region[strip] = _FRAMED
    cell[strip] = (1024 + side * 64 + tile // 2)[strip]


def _distance_to_lead(region: Array, cell: Array) -> Array:
    """(fine, fine) distance of each pixel from the nearest seam, in picture sides."""
    label = region * 4096 + cell
    seam = np.zeros(label.shape, bool)
    seam[:, 1:] |= label[:, 1:] != label[:, :-1]
    seam[1:] |= label[1:] != label[:-1]
    return (ndimage.distance_transform_edt(~seam) / len(label)).astype(np.float32)


def _glass(
    region: Array,
    cell: Array,
    depth: Array,
    size: int,
    rng: np.random.Generator,
    grain: np.random.Generator,
) -> Array:
    """The panes: a tone for each cell, streaks within it, and light from behind."""
    x, y = grid(size)
    radius = np.hypot(x - _SUN[0], y - _SUN[1])
    whim = rng.normal(0, 1, (6 * 4096, 4))[region * 4096 + cell]
    swirl = fractal_noise(size, 14, rng, octaves=4)
    kinds = [brush_marks(size, angle, grain) for angle in (0.4, 1.3, 2.4)]
    kinds.append(swirl)
    streak = np.choose(np.abs(whim[..., 3] * 7).astype(int) % 4, kinds)
    panes = _tones(region, cell, radius, y, whim, streak)
    light = 0.86 + 0.22 * smoothstep(0.75, 0.05, radius) + 0.05 * swirl + 0.10 * whim[..., 1]
    # Light is lost along the lead, where dirt gathers.
    light *= 0.62 + 0.42 * smoothstep(0.0, 0.016, depth)
    return panes * light[..., None]


def _tones(
    region: Array, cell: Array, radius: Array, y: Array, whim: Array, streak: Array
) -> Array:
    shade = 0.10 * streak + 0.09 * whim[..., 0]
    outward = np.clip((radius - 0.22) / 0.36, 0, 1)
    bright = (cell // 64) % 2 == 0
    sky = gradient(_SKY, outward * 0.9 + 0.05 + 0.9 * shade)
    panes = np.where(bright[..., None], gradient(_RAY, outward + shade), sky)
    ring = np.clip(cell // 64, 0, 4)
    layers = {
        _PETALS: gradient(_ROSE, 0.85 - 0.17 * ring + 1.1 * shade),
        _LEAVES: gradient(_LEAF, 0.55 + 1.3 * shade),
        _CORE_AT: gradient(_CORE, 0.6 + shade),
        _HILLS: gradient(_HILL, 0.16 + 0.17 * ring + 1.2 * shade),
        _FRAMED: mix(_FRAME[cell % 5], np.ones(3), np.clip(0.12 + shade, 0, 0.6)),
    }
    for which, layer in layers.items():
        panes = np.where((region == which)[..., None], layer, panes)
    return panes


def _leaded(glass: Array, lead: Array, depth: Array, size: int, rng: np.random.Generator) -> Array:
    """Glass between round bars of lead, hammered, and lit from the upper left."""
    half = 0.0038
    covered = Image.fromarray(np.clip((half - lead) * len(lead) + 0.5, 0, 1))
    bars = np.asarray(covered.resize((size, size), Image.Resampling.BOX))
    grain = ndimage.gaussian_filter(rng.standard_normal((size, size)), 0.8)
    round_bar = np.sqrt(np.clip(1 - (depth / half) ** 2, 0, 1))
    points = rng.random((2600, 2))
    x, y = grid(size)
    dent, _ = cKDTree(points).query(np.stack([x, y], axis=-1), k=1)
    hammered = np.cos(np.clip(dent / 0.012, 0, 1) * np.pi)
    pixels = mix(glass, _LEAD + 0.05 * grain[..., None], bars)
    height = bars * (0.9 * round_bar + 0.10 * grain)
    height += (1 - bars) * (0.06 * hammered + 0.035 * grain)
    return relief(pixels, height, strength=1.1, gloss=0.5)
