"""The compact network while it is trained: narrow convolutions, batch norm, linear heads.

The student has VGG-19's sixteen 3x3 convolutions at VGG-19's resolutions with a fraction of
its channels. A head, linear and per position, maps the narrow map of a layer to the channels
of VGG-19 at that layer. Batch norm serves training alone: :func:`fold` turns a trained student
into plain convolutions with biases, which is what the package ships.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replicate.networks.layers import steps
from replicate.networks.table import network_entry
from replicate.networks.vgg import POOLING

_STEPS = [step for step in steps("vgg19") if step.kind == "conv"]

CONVOLUTIONS = tuple(step.name.removeprefix("conv") for step in _STEPS)
"""The convolutions' numbers, ``1_1`` to ``5_4``, in the order in which they run."""

FEATURE_INDICES = tuple(step.index for step in _STEPS)
"""Where the convolutions stand in torchvision's ``vgg19().features``."""

VGG_WIDTHS = tuple(step.channels for step in _STEPS)
"""Channels of VGG-19 at each convolution."""

WIDTHS = (16, 16, 48, 64, 112, 80, 80, 80, 192, 192, 160, 160, 256, 192, 192, 192)
"""Channels of the shipped network at each convolution.

Wide where VGG-19's features fill many dimensions and a transfer looks at them, the second block
and the first layers of the others: of conv2_2's energy, 32 dimensions leave out a fifth and 64 a
twelfth, of conv3_3's 48 a twentieth.
"""

STYLE_DEPTHS = (0, 2, 4, 8, 12)
"""relu1_1 to relu5_1: the style layers of Gatys et al. 2016."""

CONTENT_DEPTH = 9
"""relu4_2, their content layer."""

MEAN = network_entry("vgg19-compact").preprocessing.mean
"""What is subtracted from RGB in 0..255 before the first convolution."""

INPUT_SCALE = 64.0
"""Inside the student, pixels are divided by this; folding moves it into the first kernel."""

Network = TypeVar("Network", bound=nn.Module)

POOLINGS = tuple(POOLING)


def channels_last(network: Network, device: torch.device) -> Network:
    """``network`` on ``device`` with its kernels in the layout that convolutions like."""
    return network.to(device).to(memory_format=torch.channels_last)


def starts_block(index: int) -> bool:
    """Whether a pooling stands before convolution ``index`` (0..15)."""
    return index > 0 and CONVOLUTIONS[index].endswith("_1")


class Layer(NamedTuple):
    """One convolution of a student with what belongs to it."""

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d
    head: nn.Linear


class Student(nn.Module):
    """The network in training.

    ``heads[i]`` predicts the teacher's rectified map at convolution ``i`` in units of the
    teacher's root mean square a channel; the units are folded away on export.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, teacher_widths: Sequence[int] = VGG_WIDTHS):
        super().__init__()
        self.widths = tuple(widths)
        inputs = (3, *self.widths[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1, bias=False)
            for before, after in zip(inputs, self.widths, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in self.widths)
        self.heads = nn.ModuleList(
            nn.Linear(width, wide) for width, wide in zip(self.widths, teacher_widths, strict=True)
        )
        for layer in self.layers():
            nn.init.kaiming_normal_(layer.convolution.weight, mode="fan_in", nonlinearity="relu")

    def layers(self) -> list[Layer]:
        """The sixteen layers in order."""
        parts = zip(self.convolutions, self.norms, self.heads, strict=True)
        return [Layer(*cast(tuple[nn.Conv2d, nn.BatchNorm2d, nn.Linear], part)) for part in parts]

    def forward(self, pixels: Tensor, pooling: str = "max", depth: int = 16) -> list[Tensor]:
        """Rectified narrow maps (B, n, H, W) of the first ``depth`` convolutions.

        ``pixels`` is (B, 3, H, W), RGB in 0..255 less :data:`MEAN`.
        """
        maps = pixels / INPUT_SCALE
        rectified = []
        for index, layer in enumerate(self.layers()[:depth]):
            if starts_block(index):
                maps = POOLING[pooling](maps)
            maps = F.relu(layer.norm(layer.convolution(maps)))
            rectified.append(maps)
        return rectified


@dataclass(frozen=True)
class Maps:
    """What one network makes of one batch: sixteen maps before and after the ReLU."""

    raw: list[Tensor]
    rectified: list[Tensor]


class Plain(nn.Module):
    """Sixteen plain convolutions with biases: the teacher, or a folded student."""

    def __init__(self, tensors: Mapping[str, Tensor]):
        super().__init__()
        self.weights = nn.ParameterList(
            nn.Parameter(tensors[f"features.{i}.weight"].float(), requires_grad=False)
            for i in FEATURE_INDICES
        )
        self.biases = nn.ParameterList(
            nn.Parameter(tensors[f"features.{i}.bias"].float(), requires_grad=False)
            for i in FEATURE_INDICES
        )

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(weight.shape[0] for weight in self.weights)

    def forward(self, pixels: Tensor, pooling: str = "max", depth: int = 16) -> Maps:
        """Maps of the first ``depth`` convolutions; ``pixels`` as for :class:`Student`."""
        maps = pixels
        found = Maps([], [])
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if index == depth:
                break
            if starts_block(index):
                maps = POOLING[pooling](maps)
            maps = F.conv2d(maps, weight, bias, padding=1)
            found.raw.append(maps)
            maps = F.relu(maps)
            found.rectified.append(maps)
        return found

    @torch.no_grad()
    def rescale(self, scales: Sequence[Tensor]) -> None:
        """Divide channel ``c`` of layer ``i`` by ``scales[i][c]`` (positive), in place.

        ReLU and both poolings commute with positive factors, so only kernels change
        (Gatys et al. 2015 normalise their network in this way).
        """
        before = torch.ones(3)
        for weight, bias, scale in zip(self.weights, self.biases, scales, strict=True):
            after = scale.to(weight)
            weight.mul_(before.to(weight).view(1, -1, 1, 1)).div_(after.view(-1, 1, 1, 1))
            bias.div_(after)
            before = after


@torch.no_grad()
def fold(student: Student) -> dict[str, Tensor]:
    """The student's convolutions with batch norm and input scale folded in, ``features.N.*``."""
    tensors = {}
    for index, layer in zip(FEATURE_INDICES, student.layers(), strict=True):
        norm = layer.norm
        mean, variance = norm.state_dict()["running_mean"], norm.state_dict()["running_var"]
        gain = norm.weight.double() / (variance.double() + norm.eps).sqrt()
        kernel = layer.convolution.weight.double() * gain.view(-1, 1, 1, 1)
        if index == 0:
            kernel = kernel / INPUT_SCALE
        tensors[f"features.{index}.weight"] = kernel.float()
        bias = norm.bias.double() - mean.double() * gain
        tensors[f"features.{index}.bias"] = bias.float()
    return tensors
