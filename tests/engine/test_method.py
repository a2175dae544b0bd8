"""The method: statistics and losses by hand and by the sources' formulas, gradients, the loop.

``F``, ``P`` and ``S`` are features of the generated, the content and the style picture as plain
arrays (N, M); the losses under test only ever see maps and statistics divided by M.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from replicate.engine import optimizers
from replicate.engine.terms import style_statistics
from replicate.method import (
    STATISTICS,
    Objective,
    Stage,
    Statistic,
    content,
    content_loss,
    evaluate,
    noise,
    style,
    style_loss,
    total_variation,
    transfer,
    variation,
)
from replicate.networks import vgg
from replicate.networks.features import FeatureMap, Readout
from replicate.networks.vgg import VGG

Maps = dict[str, FeatureMap]
LAYERS = ["relu1_1", "relu2_1", "relu3_1"]
N, HEIGHT, WIDTH = 5, 4, 6
M = HEIGHT * WIDTH

LBFGS = partial(optimizers.LBFGS, clamp=False)
Adam = partial(optimizers.Adam, clamp=False)


def features(
    seed: int, batch: int = 1, channels: int = N, height: int = HEIGHT, width: int = WIDTH
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(batch, channels, height, width, generator=generator, dtype=torch.float64)
    return values.relu() * 3


def plain(values: Tensor) -> FeatureMap:
    return FeatureMap(values, Readout(values.shape[1]))


def two_layers(seed: int, batch: int = 1) -> Maps:
    shallow = features(seed, batch, 4, 8, 8)
    return {"a": plain(shallow), "b": plain(features(seed + 100, batch, 5, 4, 4))}


def statistic_of(kind: str) -> Statistic:
    return Statistic(kind, ("a", "b") if kind == "chain" else ("a",))


def loss_between(statistic: Statistic, ours: Maps, theirs: Maps, how: str = "mean") -> Tensor:
    return style_loss(statistic(ours), statistic(theirs), *statistic.size(ours), how)


# Statistics by hand: two channels, three positions, [1 2 3] and [0 1 -1]

TWO = {"a": plain(torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, 1.0, -1.0]]]], dtype=torch.float64))}
ONE_BY_ONE = {
    "a": plain(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])),
    "b": plain(torch.tensor([[[[5.0, 7.0]]]])),
}


@pytest.mark.parametrize(
    ("kind", "shift", "maps", "expected", "size"),
    [
        ("gram", 0.0, TWO, [[14 / 3, -1 / 3], [-1 / 3, 2 / 3]], (4, 3)),
        ("gram", -1.0, TWO, [[5 / 3, -4 / 3], [-4 / 3, 5 / 3]], (4, 3)),
        ("mean", 0.0, TWO, [2.0, 0.0], (2, 3)),
        ("mean_std", 0.0, TWO, [[2.0, 0.0], [math.sqrt(2 / 3 + 1e-5)] * 2], (2, 3)),
        ("chain", 0.0, ONE_BY_ONE, [[(1 * 5 + 2 * 5 + 3 * 7 + 4 * 7) / 4]], (1, 4)),
        ("chain", -1.0, ONE_BY_ONE, [[(0 * 4 + 1 * 4 + 2 * 6 + 3 * 6) / 4]], (1, 4)),
    ],
)
def test_statistics_by_hand(kind, shift, maps, expected, size):
    statistic = Statistic(kind, tuple(maps), shift)
    found = statistic(maps)[0]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=found.dtype))
    assert statistic.size(maps) == size


@pytest.mark.parametrize("kind", STATISTICS)
def test_which_layers_a_statistic_compares(kind):
    found = {name: each.layers for name, each in style_statistics(kind, LAYERS).items()}
    chained = {"relu2_1": ("relu1_1", "relu2_1"), "relu3_1": ("relu2_1", "relu3_1")}
    assert found == (chained if kind == "chain" else {layer: (layer,) for layer in LAYERS})


# Losses by the formulas of their sources

GENERATED, CONTENT, STYLE = features(0), features(1), features(2)
F, P, S = (each[0].flatten(1) for each in (GENERATED, CONTENT, STYLE))


def raw_gram(rows: Tensor) -> Tensor:
    """G_ij = sum_k F_ik F_jk (Gatys et al. 2016, eq. 3)."""
    return torch.stack([(rows[i] * rows).sum(1) for i in range(N)])


G, A = raw_gram(F), raw_gram(S)


def content_by(how: str, generated: Tensor = GENERATED) -> float:
    return float(content_loss(plain(generated), CONTENT, how)[0])


def style_by(how: str, generated: Tensor = GENERATED, target: Tensor = STYLE) -> float:
    return float(
        loss_between(statistic_of("gram"), {"a": plain(generated)}, {"a": plain(target)}, how)[0]
    )


@pytest.mark.parametrize(
    ("how", "source", "expected"),
    [
        ("gatys", "eq. 1: 1/2 sum", ((F - P) ** 2).sum() / 2),
        ("mean", "Gatys' notebook, PyTorch tutorial", functional.mse_loss(GENERATED, CONTENT)),
        ("mean", "Johnson eq. 2", torch.linalg.vector_norm(F - P) ** 2 / (N * HEIGHT * WIDTH)),
        ("coursera", "over 4 n_H n_W n_C", ((F - P) ** 2).sum() / (4 * HEIGHT * WIDTH * N)),
    ],
)
def test_content_losses_are_those_of_their_sources(how, source, expected):
    assert content_by(how) == pytest.approx(float(expected)), source
    assert content_by(how, CONTENT) == 0


def tutorial_gram(maps: Tensor) -> Tensor:
    a, b, c, d = maps.size()
    rows = maps.view(a * b, c * d)
    return torch.mm(rows, rows.t()).div(a * b * c * d)


@pytest.mark.parametrize(
    ("how", "source", "expected"),
    [
        ("gatys", "eq. 4", ((G - A) ** 2).sum() / (4 * N**2 * M**2)),
        ("mean", "Gatys' notebook", functional.mse_loss(G / M, A / M)),
        ("mean", "Johnson eq. 3-4", torch.linalg.matrix_norm(G / (N * M) - A / (N * M)) ** 2),
        ("chw-mean", "Johnson's code", functional.mse_loss(G / (N * M), A / (N * M))),
        (
            "chw-mean",
            "PyTorch tutorial",
            functional.mse_loss(tutorial_gram(GENERATED), tutorial_gram(STYLE)),
        ),
        ("raw-udacity", "Udacity", torch.mean((G - A) ** 2) / (N * M)),
    ],
)
def test_style_losses_are_those_of_their_sources(how, source, expected):
    assert style_by(how) == pytest.approx(float(expected)), source
    assert style_by(how, STYLE) == 0
    assert style_by(how, STYLE.flip(2, 3)) == pytest.approx(0, abs=1e-20)


def test_gram_and_mean_distances_are_mean_discrepancies():
    """MMD^2 with the kernels (x.y)^2 and x.y (Li et al. 2017)."""
    rows = {"f": F, "s": S}
    ours, theirs = {"a": plain(GENERATED)}, {"a": plain(STYLE)}
    for kind, power, entries in (("gram", 2, N**2), ("mean", 1, N)):
        kernel = {a + b: ((rows[a].T @ rows[b]) ** power).mean() for a in "fs" for b in "fs"}
        mmd = float(kernel["ff"] - 2 * kernel["fs"] + kernel["ss"])
        found = float(loss_between(statistic_of(kind), ours, theirs)) * entries
        assert found == pytest.approx(mmd, rel=1e-10)


def test_loss_of_batch_statistics():
    """(1/N) sum ((m_F - m_S)^2 + (d_F - d_S)^2), as in the released code of Li et al. 2017."""
    total = 0.0
    for x, y in zip(F, S):
        deviations = [((v - v.mean()).square().mean() + 1e-5).sqrt() for v in (x, y)]
        total += float((x.mean() - y.mean()) ** 2 + (deviations[0] - deviations[1]) ** 2)
    found = loss_between(statistic_of("mean_std"), {"a": plain(GENERATED)}, {"a": plain(STYLE)})
    assert float(found) == pytest.approx(total / N)


@pytest.mark.parametrize("kind", [*STATISTICS, "content"])
def test_losses_and_targets_are_per_picture(kind):
    def loss(ours: Maps, theirs: Maps) -> Tensor:
        if kind == "content":
            return content_loss(ours["a"], theirs["a"].coordinates())
        return loss_between(statistic_of(kind), ours, theirs)

    def part(maps: Maps, index: int) -> Maps:
        return {name: plain(each.map[index : index + 1]) for name, each in maps.items()}

    ours, theirs = two_layers(1, batch=2), two_layers(2, batch=2)
    together, to_one = loss(ours, theirs), loss(ours, part(theirs, 0))
    assert together.shape == to_one.shape == (2,)
    for index in range(2):
        alone = part(ours, index)
        torch.testing.assert_close(together[index], loss(alone, part(theirs, index))[0])
        torch.testing.assert_close(to_one[index], loss(alone, part(theirs, 0))[0])


def test_variation_by_hand():
    """One channel, 2 x 3 pixels; differences on the scale 0..255, squared, summed, halved."""
    grid = [[0.0, 0.2, 0.5], [0.1, 0.1, 0.9]]
    down = [grid[1][x] - grid[0][x] for x in range(3)]
    right = [row[x + 1] - row[x] for row in grid for x in range(2)]
    pixels = torch.tensor([[grid, [[0.0] * 3] * 2, [[0.7] * 3] * 2]], dtype=torch.float64)
    both = torch.cat([pixels, torch.full_like(pixels, 0.3)])
    expected = sum((255 * step) ** 2 for step in down + right) / 2
    assert total_variation(both).tolist() == pytest.approx([expected, 0.0])


# Objectives through a network


@pytest.fixture
def network(tiny_network: Callable[..., VGG]) -> VGG:
    return tiny_network(dtype=torch.float64)


def picture(seed: int, batch: int = 1, side: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, side, side, generator=generator, dtype=torch.float64)


@pytest.fixture
def parts(network: VGG) -> list[Objective]:
    """Content at relu4_2 and style at relu2_1 of two pictures, and variation."""
    photo, art = network(picture(1), ["relu4_2"]), network(picture(2), ["relu2_1"])
    return [
        content("relu4_2", photo["relu4_2"].coordinates()),
        style("relu2_1", art["relu2_1"].gram()),
        variation(),
    ]


def test_terms_add_and_scale(network, parts):
    x, weights = picture(0), (2, 3, 1e-6)
    alone = [evaluate(part, network, x) for part in parts]
    together = evaluate(2 * parts[0] + parts[1] * 3 + 1e-6 * parts[2], network, x)
    expected = [sum(w * getattr(each, name) for w, each in zip(weights, alone))
                for name in ("total", "gradient")]  # fmt: skip
    torch.testing.assert_close([together.total, together.gradient], expected)
    scaled = evaluate(7.0 * sum(parts), network, x)
    for each in alone:  # losses are those before weighting
        for name, loss in each.losses.items():
            torch.testing.assert_close(scaled.losses[name], loss)
    torch.testing.assert_close(scaled.total, 7 * sum(scaled.losses.values()))


def test_an_objective_describes_itself(parts):
    objective = 1e-3 * parts[0] + torch.tensor([2.0, 0.5]) * parts[1]
    assert repr(objective) == "0.001 * content/relu4_2 + 2|0.5 * style/relu2_1"
    assert repr(10 * objective) == "0.01 * content/relu4_2 + 20|5 * style/relu2_1"
    assert objective.layers == {"relu4_2", "relu2_1"}
    assert (repr(Objective()), Objective().layers) == ("0", set())


def test_a_batch_has_weights_and_targets_by_picture(network):
    """A figure's panels: same layers, each its own ratio and target, evaluated by itself."""
    maps = network(picture(4, batch=2), ["relu2_1", "relu3_1"])
    grams, coordinates = maps["relu2_1"].gram(), maps["relu3_1"].coordinates()
    weights = torch.tensor([1e-3, 1e-1]), torch.tensor([2.0, 0.0])
    x = picture(5, batch=2)
    objective = weights[0] * content("relu3_1", coordinates) + style("relu2_1", grams) * weights[1]
    together = evaluate(objective, network, x)
    for index in range(2):
        one = slice(index, index + 1)
        alone = float(weights[0][index]) * content("relu3_1", coordinates[one])
        alone += float(weights[1][index]) * style("relu2_1", grams[one])
        expected = evaluate(alone, network, x[one])
        torch.testing.assert_close(together.total[one], expected.total)
        torch.testing.assert_close(together.gradient[one], expected.gradient)
        for name, loss in expected.losses.items():
            torch.testing.assert_close(together.losses[name][one], loss)


