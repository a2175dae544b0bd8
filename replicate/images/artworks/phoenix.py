"""Phoenix: the emblem of a bird that rises from flames, one dark colour on white."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import interpolate

from .paint import colours, mix

Array = np.ndarray

_MAROON, _WHITE = colours("6e1423", "ffffff")
_SCALE = 4  # drawn this much larger, then reduced
_ZOOM, _SHIFT = 0.82, np.array([0.0, 0.01])  # leaves a margin around the wings
_GAP = 0.0045  # white between neighbouring feathers

# The wing's arm from shoulder to tip on the right side; the left is its mirror image.
_ARM = np.array([(0.535, 0.47), (0.60, 0.39), (0.70, 0.34), (0.80, 0.25), (0.86, 0.13)])
_BODY = np.array(
    [(0.492, 0.33), (0.464, 0.39), (0.450, 0.47), (0.462, 0.57), (0.50, 0.68),
     (0.538, 0.57), (0.550, 0.47), (0.542, 0.39), (0.520, 0.33)]
)  # fmt: skip


class _Emblem:
    """A drawing in one ink; coordinates from 0 to 1 leave a margin on the page."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.scale = size * _SCALE
        self.image = Image.new("L", (self.scale, self.scale), 0)
        self._pen = ImageDraw.Draw(self.image)

    def blade(self, spine: Array, width: float, gap: float = _GAP) -> None:
        """A feather or flame: a tapering shape about a spine, white around it."""
        for breadth, ink in ((width + 2 * gap, 0), (width, 255)):
            self.area(_outline(spine, breadth), ink)

    def flame(self, spine: Array, width: float) -> None:
        """A tongue, round at its foot and drawn out to a long point."""
        for breadth, ink in ((width + 2 * _GAP, 0), (width, 255)):
            self.area(_tongue(spine, breadth), ink)

    def area(self, outline: Array, ink: int) -> None:
        """A filled outline, 255 for maroon and 0 for white."""
        placed = (outline - 0.5) * _ZOOM + 0.5 + _SHIFT
        self._pen.polygon((placed * self.scale).ravel().tolist(), fill=ink)

    def cover(self) -> Array:
        """(size, size) share of maroon."""
        small = self.image.resize((self.size, self.size), Image.Resampling.BOX)
        return np.asarray(small) / 255


