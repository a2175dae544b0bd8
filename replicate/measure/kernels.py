"""What the size of random kernels makes of the losses."""

from __future__ import annotations

from collections.abc import Collection

from ..networks.layers import steps
from ..networks.random import random_weights
from ..networks.spec import NetworkSpec


def loss_factors(layers: Collection[str], spread: float, spec: NetworkSpec) -> dict[str, float]:
    """What plain Gaussian kernels would make of each layer's style loss, the first layer's as 1.

    Our random network is the same one with its kernels rescaled, and its biases are zero.  So the
    plain network's features at a layer are ours times the product of ``spread`` over our kernels'
    standard deviation, over all convolutions up to there; and the loss goes with the fourth power.
    """
    tensors = random_weights(spec.name, spec.pooling).tensors
    factor, found = 1.0, {}
    for step in steps(spec.architecture):
        if step.kind == "conv":
            factor *= spread / float(tensors[f"features.{step.index}.weight"].std())
        if step.name in layers:
            found[step.name] = factor**4
    first = next(iter(found.values()))
    return {layer: value / first for layer, value in found.items()}