def test_an_evaluation_leaves_its_input_alone(network, parts):
    x = picture(0)
    with torch.no_grad():
        found = evaluate(parts[0], network, x)
    assert not x.requires_grad and x.grad is None
    assert not found.total.requires_grad and not found.gradient.requires_grad
    assert torch.equal(x, picture(0))


def test_one_forward_pass_however_many_terms(network, monkeypatch):
    maps = network(picture(2), LAYERS)
    objective = sum(
        style(name, maps[name].gram()) + content(name, maps[name].coordinates()) for name in LAYERS
    )
    calls = []
    original = functional.conv2d
    monkeypatch.setattr(vgg.F, "conv2d", lambda *a, **k: calls.append(1) or original(*a, **k))
    evaluate(objective, network, picture(0))
    assert len(calls) == 5  # to conv3_1


def assert_gradient(objective: Objective, network: VGG, pixels: list[tuple[int, ...]]) -> None:
    """By finite differences along random directions and at single pixels."""
    x, step = picture(0), 1e-6
    generator = torch.Generator().manual_seed(9)
    directions = [torch.randn(x.shape, generator=generator, dtype=torch.float64) for _ in range(3)]
    for pixel in pixels:
        directions.append(torch.zeros_like(x))
        directions[-1][pixel] = 1
    gradient = evaluate(objective, network, x).gradient
    for direction in directions:
        ahead, behind = (
            float(evaluate(objective, network, x + sign * step * direction).total)
            for sign in (1, -1)
        )
        slope = float((gradient * direction).sum())
        assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=2e-5, abs=1e-6)