def draw_phoenix(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: maroon on white; the generator sets the flames only."""
    emblem = _Emblem(size)
    _flames(emblem, rng)
    _tail(emblem)
    for side in (1, -1):
        _wing(emblem, side)
    _body(emblem)
    return mix(_WHITE, _MAROON, emblem.cover())


def _curve(points: Array, count: int = 60) -> Array:
    """(count, 2) places along a smooth curve through the points."""
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return interpolate.CubicSpline(steps, points)(np.linspace(0, steps[-1], count))


def _outline(spine: Array, width: float) -> Array:
    """Both sides of a shape that is widest past its middle and pointed at its end."""
    t = np.linspace(0, 1, len(spine))
    return _sides(spine, width * (0.35 + 1.1 * t) * np.sqrt(np.clip(1 - t**3, 0, 1)))


def _tongue(spine: Array, width: float) -> Array:
    """Both sides of a shape that is widest near its foot."""
    t = np.linspace(0, 1, len(spine))
    return _sides(spine, width * 1.5 * np.sqrt(t + 0.02) * (1 - t) ** 0.8 * 1.6)


def _sides(spine: Array, widths: Array) -> Array:
    along = np.gradient(spine, axis=0)
    normal = np.column_stack([-along[:, 1], along[:, 0]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    half = normal * (0.5 * widths)[:, None]
    return np.concatenate([spine + half, (spine - half)[::-1]])


def _bent(start: Array, angle: float, length: float, bend: float, count: int = 24) -> Array:
    """A spine that leaves at an angle and turns by `bend` radians along its length."""
    turns = angle + bend * np.linspace(0, 1, count)
    steps = np.column_stack([np.cos(turns), np.sin(turns)]) * length / count
    return start + np.concatenate([[[0, 0]], np.cumsum(steps, axis=0)[:-1]])


def _mirror(points: Array, side: int) -> Array:
    return points if side == 1 else points * [-1, 1] + [1, 0]


def _wing(emblem: _Emblem, side: int) -> None:
    """Three rows of feathers along the arm, the longest at the back."""
    arm = _curve(_ARM)
    for count, length, width, first, last in (
        (13, 0.300, 0.034, 1.75, -0.80),
        (12, 0.185, 0.030, 1.60, -0.75),
        (11, 0.095, 0.026, 1.45, -0.70),
    ):
        for k in range(count):
            t = k / (count - 1)
            root = arm[round(t * (len(arm) - 1))]
            angle = first + (last - first) * t**1.15
            reach = length * (0.55 + 0.45 * np.sin(np.pi * (0.15 + 0.72 * t)))
            emblem.blade(_mirror(_bent(root, angle, reach, -0.45), side), width)
    emblem.blade(_mirror(_curve(_ARM, 40), side), 0.030)


def _tail(emblem: _Emblem) -> None:
    """Long plumes that sweep down and curl up at the ends."""
    root = np.array([0.5, 0.62])
    for side in (1, -1):
        for angle, length, bend, width in (
            (0.70, 0.30, -1.9, 0.030),
            (0.98, 0.37, -1.7, 0.032),
            (1.24, 0.40, -1.3, 0.034),
            (1.44, 0.38, -0.7, 0.034),
        ):
            spine = _mirror(_bent(root, angle, length, bend, 40), side)
            emblem.blade(spine, width)
            _eye(emblem, spine[-7], 0.008)
    emblem.blade(_bent(root, np.pi / 2, 0.36, 0.0), 0.036)


def _eye(emblem: _Emblem, centre: Array, radius: float) -> None:
    turn = np.linspace(0, 2 * np.pi, 40)
    emblem.area(centre + radius * np.column_stack([np.cos(turn), np.sin(turn)]), 0)


def _flames(emblem: _Emblem, rng: np.random.Generator) -> None:
    """Tongues of fire that rise on both sides of the tail."""
    for row, (count, length) in enumerate(((8, 0.27), (8, 0.20), (7, 0.13))):
        for side in (1, -1):
            for k in reversed(range(count)):
                t = (k + 0.5 + 0.33 * row) / count
                root = np.array([0.52 + 0.36 * t, 0.985 - 0.10 * t**2 + 0.015 * row])
                tall = length * (1 - 0.45 * t) * rng.uniform(0.8, 1.2)
                lean = -np.pi / 2 + 0.45 * t + 0.55 + rng.normal(0, 0.06)
                spine = _bent(root, lean, tall, -1.5 if k % 2 else -0.9, 30)
                emblem.flame(_mirror(spine, side), 0.042)
    for side in (1, -1):  # a bed of embers hides the feet of the flames
        bed = _curve(np.array([(0.515, 1.012), (0.62, 1.000), (0.74, 0.972), (0.90, 0.895)]), 50)
        emblem.blade(_mirror(bed, side), 0.040)


def _body(emblem: _Emblem) -> None:
    body = _curve(_BODY, 120)
    grown = body + (body - body.mean(axis=0)) * 0.06
    emblem.area(grown, 0)
    emblem.area(body, 255)
    for row in range(6):  # scale-like feathers on the breast
        for k in range(-2 + row % 2, 3):
            x, y = 0.5 + 0.020 * (k - 0.5 * (row % 2)), 0.435 + 0.028 * row
            if abs(x - 0.5) < 0.036 - 0.0035 * max(0, row - 4):
                turn = np.linspace(0.15, np.pi - 0.15, 16)
                arc = np.array([x, y]) + 0.0115 * np.column_stack([np.cos(turn), np.sin(turn)])
                inner = arc - [0, 0.0035]
                emblem.area(np.concatenate([arc, inner[::-1]]), 0)
    _head(emblem)


def _head(emblem: _Emblem) -> None:
    """A head in profile with a hooked beak and a crest of three plumes."""
    neck = _curve(np.array([(0.50, 0.44), (0.508, 0.37), (0.515, 0.29), (0.480, 0.222)]), 30)
    for angle, length in ((-0.35, 0.10), (-0.85, 0.12), (-1.30, 0.10)):
        emblem.blade(_bent(np.array([0.492, 0.212]), angle, length, -0.8), 0.017)
    turn = np.linspace(0, 2 * np.pi, 60)
    head = np.array([0.478, 0.218]) + 0.034 * np.column_stack([1.1 * np.cos(turn), np.sin(turn)])
    sides = (
        np.column_stack([np.full(30, 0.033), np.zeros(30)]) * np.linspace(1.25, 0.8, 30)[:, None]
    )
    emblem.area(np.concatenate([neck + sides, (neck - sides)[::-1]]), 255)
    emblem.area(head, 255)
    beak = np.array([(0.456, 0.194), (0.425, 0.200), (0.398, 0.220), (0.392, 0.252),
                     (0.412, 0.236), (0.450, 0.240)])  # fmt: skip
    emblem.area(_curve(beak, 40), 255)
    _eye(emblem, np.array([0.466, 0.212]), 0.0075)
