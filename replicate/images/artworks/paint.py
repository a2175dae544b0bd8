"""Paint: palettes, a canvas for brush strokes, relief light and grain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .noise import grid, smoothstep

Array = np.ndarray
# A shape gives, for places x and y, the distance inside it (negative outside).
Shape = Callable[[Array, Array], Array]


def colours(*codes: str) -> Array:
    """(n, 3) colours in [0, 1] from hexadecimal codes such as "1b2a6b"."""
    return np.array([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in codes])


def gradient(palette: Array, t: Array) -> Array:
    """(…, 3) colours from a palette spread evenly over t in [0, 1]."""
    place = np.clip(t, 0, 1) * (len(palette) - 1)
    low = np.minimum(place.astype(int), len(palette) - 2)
    weight = (place - low)[..., None]
    return palette[low] * (1 - weight) + palette[low + 1] * weight


def mix(first: Array, second: Array, weight: Array | float) -> Array:
    """`first` where the weight is 0, `second` where it is 1; the weight has no colour axis."""
    weight = np.asarray(weight)[..., None]
    return first * (1 - weight) + second * weight


class Canvas:
    """Oil paint in two layers, colour and thickness, both laid on by bristles.

    It works at twice the size that it gives back, because Pillow draws without anti-aliasing.
    """

    def __init__(self, size: int, ground: Array) -> None:
        self.size = size
        self.scale = 2 * size
        pixels = np.broadcast_to(ground, (size, size, 3))
        self._colour = _image(pixels).resize((self.scale, self.scale))
        self._thickness = Image.new("L", (self.scale, self.scale), 60)
        self._brush = ImageDraw.Draw(self._colour)
        self._load = ImageDraw.Draw(self._thickness)

    def stroke(
        self,
        path: Array,
        width: float,
        colour: Array,
        rng: np.random.Generator,
        bristle: float = 0.0016,
        variety: float = 0.06,
    ) -> None:
        """Pull one brush along a path.

        Args:
            path: (n, 2) points of the unit square.
            width: of the brush, as a fraction of the picture's side.
            colour: (3,) in [0, 1].
            bristle: width of one bristle's trace.
            variety: spread of lightness between bristles.
        """
        bristle = max(bristle, 0.8 / self.size)  # finer ones would not be seen
        count = max(3, round(width / bristle))
        tangent = np.gradient(path, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
        normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
        across = np.linspace(-1, 1, count) + rng.normal(0, 0.5 / count, count)
        # Bristles at the rim touch later and leave earlier: a rounded, ragged end.
        reach = 1 - 0.35 * np.abs(across) ** 2 * rng.uniform(0.4, 1, count)
        ragged = rng.uniform(0, 0.12, (count, 2))
        shade = rng.normal(0, variety, (count, 1)) + rng.normal(0, variety / 3, (count, 3))
        tones = (np.clip(colour + shade, 0, 1) * 255).astype(int)
        # Paint piles up along both rims, as it does under a loaded brush.
        loads = 110 + 70 * np.abs(across) ** 3 + rng.normal(0, 32, count)
        loads = np.clip(loads, 20, 255).astype(int)
        lines = path[None] + normal[None] * (across * width / 2)[:, None, None]
        lines *= self.scale
        thick = max(1, round(1.5 * width / count * self.scale))
        last = len(path)
        for k in rng.permutation(count):
            skip = (1 - reach[k]) / 2
            start = int((skip + ragged[k, 0]) * last)
            stop = last - int((skip + ragged[k, 1]) * last)
            if stop - start < 2:
                continue
            line = lines[k, start:stop].ravel().tolist()
            self._brush.line(line, fill=tuple(tones[k].tolist()), width=thick)
            self._load.line(line, fill=int(loads[k]), width=thick)

    def pixels(self) -> Array:
        """(size, size, 3) colours in [0, 1]."""
        small = self._colour.resize((self.size, self.size), Image.Resampling.BOX)
        return np.asarray(small).astype(np.float32) / 255

    def thickness(self) -> Array:
        """(size, size) thickness of the paint in [0, 1]."""
        small = self._thickness.resize((self.size, self.size), Image.Resampling.BOX)
        return np.asarray(small).astype(np.float32) / 255


class Sheet:
    """A painting of translucent shapes, whose brush marks run in several directions.

    Attributes:
        pixels: (size, size, 3) in [0, 1], what has been painted so far.
        height: (size, size) thickness of the paint.
    """

    def __init__(self, ground: Array, marks: Sequence[Array], ink: Array) -> None:
        """Start from a ground, with textures of brush marks evenly over half a turn."""
        self.size = len(ground)
        self.pixels = np.array(ground, np.float32)
        self.height = 0.05 * marks[0]
        self._x, self._y = grid(self.size)
        self._marks = marks
        self._ink = ink

    def lay(
        self,
        shape: Shape,
        centre: Array,
        reach: float,
        paint: tuple[Array, Array],
        cover: tuple[float, float],
        angle: float,
        rim: float = 0.0,
    ) -> None:
        """Paint a shape whose colour and cover change from one side to the other.

        Args:
            shape: what is painted.
            centre: (2,) its middle.
            reach: it lies within this distance of its centre.
            paint: two colours, at the near and the far side.
            cover: opacity at the near and the far side.
            angle: direction from the near to the far side, and of the brush marks.
            rim: how dark the outline of the near side is.
        """
        low = np.clip(((centre - reach) * self.size).astype(int), 0, self.size)
        high = np.clip(((centre + reach) * self.size).astype(int) + 1, 0, self.size)
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        x, y = self._x[box], self._y[box]
        if x.size == 0:
            return
        marks = self._marks[round(angle / np.pi * len(self._marks)) % len(self._marks)][box]
        # Brush marks fray the edge a little: nobody paints a perfect line.
        inside = shape(x, y) + 0.0005 * marks
        edge = np.clip(inside * self.size + 0.5, 0, 1)
        along = ((x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)) / reach
        t = np.clip(0.5 + 0.6 * along, 0, 1)
        alpha = edge * np.clip(cover[0] + (cover[1] - cover[0]) * t + 0.07 * marks, 0, 1)
        tone = mix(paint[0], paint[1], t) + (0.045 * marks)[..., None]
        if rim:
            line = np.exp(-((inside / 0.0028) ** 2)) * smoothstep(0.75, 0.3, t)
            tone = mix(tone, self._ink, rim * line)
        self.pixels[box] = mix(self.pixels[box], np.clip(tone, 0, 1), alpha)
        self.height[box] += alpha * (0.06 * marks + 0.10 - 0.5 * self.height[box])


def brush_marks(size: int, angle: float, rng: np.random.Generator) -> Array:
    """(size, size) long streaks of a brush along `angle`, unit variance."""
    wide = int(size * 1.5)
    noise = rng.standard_normal((wide, wide)).astype(np.float32)
    fine = ndimage.gaussian_filter(noise, (0.0008 * size, 0.012 * size))
    broad = ndimage.gaussian_filter(noise[::-1], (0.0022 * size, 0.03 * size))
    streaks = fine / fine.std() + 0.8 * broad / broad.std()
    turned = ndimage.rotate(streaks, -np.degrees(angle), reshape=False, order=1)
    margin = (wide - size) // 2
    middle = turned[margin : margin + size, margin : margin + size]
    return middle / middle.std()


def dabs(size: int, angle: float, length: float, rng: np.random.Generator) -> Array:
    """(size, size) short dabs of a flat brush side by side along `angle`, unit variance.

    `length` is a dab's length as a fraction of the picture's side; it is three times as long as
    wide.
    """
    x, y = grid(size)
    along = (x * np.cos(angle) + y * np.sin(angle) + 2) / length
    across = (y * np.cos(angle) - x * np.sin(angle) + 2) / (length / 3)
    across += 0.3 * np.sin(1.3 * along)
    row = np.floor(across).astype(int)
    shift, tones = rng.random(4096), rng.standard_normal(65536)
    column = np.floor(along + shift[row % 4096]).astype(int)
    tone = tones[(row * 7919 + column * 104729) % 65536]
    ridge = np.cos(2 * np.pi * (across - row - 0.5))
    marks = tone + 0.7 * ridge + 0.6 * brush_marks(size, angle, rng)
    return ((marks - marks.mean()) / marks.std()).astype(np.float32)


def relief(pixels: Array, height: Array, strength: float, gloss: float = 0.0) -> Array:
    """Light the paint from the upper left: slopes towards it brighten, the others darken.

    Args:
        pixels: (size, size, 3) in [0, 1].
        height: (size, size), in units in which 1 is the thickest paint.
        strength: how far a slope changes the brightness.
        gloss: how white the steepest lit slopes become.
    """
    down, across = np.gradient(height)
    light = -(across + down)
    lit = pixels * np.clip(1 + strength * light, 0.4, 1.8)[..., None]
    if gloss:
        lit = lit + gloss * np.clip(light - 0.12, 0, 0.5)[..., None]
    return np.clip(lit, 0, 1)


def canvas_weave(size: int, rng: np.random.Generator, threads: int = 320) -> Array:
    """(size, size) height of a woven cloth, zero mean; fine as paint hardly hides."""
    turn = 2 * np.pi * threads * (np.arange(size) + 0.5) / size
    weave = np.sin(turn)[None] * np.sin(turn)[:, None]
    uneven = ndimage.gaussian_filter(rng.standard_normal((size, size)), 1.0)
    return (weave * 0.5 + uneven * 1.5).astype(np.float32)


def _image(pixels: Array) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
