"""The networks: VGG's convolutions, cut after the deepest layer that is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from .features import FeatureMap, LinearReadout, Readout
from .layers import canonical_layer, steps
from .table import Preprocessing, network_entry

_POOLING: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda x: F.max_pool2d(x, 2),
    "average": lambda x: F.avg_pool2d(x, 2),
}


class Network:
    """VGG's convolutions with frozen weights.

    Args:
        tensors: ``features.N.weight`` (out, in, 3, 3) and ``features.N.bias`` with torchvision's
            N; and, for a compact network, ``heads.<layer>.weight`` (N, n) and ``.bias`` (N,).
        architecture: ``vgg19`` or ``vgg16``.
        preprocessing: how pixels become input; Simonyan and Zisserman's unless given.
        pooling: ``max`` or ``average``.
        dtype: of the maps; Gram matrices and losses are float32 in any case.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        architecture: str = "vgg19",
        preprocessing: Preprocessing | None = None,
        pooling: str = "max",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.architecture = architecture
        self.pooling = pooling
        self.device = torch.device(device)
        self.dtype = dtype
        self._pool = _POOLING[pooling]
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        how = preprocessing or network_entry("vgg19-caffe").preprocessing
        self._scale = torch.tensor(how.scale, device=device, dtype=wide).view(1, 3, 1, 1)
        self._shift = torch.tensor(how.shift, device=device, dtype=wide).view(1, 3, 1, 1)
        self._steps = steps(architecture)
        self._convolutions: dict[str, tuple[Tensor, Tensor]] = {}
        self._readouts: dict[str, Readout] = {}
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

    def normalise(self, means: Mapping[str, Tensor]) -> None:
        """Divide each channel of ``convB_I``, ``reluB_I`` and a following pooling by its mean.

        ``means["reluB_I"]``, (N,), holds the mean activations.

        This is the network of Gatys et al. 2016, section 2; see
        :mod:`replicate.networks.means` for the means.
        """
        relu = ""
        for step in self._steps:
            if step.kind != "pool":
                relu = step.name.replace("conv", "relu")
            if relu in means:
                factors = 1 / means[relu].to(self._scale.device, self._scale.dtype)
                self._readouts[step.name] = self._readouts[step.name].scaled(factors)

    def rescaled(self, factor: float) -> Network:
        """This network with all features times ``factor``; both share their weights."""
        other = copy.copy(self)
        other._readouts = {
            layer: readout.scaled(self._scale.new_full((readout.channels,), factor))
            for layer, readout in self._readouts.items()
        }
        return other

    def readout(self, layer: str) -> Readout:
        return self._readouts[layer]

    def __call__(self, pixels: Tensor, layers: Iterable[str]) -> dict[str, FeatureMap]:
        """Feature maps at ``layers``.

        Args:
            pixels: (B, 3, H, W), RGB in [0, 1] (values outside are not clipped).
            layers: names; the network runs no deeper than the deepest of them.

        Returns:
            Layer to :class:`FeatureMap`.

        Raises:
            LayerError: a name is unknown.
        """
        wanted = {canonical_layer(name, self.architecture) for name in layers}
        found: dict[str, FeatureMap] = {}
        x = self._input(pixels)
        for step in self._steps:
            if len(found) == len(wanted):
                break
            if step.kind == "conv":
                weight, bias = self._convolutions[step.name]
                x = F.conv2d(x, weight, bias, padding=1)
            elif step.kind == "relu":
                # In place would overwrite a convolution's output that somebody asked for.
                asked = step.name.replace("relu", "conv") in wanted
                x = F.relu(x) if asked else F.relu_(x)
            else:
                x = self._pool(x)
            if step.name in wanted:
                found[step.name] = FeatureMap(x, self._readouts[step.name])
        return found

    def _input(self, pixels: Tensor) -> Tensor:
        x = pixels.to(self._scale) * self._scale - self._shift
        if self.dtype == torch.bfloat16:
            coarse = x.to(self.dtype)
            with torch.no_grad():
                fine = (x - coarse).to(self.dtype)
            x = torch.cat([coarse, fine], dim=1)
        return x.to(dtype=self.dtype, memory_format=torch.channels_last)
