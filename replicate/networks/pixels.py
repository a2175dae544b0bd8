"""Pictures as tensors and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..images import Picture


def to_tensor(picture: Picture) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    pixels = np.ascontiguousarray(picture.pixels.transpose(2, 0, 1)[None])
    return torch.from_numpy(pixels).float() / 255


def to_picture(pixels: Tensor, name: str = "") -> Picture:
    """The picture of (1, 3, H, W) or (3, H, W): clipped to [0, 1], rounded to 8 bits."""
    image = pixels.detach().reshape(pixels.shape[-3:]).float().cpu()
    return Picture((image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy().copy(), name)
