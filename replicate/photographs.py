"""Photographs to train on: decoded once, some held out, and crops drawn from the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
LONGEST_KEPT = 448
"""Pictures are kept in memory shrunk to this longest side: 448 x 336 x 3 is 0.45 MB."""


def is_held_out(path: Path) -> bool:
    """Whether the picture never takes part in training; decided by its name alone.

    One picture in 25 is held out, in folders of paintings one in four. The stem without its
    suffix counts, so copies under one name fall on one side.
    """
    digest = int(hashlib.sha256(path.stem.lower().encode()).hexdigest(), 16)
    return digest % (4 if "painting" in path.parent.name else 25) == 0


def load_shrunk(path: Path, longest: int = LONGEST_KEPT) -> np.ndarray:
    """One picture as (H, W, 3) uint8 with its longer side at most ``longest`` pixels."""
    with Image.open(path) as image:
        image.draft("RGB", (longest * 2, longest * 2))
        shrunk = image.convert("RGB")
    shrunk.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(shrunk)


def held_out_and_rest(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures under ``folder``, parted by :func:`is_held_out`; sorted, so that a seed means
    the same batches.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [f for f in files if is_held_out(f)], [f for f in files if not is_held_out(f)]


class Crops:
    """Draws crops (S, S, 3) float32 in 0..255; all chance from ``rng``."""

    def __init__(self, pictures: Sequence[np.ndarray], rng: np.random.Generator):
        if not pictures:
            raise ValueError("no pictures to train on")
        self.pictures = pictures
        self.rng = rng

    def crop(self, size: int) -> np.ndarray:
        """A square of at least two fifths of the shorter side, mirrored or not."""
        picture = self.pictures[int(self.rng.integers(len(self.pictures)))]
        height, width = picture.shape[:2]
        shorter = min(height, width)
        side = shorter * float(self.rng.uniform(min(1.0, max(0.4, 0.6 * size / shorter)), 1.0))
        left = float(self.rng.uniform(0, width - side))
        top = float(self.rng.uniform(0, height - side))
        image = Image.fromarray(picture).resize(
            (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
        )
        return self._mirrored(np.asarray(image, np.float32))

    def _mirrored(self, sample: np.ndarray) -> np.ndarray:
        return sample[:, ::-1] if self.rng.random() < 0.5 else sample
