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


# Gram matrices of one map and of two


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_products_are_summed_over_positions(memory_format):
    e = maps(BATCH, 3, HEIGHT, WIDTH, seed=1, dtype=torch.float64).to(memory_format=memory_format)
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, dtype=torch.float64).to(memory_format=memory_format)
    expected = torch.zeros(BATCH, 3, NARROW, dtype=torch.float64)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            expected += e[:, :, y, x, None] * f[:, None, :, y, x]
    found = cross_gram_matrix(e, f)
    torch.testing.assert_close(found, expected / (HEIGHT * WIDTH), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(gram_matrix(f), cross_gram_matrix(f, f.clone()))
    assert gram_matrix(f.float()).dtype == torch.float32
    products, means = _gram_and_means(f)
    torch.testing.assert_close(products, gram_matrix(f))
    torch.testing.assert_close(means, f.mean(dim=(2, 3)))


@pytest.mark.parametrize("products", [gram_matrix, cross_gram_matrix, _gram_and_means])
def test_gradients_of_products_by_finite_differences(products):
    inputs = [randn(2, n, 2, 4, seed=n).requires_grad_(True) for n in (3, 5)]
    inputs = inputs if products is cross_gram_matrix else inputs[:1]
    assert torch.autograd.gradcheck(products, inputs, eps=1e-6, atol=1e-8)


@pytest.mark.parametrize("chunk", [8, 42, 8192])
def test_bf16_products_are_exact_for_the_rounded_maps(chunk):
    """Sums are float32: nothing is lost beyond the rounding of the maps themselves."""
    e = rows_of(maps(BATCH, 3, HEIGHT, WIDTH, seed=1, dtype=torch.bfloat16))
    f = rows_of(maps(BATCH, NARROW, HEIGHT, WIDTH, dtype=torch.bfloat16))
    for one, other in ((f, f), (e, f)):
        found = mean_products(one, other, chunk)
        assert found.dtype == torch.float32
        expected = mean_products(one.double(), other.double())
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_bf16_gradients_are_bf16_and_close():
    e = maps(BATCH, 3, HEIGHT, WIDTH, seed=1, dtype=torch.bfloat16).requires_grad_(True)
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, seed=2, dtype=torch.bfloat16).requires_grad_(True)
    found, exact = (
        cross_gram_matrix(*pair).square().sum() + gram_matrix(pair[0]).square().sum()
        for pair in ((e, f), (e.double(), f.double()))
    )
    gradients = torch.autograd.grad(found, (e, f)), torch.autograd.grad(exact, (e, f))
    for one, other in zip(*gradients):
        assert one.dtype == torch.bfloat16
        assert (one - other).float().norm() < 1e-2 * other.float().norm()


# Readouts

FACTORS = torch.tensor([0.5, 2.0, 1.0, 3.0, 0.25], dtype=torch.float64)


def linear(wide: int, dtype: torch.dtype = torch.float64) -> LinearReadout:
    return LinearReadout(randn(wide, NARROW, seed=7, dtype=dtype), randn(wide, seed=8, dtype=dtype))


def readouts(dtype: torch.dtype = torch.float64) -> dict[str, Readout]:
    diagonal = DiagonalReadout(FACTORS.to(dtype))
    return {
        "plain": Readout(NARROW),
        "diagonal": diagonal,
        "shifted": Readout(NARROW).shifted(-1.0),
        "diagonal, shifted": diagonal.shifted(0.5),
        "linear, shifted": linear(16, dtype).shifted(-1.0),
        "shifted twice": Readout(NARROW).shifted(-1.0).shifted(0.25),
        "linear, n < N": linear(16, dtype),
        "linear, n + 1 = N": linear(NARROW + 1, dtype),
        "linear, n = N": linear(NARROW, dtype),
        "linear, n > N": linear(3, dtype),
    }


def pair(readout: Readout) -> tuple[FeatureMap, FeatureMap]:
    """Two pictures' maps, at different means so that the bias matters."""
    one = maps(BATCH, NARROW, HEIGHT, WIDTH, seed=10, dtype=torch.float64)
    two = 0.5 + 2 * maps(BATCH, NARROW, HEIGHT, WIDTH, seed=11, dtype=torch.float64)
    return FeatureMap(one, readout), FeatureMap(two, readout)


def squares(difference: Tensor) -> Tensor:
    return difference.square().flatten(1).sum(1)


