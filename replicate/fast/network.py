"""The transformation network: Johnson et al. 2016, supplement, with what came after it.

Three convolutions (the latter two halve the picture), five residual blocks, two enlargements and
a scaled tanh.  Later findings replace what has since been found wanting: instance normalisation
(Ulyanov et al. 2016, arXiv 1607.08022) for batch normalisation, nearest-neighbour enlargement and
a convolution (Odena et al. 2016) for transposed convolutions that draw chequers, and reflected
borders throughout, so that pictures keep their size.

Scale and shift of every normalisation are either parameters, or answers of a small perceptron to
a vector of conditions (Dumoulin et al. 2017 for styles; Babaeizadeh & Ghiasi 2020 for weights).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..method import rows_of

BLOCKS = 5
STRIDE = 4
"""Sides are brought to a multiple of it on the way in, and cut on the way out."""


class TransformationNetwork(nn.Module):
    """From pictures (B, 3, H, W), RGB in [0, 1], to pictures of the same size.

    Args:
        width: channels after the first convolution; 32 in the paper.
        conditions: length of the vector that scales and shifts answer to; 0 for none.
        hidden: width of the perceptron's two hidden layers.
    """

    def __init__(self, width: int = 32, conditions: int = 0, hidden: int = 128):
        super().__init__()
        w = width
        self.first = Reflected(3, w, 9)
        self.down = nn.ModuleList([Reflected(w, 2 * w, 3, 2), Reflected(2 * w, 4 * w, 3, 2)])
        self.residual = nn.ModuleList(Reflected(4 * w, 4 * w, 3) for _ in range(2 * BLOCKS))
        self.up = nn.ModuleList([Reflected(4 * w, 2 * w, 3), Reflected(2 * w, w, 3)])
        self.last = Reflected(w, 3, 9, bias=True)
        self.channels = [w, 2 * w, 4 * w, *[4 * w] * (2 * BLOCKS), 2 * w, w]
        count = sum(self.channels)
        # Scale and shift of all normalisations, one behind the other; the scale as what is added
        # to 1, so that an untrained perceptron leaves the normalisations as they are.
        self.affine = nn.Parameter(torch.zeros(2, count))
        self.perceptron: nn.Sequential | None = None
        if conditions:
            answer = nn.Linear(hidden, 2 * count)
            nn.init.normal_(answer.weight, std=0.03)
            nn.init.zeros_(answer.bias)
            self.perceptron = nn.Sequential(
                *(nn.Linear(conditions, hidden), nn.SiLU()),
                *(nn.Linear(hidden, hidden), nn.SiLU(), answer),
            )

    def forward(
        self,
        pixels: Tensor,
        conditions: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Transformed pictures, float32.

        Args:
            conditions: (B, conditions).
            dtype: of the maps.
        """
        norms = iter(self._norms(conditions))
        height, width = pixels.shape[2:]
        x = _pad(pixels, (0, -width % STRIDE, 0, -height % STRIDE)) - 0.5
        x = x.to(dtype, memory_format=torch.channels_last)
        x = F.relu(_normalised(self.first(x), next(norms)))
        for convolution in self.down:
            x = F.relu(_normalised(convolution(x), next(norms)))
        for one, two in zip(self.residual[::2], self.residual[1::2], strict=True):
            y = F.relu(_normalised(one(x), next(norms)))
            x = x + _normalised(two(y), next(norms))
        for convolution in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = F.relu(_normalised(convolution(x), next(norms)))
        x = self.last(x)[:, :, :height, :width].float()
        return 0.5 + 0.5 * x.tanh()

    def _norms(self, conditions: Tensor | None) -> list[tuple[Tensor, Tensor]]:
        """Scale and shift of each normalisation, (B or 1, C, 1, 1)."""
        affine = self.affine[None]
        if self.perceptron is not None:
            if conditions is None:
                raise ValueError("This network wants conditions.")
            answer = self.perceptron(conditions)
            affine = affine + answer.unflatten(1, affine.shape[1:])
        parts = affine[..., None, None].split(self.channels, dim=2)
        return [(1 + part[:, 0], part[:, 1]) for part in parts]


class Reflected(nn.Conv2d):
    """A convolution over reflected borders, in the type of what it is given.

    Without a bias unless asked: the normalisation behind it would take that away.
    """

    def __init__(self, inputs: int, outputs: int, side: int, stride: int = 1, bias: bool = False):
        super().__init__(inputs, outputs, side, stride, bias=bias)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        edge = self.kernel_size[0] // 2
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.conv2d(_pad(x, (edge,) * 4), self.weight.to(x.dtype), bias, self.stride)


def _pad(x: Tensor, edges: tuple[int, ...]) -> Tensor:
    """Reflected; or repeated, where a map is too small to be reflected."""
    if not any(edges):
        return x
    fits = max(edges[:2]) < x.shape[3] and max(edges[2:]) < x.shape[2]
    return F.pad(x, edges, mode="reflect" if fits else "replicate")


class _InstanceNorm(torch.autograd.Function):
    """(x - mean) / deviation * scale + shift, by picture and channel; sums in float32.

    PyTorch's own wants its maps channel by channel, and copying them there and back took a third
    of a training step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        wide = x.float()
        mean = _mean(wide)
        rate = (_mean((wide - mean).square()) + 1e-5).rsqrt()
        ctx.save_for_backward(x, mean, rate, scale)
        return torch.addcmul(shift - mean * rate * scale, wide, rate * scale).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, mean, rate, scale = ctx.saved_tensors
        gradient = gradients[0].float()
        normed = (x.float() - mean) * rate
        shifts, scales = _mean(gradient), _mean(gradient * normed)
        inner = (gradient - shifts).addcmul_(normed, -scales).mul_(rate * scale)
        positions = x.shape[2] * x.shape[3]
        return inner.to(x.dtype), scales * positions, shifts * positions


def _mean(x: Tensor) -> Tensor:
    """Over the positions, (B, C, 1, 1): row by row as the memory of channels_last lies."""
    return rows_of(x).mean(dim=1)[:, :, None, None]


def _normalised(x: Tensor, affine: tuple[Tensor, Tensor]) -> Tensor:
    scale, shift = (each.expand(len(x), -1, 1, 1) for each in affine)
    return _InstanceNorm.apply(x, scale, shift)
