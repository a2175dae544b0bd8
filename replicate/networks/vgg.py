"""VGG: a chain of convolutions, cut after the deepest layer that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from .features import LinearReadout, Readout
from .layers import canonical_layer, receptive_field, steps
from .network import Network
from .table import Preprocessing, network_entry


def average_pool(x: Tensor) -> Tensor:
    """``avg_pool2d(x, 2)``, (B, N, H, W) to (B, N, H // 2, W // 2), as a mean over a view: on a GPU
    the library's way back through channels_last memory takes as long as the convolutions forward.
    """
    height, width = (side // 2 for side in x.shape[2:])
    cut = x[:, :, : 2 * height, : 2 * width].permute(0, 2, 3, 1)
    squares = cut.unflatten(2, (width, 2)).unflatten(1, (height, 2))
    return squares.mean((2, 4)).permute(0, 3, 1, 2)


POOLING: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda x: F.max_pool2d(x, 2),
    "average": lambda x: average_pool(x) if x.is_cuda else F.avg_pool2d(x, 2),
}


def _reflected(x: Tensor) -> Tensor:
    """(B, N, H, W) with one more row and column on all sides; of one pixel, that pixel."""
    return F.pad(x, (1, 1, 1, 1), mode="reflect" if min(x.shape[2:]) > 1 else "replicate")


class VGG(Network):
    """VGG's convolutions with frozen weights.

    Args:
        tensors: ``features.N.weight`` (out, in, 3, 3) and ``features.N.bias`` with torchvision's
            N; and, for a compact network, ``heads.<layer>.weight`` (N, n) and ``.bias`` (N,).
        architecture: ``vgg19``, ``vgg16``, ``vgg13`` or ``vgg11``.
        preprocessing: Simonyan and Zisserman's unless given.
        padding: of the maps before a convolution: ``zeros`` as published, or ``reflect``.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        architecture: str = "vgg19",
        preprocessing: Preprocessing | None = None,
        pooling: str = "max",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        padding: str = "zeros",
    ):
        how = preprocessing or network_entry("vgg19-caffe").preprocessing
        super().__init__({}, how, pooling, device, dtype)
        self.architecture = architecture
        self._pool = POOLING[pooling]
        self._reflects = padding == "reflect"
        wide = self._scale.dtype
        self._steps = steps(architecture)
        self._convolutions: dict[str, tuple[Tensor, Tensor]] = {}
        channels, relu = 3, ""
        for step in self._steps:
            if step.kind == "conv":
                weight = tensors[f"features.{step.index}.weight"].to(device=device, dtype=wide)
                bias = tensors[f"features.{step.index}.bias"].to(device=device, dtype=dtype)
                channels = weight.shape[0]
                if step.name == "conv1_1" and dtype == torch.bfloat16:
                    # bfloat16 holds 8 bits: 0..255 would lose the last one or two.  So the
                    # picture enters as a sum of two parts, each with the same weights.
                    weight = torch.cat([weight, weight], dim=1)
                weight = weight.to(dtype=dtype, memory_format=torch.channels_last)
                self._convolutions[step.name] = (weight, bias)
            head = f"heads.{step.name}.weight"
            if head in tensors:
                self._readouts[step.name] = LinearReadout(
                    tensors[head].to(device=device, dtype=wide),
                    tensors[f"heads.{step.name}.bias"].to(device=device, dtype=wide),
                )
            elif step.kind == "pool":
                self._readouts[step.name] = self._readouts[relu]
            else:
                self._readouts[step.name] = Readout(channels)
            relu = step.name

    @property
    def measured_layers(self) -> tuple[str, ...]:
        """The rectified ones: a convolution or a pooling is divided by what stands beside it."""
        return tuple(step.name for step in self._steps if step.kind == "relu")

    def canonical(self, layer: str) -> str:
        return canonical_layer(layer, self.architecture)

    def field(self, layer: str) -> int:
        return receptive_field(layer, self.architecture)[0]

    def stride(self, layer: str) -> int:
        return receptive_field(layer, self.architecture)[1]

    def _normaliser(self, layer: str) -> str:
        if layer.startswith("conv"):
            return layer.replace("conv", "relu")
        before = self.layers[: self.layers.index(layer) + 1]
        return next(name for name in reversed(before) if name.startswith("relu"))

    def _maps(self, x: Tensor, layers: list[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for step in self._steps:
            if len(found) == len(layers):
                break
            if step.kind == "conv":
                weight, bias = self._convolutions[step.name]
                if self._reflects:
                    x = F.conv2d(_reflected(x), weight, bias)
                else:
                    x = F.conv2d(x, weight, bias, padding=1)
            elif step.kind == "relu":
                # In place would overwrite a convolution's output that somebody asked for.
                asked = step.name.replace("relu", "conv") in layers
                x = F.relu(x) if asked else F.relu_(x)
            else:
                x = self._pool(x)
            if step.name in layers:
                found[step.name] = x
        return found

    def _input(self, pixels: Tensor) -> Tensor:
        if self.dtype != torch.bfloat16:
            return super()._input(pixels)
        x = pixels.to(self._scale) * self._scale - self._shift
        coarse = x.to(self.dtype)
        with torch.no_grad():
            fine = (x - coarse).to(self.dtype)
        return torch.cat([coarse, fine], dim=1).to(memory_format=torch.channels_last)
