"""What the student's errors are: distances of features and of Gram matrices, in given units.

Channels of VGG-19 differ in size by orders of magnitude, and networks weigh them otherwise: the
plain one as they are, that of Gatys et al. 2016 divided by their mean activation.  A student that
serves both is trained in the units of both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from replicate.compact.model import CONVOLUTIONS, POOLINGS, STYLE_DEPTHS, Plain, Student
from replicate.compact.pictures import Sampler

UNITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "even": lambda rms, mean: torch.ones_like(rms),
    "raw": lambda rms, mean: rms,
    "normalised": lambda rms, mean: capped(rms / mean),
}
"""How much of a loss a channel is, given its root mean square and its mean: all alike, as in VGG-19
itself, or as in Gatys' normalised network, where a channel that is seldom active is a loud one."""


@dataclass(frozen=True)
class Channels:
    """How large a layer's channels are over the training pictures, in the teacher's units."""

    rms: Tensor
    """Root mean square of each channel, (N,)."""

    mean: Tensor
    """Mean of each channel after the ReLU, (N,)."""

    def units(self, kind: str) -> Tensor:
        """Factors (N,), of root mean square 1, for channels that all have unit root mean square."""
        factors = UNITS[kind](self.rms, self.mean)
        return factors / factors.square().mean().sqrt()


def capped(factors: Tensor, most: float = 4.0) -> Tensor:
    """Factors of at most ``most`` medians: no channel that is hardly ever active drowns a layer."""
    return factors.clamp(max=most * factors.median())


@torch.no_grad()
def measure_channels(teacher: Plain, sampler: Sampler, batches: int = 24) -> list[Channels]:
    """Of every layer, over crops with both poolings; channels nearly dead count as a little."""
    squares = [torch.zeros(width) for width in teacher.widths]
    means = [torch.zeros(width) for width in teacher.widths]
    for index in range(batches):
        pixels = torch.from_numpy(sampler.batch(4, 144))
        maps = run_teacher(teacher, pixels, POOLINGS[index % 2])
        for square, mean, layer in zip(squares, means, maps, strict=True):
            square += layer.float().square().mean((0, 2, 3)).cpu() / batches
            mean += layer.float().mean((0, 2, 3)).cpu() / batches
    return [
        Channels((square + 1e-3 * square.mean()).sqrt(), mean + 1e-3 * mean.mean())
        for square, mean in zip(squares, means, strict=True)
    ]


@torch.no_grad()
def run_teacher(teacher: Plain, pixels: Tensor, pooling: str) -> list[Tensor]:
    """The teacher's rectified maps (B, N, H, W) at all sixteen layers, in bfloat16.

    ``pixels`` is (B, 3, H, W), RGB in 0..255 less the mean; they are brought to its device.
    """
    device = next(teacher.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        pixels = pixels.to(device, memory_format=torch.channels_last)
        return teacher(pixels, pooling).rectified


def gram(maps: Tensor) -> Tensor:
    """Mean over positions of the outer product of features: (B, C, H, W) to (B, C, C)."""
    flat = maps.flatten(2)
    return (flat @ flat.transpose(1, 2)).float() / flat.shape[2]


def gram_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean over the batch of ||ours - theirs|| / ||theirs||, smooth near 0."""
    norms = torch.linalg.vector_norm(theirs, dim=(1, 2))
    off = torch.linalg.vector_norm(ours - theirs, dim=(1, 2))
    return ((off / norms).square() + 1e-6).sqrt().mean()


@dataclass(frozen=True)
class LayerErrors:
    """Relative errors of one batch by layer (16,): of features, and of Gram matrices."""

    features: Tensor
    grams: Tensor


def layer_errors(
    student: Student,
    units: Sequence[Tensor],
    pixels: Tensor,
    targets: list[Tensor],
    pooling: str,
    gram_layers: Collection[int] = range(16),
) -> LayerErrors:
    """Errors of the student against the scaled teacher's maps ``targets``.

    ``units`` are factors (N,) of each layer's channels, for student and teacher alike. Elsewhere
    than at ``gram_layers`` the Gram error is left at 0, to save time.
    """
    features, grams = [], []
    narrow = student(pixels, pooling)
    layers = zip(narrow, targets, student.layers(), units, strict=True)
    for index, (maps, target, layer, unit) in enumerate(layers):
        head = layer.head
        wide = F.conv2d(maps, (head.weight * unit[:, None])[:, :, None, None], head.bias * unit)
        target = target * unit.to(target.dtype)[:, None, None]
        residual = torch.linalg.vector_norm(wide - target, dtype=torch.float32)
        norm = torch.linalg.vector_norm(target, dtype=torch.float32)
        features.append((residual / norm).square())
        if index not in gram_layers:
            grams.append(norm.new_zeros(()))
            continue
        grams.append(gram_distance(gram(wide), gram(target)))
    return LayerErrors(torch.stack(features), torch.stack(grams))


def layer_weights() -> Tensor:
    """Share of each layer in the loss (16,): more for style layers, less after the last one."""
    weights = torch.ones(len(CONVOLUTIONS))
    weights[list(STYLE_DEPTHS)] = 2.0
    weights[13:] = 0.5
    return weights
