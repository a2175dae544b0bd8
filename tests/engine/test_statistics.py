"""Style statistics by hand, their losses, and what an engine makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from replicate.engine.job import Job
from replicate.engine.losses import STYLE_NORMALISATIONS, style_loss
from replicate.engine.objective import Objective, evaluate, style
from replicate.engine.preset import Preset
from replicate.engine.statistics import (
    VARIANCE_FLOOR,
    chain,
    gram,
    mean,
    mean_std,
    style_statistics,
)
from replicate.networks.features import FeatureMap, LinearReadout, Readout, gram_matrix
from replicate.networks.vgg import Network

KINDS = ("gram", "chain", "mean", "mean_std")
LAYERS = ["relu1_1", "relu2_1", "relu3_1"]


def maps(channels: int, height: int, width: int, seed: int, batch: int = 1) -> FeatureMap:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(batch, channels, height, width, generator=generator, dtype=torch.float64)
    return FeatureMap(values.relu() * 3, Readout(channels))


def noise(seed: int, batch: int = 1, side: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, side, side, generator=generator, dtype=torch.float64)


@pytest.fixture
def network(tiny_network: Callable[..., Network]) -> Network:
    return tiny_network(dtype=torch.float64)


# By hand: two channels, three positions, [1 2 3] and [0 1 -1]

TWO = FeatureMap(
    torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 1.0, -1.0]]]], dtype=torch.float64), Readout(2)
)


def test_mean_by_hand() -> None:
    found = mean(TWO)
    assert found.values.tolist() == [[2.0, 0.0]]
    assert (found.entries, found.positions) == (2, 3)


def test_mean_and_deviation_by_hand() -> None:
    found = mean_std(TWO)
    assert found.values[0, 0].tolist() == [2.0, 0.0]
    variances = found.values[0, 1].square() - VARIANCE_FLOOR
    assert variances.tolist() == pytest.approx([2 / 3, 2 / 3])
    assert found.entries == 2


def test_shifted_gram_by_hand() -> None:
    """F - 1 is [0 1 2] and [-1 0 -2]."""
    found = gram(TWO.shifted(-1.0))
    expected = torch.tensor([[[5.0, -4.0], [-4.0, 5.0]]], dtype=torch.float64) / 3
    torch.testing.assert_close(found.values, expected)


def test_chain_by_hand() -> None:
    """One channel [1 2 3 4] over 1 x 4 positions, a deeper one [5 7] over 1 x 2."""
    shallow = FeatureMap(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), Readout(1))
    deep = FeatureMap(torch.tensor([[[[5.0, 7.0]]]]), Readout(1))
    found = chain(shallow, deep)
    assert found.values.tolist() == [[[(1 * 5 + 2 * 5 + 3 * 7 + 4 * 7) / 4]]]
    assert (found.entries, found.positions) == (1, 4)
    shifted = chain(shallow.shifted(-1.0), deep.shifted(-1.0))
    assert shifted.values.tolist() == [[[(0 * 4 + 1 * 4 + 2 * 6 + 3 * 6) / 4]]]


def test_chain_of_a_layer_with_itself_is_its_gram_matrix() -> None:
    one = maps(4, 6, 6, seed=1)
    torch.testing.assert_close(chain(one, one).values, gram(one).values)


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_do_not_see_where_things_are(kind: str) -> None:
    """Both layers turned upside down together."""
    here = {"a": maps(4, 8, 8, seed=1), "b": maps(5, 4, 4, seed=2)}
    there = {name: FeatureMap(m.map.flip(2, 3), m.readout) for name, m in here.items()}
    for statistic in style_statistics(kind, list(here)).values():  # type: ignore[arg-type]
        torch.testing.assert_close(statistic(there).values, statistic(here).values)


def test_what_each_statistic_keeps() -> None:
    """Equal means; equal means and deviations; equal Gram matrices: each asks for more."""
    mixed = torch.tensor([[[[1.0, 3.0, 1.0, 3.0]], [[1.0, 3.0, 3.0, 1.0]]]], dtype=torch.float64)
    alike = torch.tensor([[[[1.0, 3.0, 1.0, 3.0]], [[1.0, 3.0, 1.0, 3.0]]]], dtype=torch.float64)
    flat = torch.full_like(mixed, 2.0)
    one, other, third = (FeatureMap(m, Readout(2)) for m in (mixed, alike, flat))
    assert torch.equal(mean(one).values, mean(third).values)
    assert not torch.allclose(mean_std(one).values, mean_std(third).values)
    assert torch.equal(mean_std(one).values, mean_std(other).values)
    assert not torch.allclose(gram(one).values, gram(other).values)


# Which layers


def test_a_chain_joins_each_layer_to_the_one_before() -> None:
    found = style_statistics("chain", LAYERS)
    assert {layer: each.layers for layer, each in found.items()} == {
        "relu2_1": ("relu1_1", "relu2_1"),
        "relu3_1": ("relu2_1", "relu3_1"),
    }


@pytest.mark.parametrize("kind", ["gram", "mean", "mean_std"])
def test_other_statistics_are_of_each_layer(kind: str) -> None:
    found = style_statistics(kind, LAYERS)  # type: ignore[arg-type]
    assert {layer: each.layers for layer, each in found.items()} == {
        layer: (layer,) for layer in LAYERS
    }


# Losses


def test_loss_of_means_is_the_linear_kernels_mmd() -> None:
    """|mean F - mean S|^2 = MMD^2 with k(x, y) = x.y (Li et al. 2017), here divided by N."""
    f, s = maps(5, 4, 6, seed=1), maps(5, 4, 6, seed=2)
    rows = {name: each.map[0].flatten(1) for name, each in (("f", f), ("s", s))}
    kernel = {a + b: (rows[a].T @ rows[b]).mean() for a in "fs" for b in "fs"}
    mmd = kernel["ff"] - 2 * kernel["fs"] + kernel["ss"]
    assert float(style_loss(mean(f), mean(s).values)) * 5 == pytest.approx(float(mmd), rel=1e-10)


def test_loss_of_batch_statistics() -> None:
    """(1/N) sum ((m_F - m_S)^2 + (d_F - d_S)^2), as in the released code of Li et al. 2017."""
    f, s = maps(5, 4, 6, seed=1), maps(5, 4, 6, seed=2)
    total = 0.0
    for channel in range(5):
        x, y = (each.map[0, channel].flatten() for each in (f, s))
        deviations = [((v - v.mean()).square().mean() + VARIANCE_FLOOR).sqrt() for v in (x, y)]
        total += float((x.mean() - y.mean()) ** 2 + (deviations[0] - deviations[1]) ** 2)
    assert float(style_loss(mean_std(f), mean_std(s).values)) == pytest.approx(total / 5)


@pytest.mark.parametrize("normalisation", STYLE_NORMALISATIONS)
def test_normalisations_of_a_chain_count_both_layers_channels(normalisation: str) -> None:
    """N^2 entries become N K; for N = K the factor is the Gram matrix's own."""
    target = (maps(4, 4, 4, seed=3), maps(4, 2, 2, seed=4))
    one, other = maps(4, 4, 4, seed=1), maps(4, 2, 2, seed=2)
    difference = chain(one, other).values - chain(*target).values
    factor = STYLE_NORMALISATIONS[normalisation](4, 16)
    found = style_loss(chain(one, other), chain(*target).values, normalisation)
    torch.testing.assert_close(found, factor * difference.square().sum(dim=(1, 2)))


