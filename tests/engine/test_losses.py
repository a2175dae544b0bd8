"""Every named normalisation against the formula of its source, written here from the source.

``F``, ``P`` and ``S`` are features of the generated, the content and the style picture as plain
arrays (N, M); the losses under test only ever see maps and Gram matrices divided by M.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from replicate.engine.losses import (
    CONTENT_NORMALISATIONS,
    STYLE_NORMALISATIONS,
    content_loss,
    style_loss,
    total_variation,
)
from replicate.engine.statistics import gram
from replicate.networks.features import FeatureMap, Readout, gram_matrix

N, HEIGHT, WIDTH = 5, 4, 6
M = HEIGHT * WIDTH


def features(seed: int, batch: int = 1, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(batch, N, height, width, generator=generator, dtype=torch.float64)
    return values.relu() * 3


GENERATED, CONTENT, STYLE = features(0), features(1), features(2)
F, P, S = (each[0].flatten(1) for each in (GENERATED, CONTENT, STYLE))


def content(normalisation: str, generated: Tensor = GENERATED) -> float:
    return float(content_loss(FeatureMap(generated, Readout(N)), CONTENT, normalisation)[0])


def style(normalisation: str, generated: Tensor = GENERATED, target: Tensor = STYLE) -> float:
    features = FeatureMap(generated, Readout(N))
    return float(style_loss(gram(features), gram_matrix(target), normalisation)[0])


# Content


def test_content_gatys_equation_1() -> None:
    """L = 1/2 sum (F_ij - P_ij)^2."""
    total = 0.0
    for i in range(N):
        for j in range(M):
            total += float(F[i, j] - P[i, j]) ** 2
    assert content("gatys") == pytest.approx(total / 2)


def test_content_gatys_code_is_the_mean_square() -> None:
    """nn.MSELoss of the author's notebook, and of the PyTorch tutorial."""
    assert content("mean") == pytest.approx(float(functional.mse_loss(GENERATED, CONTENT)))


def test_content_johnson_equation_2() -> None:
    """1/(C H W) times the squared norm of the difference."""
    norm = torch.linalg.vector_norm(GENERATED - CONTENT) ** 2
    assert content("mean") == pytest.approx(float(norm) / (N * HEIGHT * WIDTH))


def test_content_coursera() -> None:
    """J = sum (a_C - a_G)^2 / (4 n_H n_W n_C)."""
    total = float(((F - P) ** 2).sum())
    assert content("coursera") == pytest.approx(total / (4 * HEIGHT * WIDTH * N))


@pytest.mark.parametrize("normalisation", CONTENT_NORMALISATIONS)
def test_content_of_the_target_itself_is_nothing(normalisation: str) -> None:
    assert content(normalisation, CONTENT) == 0


# Style: formulas on plain Gram matrices, not divided by anything


def raw_gram(rows: Tensor) -> Tensor:
    """G_ij = sum_k F_ik F_jk (Gatys et al. 2016, eq. 3)."""
    return torch.stack([(rows[i] * rows).sum(1) for i in range(N)])


G, A = raw_gram(F), raw_gram(S)


def test_style_gatys_equation_4() -> None:
    """E = 1/(4 N^2 M^2) sum (G_ij - A_ij)^2."""
    total = 0.0
    for i in range(N):
        for j in range(N):
            total += float(G[i, j] - A[i, j]) ** 2
    assert style("gatys") == pytest.approx(total / (4 * N**2 * M**2))


def test_style_coursera_is_gatys() -> None:
    """J = sum (G_S - G_G)^2 / (4 n_C^2 (n_H n_W)^2)."""
    total = float(((G - A) ** 2).sum())
    assert style("gatys") == pytest.approx(total / (4 * N**2 * (HEIGHT * WIDTH) ** 2))


def test_style_gatys_code() -> None:
    """nn.MSELoss of Gram matrices that are divided by H W (author's notebook)."""
    expected = functional.mse_loss(G / (HEIGHT * WIDTH), A / (HEIGHT * WIDTH))
    assert style("mean") == pytest.approx(float(expected))


