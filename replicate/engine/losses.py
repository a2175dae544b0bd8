"""Content loss, style loss and total variation, in every normalisation that the sources use.

Notation: F and P are the features of the generated and of the content picture at a layer,
N channels by M positions; G = F F^T and A are Gram matrices of the generated and the style
picture.  All losses are per picture: shape (B,), float32.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..networks.features import FeatureMap
from .statistics import Measured

CONTENT_NORMALISATIONS: dict[str, Callable[[int, int], float]] = {
    # Gatys' published code, Johnson et al. 2016 eq. 2, the PyTorch tutorial: the mean square.
    "mean": lambda n, m: 1 / (n * m),
    # Gatys et al. 2016 eq. 1: half the sum of squares.
    "gatys": lambda n, m: 0.5,
    # The Coursera exercise: sum / (4 N M).
    "coursera": lambda n, m: 1 / (4 * n * m),
}
"""Factor of sum (F - P)^2, from N and M."""

STYLE_NORMALISATIONS: dict[str, Callable[[float, int], float]] = {
    # Gatys' published code: mean over N^2 entries of (G/M - A/M)^2.  Johnson et al. 2016
    # eq. 3-4, the sum over entries of Gram matrices divided by C H W, is the same number.
    "mean": lambda n, m: 1 / n**2,
    # Gatys et al. 2015/2016 eq. 4: sum / (4 N^2 M^2) of plain Gram matrices.
    "gatys": lambda n, m: 1 / (4 * n**2),
    # Mean over entries of Gram matrices divided by C H W: neural-style, Johnson's released
    # code, the PyTorch tutorial (a b c d with a = 1) and fast.ai's lesson.
    "chw-mean": lambda n, m: 1 / n**4,
    # Udacity's exercise: mean over entries of plain Gram matrices, divided by N M.
    "raw-udacity": lambda n, m: m / n**3,
}
"""Factor of sum (G/M - A/M)^2, from N and M of the generated picture.

For a Gram matrix between layers of N and K channels, N^2 stands for N K.
"""


def content_loss(features: FeatureMap, target: Tensor, normalisation: str = "mean") -> Tensor:
    """Weighted sum of squared differences of features (Gatys et al. 2016, eq. 1).

    Args:
        features: of the generated picture, (B, N, H, W).
        target: the content picture's ``coordinates()``, (B or 1, n, H, W).
        normalisation: a key of :data:`CONTENT_NORMALISATIONS`.

    Returns:
        (B,).
    """
    difference = features.coordinates() - target
    factor = CONTENT_NORMALISATIONS[normalisation](features.channels, features.positions)
    return factor * difference.square().sum(dim=(1, 2, 3))


def style_loss(measured: Measured, target: Tensor, normalisation: str = "mean") -> Tensor:
    """Weighted sum of squared differences of a statistic (Gatys et al. 2016, eq. 4).

    Each Gram matrix is divided by its own picture's number of positions, so the style picture
    may have another size.

    Args:
        measured: of the generated picture, for example its Gram matrix.
        target: the same of the style picture, (B or 1, ...).
        normalisation: a key of :data:`STYLE_NORMALISATIONS`.

    Returns:
        (B,).
    """
    difference = measured.values - target
    factor = STYLE_NORMALISATIONS[normalisation](measured.entries**0.5, measured.positions)
    return factor * difference.square().flatten(1).sum(dim=1)


def total_variation(pixels: Tensor) -> Tensor:
    """Half the sum of squared differences of neighbouring pixels on the scale 0..255.

    That is the regulariser of Johnson's released code, whose strengths (1e-6 and the like)
    therefore carry over; the paper defines its own only by reference to Mahendran & Vedaldi.

    Args:
        pixels: (B, 3, H, W) in [0, 1].

    Returns:
        (B,).
    """
    down = (pixels[:, :, 1:, :] - pixels[:, :, :-1, :]).square().sum(dim=(1, 2, 3))
    right = (pixels[:, :, :, 1:] - pixels[:, :, :, :-1]).square().sum(dim=(1, 2, 3))
    return 0.5 * 255.0**2 * (down + right)