def test_mean_loss_of_a_chain_is_a_mean() -> None:
    target = (maps(3, 4, 4, seed=3), maps(7, 2, 2, seed=4))
    one, other = maps(3, 4, 4, seed=1), maps(7, 2, 2, seed=2)
    difference = chain(one, other).values - chain(*target).values
    found = style_loss(chain(one, other), chain(*target).values)
    assert float(found) == pytest.approx(float(difference.square().mean()))


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_per_picture(kind: str) -> None:
    both = {"a": maps(4, 8, 8, seed=1, batch=2), "b": maps(5, 4, 4, seed=2, batch=2)}
    for statistic in style_statistics(kind, list(both)).values():  # type: ignore[arg-type]
        target = statistic({"a": maps(4, 8, 8, seed=3), "b": maps(5, 4, 4, seed=4)}).values
        together = style_loss(statistic(both), target)
        assert together.shape == (2,)
        for index in range(2):
            alone = {
                name: FeatureMap(each.map[index : index + 1], each.readout)
                for name, each in both.items()
            }
            torch.testing.assert_close(together[index], style_loss(statistic(alone), target)[0])


# Through a network


def objective(network: Network, kind: str, shift: float = 0.0) -> Objective:
    total = Objective()
    for layer, statistic in style_statistics(kind, LAYERS, shift).items():  # type: ignore[arg-type]
        target = statistic(network(noise(2, side=24), LAYERS)).values
        total += (1.0 + len(total.terms)) * style(layer, target, "mean", statistic)
    return total


@pytest.mark.parametrize(
    ("kind", "shift"), [("gram", -1.0), ("chain", 0.0), ("chain", 0.5), ("mean", 0.0),
                        ("mean_std", 0.0)]
)  # fmt: skip
@pytest.mark.parametrize("normalised", [False, True])
def test_gradient_by_finite_differences(
    kind: str, shift: float, normalised: bool, network: Network
) -> None:
    if normalised:
        network.normalise({"relu1_1": 0.5 + torch.arange(5.0), "relu3_1": 0.3 + torch.arange(7.0)})
    total = objective(network, kind, shift)
    assert total.layers == set(LAYERS)
    x = noise(0)
    found = evaluate(total, network, x)
    generator = torch.Generator().manual_seed(9)
    step = 1e-6
    for _ in range(3):
        direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        ahead, behind = (
            float(evaluate(total, network, x + sign * step * direction).total) for sign in (1, -1)
        )
        slope = float((found.gradient * direction).sum())
        assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize(("kind", "shift"), [(k, 0.0) for k in KINDS] + [("chain", -1.0)])