def test_style_johnson_equations_3_and_4() -> None:
    """Gram matrices divided by C H W, squared Frobenius norm of the difference: a sum."""
    ours, theirs = G / (N * HEIGHT * WIDTH), A / (N * HEIGHT * WIDTH)
    expected = torch.linalg.matrix_norm(ours - theirs, "fro") ** 2
    assert style("mean") == pytest.approx(float(expected))


def test_style_johnsons_sum_equals_gatys_code_mean() -> None:
    """Two papers, one number: C^-2 within the Gram matrices or the mean over C^2 entries."""
    johnson = ((G / (N * M) - A / (N * M)) ** 2).sum()
    gatys = ((G / M - A / M) ** 2).mean()
    assert float(johnson) == pytest.approx(float(gatys), rel=1e-12)


def test_style_johnsons_code_is_the_mean() -> None:
    """The released code: MSE *mean* of Gram / (C H W), so C^2 less than the paper's eq. 4."""
    expected = functional.mse_loss(G / (N * HEIGHT * WIDTH), A / (N * HEIGHT * WIDTH))
    assert style("chw-mean") == pytest.approx(float(expected))
    assert style("mean") == pytest.approx(style("chw-mean") * N**2)


def test_style_pytorch_tutorial() -> None:
    """G / (a b c d) with batch a, channels b and the map's sides c, d; then mse_loss."""

    def tutorial_gram(maps: Tensor) -> Tensor:
        a, b, c, d = maps.size()
        rows = maps.view(a * b, c * d)
        return torch.mm(rows, rows.t()).div(a * b * c * d)

    expected = functional.mse_loss(tutorial_gram(GENERATED), tutorial_gram(STYLE))
    assert style("chw-mean") == pytest.approx(float(expected))


def test_style_udacity() -> None:
    """torch.mean((G - A)**2) / (d h w) on plain Gram matrices."""
    _, d, h, w = GENERATED.shape
    expected = torch.mean((G - A) ** 2) / (d * h * w)
    assert style("raw-udacity") == pytest.approx(float(expected))


@pytest.mark.parametrize("normalisation", STYLE_NORMALISATIONS)
def test_style_of_the_target_itself_is_nothing(normalisation: str) -> None:
    assert style(normalisation, STYLE) == 0


@pytest.mark.parametrize("normalisation", STYLE_NORMALISATIONS)
def test_style_does_not_see_where_things_are(normalisation: str) -> None:
    assert style(normalisation, STYLE.flip(2, 3)) == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("normalisation", ["mean", "gatys", "chw-mean"])
def test_style_of_a_picture_of_another_size(normalisation: str) -> None:
    """A texture repeated over twice the area is the same style."""
    assert style(normalisation, torch.cat([STYLE, STYLE], dim=3)) == pytest.approx(0, abs=1e-20)


