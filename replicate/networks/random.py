"""Untrained networks, which are the same on every machine.

He, Wang and Hopcroft (2016, "A Powerful Generative Model Using Random Weights for the Deep Image
Representation") draw kernels from a Gaussian and hold that what fails with them is the scale of
the layers' losses, so they weigh each layer by a factor found beforehand.  (The standard deviation
.015 attributed to them is unverified, and of no consequence here.)  The same end is reached by
rescaling: activations keep one size through the network, for which the papers' ratios are meant.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .layers import is_chain, steps
from .stored import Weights, tensors_sha256
from .table import network_entry
from .vgg import POOLING


def random_weights(name: str = "vgg19-random", pooling: str = "max", seed: int = 0) -> Weights:
    """An untrained network.

    A VGG has Gaussian kernels and no biases, first of variance 2 / fan-in (He et al. 2015), then
    rescaled so that the mean rectified activation over a seeded picture of coloured 1/f noise is
    one, as in Gatys' normalised network.  A classifier is initialised as torchvision does it, and
    its batch norms take their statistics from such a picture; its checksum is from before that.

    Args:
        name: of the table of networks.
        pooling: ``max`` or ``average``, with which the network will be used.
        seed: the same seed gives the same weights on every machine.
    """
    entry = network_entry(name)
    generator = torch.Generator().manual_seed(seed)
    noise = _one_over_f_noise(generator) * (entry.preprocessing.gain / 255)
    if is_chain(entry.architecture):
        tensors = _chain(entry.architecture, POOLING[pooling], noise, generator)
        return Weights(tensors, tensors_sha256(tensors))
    from .classifier import initialised, settled  # torchvision takes a second to import

    model = initialised(entry.architecture, seed)
    return Weights(settled(model, noise), tensors_sha256(model.state_dict()))


def _chain(
    architecture: str, pool: Callable[[Tensor], Tensor], maps: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for step in steps(architecture):
        if step.kind == "conv":
            kernels = torch.randn(step.channels, maps.shape[1], 3, 3, generator=generator)
            kernels.mul_(math.sqrt(2 / (9 * maps.shape[1])))
            raw = F.conv2d(maps, kernels, padding=1)
            # Three digits: rounding that differs between machines then leaves no trace.
            factor = float(f"{1 / F.relu(raw).mean():.3g}")
            tensors[f"features.{step.index}.weight"] = kernels.mul_(factor)
            tensors[f"features.{step.index}.bias"] = torch.zeros(step.channels)
            maps = raw.mul_(factor)
        else:
            maps = F.relu_(maps) if step.kind == "relu" else pool(maps)
    return tensors


def _one_over_f_noise(generator: torch.Generator, side: int = 96) -> Tensor:
    """(1, 3, side, side) input of the caffe convention with a photograph's spectrum and contrast.

    Amplitudes fall as 1/f, as in natural images (Field 1987); most of the variance is common to
    the three colours.
    """
    rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
    frequency = (rows[:, None] ** 2 + columns[None, :] ** 2).sqrt().clamp(min=1 / side)
    white = torch.fft.rfft2(torch.randn(4, side, side, generator=generator))
    noise = torch.fft.irfft2(white / frequency, s=(side, side))
    noise = (noise - noise.mean((1, 2), keepdim=True)) / noise.std((1, 2), keepdim=True)
    return (55 * noise[:1] + 20 * noise[1:]).clamp(-120, 130)[None]
