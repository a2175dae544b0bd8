"""Feature maps and how they are read.

A :class:`FeatureMap` is what the network made at one layer, together with the :class:`Readout`
that says how this map stands for VGG's features.  Losses never look at a map directly: they ask
for coordinates or a Gram matrix in which squared distances equal those of the features.  So one
set of losses serves the plain network (the map *is* the features), Gatys' normalised network
(each channel divided by its mean activation) and the compact network (a narrow map that a linear
head turns into VGG's channels, which are never made in full).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CHUNK = 8192
"""Rows (pixels) that are widened to float32 at once: 8192 x 64 floats stay in a core's cache."""


class _Gram(torch.autograd.Function):
    """F^T F / M with float32 sums whatever the map's precision, and a gradient in that precision.

    Widening a whole bf16 map before the product costs more than the product; so the map is
    widened chunk by chunk, and the gradient F (D + D^T) / M is one product in bf16.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        pixels = rows.shape[1]
        if rows.dtype == torch.float32 or rows.dtype == torch.float64:
            return rows.transpose(1, 2) @ rows / pixels
        out = torch.zeros(rows.shape[0], rows.shape[2], rows.shape[2], device=rows.device)
        for start in range(0, pixels, CHUNK):
            part = rows[:, start : start + CHUNK].float()
            out.baddbmm_(part.transpose(1, 2), part)
        return out / pixels

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        (gradient,) = gradients
        both = (gradient + gradient.transpose(1, 2)) / rows.shape[1]
        return rows @ both.to(rows.dtype)


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix G_ij = (1/M) sum_k F_ik F_jk of each picture (Gatys et al. 2016, eq. 3).

    Args:
        features: (B, N, H, W), any floating type.

    Returns:
        (B, N, N), divided by the number of positions M = H W; float32 (float64 stays float64).
    """
    batch, channels, height, width = features.shape
    # In channels_last memory this is a view: rows are pixels, columns channels.
    return _Gram.apply(features.permute(0, 2, 3, 1).reshape(batch, height * width, channels))


class Readout:
    """The plain network's: the map is the features."""

    def __init__(self, channels: int):
        self.channels = channels

    def wide(self, features: Tensor) -> Tensor:
        """VGG's features (B, N, H, W) in full, float32."""
        return _full(features)

    def coordinates(self, features: Tensor) -> Tensor:
        """(B, n, H, W) float32, in which squared distances equal those of the features."""
        return _full(features)

    def gram(self, features: Tensor) -> Tensor:
        """(B, n, n) float32, in which Frobenius distances equal those of the Gram matrices."""
        return gram_matrix(features)

    def wide_gram(self, features: Tensor) -> Tensor:
        """The Gram matrix of VGG's width, (B, N, N) float32."""
        return gram_matrix(features)

    def scaled(self, factors: Tensor) -> Readout:
        """The readout of the same features with channel c multiplied by ``factors[c]``."""
        return DiagonalReadout(factors)


class DiagonalReadout(Readout):
    """Gatys' normalised network: channel c times ``factors[c]``.

    Rescaling the weights so that every channel's mean activation is one (2016, section 2)
    divides each map by that mean and changes nothing else, since rectification and pooling are
    positively homogeneous; so it is enough to divide where the map is read.
    """

    def __init__(self, factors: Tensor):
        super().__init__(len(factors))
        self.factors = factors

    def wide(self, features: Tensor) -> Tensor:
        return _full(features) * self.factors.view(1, -1, 1, 1)

    coordinates = wide

    def gram(self, features: Tensor) -> Tensor:
        return gram_matrix(features) * self.factors.view(1, -1, 1) * self.factors.view(1, 1, -1)

    wide_gram = gram

    def scaled(self, factors: Tensor) -> Readout:
        return DiagonalReadout(self.factors * factors)


class LinearReadout(Readout):
    """The compact network's: features = H f + b with f a narrow map of n channels.

    With H' = [H b] and f' = [f; 1] the wide Gram matrix is H' G' H'^T.  The factor R of the QR
    decomposition H' = Q R keeps all distances (Q has orthonormal columns), so losses compare
    R G' R^T, a matrix of n + 1 rows, and R (f - p), a map of n + 1 channels.
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__(weight.shape[0])
        self.weight = weight
        self.bias = bias
        self.head = torch.cat([weight, bias[:, None]], dim=1)
        exact = self.head.cpu().double()
        if exact.shape[0] > exact.shape[1]:
            exact = torch.linalg.qr(exact, mode="r").R
        self.root = exact.to(weight.dtype).to(weight.device)

    def wide(self, features: Tensor) -> Tensor:
        full = torch.einsum("nc,bchw->bnhw", self.weight, _full(features))
        return full + self.bias.view(1, -1, 1, 1)

    def coordinates(self, features: Tensor) -> Tensor:
        root, shift = self.root[:, :-1], self.root[:, -1]
        full = torch.einsum("nc,bchw->bnhw", root, _full(features))
        return full + shift.view(1, -1, 1, 1)

    def _augmented_gram(self, features: Tensor) -> Tensor:
        gram = gram_matrix(features)
        mean = features.mean(dim=(2, 3), dtype=gram.dtype)
        one = torch.ones(len(gram), 1, 1, device=gram.device, dtype=gram.dtype)
        top = torch.cat([gram, mean[:, :, None]], dim=2)
        return torch.cat([top, torch.cat([mean[:, None, :], one], dim=2)], dim=1)

    def gram(self, features: Tensor) -> Tensor:
        return self.root @ self._augmented_gram(features) @ self.root.T

    def wide_gram(self, features: Tensor) -> Tensor:
        return self.head @ self._augmented_gram(features) @ self.head.T

    def scaled(self, factors: Tensor) -> Readout:
        return LinearReadout(self.weight * factors[:, None], self.bias * factors)


@dataclass(frozen=True)
class FeatureMap:
    """What the network made at one layer: the map (B, n, H, W) and how it is read."""

    map: Tensor
    readout: Readout

    @property
    def channels(self) -> int:
        """VGG's number of channels N at this layer."""
        return self.readout.channels

    @property
    def positions(self) -> int:
        """M = H W."""
        return self.map.shape[2] * self.map.shape[3]

    def wide(self) -> Tensor:
        return self.readout.wide(self.map)

    def coordinates(self) -> Tensor:
        return self.readout.coordinates(self.map)

    def gram(self) -> Tensor:
        return self.readout.gram(self.map)

    def wide_gram(self) -> Tensor:
        return self.readout.wide_gram(self.map)


def _full(features: Tensor) -> Tensor:
    return features if features.dtype == torch.float64 else features.float()
