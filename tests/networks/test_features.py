"""Gram matrices and readouts against hand computation, float64, and the wide features."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from replicate.method import cross_gram_matrix, gram_matrix, mean_products, rows_of
from replicate.networks.features import (
    DiagonalReadout,
    FeatureMap,
    LinearReadout,
    Readout,
    _gram_and_means,
)

BATCH, NARROW, HEIGHT, WIDTH = 2, 5, 6, 7


def maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).relu().to(dtype)


def randn(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


# Gram matrices


def test_gram_by_hand() -> None:
    """Two channels, three positions: [1 2 3] and [0 1 -1]."""
    two = torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 1.0, -1.0]]]])
    expected = torch.tensor([[[14.0, -1.0], [-1.0, 2.0]]]) / 3
    torch.testing.assert_close(gram_matrix(two), expected)


def test_gram_is_the_sum_over_positions_in_float64() -> None:
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, dtype=torch.float64)
    expected = torch.zeros(BATCH, NARROW, NARROW, dtype=torch.float64)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            expected += f[:, :, y, x, None] * f[:, None, :, y, x]
    found = gram_matrix(f)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected / (HEIGHT * WIDTH), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_gram_does_not_depend_on_memory_format(memory_format: torch.memory_format) -> None:
    f = maps(BATCH, NARROW, HEIGHT, WIDTH).contiguous(memory_format=memory_format)
    exact = gram_matrix(f.double())
    found = gram_matrix(f)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-6)


def test_gram_unchanged_when_pixels_are_shuffled() -> None:
    """Style is what survives the shuffle; the content loss does not."""
    f = maps(1, NARROW, 16, 16)
    order = torch.randperm(256, generator=torch.Generator().manual_seed(1))
    shuffled = f.flatten(2)[:, :, order].view_as(f)
    torch.testing.assert_close(gram_matrix(shuffled), gram_matrix(f), rtol=1e-6, atol=1e-6)
    assert (shuffled - f).square().mean() > 0.5 * f.square().mean()


def test_gram_is_symmetric_and_positive_semidefinite() -> None:
    few = maps(1, 12, 2, 3)  # fewer positions than channels: singular
    gram = gram_matrix(few)[0].double()
    torch.testing.assert_close(gram, gram.T, rtol=0, atol=0)
    values = torch.linalg.eigvalsh(gram)
    assert values[0] > -1e-7
    assert int((values > 1e-6).sum()) == 6


def test_gram_of_each_picture_is_its_own() -> None:
    f = maps(3, NARROW, HEIGHT, WIDTH)
    together = gram_matrix(f)
    for index in range(3):
        torch.testing.assert_close(together[index], gram_matrix(f[index : index + 1])[0])


@pytest.mark.parametrize("chunk", [8, 42, 8192])
def test_bf16_products_are_exact_for_the_rounded_maps(chunk: int) -> None:
    """Sums are float32: nothing is lost beyond the rounding of the maps themselves."""
    e = rows_of(maps(BATCH, 3, HEIGHT, WIDTH, seed=1, dtype=torch.bfloat16))
    f = rows_of(maps(BATCH, NARROW, HEIGHT, WIDTH, dtype=torch.bfloat16))
    for one, other in ((f, f), (e, f)):
        found = mean_products(one, other, chunk)
        assert found.dtype == torch.float32
        expected = mean_products(one.double(), other.double())
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_bf16_gram_sums_many_positions() -> None:
    """A sum kept in bfloat16 would stop growing at 256."""
    ones = torch.ones(1, 3, 128, 128, dtype=torch.bfloat16)
    torch.testing.assert_close(gram_matrix(ones), torch.ones(1, 3, 3))


def test_bf16_gram_close_to_float32() -> None:
    f = maps(1, NARROW, 32, 32)
    exact = gram_matrix(f)
    error = (gram_matrix(f.bfloat16()) - exact).norm() / exact.norm()
    assert 0 < error < 2e-3


def test_gram_gradient_by_finite_differences() -> None:
    f = randn(2, 3, 2, 4, seed=3).requires_grad_(True)
    assert torch.autograd.gradcheck(gram_matrix, (f,), eps=1e-6, atol=1e-8)


def test_gram_gradient_uses_both_halves_of_a_lopsided_one() -> None:
    """The gradient by G need not be symmetric: that of F is F (D + D^T) / M."""
    f = randn(1, 3, 2, 2, seed=4).requires_grad_(True)
    upstream = randn(1, 3, 3, seed=5)
    (found,) = torch.autograd.grad(gram_matrix(f), f, upstream)
    rows = f.detach().flatten(2)
    expected = (upstream + upstream.transpose(1, 2)) @ rows / 4
    torch.testing.assert_close(found, expected.view_as(f))


def test_gradient_of_gram_and_means_by_finite_differences() -> None:
    f = randn(2, 3, 2, 4, seed=3).requires_grad_(True)
    assert torch.autograd.gradcheck(_gram_and_means, (f,), eps=1e-6, atol=1e-8)


def test_gram_and_means_are_those_of_single_functions() -> None:
    f = maps(2, NARROW, 16, 16).bfloat16()
    products, means = _gram_and_means(f)
    assert products.dtype == means.dtype == torch.float32
    torch.testing.assert_close(products, gram_matrix(f), rtol=0, atol=0)
    torch.testing.assert_close(means, f.float().mean(dim=(2, 3)))


def test_bf16_gram_gradient_close_to_float32() -> None:
    f = maps(1, NARROW, 16, 16)
    upstream = randn(1, NARROW, NARROW, seed=6, dtype=torch.float32)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        leaf = f.to(dtype).requires_grad_(True)
        (gradient,) = torch.autograd.grad(gram_matrix(leaf), leaf, upstream)
        assert gradient.dtype == dtype
        gradients.append(gradient.float())
    exact, rounded = gradients
    assert (rounded - exact).norm() < 1e-2 * exact.norm()


def test_deep_textures_count_of_parameters() -> None:
    """Gatys et al. 2015 (texture), fig. 3: conv1_1 and pool1 to pool4 make 177 thousand."""
    from replicate.networks.layers import steps

    channels = {step.name: step.channels for step in steps("vgg19")}
    used = ["conv1_1", "pool1", "pool2", "pool3", "pool4"]
    assert sum(channels[n] * (channels[n] + 1) // 2 for n in used) == 176_640


# Gram matrices between two maps


def test_cross_gram_is_the_sum_over_positions_in_float64() -> None:
    e = maps(BATCH, 3, HEIGHT, WIDTH, seed=1, dtype=torch.float64)
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, seed=2, dtype=torch.float64)
    expected = torch.zeros(BATCH, 3, NARROW, dtype=torch.float64)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            expected += e[:, :, y, x, None] * f[:, None, :, y, x]
    found = cross_gram_matrix(e, f)
    torch.testing.assert_close(found, expected / (HEIGHT * WIDTH), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(cross_gram_matrix(f, f), gram_matrix(f))


def test_cross_gram_gradient_by_finite_differences() -> None:
    e = randn(2, 3, 2, 4, seed=3).requires_grad_(True)
    f = randn(2, 5, 2, 4, seed=4).requires_grad_(True)
    assert torch.autograd.gradcheck(cross_gram_matrix, (e, f), eps=1e-6, atol=1e-8)


def test_bf16_cross_gram_is_close_to_that_of_wide_maps() -> None:
    e = maps(BATCH, 3, HEIGHT, WIDTH, seed=1, dtype=torch.bfloat16).requires_grad_(True)
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, seed=2, dtype=torch.bfloat16).requires_grad_(True)
    found = cross_gram_matrix(e, f)
    assert found.dtype == torch.float32
    expected = cross_gram_matrix(e.double(), f.double())
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    gradients = torch.autograd.grad(found.square().sum(), (e, f))
    exact = torch.autograd.grad(expected.square().sum(), (e, f))
    for one, other in zip(gradients, exact):
        assert one.dtype == torch.bfloat16
        assert (one - other).float().norm() < 1e-2 * other.float().norm()


# Readouts

FACTORS = torch.tensor([0.5, 2.0, 1.0, 3.0, 0.25], dtype=torch.float64)


def linear(wide: int, narrow: int = NARROW, seed: int = 7) -> LinearReadout:
    return LinearReadout(randn(wide, narrow, seed=seed), randn(wide, seed=seed + 1))


def readouts() -> dict[str, Readout]:
    return {
        "plain": Readout(NARROW),
        "diagonal": DiagonalReadout(FACTORS),
        "shifted": Readout(NARROW).shifted(-1.0),
        "diagonal, shifted": DiagonalReadout(FACTORS).shifted(0.5),
        "linear, shifted": linear(16).shifted(-1.0),
        "shifted twice": Readout(NARROW).shifted(-1.0).shifted(0.25),
        "linear, n < N": linear(16),
        "linear, n + 1 = N": linear(NARROW + 1),
        "linear, n = N": linear(NARROW),
        "linear, n > N": linear(3),
    }


def pair(readout: Readout) -> tuple[FeatureMap, FeatureMap]:
    """Two pictures' maps, at different means so that the bias matters."""
    one = maps(BATCH, NARROW, HEIGHT, WIDTH, seed=10, dtype=torch.float64)
    two = 0.5 + 2 * maps(BATCH, NARROW, HEIGHT, WIDTH, seed=11, dtype=torch.float64)
    return FeatureMap(one, readout), FeatureMap(two, readout)


