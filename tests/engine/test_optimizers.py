"""The optimizers against torch.optim, path by path, and on functions that explode."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from replicate.engine import optimizers

LBFGS = partial(optimizers.LBFGS, clamp=False)
Adam = partial(optimizers.Adam, clamp=False)
Optimizer = optimizers.LBFGS | optimizers.Adam

SHAPE = (3, 4, 4)
SIZE = 48
Loss = Callable[[Tensor], Tensor]
"""Losses (B,) of pictures (B, 3, 4, 4)."""


def spread(seed: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(SIZE, generator=generator, dtype=torch.float64)


def start(seed: int, batch: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, *SHAPE, generator=generator, dtype=torch.float64)


def quadratic(curvature: Tensor, centre: Tensor) -> Loss:
    return lambda x: 0.5 * (curvature * (x.flatten(1) - centre).square()).sum(1)


def quartic(curvature: Tensor, centre: Tensor) -> Loss:
    def loss(x: Tensor) -> Tensor:
        away = x.flatten(1) - centre
        neighbours = (away[:, 1:] * away[:, :-1]).sum(1)
        return (curvature * away.square()).sum(1) + away.pow(4).sum(1) + 0.3 * neighbours

    return loss


def rosenbrock(x: Tensor) -> Tensor:
    """Twenty-four valleys of Rosenbrock's, shifted and steep: full steps from afar explode."""
    a, b = 4 * x.flatten(1)[:, ::2] - 2, 4 * x.flatten(1)[:, 1::2] - 2
    return (100 * (b - a.square()).square() + (1 - a).square()).sum(1)


