"""Neural style transfer from top to bottom: statistics, losses, objective, evaluation, loop.

The method of Gatys, Ecker & Bethge ("Image style transfer using convolutional neural networks",
CVPR 2016), with what later sources changed in it.  A picture is found by descending on its own
pixels, from noise or from a picture, until it minimises

    alpha * sum over l of v_l L_content(F_l, P_l)  +  beta * sum over l of w_l L_style(G_l, A_l)

F_l are its features at layer l of a network that was trained to name objects, P_l those of a
photograph; G_l and A_l are Gram matrices of its features and of an artwork's.  In code:

    photo, art = network(photograph, ["relu4_2"]), network(artwork, LAYERS)
    objective = content("relu4_2", photo["relu4_2"].coordinates())
    objective += 1e3 * sum(style(layer, art[layer].gram()) for layer in LAYERS)
    for step in transfer(network, [Stage(objective, 500)], noise(384, 512), LBFGS):
        print(step.number, step.loss)

Pictures are (B, 3, H, W), RGB in [0, 1].  Those of a batch are minimised beside each other, each
by itself, so a loss has shape (B,).  Nothing is needed but torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor


class Features(Protocol):
    """F: what a network made of B pictures at one layer, N channels by M = H W positions.

    For a plain network ``coordinates`` is the map (B, N, H, W) and ``gram`` its
    :func:`gram_matrix`.  A narrow network that stands for a wide one answers with less,
    (B, n, H, W) and (B, n, n), in which squared distances are those of the wide features
    (:mod:`replicate.networks.features`).  All answers are float32.
    """

    @property
    def channels(self) -> int: ...
    @property
    def positions(self) -> int: ...
    def coordinates(self) -> Tensor: ...
    def gram(self) -> Tensor: ...
    def cross_gram(self, deeper: Self) -> Tensor: ...  # with a map enlarged to this one's size
    def means(self) -> Tensor: ...  # (B, N), over the positions
    def variances(self) -> Tensor: ...  # (B, N)
    def shifted(self, shift: float) -> Self: ...  # F + s


Network = Callable[[Tensor, Iterable[str]], Mapping[str, Features]]
"""From pictures and names of layers to features by layer; differentiable, weights frozen."""


# ---- statistics of style
def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix, G_ij = 1/M sum over k of F_ik F_jk (Gatys et al. 2016, eq. 3): which channels
    fire together, wherever that is.

    (B, N, H, W) of any floating type -> (B, N, N), float32 (float64 stays float64).
    """
    return _MeanProducts.apply(rows_of(features))


def cross_gram_matrix(features: Tensor, others: Tensor) -> Tensor:
    """G_ij = 1/M sum over k of E_ik F_jk of two maps of one size -> (B, N, K)."""
    return _MeanProducts.apply(rows_of(features), rows_of(others))


STATISTICS: dict[str, Callable[..., Tensor]] = {
    # All products of two channels: Gatys et al.
    "gram": lambda f: f.gram(),
    # All products of two neighbouring layers' channels: Novak & Nikulin 2016, sec. 3.5.
    "chain": lambda shallow, deep: shallow.cross_gram(deep),
    # The mean of each channel: Li et al. 2017, the linear kernel.
    "mean": lambda f: f.means(),
    # Mean and standard deviation of each channel: Li et al. 2017, batch statistics.
    "mean_std": lambda f: torch.stack([f.means(), (f.variances() + 1e-5).sqrt()], dim=1),
}
"""What a style loss compares, (B, ...), of the features of one layer or of two."""


@dataclass(frozen=True)
class Statistic:
    """One of the above, of F + ``shift`` (Novak & Nikulin 2016, sec. 3.3) at the layers."""

    kind: str
    layers: tuple[str, ...]
    shift: float = 0.0

    def __call__(self, maps: Mapping[str, Features]) -> Tensor:
        return STATISTICS[self.kind](*(maps[layer].shifted(self.shift) for layer in self.layers))

    def size(self, maps: Mapping[str, Features]) -> tuple[int, int]:
        """What a mean over it divides by (N^2 for Gram matrices, N for means), and M."""
        first, last = maps[self.layers[0]], maps[self.layers[-1]]
        products = self.kind in ("gram", "chain")
        return first.channels * (last.channels if products else 1), first.positions


# ---- losses
CONTENT_NORMALISATIONS: dict[str, Callable[[int, int], float]] = {
    # Gatys' published code, Johnson et al. 2016 eq. 2, the PyTorch tutorial: the mean square.
    "mean": lambda n, m: 1 / (n * m),
    # Gatys et al. 2016 eq. 1: half the sum of squares.
    "gatys": lambda n, m: 0.5,
    # The Coursera exercise.
    "coursera": lambda n, m: 1 / (4 * n * m),
}
"""Factor of sum (F - P)^2, from N and M."""

