"""Mean activations of channels, for Gatys' normalised network.

Gatys et al. (2016, section 2) rescale the weights "such that the mean activation of each
convolutional filter over images and positions" is one.  Their pictures were ImageNet's; the
package carries the means of the original VGG-19 and VGG-16, measured over 477 photographs of
ImageNet with either pooling; the compact network's file holds its own; for every other network
they are measured over six bundled photographs when first needed.

``python -m benchmarks.channel_means FOLDER NETWORK ...`` measures anew.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import ReplicateError
from ..images import Picture, bundled
from ..storage.files import cache_dir, open_file, write_atomic
from .network import Network
from .pixels import to_tensor
from .stored import Weights

MEANS = Path(__file__).with_name("channel_means.npz")
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle", "horse")
"""Bundled ones that means are measured on; others would change what such networks draw."""

SIDE = 256
"""Longest side of the photographs that the means are measured on."""

FLOOR = 0.01
"""Least mean activation, as a fraction of its layer's average: a channel that hardly ever fires
would otherwise be blown up without bound."""


def measure_means(network: Network, pictures: Iterable[Picture]) -> dict[str, Tensor]:
    """Mean activation of every channel over pictures and positions, by measured layer.

    Where a layer is not rectified, as in some classifiers, it is the mean of the magnitude.

    Args:
        network: not normalised itself.

    Returns:
        Layer to (N,), float32 on the CPU.
    """
    layers = network.measured_layers
    sums: dict[str, Tensor] = {}
    positions = dict.fromkeys(layers, 0)
    for picture in pictures:
        pixels = to_tensor(picture.scaled_to(SIDE)).to(network.device)
        with torch.no_grad():
            maps = network(pixels, layers)
        for layer, features in maps.items():
            total = features.wide().abs().cpu().sum(dim=(0, 2, 3), dtype=torch.float64)
            sums[layer] = sums[layer] + total if layer in sums else total
            positions[layer] += features.positions
    return {layer: (sums[layer] / positions[layer]).float() for layer in layers}


def packaged_means(key: str, pooling: str) -> dict[str, Tensor]:
    """The package's own table for the weights ``key``: ``relu1_1`` ... to (N,); may be empty."""
    return _read(MEANS, f"{key}/{pooling}/")


def channel_means(network: Network, name: str, weights: Weights) -> dict[str, Tensor]:
    """The means to divide by, with a floor, for the network ``name`` made of ``weights``.

    They are those that the weights' file holds, else packaged ones, else measured once and kept
    in the cache under the checksum of the weights.
    """
    means = weights.means(network.pooling) or packaged_means(name, network.pooling)
    if not means:
        # By type as well, or what an exact run draws would depend on what was run before it.
        kind = str(network.dtype).removeprefix("torch.")
        kept = cache_dir() / "means" / f"{weights.sha256[:32]}-{network.pooling}-{kind}.npz"
        means = _read(kept, "")
        if not means:
            means = measure_means(network, [bundled(name) for name in PHOTOGRAPHS])
            table = io.BytesIO()
            np.savez(table, **{layer: mean.numpy() for layer, mean in means.items()})  # type: ignore[arg-type]
            try:
                write_atomic(kept, table.getvalue())
            except ReplicateError as error:
                warnings.warn(f"Channel means are measured each time: {error}", stacklevel=2)
    return {layer: mean.clamp(min=FLOOR * float(mean.mean())) for layer, mean in means.items()}


def _read(path: Path, prefix: str) -> dict[str, Tensor]:
    """The table's entries under ``prefix``; none if there is no readable table."""
    try:
        with open_file(path) as file, np.load(file) as table:
            return {
                name.rsplit("/", 1)[-1]: torch.from_numpy(table[name])
                for name in table.files
                if name.startswith(prefix)
            }
    except Exception:  # damaged tables raise nearly anything
        return {}
