"""Training data: pictures decoded once, and batches of augmented crops drawn from them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from replicate.compact.model import MEAN

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


def picture_files(folder: Path) -> list[Path]:
    """All pictures under ``folder``, sorted, so that a seed means the same batches."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def load_shrunk(path: Path, longest: int = LONGEST_KEPT) -> np.ndarray:
    """One picture as (H, W, 3) uint8 with its longer side at most ``longest`` pixels."""
    with Image.open(path) as image:
        image.draft("RGB", (longest * 2, longest * 2))
        shrunk = image.convert("RGB")
    shrunk.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(shrunk)


@dataclass
class TransferPool:
    """The newest pictures of transfers in progress, as (H, W, 3) float16 in 0..255."""

    capacity: int = 600
    pictures: deque[np.ndarray] = field(default_factory=deque)

    def add(self, picture: np.ndarray) -> None:
        self.pictures.append(picture.astype(np.float16))
        while len(self.pictures) > self.capacity:
            self.pictures.popleft()


@dataclass(frozen=True)
class Mixture:
    """What a batch is made of: shares of 1 a sample; the rest are plain photographs."""

    transfers: float = 0.2
    spectra: float = 0.05
    blends: float = 0.08
    noisy: float = 0.25
    recoloured: float = 0.3


PLAIN = Mixture(transfers=0.0, spectra=0.0, blends=0.0, noisy=0.0, recoloured=0.0)
"""Photographs alone, as they are."""


class Sampler:
    """Draws batches (B, 3, S, S) float32 in 0..255 less the mean; all chance from ``rng``."""

    def __init__(
        self,
        pictures: Sequence[np.ndarray],
        rng: np.random.Generator,
        mixture: Mixture | None = None,
        pool: TransferPool | None = None,
    ):
        if not pictures:
            raise ValueError("no pictures to train on")
        self.pictures = pictures
        self.rng = rng
        self.mixture = mixture or Mixture()
        self.pool = pool or TransferPool()

    def batch(self, count: int, size: int) -> np.ndarray:
        samples = np.stack([self._sample(size) for _ in range(count)])
        centred = samples - np.asarray(MEAN, np.float32)
        return np.ascontiguousarray(centred.transpose(0, 3, 1, 2), dtype=np.float32)

    def crop(self, size: int) -> np.ndarray:
        """A plain crop (S, S, 3) float32: at least two fifths of the shorter side, mirrored."""
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

    def _sample(self, size: int) -> np.ndarray:
        mixture = self.mixture
        kind = self.rng.random()
        if kind < mixture.transfers and self.pool.pictures:
            return self._transfer(size)
        if kind > 1 - mixture.spectra:
            return self._spectrum(size)
        sample = self.crop(size)
        if self.rng.random() < mixture.blends:
            share = np.float32(self.rng.uniform(0.2, 0.8))
            sample = share * sample + (1 - share) * self.crop(size)
        if self.rng.random() < mixture.recoloured:
            sample = self._recoloured(sample)
        if self.rng.random() < mixture.noisy:
            sample = sample + self._noise(sample.shape, 2.0, 90.0)
        return sample

    def _transfer(self, size: int) -> np.ndarray:
        picture = self.pool.pictures[int(self.rng.integers(len(self.pool.pictures)))]
        height, width = picture.shape[:2]
        if min(height, width) < size:
            copies = (-(-size // height), -(-size // width), 1)
            picture = np.tile(picture, copies)
            height, width = picture.shape[:2]
        top = int(self.rng.integers(height - size + 1))
        left = int(self.rng.integers(width - size + 1))
        return self._mirrored(picture[top : top + size, left : left + size].astype(np.float32))

    def _mirrored(self, sample: np.ndarray) -> np.ndarray:
        return sample[:, ::-1] if self.rng.random() < 0.5 else sample

    def _noise(self, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
        level = np.exp(self.rng.uniform(np.log(low), np.log(high)))
        return self.rng.standard_normal(shape, np.float32) * np.float32(level)

    def _recoloured(self, sample: np.ndarray) -> np.ndarray:
        """Contrast, saturation, brightness and tint shifted; may leave 0..255, as transfers do."""
        grey = sample.mean(axis=2, keepdims=True)
        saturation, contrast = self.rng.uniform(0.3, 1.8), self.rng.uniform(0.6, 1.4)
        sample = grey + np.float32(saturation) * (sample - grey)
        centre = sample.mean(axis=(0, 1), keepdims=True)
        tint = self.rng.normal(0, 15, (1, 1, 3)).astype(np.float32)
        return centre + np.float32(contrast) * (sample - centre) + tint

    def _spectrum(self, size: int) -> np.ndarray:
        """Noise of spectrum 1/f^a, a in 0..2, in random colours: where transfers start."""
        frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
        fall = np.maximum(frequency, 1 / size) ** -self.rng.uniform(0, 2)
        white = self.rng.standard_normal((3, size, size), np.float32)
        maps = np.fft.irfft2(np.fft.rfft2(white) * fall, s=(size, size))
        maps /= maps.std() + 1e-6
        mixing = self.rng.normal(0, 0.6, (3, 3)) + np.eye(3) * self.rng.uniform(0, 1)
        level = np.exp(self.rng.uniform(np.log(0.5), np.log(80.0)))
        centre = np.asarray(MEAN) + self.rng.normal(0, 40, 3)
        return (centre + level * np.einsum("dc,chw->hwd", mixing, maps)).astype(np.float32)


def held_out_and_rest(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures under ``folder``, parted by :func:`is_held_out`."""
    files = picture_files(folder)
    return [f for f in files if is_held_out(f)], [f for f in files if not is_held_out(f)]