STYLE_NORMALISATIONS: dict[str, Callable[[float, int], float]] = {
    # Gatys' published code, mean over N^2 entries; Johnson et al. 2016 eq. 3-4 come to the same.
    "mean": lambda n, m: 1 / n**2,
    # Gatys et al. 2015/2016 eq. 4: sum / (4 N^2 M^2) of Gram matrices not divided by M.
    "gatys": lambda n, m: 1 / (4 * n**2),
    # Mean over entries of Gram matrices divided by N M as well: neural-style, Johnson's released
    # code, the PyTorch tutorial (a b c d with a = 1) and fast.ai's lesson.
    "chw-mean": lambda n, m: 1 / n**4,
    # Udacity's exercise: mean over entries of Gram matrices not divided by M, over N M.
    "raw-udacity": lambda n, m: m / n**3,
}
"""Factor of sum (G - A)^2, from N and M of the generated picture; between layers N^2 is N K."""


def content_loss(features: Features, target: Tensor, normalisation: str = "mean") -> Tensor:
    """sum (F - P)^2 (Gatys et al. 2016, eq. 1) times a factor, (B,); ``target`` is the content
    picture's ``coordinates()``, (B or 1, n, H, W)."""
    difference = features.coordinates() - target
    factor = CONTENT_NORMALISATIONS[normalisation](features.channels, features.positions)
    return factor * difference.square().sum(dim=(1, 2, 3))


def style_loss(
    values: Tensor, target: Tensor, entries: int, positions: int, normalisation: str = "mean"
) -> Tensor:
    """sum (G - A)^2 (Gatys et al. 2016, eq. 4) times a factor, (B,), of any statistic; ``target``
    is the style picture's, (B or 1, ...), over positions of its own."""
    factor = STYLE_NORMALISATIONS[normalisation](entries**0.5, positions)
    return factor * (values - target).square().flatten(1).sum(dim=1)


def total_variation(pixels: Tensor) -> Tensor:
    """Half the sum of squared differences of neighbouring pixels on the scale 0..255, (B,), as in
    Johnson's released code, whose strengths (1e-6 and the like) therefore carry over."""
    down = (pixels[:, :, 1:, :] - pixels[:, :, :-1, :]).square().sum(dim=(1, 2, 3))
    right = (pixels[:, :, :, 1:] - pixels[:, :, :, :-1]).square().sum(dim=(1, 2, 3))
    return 0.5 * 255.0**2 * (down + right)


# ---- the objective
Weight = float | Tensor
"""A number, or (B,) where the pictures of a batch weigh a term differently."""


@dataclass(frozen=True)
class Term:
    """``weight`` times a loss (B,) of the features by layer and of the pixels."""

    name: str
    layers: tuple[str, ...]
    loss: Callable[[Mapping[str, Any], Tensor], Tensor]
    weight: Weight = 1.0

    def __repr__(self) -> str:
        weights = torch.as_tensor(self.weight).flatten().tolist()
        return f"{'|'.join(format(weight, '.4g') for weight in weights)} * {self.name}"


@dataclass(frozen=True)
class Objective:
    """A sum of terms: objectives add up and scale."""

    terms: tuple[Term, ...] = ()

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms)

    def __radd__(self, zero: int) -> Objective:
        return self  # sum() starts from 0

    def __mul__(self, factor: Weight) -> Objective:
        return Objective(tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms)) or "0"

    @property
    def layers(self) -> set[str]:
        return {layer for term in self.terms for layer in term.layers}


def content(layer: str, target: Tensor, normalisation: str = "mean") -> Objective:
    """The :func:`content_loss` at one layer."""
    loss = lambda maps, pixels: content_loss(maps[layer], target, normalisation)  # noqa: E731
    return Objective((Term(f"content/{layer}", (layer,), loss),))


def style(
    layer: str, target: Tensor, normalisation: str = "mean", statistic: Statistic | None = None
) -> Objective:
    """The :func:`style_loss` at one layer, of its Gram matrix unless a statistic is given."""
    compared = statistic or Statistic("gram", (layer,))
    loss = lambda maps, pixels: style_loss(  # noqa: E731
        compared(maps), target, *compared.size(maps), normalisation
    )
    return Objective((Term(f"style/{layer}", compared.layers, loss),))


def variation() -> Objective:
    """The :func:`total_variation`."""
    return Objective((Term("variation", (), lambda maps, pixels: total_variation(pixels)),))


@dataclass(frozen=True)
class Evaluation:
    """One forward and backward pass, the unit of all budgets: the weighted total (B,), each
    term's loss (B,) before weighting, and the total's gradient by the pixels (B, 3, H, W)."""

    total: Tensor
    losses: dict[str, Tensor]
    gradient: Tensor