def assert_whole(one: FeatureMap, two: FeatureMap, wide: Tensor) -> None:
    """``one``'s features are ``wide``, and whatever is compared says so of the distance to two."""
    torch.testing.assert_close(one.wide(), wide)
    torch.testing.assert_close(one.wide_gram(), gram_matrix(wide))
    assert wide.shape == (BATCH, one.channels, HEIGHT, WIDTH)
    assert one.positions == HEIGHT * WIDTH
    for narrow, full in (("coordinates", "wide"), ("gram", "wide_gram")):
        compared = getattr(one, narrow)() - getattr(two, narrow)()
        expected = getattr(one, full)() - getattr(two, full)()
        torch.testing.assert_close(squares(compared), squares(expected))
    flat = wide.flatten(2)
    torch.testing.assert_close(one.means(), flat.mean(dim=2))
    torch.testing.assert_close(one.variances(), flat.var(dim=2, correction=0))


@pytest.mark.parametrize("kind", readouts())
def test_what_is_compared_stands_for_the_wide_features(kind):
    one, two = pair(readouts()[kind])
    assert_whole(one, two, one.wide())


@pytest.mark.parametrize("kind", readouts())
def test_scaled_multiplies_the_wide_channels(kind):
    readout = readouts()[kind]
    before, _ = pair(readout)
    factors = 0.5 + torch.arange(readout.channels, dtype=torch.float64)
    wide = before.wide().clone()
    assert_whole(*pair(readout.scaled(factors)), wide * factors.view(1, -1, 1, 1))
    assert_whole(
        *pair(readout.scaled(factors).scaled(factors)), wide * factors.square().view(1, -1, 1, 1)
    )
    torch.testing.assert_close(before.wide(), wide, rtol=0, atol=0)


@pytest.mark.parametrize("kind", readouts())
def test_shifted_adds_to_every_wide_channel(kind):
    one, two = pair(readouts()[kind])
    assert_whole(one.shifted(-0.75), two.shifted(-0.75), one.wide() - 0.75)


@pytest.mark.parametrize(("wide", "rows"), [(16, NARROW + 1), (NARROW + 1, NARROW + 1), (3, 3)])
def test_linear_readout_compares_no_more_than_it_must(wide, rows):
    one, _ = pair(linear(wide))
    assert one.coordinates().shape == (BATCH, rows, HEIGHT, WIDTH)
    assert one.gram().shape == (BATCH, rows, rows)


@pytest.mark.parametrize("kind", readouts())
def test_gradients_agree_with_those_through_the_wide_features(kind):
    readout = readouts()[kind]
    one, two = pair(readout)
    leaf = one.map.clone().requires_grad_(True)
    mine = FeatureMap(leaf, readout)

    def gradient(ours: Tensor, theirs: Tensor) -> Tensor:
        return torch.autograd.grad((ours - theirs).square().sum(), leaf)[0]

    by_wide = gradient(gram_matrix(mine.wide()), two.wide_gram())
    torch.testing.assert_close(gradient(mine.gram(), two.gram()), by_wide)
    by_wide = gradient(mine.wide(), two.wide())
    torch.testing.assert_close(gradient(mine.coordinates(), two.coordinates()), by_wide)


@pytest.mark.parametrize("kind", readouts())
def test_bf16_maps_are_read_in_float32(kind):
    readout = readouts(torch.float32)[kind]
    f = maps(BATCH, NARROW, HEIGHT, WIDTH, dtype=torch.bfloat16)
    narrow, full = FeatureMap(f, readout), FeatureMap(f.float(), readout)
    for what in ("wide", "coordinates", "gram", "wide_gram", "means", "variances", "cross_gram"):
        found, exact = (
            getattr(each, what)(*[each] * (what == "cross_gram")) for each in (narrow, full)
        )
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-5)


# Shifts, and Gram matrices between layers


def test_no_shift_is_no_other_readout():
    one, _ = pair(Readout(NARROW))
    assert one.shifted(0.0) is one
    assert one.shifted(-1.0).readout is one.shifted(-1.0).readout  # made once


@pytest.mark.parametrize("shift", [0.0, -1.0])
@pytest.mark.parametrize("deep_kind", readouts())
@pytest.mark.parametrize("shallow_kind", ["plain", "diagonal", "linear, n < N"])
def test_distances_of_cross_grams_are_those_of_the_wide_ones(shallow_kind, deep_kind, shift):
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


def test_cross_gram_of_odd_sizes_repeats_the_nearest_value():
    """5 x 3 positions over 2 x 1: columns and rows floor(i n / m)."""
    shallow = maps(1, 2, 5, 3, seed=1, dtype=torch.float64)
    deep = maps(1, 4, 2, 1, seed=2, dtype=torch.float64)
    expected = torch.zeros(2, 4, dtype=torch.float64)
    for y in range(5):
        for x in range(3):
            expected += torch.outer(shallow[0, :, y, x], deep[0, :, y * 2 // 5, 0])
    found = FeatureMap(shallow, Readout(2)).cross_gram(FeatureMap(deep, Readout(4)))
    torch.testing.assert_close(found[0], expected / 15)
