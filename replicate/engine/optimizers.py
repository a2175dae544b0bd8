"""Optimizers that ask for evaluations instead of calling a function.

    optimizer = LBFGS(start)
    while budget:
        evaluation = evaluate(objective, network, optimizer.pixels)
        optimizer.tell(evaluation.total, evaluation.gradient)
    picture = optimizer.best

So evaluations are counted exactly, a caller may stop, show or save between any two of them, and
the pictures of a batch each follow the path that they would follow alone.  Nothing here asks a
GPU for a number: what differs between the pictures of a batch is decided by masks, on the device.
"""

from __future__ import annotations

import torch
from torch import Tensor


class LBFGS:
    """L-BFGS for a batch of pictures, each with a curvature of its own.

    The step is that of Liu & Nocedal (1989) with scaling s.y / y.y, taken in full, as
    ``torch.optim.LBFGS`` without line search and Torch7's ``lbfgs`` take it: on these objectives
    nearly every full step is a descent, and one evaluation an iteration is the cheapest way down.
    Where those would explode, this one steps back: a step that raises the loss by more than
    ``tolerance`` is shortened (the minimum of the parabola through what is known, between a tenth
    and a half of the step).

    Pixels are kept in [0, 1] by projection with an active set (Bertsekas 1982): a value at a bound
    whose gradient points out of it takes no part in the step, and steps end at the bounds.  So the
    loss is that of the picture people see, not of values that clipping would change.

    The direction comes from the compact representation (Byrd, Nocedal & Schnabel 1994, theorem
    2.2) on inner products: the history is read twice an iteration, and the rest is small
    triangular systems in float64.

    Args:
        start: (B, 3, H, W).
        history: pairs (s, y) that are kept; memory is 2 * history pictures.
        first_step: root mean square of the very first displacement, along the gradient, in
            units of the pixel range.  Large enough to stand out of bfloat16's rounding.
        tolerance: a step that raises the loss by more than this fraction is taken back.
        clamp: keep the pixels in [0, 1], which is what a picture can hold; else they are free.
    """

    PATIENCE = 5
    """Steps taken back in a row before the history is forgotten."""

    def __init__(
        self,
        start: Tensor,
        history: int = 20,
        first_step: float = 0.01,
        tolerance: float = 0.01,
        clamp: bool = True,
    ):
        self.pixels = start.clamp(0, 1) if clamp else start.clone()
        self.best = self.pixels
        self._history, self._first_step = history, first_step
        self._tolerance, self._clamp = tolerance, clamp
        batch, size, device = len(start), start[0].numel(), start.device
        # Apple's GPUs have no float64.
        wide = torch.float32 if device.type == "mps" else torch.float64
        self.loss = start.new_full((batch,), float("nan"))
        # Per picture: rows 0..m-1 hold s, rows m..2m-1 hold y, in rings.
        self._pairs = start.new_zeros(batch, 2 * history, size)
        self._products = torch.zeros(
            batch, history, history, device=device, dtype=wide
        )  # s_i . y_j
        self._squares = torch.zeros_like(self._products)  # y_i . y_j
        self._count = torch.zeros(batch, device=device, dtype=torch.long)
        self._newest = self._count - 1
        self._gradient = start.new_zeros(batch, size)
        self._direction = start.new_zeros(batch, size)
        self._slope = torch.zeros(batch, device=device, dtype=wide)
        self._step = torch.ones_like(self._slope)
        self._started = torch.zeros(batch, device=device, dtype=torch.bool)
        self._taken_back = torch.zeros_like(self._count)

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        gradient = gradient.reshape(len(gradient), -1)
        value, before = loss.to(self._slope), self.loss.to(self._slope)
        finite = torch.isfinite(value) & torch.isfinite(gradient.sum(dim=1))
        below = value <= before + self._tolerance * before.abs()
        accepted = finite & (below | ~self._started)
        refused = self._started & ~accepted
        change = gradient - self._gradient
        taken = (self.pixels - self.best).reshape(change.shape)
        self.best = torch.where(accepted.view(-1, 1, 1, 1), self.pixels, self.best)
        self.loss = torch.where(accepted, loss, self.loss)
        self._gradient = torch.where(accepted[:, None], gradient, self._gradient)
        free = self._free()
        downhill = self._gradient if free is None else self._gradient * free
        along = self._remember(accepted & self._started, taken, change, downhill)
        self._started = self._started | accepted
        self._taken_back = torch.where(refused, self._taken_back + 1, 0)
        shorter = self._shorter(value, before)
        self._turn(accepted, refused, along, downhill, free, shorter)
        moved = self._direction * self._step.to(self._direction)[:, None]
        moved = self.best + moved.view_as(self.best)
        self.pixels = moved.clamp(0, 1) if self._clamp else moved

    def _free(self) -> Tensor | None:
        """(B, n) of 1 where a value may move, 0 where it is held at a bound; None for all 1."""
        if not self._clamp:
            return None
        best = self.best.flatten(1)
        held = (best <= 0) & (self._gradient > 0) | (best >= 1) & (self._gradient < 0)
        return (~held).to(self._gradient)

    def _remember(self, which: Tensor, taken: Tensor, change: Tensor, downhill: Tensor) -> Tensor:
        """Store the pair (s, y) of the step just taken, and its inner products.

        Returns:
            (B, 2m), inner products of the stored s and y with the gradient ``downhill``.
        """
        m, wide = self._history, self._slope.dtype
        curvature = (taken * change).sum(dim=1, dtype=wide)
        square = change.square().sum(dim=1, dtype=wide)
        length = taken.square().sum(dim=1, dtype=wide)
        # A pair without positive curvature would make the model's Hessian indefinite.
        which = which & (curvature > 1e-10 * (square * length).sqrt())
        slot = torch.where(which, (self._newest + 1) % m, self._newest.clamp(min=0))
        each = torch.arange(len(slot), device=slot.device)
        for row, values in ((slot, taken), (slot + m, change)):
            self._pairs[each, row] = torch.where(which[:, None], values, self._pairs[each, row])
        both = _products(self._pairs, torch.stack([change, downhill], dim=1)).to(wide)
        with_change, along = both.unbind(dim=2)
        kept = which[:, None]
        products, squares = self._products, self._squares
        products[each, :, slot] = torch.where(kept, with_change[:, :m], products[each, :, slot])
        products[each, slot, slot] = torch.where(which, curvature, products[each, slot, slot])
        row = torch.where(kept, with_change[:, m:], squares[each, :, slot])
        squares[each, :, slot] = squares[each, slot, :] = row
        squares[each, slot, slot] = torch.where(which, square, squares[each, slot, slot])
        self._newest = torch.where(which, slot, self._newest)
        self._count = torch.where(which, (self._count + 1).clamp(max=m), self._count)
        return along

    def _shorter(self, value: Tensor, before: Tensor) -> Tensor:
        """(B,) steps instead of refused ones: the minimum of the parabola through what is known."""
        step, slope = self._step, self._slope
        parabola = -slope * step.square() / (2 * (value - before - slope * step))
        usable = torch.isfinite(value) & (slope < 0)
        return torch.where(usable, parabola.clamp(0.1 * step, 0.5 * step), 0.1 * step)

    def _turn(
        self,
        accepted: Tensor,
        refused: Tensor,
        along: Tensor,
        downhill: Tensor,
        free: Tensor | None,
        shorter: Tensor,
    ) -> None:
        """Direction and step of each picture: a new one, a shorter step, or back to the gradient.

        The history is forgotten after :data:`PATIENCE` refusals in a row, and where rounding has
        spoilt it; then a small step goes along the gradient.
        """
        of_pairs, own = self._two_loop(along)
        new = torch.bmm(of_pairs.to(downhill)[:, None], self._pairs)[:, 0]
        new = torch.addcmul(new, own.to(downhill)[:, None], downhill)
        new = new if free is None else new * free
        slope = (downhill * new).sum(dim=1, dtype=self._slope.dtype)
        forget = accepted & ((self._count == 0) | (slope >= 0))
        forget = forget | refused & (self._taken_back % self.PATIENCE == 0)
        turn = accepted & ~forget
        norm = torch.linalg.vector_norm(downhill, dim=1, dtype=self._slope.dtype)
        reach = self._first_step * downhill.shape[1] ** 0.5
        first = torch.where(norm > 0, reach / norm, 0.0) * 0.1 ** (
            self._taken_back // self.PATIENCE
        )
        self._direction = torch.where(
            forget[:, None], -downhill, torch.where(turn[:, None], new, self._direction)
        )
        self._slope = torch.where(forget, -norm.square(), torch.where(turn, slope, self._slope))
        again = torch.where(refused, shorter, self._step)
        self._step = torch.where(forget, first, torch.where(turn, 1.0, again))
        self._count = torch.where(forget, 0, self._count)
        self._newest = torch.where(forget, -1, self._newest)

    def _two_loop(self, along: Tensor) -> tuple[Tensor, Tensor]:
        """The two-loop recursion in its compact form.

        With R the upper triangle of S^T Y from the oldest pair to the newest, D its diagonal and
        c = s.y / y.y of the newest pair, H g = c g + S u - c Y p where R p = S^T g and
        R^T u = (D + c Y^T Y) p - c Y^T g.

        Args:
            along: (B, 2m), inner products of the stored s and y with the gradient.

        Returns:
            Coefficients (B, 2m) of s and y, and (B,) of the gradient, which make up -H g.
        """
        m = self._history
        place = torch.arange(m, device=along.device)
        order = (self._newest[:, None] + 1 + place) % m  # from the oldest to the newest
        there = place >= m - self._count[:, None]
        both = there[:, :, None] & there[:, None, :]
        root = torch.triu(_sorted(self._products, order)) * both
        curvature = root.diagonal(dim1=1, dim2=2)
        root = root + torch.diag_embed((~there).to(root))
        squares = _sorted(self._squares, order) * both
        with_s = along[:, :m].gather(1, order) * there
        with_y = along[:, m:].gather(1, order) * there
        scale = torch.where(self._count > 0, curvature[:, -1] / squares[:, -1, -1], 1.0)[:, None]
        p = torch.linalg.solve_triangular(root, with_s[:, :, None], upper=True)
        right = curvature[:, :, None] * p + scale[:, :, None] * (squares @ p - with_y[:, :, None])
        u = torch.linalg.solve_triangular(root.mT, right, upper=False)
        pairs = torch.zeros_like(along)
        pairs.scatter_(1, order, -u[:, :, 0] * there)
        pairs.scatter_(1, order + m, scale * p[:, :, 0] * there)
        return pairs, -scale[:, 0]


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) on pixels.

    Args:
        start: (B, 3, H, W).
        learning_rate: in units of the pixel range.
        clamp: keep the pixels in [0, 1], which is what a picture can hold; else they are free.
    """

    def __init__(
        self,
        start: Tensor,
        learning_rate: float = 0.01,
        clamp: bool = True,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ):
        self.pixels = start.clamp(0, 1) if clamp else start.clone()
        self.best = self.pixels
        self.loss = start.new_full((len(start),), float("nan"))
        self._rate, self._clamp = learning_rate, clamp
        self._betas, self._epsilon = betas, epsilon
        self._mean = torch.zeros_like(start)
        self._square = torch.zeros_like(start)
        self._steps = 0

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        self._steps += 1
        first, second = self._betas
        self.loss = loss
        finite = torch.isfinite(loss).view(-1, *[1] * (self.pixels.dim() - 1))
        self.best = torch.where(finite, self.pixels, self.best)
        self._mean.lerp_(gradient, 1 - first)
        self._square.lerp_(gradient.square(), 1 - second)
        mean = self._mean / (1 - first**self._steps)
        square = self._square / (1 - second**self._steps)
        moved = self.pixels - self._rate * mean / (square.sqrt() + self._epsilon)
        self.pixels = moved.clamp(0, 1) if self._clamp else moved


def _sorted(values: Tensor, order: Tensor) -> Tensor:
    """(B, m, m) with rows and columns in the order (B, m)."""
    rows = values.gather(1, order[:, :, None].expand_as(values))
    return rows.gather(2, order[:, None, :].expand_as(values))


PIECES = 128
"""On a GPU a product over n values is cut into about so many, so that the whole chip reads."""


def _products(pairs: Tensor, vectors: Tensor) -> Tensor:
    """(B, r, n) @ (B, k, n)^T for few rows and a very large n: (B, r, k)."""
    batch, rows, size = pairs.shape
    if not pairs.is_cuda:
        return pairs @ vectors.mT
    pieces = next(count for count in range(PIECES, 0, -1) if size % count == 0)
    cut = pairs.view(batch, rows, pieces, size // pieces).transpose(1, 2)
    others = vectors.view(batch, -1, pieces, size // pieces).transpose(1, 2)
    return (cut @ others.mT).sum(dim=1)