def gradient(loss: Loss, x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.detach().clone().requires_grad_(True)
    value = loss(leaf)
    (found,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), found


def walk(optimizer: Optimizer, loss: Loss, evaluations: int) -> list[Tensor]:
    """The points at which the optimizer asks for an evaluation, in order."""
    points = []
    for _ in range(evaluations):
        points.append(optimizer.pixels.clone())
        optimizer.tell(*gradient(loss, optimizer.pixels))
    return points


def torch_walk(kind: type, loss: Loss, x: Tensor, evaluations: int, **how) -> list[Tensor]:
    leaf = x.detach().clone().requires_grad_(True)
    points: list[Tensor] = []
    optimizer = kind([leaf], **how)

    def closure() -> Tensor:
        points.append(leaf.detach().clone())
        optimizer.zero_grad()
        value = loss(leaf).sum()
        value.backward()
        return value

    while len(points) < evaluations:
        optimizer.step(closure)
    return points[:evaluations]


def torch_first_step(loss: Loss, x: Tensor) -> float:
    """``first_step`` with which the first displacement is torch's, min(1, 1/|g|_1) g."""
    _, g = gradient(loss, x)
    factor = min(1.0, 1.0 / float(g.abs().sum()))
    return factor * float(g.norm()) / SIZE**0.5


CURVED = quartic(spread(1, 0.2, 3), spread(2))
NEVER = float("inf")


# L-BFGS against torch.optim.LBFGS


@pytest.mark.parametrize("history", [1, 2, 5, 100])
@pytest.mark.parametrize(
    "loss", [quadratic(spread(3, 0.1, 10), spread(4)), CURVED], ids=["quadratic", "quartic"]
)
def test_lbfgs_follows_torchs_path(loss, history):
    """Also with a history shorter than the path, where old pairs are dropped."""
    x, evaluations = start(5), 18
    how = {"lr": 1, "max_iter": evaluations, "tolerance_grad": 0, "tolerance_change": 0}
    expected = torch_walk(torch.optim.LBFGS, loss, x, evaluations, history_size=history, **how)
    optimizer = LBFGS(x, history, first_step=torch_first_step(loss, x), tolerance=NEVER)
    found = walk(optimizer, loss, evaluations)
    for step, (mine, theirs) in enumerate(zip(found, expected)):
        distance = (theirs - mine).norm()
        assert distance <= 1e-7 * (theirs - x).norm() + 1e-12, f"evaluation {step + 1}"
    assert float(loss(found[-1])) < 1e-3 * float(loss(x))


def test_first_displacement_has_the_size_asked_for():
    x = start(7)
    for scale in (1e-6, 1.0, 1e9):  # whatever the objective's scale
        optimizer = LBFGS(x, first_step=0.01)
        first, second = walk(optimizer, lambda p, scale=scale: scale * CURVED(p), 2)
        moved = second - first
        assert float(moved.square().mean().sqrt()) == pytest.approx(0.01)
        _, g = gradient(CURVED, x)
        assert float(
            torch.cosine_similarity(moved.flatten(), -g.flatten(), dim=0)
        ) == pytest.approx(1)


def test_a_flat_start_stays():
    x = start(9)
    optimizer = LBFGS(x)
    walk(optimizer, lambda p: (0 * p).flatten(1).sum(1), 3)
    torch.testing.assert_close(optimizer.best, x, rtol=0, atol=0)


# Batches


LOSSES = [
    quadratic(spread(10, 0.1, 1), spread(11)),
    quadratic(spread(12, 5, 500), spread(13)),
    lambda x: 1e6 * CURVED(x),
    rosenbrock,
]
"""Different curvature, different scale, and one that forces steps back."""


def mixture(x: Tensor) -> Tensor:
    return torch.cat([loss(x[i : i + 1]) for i, loss in enumerate(LOSSES)])


@pytest.mark.parametrize(
    "make", [lambda x: LBFGS(x, history=3), lambda x: LBFGS(x, clamp=True), LBFGS, Adam]
)
def test_each_picture_of_a_batch_follows_the_path_it_would_follow_alone(make):
    """Within rounding: sums over a batch are taken in another order than over one picture."""
    x = start(14, batch=len(LOSSES))
    together = make(x)
    points = walk(together, mixture, 40)
    for index, loss in enumerate(LOSSES):
        alone = make(x[index : index + 1])
        path = walk(alone, loss, 40)
        for mine, theirs in zip(points, path):
            torch.testing.assert_close(mine[index], theirs[0], rtol=0, atol=1e-7)
        torch.testing.assert_close(together.best[index], alone.best[0], rtol=0, atol=1e-7)
        torch.testing.assert_close(together.loss[index], alone.loss[0], rtol=0, atol=1e-7)
    if make is LBFGS:  # and the last one did step back
        values = [float(rosenbrock(point)) for point in path]
        assert any(later > 1.01 * earlier for earlier, later in zip(values, values[1:]))


# Steps back


def steep(x: Tensor) -> Tensor:
    """Almost flat far away, so that a full quasi-Newton step overshoots into a wall."""
    away = 10 * (x.flatten(1) - 0.5)
    return (away.square() + 1e-6).pow(0.3).sum(1) + away.pow(6).sum(1) * 1e-2


@pytest.mark.parametrize(("loss", "share"), [(rosenbrock, 1e-6), (steep, 0.05)])
def test_full_steps_explode_and_shortened_ones_arrive(loss, share):
    """What is accepted never rises by more than the tolerance."""
    x = start(15)
    free = LBFGS(x, first_step=torch_first_step(loss, x), tolerance=NEVER)
    values = [float(loss(point)) for point in walk(free, loss, 60)]
    assert loss is rosenbrock or not max(values) < 100 * values[0]
    optimizer, before = LBFGS(x), NEVER
    for _ in range(800):
        optimizer.tell(*gradient(loss, optimizer.pixels))
        after = float(optimizer.loss)
        assert after <= before * 1.01 + 1e-12
        assert float(loss(optimizer.best)) == pytest.approx(after)
        before = after
    assert after < share * float(loss(x))


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf")])
def test_a_region_without_finite_loss_is_stepped_back_from(poison):
    """Beyond a wall the loss is NaN; the minimum lies this side of it."""
    centre = torch.full((SIZE,), 0.5, dtype=torch.float64)

    def walled(x: Tensor) -> Tensor:
        loss = quadratic(spread(18, 0.05, 20), centre)(x)
        outside = (x.flatten(1) - centre).abs().amax(1) > 0.55
        return torch.where(outside, loss * 0 + poison, loss)

    x = start(19)
    # The first step alone would leave the region.
    optimizer = LBFGS(x, first_step=2.0)
    points = walk(optimizer, walled, 80)
    assert not torch.isfinite(walled(points[1])).all()
    assert torch.isfinite(optimizer.best).all() and torch.isfinite(optimizer.pixels).all()
    assert float(optimizer.loss) < 1e-6


def test_a_gradient_that_is_not_finite_is_stepped_back_from():
    loss, x = CURVED, start(20)
    optimizer = LBFGS(x)
    optimizer.tell(*gradient(loss, optimizer.pixels))
    there = optimizer.pixels.clone()
    value, g = gradient(loss, there)
    g[0, 1, 2, 3] = float("nan")
    optimizer.tell(value, g)
    torch.testing.assert_close(optimizer.best, x, rtol=0, atol=0)
    shorter = (optimizer.pixels - x).norm() / (there - x).norm()
    assert 0 < float(shorter) <= 0.5
    walk(optimizer, loss, 30)
    assert float(optimizer.loss) < 1e-3 * float(loss(x))


def test_a_start_that_is_not_finite_is_left_as_it_is():
    x = start(21, batch=2)
    optimizer = LBFGS(x)
    value, g = gradient(CURVED, x)
    value[0] = float("nan")
    optimizer.tell(value, g)
    torch.testing.assert_close(optimizer.pixels[0], x[0], rtol=0, atol=0)
    assert torch.isnan(optimizer.loss[0])
    assert float(optimizer.loss[1]) == float(value[1])
    assert (optimizer.pixels[1] != x[1]).any()


def test_many_steps_back_forget_the_history_and_go_along_the_gradient():
    """Everything is refused: ever shorter steps, along the gradient at last, never NaN."""
    loss, x = CURVED, start(22)
    optimizer = LBFGS(x)
    walk(optimizer, loss, 6)
    best = optimizer.best.clone()
    _, g = gradient(loss, best)
    lengths = []
    for _ in range(12):
        refused = torch.full((1,), float("nan"), dtype=torch.float64)
        optimizer.tell(refused, torch.zeros_like(x))
        moved = optimizer.pixels - best
        lengths.append(float(moved.norm()))
    torch.testing.assert_close(optimizer.best, best, rtol=0, atol=0)
    assert float(torch.cosine_similarity(moved.flatten(), -g.flatten(), dim=0)) == pytest.approx(1)
    assert 0 < lengths[-1] < 1e-3 * lengths[0]
    walk(optimizer, loss, 30)  # and it recovers
    assert float(optimizer.loss) < float(loss(best))


def test_patience_is_with_refusals_in_a_row():
    """Four refusals, a success, and a fifth: the history is still there."""
    loss, optimizer = CURVED, LBFGS(start(32))
    walk(optimizer, loss, 8)
    refused = torch.full((1,), float("nan"), dtype=torch.float64)
    for _ in range(4):
        optimizer.tell(refused, torch.zeros_like(optimizer.pixels))
    optimizer.tell(*gradient(loss, optimizer.pixels))
    before = (optimizer.pixels - optimizer.best).flatten()
    optimizer.tell(refused, torch.zeros_like(optimizer.pixels))
    after = (optimizer.pixels - optimizer.best).flatten()
    torch.testing.assert_close(after, 0.1 * before)


def test_negative_losses():
    """The tolerance is a fraction of the loss's size, whichever its sign."""
    x = start(33)
    optimizer = LBFGS(x)
    walk(optimizer, lambda p: CURVED(p) - 1e3, 40)
    assert float(CURVED(optimizer.best)) < 1e-2 * float(CURVED(x))


def test_shortened_step_is_the_parabolas_minimum():
    """f(0), f'(0) and f(1) are known: the minimum of the parabola through them."""
    loss, x = quadratic(torch.full((SIZE,), 2.0, dtype=torch.float64), spread(23)), start(24)
    optimizer = LBFGS(x, first_step=1.0)
    value, g = gradient(loss, x)
    optimizer.tell(value, g)
    overshot = optimizer.pixels.clone()
    optimizer.tell(*gradient(loss, overshot))
    if float(loss(overshot)) <= 1.01 * float(value):
        pytest.fail("the first step was not too long")
    # The loss is a parabola along the line, so its minimum is the exact one: (x - centre) = 0.
    torch.testing.assert_close(optimizer.pixels.flatten(1)[0], spread(23))


# Clamping


@pytest.mark.parametrize("kind", [LBFGS, Adam])
def test_clamp_keeps_pixels_in_range(kind):
    """The free minimum lies outside; clamped, the nearest face of the cube is found."""
    centre = spread(25, -0.5, 1.5)
    loss = quadratic(spread(26, 1, 3), centre)
    x = start(27)
    free, clamped = kind(x), kind(x, clamp=True)
    walk(free, loss, 150)
    assert float(free.best.max()) > 1 and float(free.best.min()) < 0
    for point in walk(clamped, loss, 150):
        assert float(point.min()) >= 0 and float(point.max()) <= 1
    if kind is LBFGS:
        least = float(loss(centre.clamp(0, 1).view(1, *SHAPE)))
        assert float(clamped.loss) == pytest.approx(least, rel=1e-9)


def test_clamped_values_that_pull_inwards_leave_the_bound():
    """A start at the bounds, half of it held there, half of it free to go."""
    centre = spread(35, -0.5, 1.5)
    loss = quadratic(torch.full((SIZE,), 2.0, dtype=torch.float64), centre)
    x = (start(36) > 0.5).double()
    optimizer = LBFGS(x, clamp=True)
    walk(optimizer, loss, 60)
    expected = centre.clamp(0, 1).view(1, *SHAPE)
    torch.testing.assert_close(optimizer.best, expected, rtol=0, atol=1e-9)


# Adam


@pytest.mark.parametrize("rate", [0.003, 0.1])
def test_adam_follows_torchs_path(rate):
    x = start(28)
    expected = torch_walk(torch.optim.Adam, CURVED, x, 25, lr=rate)
    found = walk(Adam(x, rate), CURVED, 25)
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_adams_best_is_the_last_picture_whose_loss_is_finite():
    optimizer = Adam(start(30))
    points = walk(optimizer, CURVED, 4)
    assert torch.equal(optimizer.best, points[-1])
    assert float(optimizer.loss) == float(CURVED(points[-1]))
    optimizer.tell(torch.tensor([float("nan")]), torch.zeros_like(optimizer.pixels))
    assert torch.equal(optimizer.best, points[-1])
    assert torch.isnan(optimizer.loss).all()


@pytest.mark.parametrize("kind", [LBFGS, Adam])
def test_the_start_is_not_changed(kind):
    x = start(31)
    before = x.clone()
    optimizer = kind(x)
    shown = optimizer.best
    walk(optimizer, CURVED, 10)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    # A picture taken out earlier must not change under its owner's hands.
    torch.testing.assert_close(shown, before, rtol=0, atol=0)