MEANS = {"relu1_1": 0.5 + torch.arange(5.0), "relu3_1": 0.3 + torch.arange(7.0)}


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("normalised", [False, True])
def test_total_gradient_by_finite_differences(pooling, normalised, tiny_network):
    network = tiny_network(pooling=pooling, dtype=torch.float64)
    if normalised:
        network.normalise(MEANS)
    layers = ["relu1_1", "conv2_2", "relu3_1"]
    maps = network(picture(2), [*layers, "relu4_2"])
    objective = 10 * content("relu4_2", network(picture(1), ["relu4_2"])["relu4_2"].coordinates())
    objective += content("conv2_2", maps["conv2_2"].coordinates() + 1, "gatys")
    objective += 1e-6 * variation() + sum(style(layer, maps[layer].gram()) for layer in layers)
    assert_gradient(objective, network, [(0, 0, 0, 0), (0, 1, 7, 8), (0, 2, 15, 15)])


def statistics_objective(network: VGG, kind: str, shift: float = 0.0) -> Objective:
    statistics = style_statistics(kind, LAYERS, shift)
    art = network(picture(2, side=24), LAYERS)
    return sum(
        (1.0 + index) * style(layer, statistic(art), "mean", statistic)
        for index, (layer, statistic) in enumerate(statistics.items())
    )


