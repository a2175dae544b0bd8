"""Artworks drawn by seeded programs, made to be taken as styles, and two subjects.

Each lies in a module of its name, whose function ``draw_<name>(size, rng)`` gives (size, size, 3)
floats in [0, 1]. Every program draws on the unit square, so that a smaller size is the same
picture made smaller, but for its finest grain.

What programs read is the picture beside the module, so that nobody waits for it, and so that it is
the same on every machine: ``python -m replicate.images.artworks NAME ...`` draws it anew.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

ARTWORKS = (
    "swirls",
    "shards",
    "facets",
    "wave",
    "mosaic",
    "points",
    "wash",
    "hatching",
    "fields",
    "marbling",
)

SUBJECTS = ("phoenix", "rosette")
"""Not styles: an emblem, and a pattern in a cup."""

SIDE = 1024
"""Of the pictures that lie here, in pixels."""


def artwork_file(name: str) -> Path:
    """Where the picture of an artwork or subject lies."""
    return Path(__file__).with_name(f"{name}.webp")


def draw(name: str, size: int) -> np.ndarray:
    """(size, size, 3) uint8 of an artwork or subject, the same bytes at every call."""
    seed = list(name.encode())
    pixels = _drawing(name)(size, np.random.default_rng(seed))
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _drawing(name: str) -> Callable[[int, np.random.Generator], np.ndarray]:
    # Imported only now: the drawings need scipy, which takes most of a second to import.
    module = importlib.import_module(f".{name}", __name__)
    drawing: Callable[[int, np.random.Generator], np.ndarray] = getattr(module, f"draw_{name}")
    return drawing
