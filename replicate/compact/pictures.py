"""Batches of augmented crops: what the bundled network trains on."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from replicate.compact.model import MEAN
from replicate.photographs import Crops


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


class Sampler(Crops):
    """Draws batches (B, 3, S, S) float32 in 0..255 less the mean."""

    def __init__(
        self,
        pictures: Sequence[np.ndarray],
        rng: np.random.Generator,
        mixture: Mixture | None = None,
        pool: TransferPool | None = None,
    ):
        super().__init__(pictures, rng)
        self.mixture = mixture or Mixture()
        self.pool = pool or TransferPool()

    def batch(self, count: int, size: int) -> np.ndarray:
        samples = np.stack([self._sample(size) for _ in range(count)])
        centred = samples - np.asarray(MEAN, np.float32)
        return np.ascontiguousarray(centred.transpose(0, 3, 1, 2), dtype=np.float32)

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
