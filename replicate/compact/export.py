"""From a trained student to the shipped file: folding, heads in closed form, float16.

Heads fitted by gradient steps lag behind the convolutions that they read. At the end each is
the solution of a linear least-squares problem, so it is solved: ridge regression in float64,
every crop weighted by the inverse of its target's energy as in training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from replicate.compact.losses import run_teacher
from replicate.compact.model import CONVOLUTIONS, POOLINGS, Plain
from replicate.compact.pictures import PLAIN, Sampler
from replicate.networks.stored import MEANS_PREFIX

RIDGE = 1e-4
"""Ridge penalty, relative to the mean energy of the narrow channels."""

MAKING = "making"
"""The only key of a file's header: with several, equal runs would not write equal bytes."""


class Moments:
    """Sums that a weighted linear regression from n to N channels needs, in float64."""

    def __init__(self, inputs: int, outputs: int):
        self.squares = torch.zeros(inputs + 1, inputs + 1, dtype=torch.float64)
        self.products = torch.zeros(inputs + 1, outputs, dtype=torch.float64)

    def add(self, narrow: Tensor, wide: Tensor) -> None:
        """Count maps (B, n, H, W) and (B, N, H, W) of one batch of crops."""
        narrow = narrow.float().flatten(2)
        narrow = torch.cat([narrow, torch.ones_like(narrow[:, :1])], 1)
        wide = wide.float().flatten(2)
        narrow = narrow / (wide.square().mean((1, 2), keepdim=True).sqrt() + 1e-6)
        wide = wide / (wide.square().mean((1, 2), keepdim=True).sqrt() + 1e-6)
        self.squares += (narrow @ narrow.transpose(1, 2)).sum(0).double().cpu()
        self.products += (narrow @ wide.transpose(1, 2)).sum(0).double().cpu()

    def solve(self, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
        """Weight (N, n) and bias (N,) of the best linear head; the bias is not penalised."""
        size = self.squares.shape[0]
        penalty = torch.full((size,), ridge, dtype=torch.float64)
        penalty *= self.squares.diagonal()[:-1].mean()
        penalty[-1] = 0.0
        solution = torch.linalg.solve(self.squares + penalty.diag(), self.products)
        return solution[:-1].T.float().contiguous(), solution[-1].float()


@dataclass(frozen=True)
class Heads:
    """Weight and bias of every layer, keyed ``relu1_1``, ``conv1_1``, ..."""

    weights: dict[str, Tensor]
    biases: dict[str, Tensor]


@torch.no_grad()
def fit_heads(
    student: Plain, teacher: Plain, sampler: Sampler, batches: int = 240, ridge: float = RIDGE
) -> Heads:
    """Heads from the folded student's maps to the teacher's, of rectified and of raw maps.

    Batches come from ``sampler`` as in training, with max and average pooling by turns.
    """
    device = next(student.parameters()).device
    layers = list(zip(CONVOLUTIONS, student.widths, teacher.widths, strict=True))
    moments = {
        f"{kind}{name}": Moments(narrow, wide)
        for kind in ("relu", "conv")
        for name, narrow, wide in layers
    }
    for index in range(batches):
        pixels = torch.from_numpy(sampler.batch(3, 160)).to(device)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        pooling = POOLINGS[index % 2]
        with torch.autocast(device.type, torch.bfloat16):
            ours, theirs = student(pixels, pooling), teacher(pixels, pooling)
        for depth, name in enumerate(CONVOLUTIONS):
            moments[f"relu{name}"].add(ours.rectified[depth], theirs.rectified[depth])
            moments[f"conv{name}"].add(ours.raw[depth], theirs.raw[depth])
    solved = {name: moment.solve(ridge) for name, moment in moments.items()}
    return Heads({k: w for k, (w, _) in solved.items()}, {k: b for k, (_, b) in solved.items()})


@torch.no_grad()
def mean_activations(
    teacher: Plain, pictures: list[np.ndarray], pooling: str, crops: int = 400, size: int = 224
) -> list[Tensor]:
    """Mean of each rectified channel over plain crops: a tensor (N,) for each layer."""
    sampler = Sampler(pictures, np.random.default_rng(11), PLAIN)
    sums = [torch.zeros(width) for width in teacher.widths]
    for _ in range(crops // 2):
        maps = run_teacher(teacher, torch.from_numpy(sampler.batch(2, size)), pooling)
        for total, layer in zip(sums, maps, strict=True):
            total += layer.float().mean((0, 2, 3)).cpu() / (crops // 2)
    return sums


def in_teacher_units(heads: Heads, scales: Sequence[Tensor]) -> Heads:
    """Heads that predict the teacher's own units, from heads fitted to unit root mean square."""
    scale = {}
    for name, values in zip(CONVOLUTIONS, scales, strict=True):
        scale[f"relu{name}"] = scale[f"conv{name}"] = values.cpu()
    return Heads(
        {name: weight * scale[name][:, None] for name, weight in heads.weights.items()},
        {name: bias * scale[name] for name, bias in heads.biases.items()},
    )


def to_file(
    convolutions: Mapping[str, Tensor], heads: Heads, means: Mapping[str, Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """All tensors of the shipped file: float16, the means float32.

    ``means`` maps ``max`` and ``average`` to the teacher's mean activations by layer.
    """
    tensors = {name: tensor.half() for name, tensor in convolutions.items()}
    for name, weight in heads.weights.items():
        tensors[f"heads.{name}.weight"] = weight.half()
        tensors[f"heads.{name}.bias"] = heads.biases[name].half()
    for pooling, prefix in MEANS_PREFIX.items():
        for name, mean in means.get(pooling, {}).items():
            tensors[prefix + name] = mean.float()
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise OverflowError(f"{name} does not fit into its type")
    return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}


def header(making: Mapping[str, Any]) -> dict[str, str]:
    """The header of a file that says how it was made."""
    return {MAKING: json.dumps(making, sort_keys=True)}


def read_making(path: Path) -> dict[str, Any]:
    """What a file's header says of its making; empty where it says nothing.

    Raises:
        SafetensorError: not a safetensors file.
    """
    with safe_open(path, framework="pt") as stored:
        return json.loads((stored.metadata() or {}).get(MAKING, "{}"))