def squares(difference: Tensor) -> Tensor:
    return difference.square().flatten(1).sum(1)


@pytest.mark.parametrize("kind", readouts())
def test_distances_of_coordinates_are_those_of_the_features(kind: str) -> None:
    one, two = pair(readouts()[kind])
    torch.testing.assert_close(
        squares(one.coordinates() - two.coordinates()), squares(one.wide() - two.wide())
    )


@pytest.mark.parametrize("kind", readouts())
def test_distances_of_grams_are_those_of_the_wide_grams(kind: str) -> None:
    one, two = pair(readouts()[kind])
    torch.testing.assert_close(
        squares(one.gram() - two.gram()), squares(one.wide_gram() - two.wide_gram())
    )


@pytest.mark.parametrize("kind", readouts())
def test_wide_gram_is_the_gram_of_the_wide_features(kind: str) -> None:
    one, _ = pair(readouts()[kind])
    torch.testing.assert_close(one.wide_gram(), gram_matrix(one.wide()))
    assert one.wide().shape == (BATCH, one.channels, HEIGHT, WIDTH)
    assert one.wide_gram().shape == (BATCH, one.channels, one.channels)
    assert one.positions == HEIGHT * WIDTH


@pytest.mark.parametrize("kind", readouts())
def test_scaled_multiplies_the_wide_channels(kind: str) -> None:
    readout = readouts()[kind]
    factors = 0.5 + torch.arange(readout.channels, dtype=torch.float64)
    one, _ = pair(readout)
    scaled_one, scaled_two = pair(readout.scaled(factors))
    assert scaled_one.channels == one.channels
    torch.testing.assert_close(scaled_one.wide(), one.wide() * factors.view(1, -1, 1, 1))
    torch.testing.assert_close(
        scaled_one.wide_gram(), one.wide_gram() * factors[:, None] * factors[None, :]
    )
    torch.testing.assert_close(
        squares(scaled_one.coordinates() - scaled_two.coordinates()),
        squares(scaled_one.wide() - scaled_two.wide()),
    )
    torch.testing.assert_close(
        squares(scaled_one.gram() - scaled_two.gram()),
        squares(scaled_one.wide_gram() - scaled_two.wide_gram()),
    )


