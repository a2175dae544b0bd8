"""Measures the channel means that the package carries, for Gatys' normalised network.

    python -m benchmarks.channel_means FOLDER vgg19-caffe vgg16-caffe

FOLDER holds photographs; the committed table is of 477 photographs of ImageNet.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from replicate.images import load_image
from replicate.networks.means import MEANS, measure_means
from replicate.networks.networks import Networks
from replicate.networks.spec import NetworkSpec


def main(folder: str, *names: str) -> None:
    """Measure the means of the named networks, with either pooling, and save them all."""
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".png"))
    networks = Networks(torch.device("cpu"), torch.float32)
    table: dict[str, np.ndarray] = {}
    for name in names:
        for pooling in ("max", "average"):
            spec = NetworkSpec.model_validate({"name": name, "pooling": pooling})
            means = measure_means(networks.network(spec), map(load_image, paths))
            table |= {
                f"{spec.name}/{pooling}/{layer}": each.numpy() for layer, each in means.items()
            }
    np.savez_compressed(MEANS, **table)  # type: ignore[arg-type]
    print(f"{len(paths)} photographs, {len(table)} layers, {MEANS}")


if __name__ == "__main__":
    main(*sys.argv[1:])
