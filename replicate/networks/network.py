"""A network in use: what it can be asked, whatever its architecture."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Self

import torch
from torch import Tensor

from ..errors import LayerError
from .features import FeatureMap, Readout
from .table import Preprocessing


class Network:
    """A frozen network, read at its layers; adapters for architectures derive from it.

    Args:
        readouts: of every layer, from shallow to deep.
        preprocessing: how pixels become input.
        pooling: ``max`` or ``average``.
        dtype: of the maps; Gram matrices and losses are float32 in any case.
    """

    def __init__(
        self,
        readouts: dict[str, Readout],
        preprocessing: Preprocessing,
        pooling: str,
        device: torch.device | str,
        dtype: torch.dtype,
    ):
        self.pooling = pooling
        self.device = torch.device(device)
        self.dtype = dtype
        self._readouts = readouts
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        self._scale = torch.tensor(preprocessing.scale, device=device, dtype=wide).view(1, 3, 1, 1)
        self._shift = torch.tensor(preprocessing.shift, device=device, dtype=wide).view(1, 3, 1, 1)

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer's name, from shallow to deep."""
        return tuple(self._readouts)

    @property
    def measured_layers(self) -> tuple[str, ...]:
        """The layers whose mean activations :meth:`normalise` divides by."""
        return self.layers

    def canonical(self, layer: str) -> str:
        """The name of a layer that may be called by another.

        Raises:
            LayerError: there is none; names the nearest.
        """
        raise NotImplementedError

    def channels(self, layer: str) -> int:
        """N, the number of a layer's channels."""
        return self._readouts[self.canonical(layer)].channels

    def field(self, layer: str) -> int | None:
        """Side in pixels of the square that a unit of a layer sees.

        None where units see the whole picture, as behind squeeze-and-excitation.
        """
        raise NotImplementedError

    def stride(self, layer: str) -> int:
        """Distance in pixels between neighbouring units of a layer."""
        raise NotImplementedError

    def features(self, pixels: Tensor, layers: Iterable[str]) -> dict[str, FeatureMap]:
        """Feature maps at ``layers``.

        Args:
            pixels: (B, 3, H, W), RGB in [0, 1] (values outside are not clipped).
            layers: names; the network runs no deeper than the deepest of them.

        Returns:
            Layer to :class:`FeatureMap`.

        Raises:
            LayerError: a name is unknown, or the picture is too small.
        """
        wanted = list(dict.fromkeys(map(self.canonical, layers)))
        try:
            maps = self._maps(self._input(pixels), wanted)
        except RuntimeError as error:
            if "too small" in str(error) or "greater than actual input size" in str(error):
                height, width = pixels.shape[-2:]
                size = f"A picture of {width} × {height} px"
                raise LayerError(f"{size} is too small for {', '.join(wanted)}.") from error
            raise
        return {layer: FeatureMap(map_, self._readouts[layer]) for layer, map_ in maps.items()}

    __call__ = features

    def normalise(self, means: Mapping[str, Tensor]) -> None:
        """Divide each channel by its mean activation, ``means[layer]`` (N,) of measured layers.

        For VGG this is the network of Gatys et al. 2016, section 2; see
        :mod:`replicate.networks.means` for the means.
        """
        for layer, readout in self._readouts.items():
            divisor = self._normaliser(layer)
            if divisor in means:
                factors = 1 / means[divisor].to(self._scale.device, self._scale.dtype)
                self._readouts[layer] = readout.scaled(factors)

    def rescaled(self, factor: float) -> Self:
        """This network with all features times ``factor``; both share their weights."""
        other = copy.copy(self)
        other._readouts = {
            layer: readout.scaled(self._scale.new_full((readout.channels,), factor))
            for layer, readout in self._readouts.items()
        }
        return other

    def _normaliser(self, layer: str) -> str:
        """The measured layer whose means divide this one."""
        return layer

    def _input(self, pixels: Tensor) -> Tensor:
        x = pixels.to(self._scale) * self._scale - self._shift
        return x.to(dtype=self.dtype, memory_format=torch.channels_last)

    def _maps(self, x: Tensor, layers: list[str]) -> dict[str, Tensor]:
        """The maps at canonical layers of a preprocessed input."""
        raise NotImplementedError
