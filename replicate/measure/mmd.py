"""The maximum mean discrepancy of two clouds of features, with the kernel of Gram matrices."""

from __future__ import annotations

from torch import Tensor

ROWS = 512
"""Rows of a kernel matrix that are held at a time."""


def squared_mmd(x: Tensor, y: Tensor) -> float:
    """MMD^2 = mean k(x, x') - 2 mean k(x, y) + mean k(y, y') with k(x, y) = (x.y)^2.

    Args:
        x, y: (M, N) and (K, N), a row for each position; every pair of rows is compared.

    Source: Li et al. 2017, with the second-order polynomial kernel.
    """
    return _mean_kernel(x, x) - 2 * _mean_kernel(x, y) + _mean_kernel(y, y)


def _mean_kernel(x: Tensor, y: Tensor) -> float:
    parts = [float((rows @ y.T).square().sum()) for rows in x.split(ROWS)]
    return sum(parts) / (len(x) * len(y))