@pytest.mark.parametrize("kind", readouts())
def test_scaled_leaves_the_first_readout_alone(kind: str) -> None:
    readout = readouts()[kind]
    before = pair(readout)[0].wide()
    readout.scaled(torch.full((readout.channels,), 3.0, dtype=torch.float64))
    torch.testing.assert_close(pair(readout)[0].wide(), before, rtol=0, atol=0)


def test_scaled_twice_multiplies() -> None:
    plain = Readout(NARROW)
    once, twice = plain.scaled(FACTORS), plain.scaled(FACTORS).scaled(FACTORS)
    torch.testing.assert_close(
        pair(twice)[0].wide(), pair(once)[0].wide() * FACTORS.view(1, -1, 1, 1)
    )


def test_linear_readout_is_a_1x1_convolution() -> None:
    readout = linear(16)
    one, _ = pair(readout)
    expected = torch.nn.functional.conv2d(
        one.map, readout.weight[:, :, None, None], bias=readout.bias
    )
    torch.testing.assert_close(one.wide(), expected)


@pytest.mark.parametrize(("wide", "rows"), [(16, NARROW + 1), (NARROW + 1, NARROW + 1), (3, 3)])
def test_linear_readout_compares_no_more_than_it_must(wide: int, rows: int) -> None:
    one, _ = pair(linear(wide))
    assert one.coordinates().shape == (BATCH, rows, HEIGHT, WIDTH)
    assert one.gram().shape == (BATCH, rows, rows)


