"""Swirls: a night of turning water and light, in loaded brush strokes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .noise import (
    curl,
    flow_texture,
    fractal_noise,
    grid,
    sample,
    smoothstep,
)
from .paint import Canvas, canvas_weave, colours, gradient, mix, relief

Array = np.ndarray

_FIELD = 512  # the flow's own resolution, so that strokes do not depend on the picture's size
_NIGHT = colours("070b24", "0e1a4a", "1a3a86", "2f6bb3", "6fb0d4", "c9e2dc")
_TEAL = colours("06242b", "0c4a52", "1f7d7a", "6fbf9f", "d6e8b8")
_GLOW = colours("7a3a14", "c96a1c", "eda01f", "f6c834", "fbe68a")
_EMBER = colours("5c1f1a", "a8381c", "dd6a1f", "f2a22c", "f9d777")
_FOAM = colours("2a5f9c", "5aa0c4", "a9d3cf", "e6e3b4", "f6d765")


@dataclass(frozen=True)
class _Vortex:
    x: float
    y: float
    radius: float
    turn: int  # +1 clockwise on the page, -1 the other way
    palette: Array


_VORTICES = (
    _Vortex(0.64, 0.35, 0.27, 1, _GLOW),
    _Vortex(0.22, 0.20, 0.12, -1, _EMBER),
    _Vortex(0.27, 0.66, 0.19, -1, _FOAM),
    _Vortex(0.80, 0.80, 0.14, 1, _GLOW),
    _Vortex(0.92, 0.12, 0.08, -1, _GLOW),
    _Vortex(0.09, 0.91, 0.09, 1, _EMBER),
    _Vortex(0.53, 0.88, 0.08, -1, _FOAM),
    _Vortex(0.06, 0.42, 0.07, 1, _GLOW),
    _Vortex(0.42, 0.06, 0.06, 1, _FOAM),
)


def draw_swirls(size: int, rng: np.random.Generator) -> Array:
    """(size, size, 3) in [0, 1]: vortices of yellow light in a blue stream."""
    grain, rng = rng.spawn(2)  # grain depends on the size, the composition must not
    flow = _flow(rng)
    tones = _tones(flow, rng)
    canvas = Canvas(size, _NIGHT[1])
    for count, length, width, lift in (
        (1500, 0.16, 0.030, -0.10),
        (3800, 0.11, 0.016, 0.0),
        (6000, 0.075, 0.009, 0.05),
    ):
        _lay_strokes(canvas, flow, tones, count, length, width, lift, rng, grain)
    return _finish(canvas, flow, size, grain)


def _flow(rng: np.random.Generator) -> Array:
    """(field, field, 2) unit directions: vortices in a wavering drift to the right."""
    x, y = grid(_FIELD)
    wave_x, wave_y = curl(fractal_noise(_FIELD, 3, rng, octaves=2) * 0.06 * _FIELD)
    flow_x, flow_y = 0.55 + wave_x, 0.25 * np.sin(5 * x + 3 * y) + wave_y
    for vortex in _VORTICES:
        dx, dy = x - vortex.x, y - vortex.y
        distance = np.hypot(dx, dy) + 1e-4
        pull = 5.0 * np.exp(-1.4 * (distance / vortex.radius) ** 2)
        # A little inward flow makes spirals of the circles.
        flow_x += pull * (-vortex.turn * dy - 0.2 * dx) / distance
        flow_y += pull * (vortex.turn * dx - 0.2 * dy) / distance
    flow = np.stack([flow_x, flow_y], axis=-1)
    return flow / (np.linalg.norm(flow, axis=-1, keepdims=True) + 1e-9)


def _tones(flow: Array, rng: np.random.Generator) -> Array:
    """(field, field, 3) colours that strokes pick up where they begin."""
    x, y = grid(_FIELD)
    streams = ndimage.gaussian_filter(flow_texture(flow[..., 0], flow[..., 1], rng, 0.16), 4)
    depth = 0.34 + 0.13 * fractal_noise(_FIELD, 3, rng, octaves=4) + 0.13 * streams / streams.std()
    depth = np.clip(depth, 0.02, 0.8)
    night = gradient(_NIGHT, depth)
    teal = gradient(_TEAL, depth)
    tones = mix(night, teal, 0.8 * smoothstep(0.3, 1.4, fractal_noise(_FIELD, 2.5, rng, octaves=2)))
    ripple = 0.35 * fractal_noise(_FIELD, 9, rng, octaves=2)
    for vortex in _VORTICES:
        dx, dy = x - vortex.x, y - vortex.y
        distance = np.hypot(dx, dy) / vortex.radius
        angle = np.arctan2(dy, dx) * vortex.turn
        arms = 0.5 + 0.5 * np.cos(2 * angle + 13 * np.sqrt(distance + 0.02) * 1.6 + ripple)
        core = smoothstep(0.42, 0.12, distance)
        veil = smoothstep(1.25, 0.35, distance) * smoothstep(0.25, 0.75, arms)
        heat = 0.30 + 0.75 * np.clip(1 - distance, 0, 1) + 0.12 * ripple
        tones = mix(tones, gradient(vortex.palette, heat), np.maximum(core, 0.95 * veil))
    return tones


def _lay_strokes(
    canvas: Canvas,
    flow: Array,
    tones: Array,
    count: int,
    length: float,
    width: float,
    lift: float,
    rng: np.random.Generator,
    grain: np.random.Generator,
) -> None:
    starts = rng.uniform(-0.03, 1.03, (count, 2))
    lengths = length * rng.uniform(0.5, 1.2, count)
    paths = _trace(flow, starts, lengths)
    widths = width * rng.uniform(0.6, 1.2, count)
    middle = sample(tones, paths[:, paths.shape[1] // 2])
    jitter = rng.normal(0, 0.07, (count, 1)) + rng.normal(0, 0.03, (count, 3))
    picked = np.clip(middle * (1 + lift) + lift * 0.3 + jitter, 0, 1)
    for path, breadth, colour in zip(paths, widths, picked, strict=True):
        canvas.stroke(path, breadth, colour, grain)


def _trace(flow: Array, starts: Array, lengths: Array, points: int = 14) -> Array:
    """(n, points, 2) stream lines from each start."""
    paths = [starts]
    for _ in range(points - 1):
        step = sample(flow, paths[-1])
        paths.append(paths[-1] + step * (lengths / (points - 1))[:, None])
    return np.stack(paths, axis=1)


def _finish(canvas: Canvas, flow: Array, size: int, rng: np.random.Generator) -> Array:
    x, y = grid(size)
    here = sample(flow, np.stack([x, y], axis=-1))
    streaks = flow_texture(here[..., 0], here[..., 1], rng, length=0.02)
    height = canvas.thickness() + 0.05 * streaks + 0.02 * canvas_weave(size, rng)
    return relief(canvas.pixels(), height, strength=1.6, gloss=0.5)