def test_published_ratio_needs_mean_losses() -> None:
    """The same setting, 1e6 and 1e9/5 on means, reads some 1e-10 as a ratio of plain sums."""
    n, m = 512, (512 // 8) * (384 // 8)
    plain = (1e6 / (n * m) / 0.5) / (1e9 / n**2 * (4 * n**2))
    assert plain == pytest.approx(3e-10, rel=0.3)
    normalisations = CONTENT_NORMALISATIONS, STYLE_NORMALISATIONS
    factors = [table["mean"](n, m) / table["gatys"](n, m) for table in normalisations]
    assert 1e6 * factors[0] / (1e9 * factors[1]) == pytest.approx(plain)


def test_losses_are_per_picture() -> None:
    both = torch.cat([GENERATED, features(3)])
    maps = FeatureMap(both, Readout(N))
    contents = content_loss(maps, CONTENT, "gatys")
    styles = style_loss(gram(maps), gram_matrix(STYLE), "mean")
    assert contents.shape == styles.shape == (2,)
    assert float(contents[0]) == pytest.approx(content("gatys"))
    assert float(contents[1]) == pytest.approx(content("gatys", features(3)))
    assert float(styles[0]) == pytest.approx(style("mean"))
    assert float(styles[1]) == pytest.approx(style("mean", features(3)))


def test_targets_may_differ_by_picture() -> None:
    maps = FeatureMap(torch.cat([GENERATED, GENERATED]), Readout(N))
    grams = gram_matrix(torch.cat([STYLE, GENERATED]))
    found = style_loss(gram(maps), grams, "mean")
    assert float(found[0]) == pytest.approx(style("mean"))
    assert float(found[1]) == 0


def test_losses_are_float32_for_bf16_maps() -> None:
    """And float32's sums: 8 bits would lose the difference of two large losses."""
    maps = FeatureMap(GENERATED.bfloat16(), Readout(N))
    loss = content_loss(maps, CONTENT.float(), "mean")
    assert loss.dtype == torch.float32
    expected = functional.mse_loss(GENERATED.bfloat16().double(), CONTENT.float().double())
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert style_loss(gram(maps), gram_matrix(STYLE.float())).dtype == torch.float32


def test_unknown_normalisation() -> None:
    maps = FeatureMap(GENERATED, Readout(N))
    with pytest.raises(KeyError, match="meen"):
        content_loss(maps, CONTENT, "meen")
    with pytest.raises(KeyError, match="meen"):
        style_loss(gram(maps), gram_matrix(STYLE), "meen")


def test_gram_distance_is_the_polynomial_kernels_mmd() -> None:
    """|G_x/M - G_y/M|^2 = MMD^2 with k(x, y) = (x.y)^2 (Li et al. 2017)."""
    kernel = {(a, b): ((X.T @ Y) ** 2).mean() for a, X in (("f", F), ("s", S))
              for b, Y in (("f", F), ("s", S))}  # fmt: skip
    mmd = kernel["f", "f"] - 2 * kernel["f", "s"] + kernel["s", "s"]
    assert style("mean") * N**2 == pytest.approx(float(mmd), rel=1e-10)


# Total variation


def test_variation_by_hand() -> None:
    """One channel, 2 x 3 pixels; differences on the scale 0..255, squared, summed, halved."""
    grid = [[0.0, 0.2, 0.5], [0.1, 0.1, 0.9]]
    total = 0.0
    for y in range(2):
        for x in range(3):
            if y + 1 < 2:
                total += (255 * (grid[y + 1][x] - grid[y][x])) ** 2
            if x + 1 < 3:
                total += (255 * (grid[y][x + 1] - grid[y][x])) ** 2
    pixels = torch.tensor([[grid, [[0.0] * 3] * 2, [[0.7] * 3] * 2]], dtype=torch.float64)
    assert float(total_variation(pixels)[0]) == pytest.approx(total / 2)


def test_variation_gradient_is_johnsons() -> None:
    """His TotalVariation.lua adds differences to the gradient: that of half the squares."""
    x = torch.zeros(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    pixels = x + torch.tensor([0.0, 0.0, 1.0]) / 255
    (gradient,) = torch.autograd.grad(total_variation(pixels).sum(), x)
    # One grey level up in the last column pulls 1 in column 3 and -1 in column 2, by 255.
    expected = torch.tensor([0.0, -255.0, 255.0], dtype=torch.float64).expand(1, 3, 3, 3)
    torch.testing.assert_close(gradient, expected)


def test_variation_of_a_flat_picture_is_nothing() -> None:
    assert float(total_variation(torch.full((1, 3, 8, 8), 0.3))) == 0


def test_variation_per_picture() -> None:
    pixels = torch.rand(3, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    together = total_variation(pixels)
    assert together.shape == (3,)
    for index in range(3):
        assert math.isclose(together[index], total_variation(pixels[index : index + 1]))