@pytest.mark.parametrize("kind", readouts())
def test_gradients_agree_with_those_through_the_wide_features(kind: str) -> None:
    readout = readouts()[kind]
    one, two = pair(readout)
    leaf = one.map.clone().requires_grad_(True)
    mine = FeatureMap(leaf, readout)
    (by_gram,) = torch.autograd.grad((mine.gram() - two.gram()).square().sum(), leaf)
    (by_wide,) = torch.autograd.grad(
        (gram_matrix(mine.wide()) - two.wide_gram()).square().sum(), leaf
    )
    torch.testing.assert_close(by_gram, by_wide)
    (by_coordinates,) = torch.autograd.grad(
        (mine.coordinates() - two.coordinates()).square().sum(), leaf
    )
    (by_wide,) = torch.autograd.grad((mine.wide() - two.wide()).square().sum(), leaf)
    torch.testing.assert_close(by_coordinates, by_wide)


@pytest.mark.parametrize("kind", readouts())
def test_bf16_maps_are_read_in_float32(kind: str) -> None:
    readout = readouts()[kind]
    if isinstance(readout, LinearReadout):
        readout = LinearReadout(readout.weight.float(), readout.bias.float())
    if isinstance(readout, DiagonalReadout):
        readout = DiagonalReadout(readout.factors.float())
    if kind == "diagonal, shifted":
        readout = DiagonalReadout(FACTORS.float()).shifted(0.5)
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, dtype=torch.bfloat16)
    narrow, full = FeatureMap(f, readout), FeatureMap(f.float(), readout)
    for what in ("wide", "coordinates", "gram", "wide_gram", "means", "variances"):
        found = getattr(narrow, what)()
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, getattr(full, what)(), rtol=1e-5, atol=1e-5)


# Means, variances, shifts, and Gram matrices between layers, each against the wide features


@pytest.mark.parametrize("kind", readouts())
def test_means_and_variances_are_those_of_the_wide_features(kind: str) -> None:
    one, _ = pair(readouts()[kind])
    wide = one.wide().flatten(2)
    torch.testing.assert_close(one.means(), wide.mean(dim=2))
    expected = (wide - wide.mean(dim=2, keepdim=True)).square().mean(dim=2)
    torch.testing.assert_close(one.variances(), expected)