@pytest.mark.parametrize(
    ("kind", "shift"),
    [("gram", -1.0), ("chain", 0.0), ("chain", 0.5), ("mean", 0.0), ("mean_std", 0.0)],
)
@pytest.mark.parametrize("normalised", [False, True])
def test_gradient_of_every_statistic_by_finite_differences(kind, shift, normalised, network):
    if normalised:
        network.normalise(MEANS)
    assert_gradient(statistics_objective(network, kind, shift), network, [])


def test_silent_units_neither_lose_nor_pull(tiny_tensors):
    """Rectified features (Gatys et al. 2016, after eq. 2); and the root of a deviation of 0 has
    no slope, which must not spoil the rest."""
    tensors = dict(tiny_tensors())
    tensors["features.0.bias"] = torch.full((5,), -1e6)
    network = VGG(tensors, dtype=torch.float64)
    target = torch.ones(1, 5, 16, 16, dtype=torch.float64)
    silent = evaluate(content("relu1_1", target), network, picture(0))
    assert float(silent.total) == pytest.approx(1.0)
    assert silent.gradient.abs().max() == 0
    assert evaluate(content("conv1_1", target), network, picture(0)).gradient.abs().max() > 0
    tensors["features.0.bias"] = torch.cat(
        [torch.tensor([-1e6]), tiny_tensors()["features.0.bias"][1:]]
    )
    network = VGG(tensors, dtype=torch.float64)
    gradient = evaluate(statistics_objective(network, "mean_std"), network, picture(0)).gradient
    assert bool(gradient.isfinite().all()) and float(gradient.norm()) > 0


