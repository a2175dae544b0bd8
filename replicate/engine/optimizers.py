"""Optimizers that ask for evaluations instead of calling a function.

    optimizer = LBFGS(start)
    while budget:
        evaluation = evaluate(objective, network, optimizer.pixels)
        optimizer.tell(evaluation.total, evaluation.gradient)
    picture = optimizer.best

So evaluations are counted exactly, a caller may stop, show or save between any two of them, and
the pictures of a batch each follow the path that they would follow alone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class LBFGS:
    """L-BFGS for a batch of pictures, each with a curvature of its own.

    The step is that of Liu & Nocedal (1989), two-loop recursion with scaling s.y / y.y, taken in
    full, as ``torch.optim.LBFGS`` without line search and Torch7's ``lbfgs`` take it: on these
    objectives nearly every full step is a descent, and one evaluation an iteration is the
    cheapest way down.  Where those would explode, this one steps back: a step that raises the
    loss by more than ``tolerance`` is shortened (the minimum of the parabola through what is
    known, between a tenth and a half of the step).

    The recursion runs on inner products (Chen et al. 2014): the history is read twice per
    iteration, in two matrix products, and the loop itself is on a few numbers in float64.

    Args:
        start: (B, 3, H, W).
        history: pairs (s, y) that are kept; memory is 2 * history pictures.
        first_step: root mean square of the very first displacement, along the gradient, in
            units of the pixel range.  Large enough to stand out of bfloat16's rounding.
        tolerance: a step that raises the loss by more than this fraction is taken back.
        clamp: keep the pixels in [0, 1], as the PyTorch tutorial does.
    """

    PATIENCE = 5
    """Steps taken back in a row before the history is forgotten."""

    def __init__(
        self,
        start: Tensor,
        history: int = 20,
        first_step: float = 0.01,
        tolerance: float = 0.01,
        clamp: bool = False,
    ):
        self.pixels = start.clamp(0, 1) if clamp else start.clone()
        self.best = self.pixels.clone()
        self._history = history
        self._clamp = clamp
        self._first_step = first_step
        self._tolerance = tolerance
        batch = len(start)
        self._size = start[0].numel()
        # Apple's GPUs have no float64.
        self._wide = torch.float32 if start.device.type == "mps" else torch.float64
        # Per picture: rows 0..m-1 hold s, rows m..2m-1 hold y, in rings.
        self._pairs = start.new_zeros(batch, 2 * history, self._size)
        self._products = np.zeros((batch, history, history))  # s_i . y_j
        self._squares = np.zeros((batch, history, history))  # y_i . y_j
        self._newest = np.full(batch, -1)
        self._count = np.zeros(batch, dtype=int)
        self.loss = start.new_full((batch,), float("nan"))
        self._gradient = start.new_zeros(batch, self._size)
        self._direction = start.new_zeros(batch, self._size)
        self._slope = np.zeros(batch)
        self._step = np.ones(batch)
        self._started = np.zeros(batch, dtype=bool)
        self._taken_back = np.zeros(batch, dtype=int)

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        gradient = gradient.reshape(len(gradient), -1)
        value = _numbers(loss)
        finite = np.isfinite(value) & _finite_rows(gradient)
        before = _numbers(self.loss)
        limit = before + self._tolerance * np.abs(before)
        with np.errstate(invalid="ignore"):
            accepted = finite & (~self._started | (value <= limit))
        for index in np.flatnonzero(~accepted & self._started).tolist():
            self._shorten(index, value[index], before[index])
        if accepted.any():
            self._accept(accepted, loss, gradient)
        moved = self._direction * self._per_picture(self._step)
        self.pixels = self.best + moved.view_as(self.best)
        if self._clamp:
            self.pixels = self.pixels.clamp(0, 1)

    def _per_picture(self, values: np.ndarray) -> Tensor:
        cast = torch.from_numpy(values).to(self._direction.dtype)
        return cast.to(self._direction.device)[:, None]

    def _shorten(self, index: int, value: float, before: float) -> None:
        self._taken_back[index] += 1
        if self._taken_back[index] % self.PATIENCE == 0:
            self._forget(index)
            return
        step, slope = self._step[index], self._slope[index]
        shorter = 0.1 * step
        if np.isfinite(value) and slope < 0:
            parabola = -slope * step**2 / (2 * (value - before - slope * step))
            shorter = np.clip(parabola, 0.1 * step, 0.5 * step)
        self._step[index] = shorter

    def _forget(self, index: int) -> None:
        """Drop the history and go a small step along the gradient."""
        self._count[index], self._newest[index] = 0, -1
        self._direction[index] = -self._gradient[index]
        norm = torch.linalg.vector_norm(self._gradient[index], dtype=self._wide).item()
        self._slope[index] = -(norm**2)
        smaller = 0.1 ** (self._taken_back[index] // self.PATIENCE)
        self._step[index] = self._first_length(norm) * smaller

    def _first_length(self, norm: float) -> float:
        """The step whose root mean square displacement is ``first_step``."""
        return self._first_step * self._size**0.5 / norm if norm > 0 else 0.0

    def _accept(self, accepted: np.ndarray, loss: Tensor, gradient: Tensor) -> None:
        mask = torch.from_numpy(accepted).to(loss.device)
        self._taken_back[accepted] = 0
        self._remember(accepted & self._started, gradient)
        self.best = torch.where(mask.view(-1, 1, 1, 1), self.pixels, self.best)
        self.loss = torch.where(mask, loss, self.loss)
        self._gradient = torch.where(mask[:, None], gradient, self._gradient)
        self._started |= accepted
        for index in np.flatnonzero(accepted).tolist():
            if self._count[index] == 0:
                self._forget(index)
            else:
                self._turn(index)

    def _remember(self, which: np.ndarray, gradient: Tensor) -> None:
        """Store the pair (s, y) of the step just taken, and its inner products."""
        change = gradient - self._gradient
        taken = (self.pixels - self.best).reshape(change.shape)
        curvature = _numbers((taken * change).sum(dim=1, dtype=self._wide))
        square = _numbers(change.square().sum(dim=1, dtype=self._wide))
        length = _numbers(taken.square().sum(dim=1, dtype=self._wide))
        # A pair without positive curvature would make the model's Hessian indefinite.
        which = which & (curvature > 1e-10 * np.sqrt(square * length))
        for index in np.flatnonzero(which).tolist():
            slot = (self._newest[index] + 1) % self._history
            pairs = self._pairs[index]
            pairs[slot] = taken[index]
            pairs[self._history + slot] = change[index]
            with_change = _numbers(pairs @ change[index])
            self._products[index, :, slot] = with_change[: self._history]
            self._products[index, slot, slot] = curvature[index]
            self._squares[index, :, slot] = with_change[self._history :]
            self._squares[index, slot, :] = with_change[self._history :]
            self._squares[index, slot, slot] = square[index]
            self._newest[index] = slot
            self._count[index] = min(self._count[index] + 1, self._history)

    def _turn(self, index: int) -> None:
        """A full step along a new direction -H g."""
        gradient = self._gradient[index]
        along = _numbers(self._pairs[index] @ gradient)
        pairs, own = self._two_loop(index, along)
        weights = torch.from_numpy(pairs).to(gradient.dtype).to(gradient.device)
        self._direction[index] = weights @ self._pairs[index] + own * gradient
        slope = (gradient * self._direction[index]).sum(dtype=self._wide).item()
        self._slope[index], self._step[index] = slope, 1.0
        if slope >= 0:  # rounding has spoilt the history
            self._forget(index)

    def _two_loop(self, index: int, along: np.ndarray) -> tuple[np.ndarray, float]:
        """The two-loop recursion in coefficients.

        Args:
            along: (2m,), inner products of the gradient with the stored s and y.

        Returns:
            Coefficients (2m,) of s and y, and that of the gradient, which make up -H g.
        """
        m, newest = self._history, self._newest[index]
        order = [(newest - back) % m for back in range(self._count[index])]  # newest first
        products, squares = self._products[index], self._squares[index]
        of_s, of_y = np.zeros(m), np.zeros(m)
        alpha = np.zeros(m)
        for i in order:
            # s_i . q with q = -g + sum over newer j of of_y[j] y_j
            alpha[i] = (-along[i] + products[i] @ of_y) / products[i, i]
            of_y[i] -= alpha[i]
        scale = products[newest, newest] / squares[newest, newest]
        of_y *= scale
        for i in reversed(order):
            # y_i . r with r = -scale g + sum of of_y[j] y_j + sum over older j of of_s[j] s_j
            y_r = -scale * along[m + i] + squares[i] @ of_y + products[:, i] @ of_s
            of_s[i] += alpha[i] - y_r / products[i, i]
        return np.concatenate([of_s, of_y]), -scale


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) on pixels.

    Args:
        start: (B, 3, H, W).
        learning_rate: in units of the pixel range.
        clamp: keep the pixels in [0, 1], as the PyTorch tutorial does.
    """

    def __init__(
        self,
        start: Tensor,
        learning_rate: float = 0.01,
        clamp: bool = False,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ):
        self.pixels = start.clamp(0, 1) if clamp else start.clone()
        self.best = self.pixels.clone()
        self.loss = torch.full((len(start),), float("nan"), device=start.device)
        self._rate = learning_rate
        self._clamp = clamp
        self._betas = betas
        self._epsilon = epsilon
        self._mean = torch.zeros_like(start)
        self._square = torch.zeros_like(start)
        self._steps = 0

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        self._steps += 1
        first, second = self._betas
        self.loss = loss
        if torch.isfinite(loss).all():
            self.best = self.pixels
        self._mean.lerp_(gradient, 1 - first)
        self._square.lerp_(gradient.square(), 1 - second)
        mean = self._mean / (1 - first**self._steps)
        square = self._square / (1 - second**self._steps)
        moved = self.pixels - self._rate * mean / (square.sqrt() + self._epsilon)
        self.pixels = moved.clamp(0, 1) if self._clamp else moved


def _numbers(values: Tensor) -> np.ndarray:
    """Few values for the scalar work, in float64 on the CPU."""
    return values.cpu().double().numpy()


def _finite_rows(values: Tensor) -> np.ndarray:
    return torch.isfinite(values.sum(dim=1)).cpu().numpy()