def test_narrow_maps_give_the_losses_of_the_wide_ones(kind: str, shift: float) -> None:
    """A compact network against one whose maps are the wide features themselves."""
    generator = torch.Generator().manual_seed(5)

    def head(wide: int, narrow: int) -> LinearReadout:
        weight = torch.randn(wide, narrow, generator=generator, dtype=torch.float64)
        return LinearReadout(weight, torch.randn(wide, generator=generator, dtype=torch.float64))

    heads = {"a": head(9, 4), "b": head(12, 5)}

    def pictures(seed: int) -> tuple[dict[str, FeatureMap], dict[str, FeatureMap]]:
        narrow = {
            name: FeatureMap(maps(n, side, side, seed + n).map, heads[name])
            for name, n, side in (("a", 4, 8), ("b", 5, 4))
        }
        wide = {
            name: FeatureMap(each.wide(), Readout(each.channels)) for name, each in narrow.items()
        }
        return narrow, wide

    (ours, ours_wide), (theirs, theirs_wide) = pictures(10), pictures(20)
    for statistic in style_statistics(kind, list(heads), shift).values():  # type: ignore[arg-type]
        found = style_loss(statistic(ours), statistic(theirs).values)
        expected = style_loss(statistic(ours_wide), statistic(theirs_wide).values)
        torch.testing.assert_close(found, expected)


def test_no_gradient_is_lost_where_a_channel_is_silent(tiny_tensors: Any) -> None:
    """The deviation of a constant channel is 0, and the root has no slope there."""
    tensors = dict(tiny_tensors())
    tensors["features.0.bias"] = torch.cat([torch.tensor([-1e6]), tensors["features.0.bias"][1:]])
    network = Network(tensors, dtype=torch.float64)
    gradient = evaluate(objective(network, "mean_std"), network, noise(0)).gradient
    assert bool(gradient.isfinite().all()) and float(gradient.norm()) > 0


# In the engine

TRANSFER = Preset(
    content_layers=["relu2_1"], style_layers=LAYERS, style_weight=1e2, evaluations=4, size=32
)


def transfer(scene: Callable[..., Any], label: str = "", **changes: Any) -> Job:
    return Job(TRANSFER.with_(**changes), scene(seed=0), scene(seed=1), label=label)


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_minimises_its_statistic(
    kind: str, scene: Callable[..., Any], tiny_engine: Callable[..., Any]
) -> None:
    result = tiny_engine().run(transfer(scene, style_statistic=kind))
    named = [f"style/{layer}" for layer in LAYERS[1 if kind == "chain" else 0 :]]
    assert set(result.losses) == {"content/relu2_1", *named}
    weights = TRANSFER.style_layers
    total = result.losses["content/relu2_1"]
    total += 1e2 * sum(weights[name[6:]] * result.losses[name] for name in named)
    assert result.loss == pytest.approx(total, rel=1e-5)
    assert result.loss < result.curve[0][1]


def test_statistics_and_shifts_make_other_pictures(
    scene: Callable[..., Any], tiny_engine: Callable[..., Any]
) -> None:
    changes: list[dict[str, Any]] = [{"style_statistic": kind} for kind in KINDS]
    jobs = [transfer(scene, **each) for each in [*changes, {"activation_shift": -1.0}]]
    drawn = {result.picture.sha256 for result in tiny_engine().run_many(jobs)}
    assert len(drawn) == len(jobs)


def test_the_engine_compares_shifted_features(
    scene: Callable[..., Any], tiny_engine: Callable[..., Any]
) -> None:
    """The reported loss from the features themselves, before the picture is cut to 8 bits."""
    from replicate.engine.engine import _objective
    from replicate.networks.means import to_tensor

    engine = tiny_engine()
    job = transfer(scene, activation_shift=-1.0)
    network = engine.network(job.preset.network)
    with torch.no_grad():
        terms = _objective([job], network, engine.device)
    at = to_tensor(scene(seed=3))
    found = evaluate(terms, network, at).losses
    with torch.no_grad():
        ours, theirs = (network(x, LAYERS) for x in (at, to_tensor(job.style)))
    for layer in LAYERS:
        difference = gram_matrix(ours[layer].map - 1) - gram_matrix(theirs[layer].map - 1)
        expected = float(difference.square().mean())
        assert float(found[f"style/{layer}"]) == pytest.approx(expected, rel=1e-3)