@pytest.mark.parametrize("kind", readouts())
def test_shifted_adds_to_every_wide_channel(kind: str) -> None:
    one, two = pair(readouts()[kind])
    plain = one.wide()
    one, two = one.shifted(-0.75), two.shifted(-0.75)
    torch.testing.assert_close(one.wide(), plain - 0.75)
    torch.testing.assert_close(one.wide_gram(), gram_matrix(plain - 0.75))
    torch.testing.assert_close(
        squares(one.gram() - two.gram()), squares(one.wide_gram() - two.wide_gram())
    )


def test_no_shift_is_no_other_readout() -> None:
    one, _ = pair(Readout(NARROW))
    assert one.shifted(0.0) is one
    assert one.shifted(-1.0).readout is one.shifted(-1.0).readout  # made once


def test_a_shift_by_the_mean_of_a_normalised_network_leaves_the_covariance() -> None:
    """Why s = -1 removes what all pictures have in common: there every channel's mean is one."""
    one, _ = pair(Readout(NARROW))
    normalised = FeatureMap(one.map[:1], DiagonalReadout(1 / one.map[:1].mean(dim=(0, 2, 3))))
    wide = normalised.wide()[0].flatten(1)
    torch.testing.assert_close(
        normalised.shifted(-1.0).wide_gram()[0], torch.cov(wide, correction=0)
    )


@pytest.mark.parametrize("shift", [0.0, -1.0])
@pytest.mark.parametrize("deep_kind", readouts())
@pytest.mark.parametrize("shallow_kind", ["plain", "diagonal", "linear, n < N"])
def test_distances_of_cross_grams_are_those_of_the_wide_ones(
    shallow_kind: str, deep_kind: str, shift: float
) -> None:
    """The deeper map, of half the size, stands at every position of the shallower one."""

    def wide(shallow: FeatureMap, deep: FeatureMap) -> Tensor:
        enlarged = deep.wide().repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return torch.einsum("bnhw,bkhw->bnk", shallow.wide(), enlarged) / shallow.positions

    found, expected = [], []
    for seed in (20, 30):
        shallow = maps(BATCH, NARROW, 8, 12, seed=seed, dtype=torch.float64) * (seed / 20)
        deep = maps(BATCH, NARROW, 4, 6, seed=seed + 1, dtype=torch.float64) + 0.1
        one = FeatureMap(shallow, readouts()[shallow_kind]).shifted(shift)
        other = FeatureMap(deep, readouts()[deep_kind]).shifted(shift)
        found.append(one.cross_gram(other))
        expected.append(wide(one, other))
    torch.testing.assert_close(squares(found[0] - found[1]), squares(expected[0] - expected[1]))
    if "linear" not in shallow_kind + deep_kind:
        torch.testing.assert_close(found[0], expected[0])


def test_cross_gram_of_odd_sizes_repeats_the_nearest_value() -> None:
    """5 x 3 positions over 2 x 1: columns and rows floor(i n / m)."""
    shallow = maps(1, 2, 5, 3, seed=1, dtype=torch.float64)
    deep = maps(1, 4, 2, 1, seed=2, dtype=torch.float64)
    expected = torch.zeros(2, 4, dtype=torch.float64)
    for y in range(5):
        for x in range(3):
            expected += torch.outer(shallow[0, :, y, x], deep[0, :, y * 2 // 5, 0])
    found = FeatureMap(shallow, Readout(2)).cross_gram(FeatureMap(deep, Readout(4)))
    torch.testing.assert_close(found[0], expected / 15)


def test_cross_gram_of_two_bf16_maps_is_float32() -> None:
    shallow = maps(1, 2, 8, 8, seed=1, dtype=torch.bfloat16)
    deep = maps(1, 4, 4, 4, seed=2, dtype=torch.bfloat16)
    found = FeatureMap(shallow, Readout(2)).cross_gram(FeatureMap(deep, Readout(4)))
    exact = FeatureMap(shallow.float(), Readout(2)).cross_gram(FeatureMap(deep.float(), Readout(4)))
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-6)