def evaluate(objective: Objective, network: Network, pixels: Tensor) -> Evaluation:
    """Value and gradient of the objective at ``pixels`` (B, 3, H, W), each picture by itself."""
    x = pixels.detach().requires_grad_(True)
    with torch.enable_grad():
        maps = network(x, objective.layers)
        losses: dict[str, Tensor] = {}
        total = torch.zeros(len(x), device=x.device, dtype=x.dtype)
        for term in objective.terms:
            loss = term.loss(maps, x)
            losses[term.name] = loss.detach()
            total = total + term.weight * loss
        (gradient,) = torch.autograd.grad(total.sum(), x)
    return Evaluation(total.detach(), losses, gradient.contiguous())


# ---- the loop
NOISE = 0.01  # standard deviation; on the scale 0..255 it is 2.55


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    """(1, 3, H, W), faint noise about middle grey; stronger noise stays in the picture."""
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + NOISE * torch.randn(1, 3, height, width, generator=generator)


class Optimizer(Protocol):
    """Wants evaluations at ``pixels``, told by ``tell(total, gradient)``, and holds the ``best``
    pictures that it has accepted with their ``loss``: :mod:`replicate.engine.optimizers`."""

    pixels: Tensor
    best: Tensor
    loss: Tensor

    def tell(self, loss: Tensor, gradient: Tensor) -> None: ...


@dataclass(frozen=True)
class Stage:
    """An objective, for so many evaluations, on a canvas (H, W) unless that is the start's."""

    objective: Objective
    evaluations: int
    canvas: tuple[int, int] | None = None


@dataclass(frozen=True)
class Step:
    """After evaluation ``number``, from 1: the last accepted pictures (B, 3, H, W), their
    weighted total (B,), and each term's loss (B,) before weighting."""

    number: int
    stage: Stage
    pixels: Tensor
    loss: Tensor
    losses: dict[str, Tensor]


def transfer(
    network: Network,
    stages: Iterable[Stage],
    start: Tensor,
    optimizer: Callable[[Tensor], Optimizer],
    evaluate: Callable[[Objective, Network, Tensor], Evaluation] = evaluate,
) -> Iterator[Step]:
    """Draw from ``start`` (B, 3, H, W); each stage begins with the last one's outcome, enlarged."""
    pixels, number = start, 0
    for stage in stages:
        if stage.canvas not in (None, pixels.shape[2:]):
            pixels = F.interpolate(pixels, stage.canvas, mode="bicubic")
        descent = optimizer(pixels)
        losses: dict[str, Tensor] = {}
        for _ in range(stage.evaluations):
            number += 1
            evaluation = evaluate(stage.objective, network, descent.pixels)
            descent.tell(evaluation.total, evaluation.gradient)
            accepted = evaluation.total <= descent.loss
            for name, loss in evaluation.losses.items():
                losses[name] = torch.where(accepted, loss, losses.get(name, loss))
            yield Step(number, stage, descent.best, descent.loss, dict(losses))
        pixels = descent.best


# ---- products in bf16
def rows_of(features: Tensor) -> Tensor:
    """(B, N, H, W) -> (B, H W, N), rows are pixels: a view of channels_last memory."""
    batch, channels, height, width = features.shape
    return features.permute(0, 2, 3, 1).reshape(batch, height * width, channels)


def mean_products(rows: Tensor, others: Tensor, chunk: int = 8192) -> Tensor:
    """Mean over M of the products of channels, in float32: (B, M, n), (B, M, k) -> (B, n, k)."""
    pixels = rows.shape[1]  # of which a chunk, widened, stays in a core's cache
    if rows.dtype in (torch.float32, torch.float64):
        return rows.transpose(1, 2) @ others / pixels
    if rows.is_cuda:
        return torch.bmm(rows.transpose(1, 2), others, out_dtype=torch.float32) / pixels
    out = torch.zeros(len(rows), rows.shape[2], others.shape[2], device=rows.device)
    for start in range(0, pixels, chunk):
        part = rows[:, start : start + chunk].float()
        other = part if others is rows else others[:, start : start + chunk].float()
        out.baddbmm_(part.transpose(1, 2), other)
    return out / pixels


class _MeanProducts(torch.autograd.Function):
    """Of one map or of two, with sums in float32 and gradients in the maps' type: widening a whole
    bf16 map costs more than the product, and F (D + D^T) / M is one product in bf16."""

    @staticmethod
    def forward(ctx: Any, *maps: Tensor) -> Tensor:
        ctx.save_for_backward(*maps)
        return mean_products(maps[0], maps[-1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,), rows, others = gradients, ctx.saved_tensors[0], ctx.saved_tensors[-1]
        if len(ctx.saved_tensors) == 1:
            both = (gradient + gradient.transpose(1, 2)) / rows.shape[1]
            return rows @ both.to(rows.dtype)
        gradient = (gradient / rows.shape[1]).to(rows.dtype)
        return others @ gradient.transpose(1, 2), rows @ gradient