# The loop


def test_noise_is_faint_and_seeded():
    one = noise(40, 60, seed=3)
    assert one.shape == (1, 3, 40, 60)
    assert torch.equal(one, noise(40, 60, seed=3)) and not torch.equal(one, noise(40, 60))
    assert float(one.mean()) == pytest.approx(0.5, abs=1e-3)
    assert float(one.std()) == pytest.approx(0.01, rel=0.05)


def test_a_transfer_goes_the_way_of_torchs_optimizer(network, parts):
    """Adam, step by step, with the losses of each step."""
    objective = parts[0] + 10 * parts[1]
    x = picture(3).requires_grad_(True)
    adam = torch.optim.Adam([x], lr=0.01)
    steps = transfer(network, [Stage(objective, 5)], picture(3), Adam)
    for number, step in enumerate(steps, start=1):
        assert step.number == number
        torch.testing.assert_close(step.pixels, x.detach())
        found = evaluate(objective, network, x)
        torch.testing.assert_close(step.loss, found.total)
        torch.testing.assert_close(step.losses, found.losses)
        x.grad = found.gradient
        adam.step()
    assert number == 5


def test_a_stage_starts_from_the_outcome_of_the_one_before(network, parts):
    coarse = style("relu2_1", network(picture(2), ["relu2_1"])["relu2_1"].gram())
    stages = iter([Stage(coarse, 3, (8, 8)), Stage(parts[0], 2, (16, 16)), Stage(coarse, 1)])
    *steps, last = transfer(network, stages, picture(3, side=8), LBFGS)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert [step.pixels.shape[2] for step in steps] == [8, 8, 8, 16, 16]
    enlarged = functional.interpolate(steps[2].pixels, (16, 16), mode="bicubic")
    torch.testing.assert_close(steps[3].pixels, enlarged)
    assert set(steps[3].losses) == {"content/relu4_2"} and set(last.losses) == {"style/relu2_1"}
    assert torch.equal(last.pixels, steps[-1].pixels)


def test_losses_are_those_of_the_accepted_pictures(network, parts):
    """Far too long a first step is refused, more than once; then the losses stay."""
    start = picture(3, batch=2)
    steps = list(transfer(network, [Stage(parts[0], 8)], start, lambda x: LBFGS(x, first_step=3.0)))
    for step in steps:
        found = evaluate(parts[0], network, step.pixels)
        torch.testing.assert_close(step.loss, found.total)
        torch.testing.assert_close(step.losses, found.losses)
    assert torch.equal(steps[0].loss, steps[1].loss)
    assert (steps[-1].loss < steps[0].loss).all()
