"""Feature maps and how they are read.

A :class:`FeatureMap` is what the network made at one layer, together with the :class:`Readout`
that says how this map stands for VGG's features.  Losses never look at a map directly: they ask
for coordinates or a Gram matrix in which squared distances equal those of the features.  So one
set of losses serves the plain network (the map *is* the features), Gatys' normalised network
(each channel divided by its mean activation) and the compact network (a narrow map that a linear
head turns into VGG's channels, which are never made in full).

All readouts are affine: a feature is a sum of the map's channels and of a constant.  So what is
quadratic in the features follows from the map's *moments*: its products, its means, and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..method import cross_gram_matrix, gram_matrix, mean_products, rows_of


class _GramAndMeans(torch.autograd.Function):
    """The Gram matrix and the means of the channels: both gradients in one product."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(rows)
        products = mean_products(rows, rows)
        return products, rows.mean(dim=1, dtype=products.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        products, means = (gradient / rows.shape[1] for gradient in gradients)
        both = (products + products.transpose(1, 2)).to(rows.dtype)
        return torch.baddbmm(means[:, None, :].to(rows.dtype), rows, both)


def _gram_and_means(features: Tensor) -> tuple[Tensor, Tensor]:
    """The Gram matrix and the mean of each channel: (B, N, H, W) -> (B, N, N) and (B, N)."""
    return _GramAndMeans.apply(rows_of(features))


def _means(features: Tensor) -> Tensor:
    """Mean of each channel, (B, N, H, W) -> (B, N) float32."""
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    return features.mean(dim=(2, 3), dtype=dtype)


def _moments(products: Tensor, means: Tensor, other_means: Tensor) -> Tensor:
    """[[E^T F / M, mean of E], [mean of F, 1]]: the products of [E 1] and [F 1].

    (B, n, k), (B, n) and (B, k) -> (B, n + 1, k + 1).
    """
    last = F.pad(other_means, (0, 1), value=1.0)
    return torch.cat([torch.cat([products, means[:, :, None]], dim=2), last[:, None, :]], dim=1)


class Readout:
    """The plain network's: the map is the features."""

    def __init__(self, channels: int):
        self.channels = channels
        self._shifted: dict[float, Readout] = {}

    def wide(self, features: Tensor) -> Tensor:
        """VGG's features (B, N, H, W) in full, float32."""
        return _full(features)

    def coordinates(self, features: Tensor) -> Tensor:
        """(B, n, H, W) float32, in which squared distances equal those of the features."""
        return self.wide(features)

    def gram(self, features: Tensor) -> Tensor:
        """(B, n, n) float32, in which Frobenius distances equal those of the Gram matrices."""
        return gram_matrix(features)

    def wide_gram(self, features: Tensor) -> Tensor:
        """The Gram matrix of VGG's width, (B, N, N) float32."""
        return self.gram(features)

    def cross_gram(self, features: Tensor, readout: Readout, others: Tensor) -> Tensor:
        """As :meth:`gram`, between these features and others of one size: (B, n, k) float32."""
        products = cross_gram_matrix(features, others)
        moments = _moments(products, _means(features), _means(others))
        return readout.combined(self.combined(moments).mT).mT

    def combined(self, moments: Tensor) -> Tensor:
        """What is linear in the map and the constant, in coordinates: (B, n + 1, k) -> (B, n', k).

        The last row belongs to the constant.
        """
        return moments[:, :-1]

    def means(self, features: Tensor) -> Tensor:
        """Mean of each of VGG's channels, (B, N) float32."""
        return _means(features)

    def variances(self, features: Tensor) -> Tensor:
        """Variance over the positions of each of VGG's channels, (B, N) float32."""
        return _full(features).var(dim=(2, 3), correction=0)

    def scaled(self, factors: Tensor) -> Readout:
        """The readout of the same features with channel c multiplied by ``factors[c]``."""
        return DiagonalReadout(factors)

    def shifted(self, shift: float) -> Readout:
        """The readout of the same features with ``shift`` added to every channel.

        Made once for each shift, because losses ask at every evaluation.
        """
        if shift not in self._shifted:
            self._shifted[shift] = self._with_shift(shift)
        return self._shifted[shift]

    def _with_shift(self, shift: float) -> Readout:
        return ShiftedReadout(self, shift)


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

    def gram(self, features: Tensor) -> Tensor:
        return gram_matrix(features) * self.factors.view(1, -1, 1) * self.factors.view(1, 1, -1)

    def combined(self, moments: Tensor) -> Tensor:
        return moments[:, :-1] * self.factors[:, None]

    def means(self, features: Tensor) -> Tensor:
        return _means(features) * self.factors

    def variances(self, features: Tensor) -> Tensor:
        return super().variances(features) * self.factors.square()

    def scaled(self, factors: Tensor) -> Readout:
        return DiagonalReadout(self.factors * factors)


class ShiftedReadout(Readout):
    """Another readout's features with a constant added, F + s (Novak & Nikulin 2016, sec. 3.3).

    Args:
        base: the readout of F, whose coordinates are the features themselves.
        shift: s, a number or one by channel.
    """

    def __init__(self, base: Readout, shift: float | Tensor):
        super().__init__(base.channels)
        self.base = base
        self.shift = shift

    def wide(self, features: Tensor) -> Tensor:
        return (self.base.wide(features).movedim(1, -1) + self.shift).movedim(-1, 1)

    def gram(self, features: Tensor) -> Tensor:
        products, means = _gram_and_means(features)
        moments = _moments(products, means, means)
        return self.combined(self.combined(moments).mT).mT

    def combined(self, moments: Tensor) -> Tensor:
        return (self.base.combined(moments).mT + self.shift * moments[:, -1:].mT).mT

    def means(self, features: Tensor) -> Tensor:
        return self.base.means(features) + self.shift

    def variances(self, features: Tensor) -> Tensor:
        return self.base.variances(features)

    def scaled(self, factors: Tensor) -> Readout:
        return ShiftedReadout(self.base.scaled(factors), self.shift * factors)


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

    def _gram(self, head: Tensor, features: Tensor) -> Tensor:
        products, means = _gram_and_means(features)
        return head @ _moments(products, means, means) @ head.T

    def gram(self, features: Tensor) -> Tensor:
        return self._gram(self.root, features)

    def wide_gram(self, features: Tensor) -> Tensor:
        return self._gram(self.head, features)

    def combined(self, moments: Tensor) -> Tensor:
        return self.root @ moments

    def means(self, features: Tensor) -> Tensor:
        return _means(features) @ self.weight.T + self.bias

    def variances(self, features: Tensor) -> Tensor:
        products, means = _gram_and_means(features)
        covariance = products - means[:, :, None] * means[:, None, :]
        # The difference may fall below 0 by rounding, where a channel is nearly constant.
        return (self.weight @ covariance * self.weight).sum(dim=2).clamp(min=0)

    def scaled(self, factors: Tensor) -> Readout:
        return LinearReadout(self.weight * factors[:, None], self.bias * factors)

    def _with_shift(self, shift: float) -> Readout:
        return LinearReadout(self.weight, self.bias + shift)


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

    def cross_gram(self, deeper: FeatureMap) -> Tensor:
        """Gram matrix with a deeper layer's features, which are enlarged to this layer's size.

        Returns:
            (B, n, k) float32, in which Frobenius distances equal those of the matrices (B, N, K).
        """
        others = deeper.map
        if others.shape[2:] != self.map.shape[2:]:
            others = F.interpolate(others, size=self.map.shape[2:], mode="nearest")
        return self.readout.cross_gram(self.map, deeper.readout, others)

    def means(self) -> Tensor:
        return self.readout.means(self.map)

    def variances(self) -> Tensor:
        return self.readout.variances(self.map)

    def shifted(self, shift: float) -> FeatureMap:
        """The features F + s for another number than 0."""
        return FeatureMap(self.map, self.readout.shifted(shift)) if shift else self


def _full(features: Tensor) -> Tensor:
    return features if features.dtype == torch.float64 else features.float()
