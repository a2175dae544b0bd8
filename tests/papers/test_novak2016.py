"""Novak & Nikulin 2016: presets, the search for equal content, measures, claims both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from replicate.config import load_paper, load_preset
from replicate.engine.job import Job
from replicate.engine.preset import NetworkSpec
from replicate.measure.matching import TRIES
from replicate.measure.metrics import relative_gram_distance
from replicate.method import gram_matrix
from replicate.networks.layers import layer_names
from replicate.papers import draw_figure, novak2016
from replicate.papers.judge import VGG16, Judge, patches, style_judge
from replicate.papers.matching import at_equal_content, content_loss, match_claim
from replicate.papers.novak2016 import (
    CHAIN,
    FULL,
    GATYS,
    GEOMETRIC,
    SHIFT,
    VARIANTS,
    all16_claims,
    modification_claims,
)
from replicate.papers.studio import Studio

FIVE = [f"relu{block}_1" for block in range(1, 6)]
ALL = layer_names("vgg19", "relu")


def verdicts(claims: list[Any]) -> dict[str, bool]:
    return {claim.id: claim.holds for claim in claims}


# Presets: sections 3.1 to 3.5 as quoted in papers.md, section 5


@pytest.mark.parametrize("name", ["novak2016-all16", *VARIANTS.values()])
def test_all_but_the_style_is_gatys(name: str) -> None:
    made, gatys = load_preset(name), load_preset("gatys2016")
    style = {"style_layers", "style_statistic", "activation_shift"}
    told = {"name", "label", "source", "note", "status"}
    assert made.model_dump(exclude=style | told) == gatys.model_dump(exclude=style | told)
    assert made.status == "unverified"


def test_all_sixteen_layers_weigh_alike() -> None:
    made = load_preset("novak2016-all16")
    assert list(made.style_layers) == ALL and len(ALL) == 16
    assert set(made.style_layers.values()) == {1 / 16}


def test_geometric_weights() -> None:
    """w_l = 2^(D - d(l)), d from 1 to D = 5, divided by their sum."""
    made = load_preset("novak2016-geometric")
    powers = [2.0 ** (5 - d) for d in range(1, 6)]
    assert list(made.style_layers) == FIVE
    assert list(made.style_layers.values()) == pytest.approx([p / sum(powers) for p in powers])
    assert (made.style_statistic, made.activation_shift) == ("gram", 0.0)


def test_shift_and_chain_change_one_thing_each() -> None:
    shift, chain = load_preset("novak2016-shift"), load_preset("novak2016-chain")
    assert shift.style_layers == chain.style_layers == dict.fromkeys(FIVE, 0.2)
    assert (shift.style_statistic, shift.activation_shift) == ("gram", -1.0)
    assert (chain.style_statistic, chain.activation_shift) == ("chain", 0.0)


def test_the_full_preset_has_everything() -> None:
    """G^(l,l-1) for l = 2 ... 16, with weights that halve; the first layer has no other before."""
    made = load_preset("novak2016-full")
    assert (made.style_statistic, made.activation_shift) == ("chain", -1.0)
    first, *weights = made.style_layers.values()
    assert list(made.style_layers) == ALL and first == 0
    assert sum(weights) == pytest.approx(1)
    assert [a / b for a, b in zip(weights, weights[1:])] == pytest.approx([2.0] * 14)


def test_figure_sets() -> None:
    sets = load_paper("novak2016").figures["all16"].style_sets
    assert sets == {"five layers": FIVE, "all sixteen": ALL}


# Equal content


@pytest.mark.parametrize(
    ("value", "holds"), [(1.0, True), (0.96, True), (1.06, False), (0.9, False)]
)
def test_a_match_is_five_percent(value: float, holds: bool) -> None:
    assert match_claim("", "", value).holds is holds


def test_pictures_of_equal_content(small_studio: Callable[..., Studio], scene: Any) -> None:
    studio = small_studio()
    preset = load_preset("gatys2016")
    content, painting = scene(64, 48, seed=1), scene(64, 48, seed=2)
    asked: list[float] = []

    def job(name: str, factor: float) -> Job:
        asked.append(factor)
        changed = preset.with_(ratio=preset.ratio * factor)
        return studio.job(changed, content, painting, label=f"{name} {factor}")

    reference = studio.draw({"a": job("a", 50.0)})["a"]
    (found,) = at_equal_content(studio, {"a": reference}, job).values()
    assert asked[1] == 1.0 and 1 < len(asked) <= 1 + TRIES
    losses = {result.job.preset.ratio: content_loss(result) for result in studio.drawn[1:]}
    target = content_loss(reference)
    nearest = min(losses, key=lambda ratio: abs(np.log(losses[ratio] / target)))
    assert found.job.preset.ratio == nearest


# The judge


def test_patches_by_hand(scene: Any) -> None:
    picture = scene(40, 32)
    found = patches(picture)
    assert [cloud.shape for cloud in found] == [(34 * 26, 147), (14 * 10, 147), (4 * 2, 147)]
    expected = picture.pixels[3:10, 5:12].transpose(2, 0, 1).ravel() / 255
    np.testing.assert_allclose(found[0][3 * 34 + 5], expected, rtol=1e-6)


def test_large_pictures_give_no_more_patches(scene: Any) -> None:
    assert all(len(cloud) < 1.05 * 16_384 for cloud in patches(scene(400, 300)))


def test_the_judge_is_vgg16_where_it_did_not_draw(small_studio: Callable[..., Studio]) -> None:
    drawing = load_preset("gatys2016").network
    assert "VGG-16" in style_judge(small_studio(), drawing).name
    assert "pixels" in style_judge(small_studio(), VGG16).name
    assert "pixels" in style_judge(small_studio("vgg19-random"), drawing).name


@pytest.mark.parametrize("network", ["auto", "vgg19-random"])
def test_distance_left(network: str, small_studio: Callable[..., Studio], scene: Any) -> None:
    """Nothing for the painting itself, all of it for the photograph."""
    from dataclasses import replace

    studio = small_studio(network)
    content, painting = scene(64, 48, seed=1), scene(64, 48, seed=2)
    preset = load_preset("gatys2016")
    job = studio.job(preset, content, painting)
    result = studio.draw({0: job})[0]
    judge = style_judge(studio, preset.network)
    assert judge.left(replace(result, picture=painting)) == 0
    assert judge.left(replace(result, picture=content)) == pytest.approx(1)
    half = np.concatenate([content.pixels[:24], painting.pixels[24:]])
    assert 0 < judge.left(replace(result, picture=replace(content, pixels=half))) < 1


def test_a_picture_is_looked_at_once(small_studio: Callable[..., Studio], scene: Any) -> None:
    studio, seen = small_studio(), []
    job = studio.job(load_preset("gatys2016"), scene(64, 48, seed=1), scene(64, 48, seed=2))
    result = studio.draw({0: job})[0]
    judge = Judge("", lambda picture: seen.append(picture) or patches(picture))
    assert judge.left(result) == judge.left(result)
    assert len(seen) == 3


# Measures


def test_near_zero_entries_by_hand() -> None:
    gram = torch.tensor([[[1000.0, 0.5], [-0.5, 2.0]]])
    assert novak2016._near_zero(gram) == 0.5


def test_multiply_adds_by_hand(scene: Any) -> None:
    """To pool1 by hand, on a canvas of 32 × 16; forward and backward cost the same."""
    preset = load_preset("gatys2016")

    def count(content: list[str], style: dict[str, float]) -> int:
        changed = preset.with_(content_layers=content, style_layers=style)
        job = Job(changed, scene(32, 16), scene(32, 16, seed=1), size=32)
        return novak2016.multiply_adds(job)

    first, second = 9 * 3 * 64 * 512, 9 * 64 * 64 * 512
    assert count(["relu1_1"], {}) == 2 * first
    assert count(["relu1_2"], {"relu1_1": 1.0}) == 2 * (first + second + 64 * 64 * 512)
    third = 9 * 64 * 128 * 128
    assert count(["conv2_1"], {"relu2_1": 1.0}) == 2 * (first + second + third + 128 * 128 * 128)


def test_sixteen_layers_take_a_sixth_more_at_any_size(scene: Any) -> None:
    quotients = []
    for size in (64, 256, 512):
        few, many = (
            Job(preset, scene(64, 48), scene(64, 48, seed=1), size=size)
            for preset in (load_preset("gatys2016"), load_preset("novak2016-all16"))
        )
        quotients.append(novak2016.multiply_adds(many) / novak2016.multiply_adds(few))
    assert quotients == pytest.approx([7 / 6] * 3, rel=0.02)


def test_unevenness_of_a_picture_half_in_style(
    small_studio: Callable[..., Studio], scene: Any
) -> None:
    from dataclasses import replace

    studio = small_studio()
    content, painting = scene(64, 64, seed=1), scene(64, 64, seed=2)
    result = studio.draw({0: studio.job(load_preset("gatys2016"), content, painting)})[0]
    flat = replace(result, picture=replace(content, pixels=np.full_like(content.pixels, 90)))
    assert novak2016.unevenness(studio, flat, "relu1_1") == pytest.approx(0, abs=1e-2)
    layer, network = "relu1_1", studio.engine.network(result.job.preset.network)
    whole = studio.engine.features(result.picture, [layer], result.job.preset.network)[layer]
    target = studio.engine.grams(painting, [layer], result.job.preset.network)[layer]
    wide = whole.wide()
    expected = [
        relative_gram_distance(
            gram_matrix(wide[:, :, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16])[0], target
        )
        for y in range(4)
        for x in range(4)
    ]
    assert network.readout(layer).channels == wide.shape[1]
    found = novak2016.unevenness(studio, result, layer)
    assert found == pytest.approx(np.var(expected), rel=1e-4)


def test_geometric_weights_raise_the_shallow_part_of_the_gradient(
    small_studio: Callable[..., Studio], scene: Any
) -> None:
    studio = small_studio()
    preset = load_preset("gatys2016")
    job = studio.job(preset, scene(64, 48, seed=1), scene(64, 48, seed=2))
    shares = [
        novak2016.shallow_share(studio, job, load_preset(name))
        for name in ("gatys2016", "novak2016-geometric")
    ]
    assert 0 < shares[0] < shares[1] < 1
    only = preset.with_(style_layers={**preset.style_layers, **dict.fromkeys(FIVE[:2], 0.0)})
    assert novak2016.shallow_share(studio, job, only) == 0


# Claims


def pair_metrics(left: float, distance: float, **changes: float) -> dict[str, float]:
    return {
        "content_loss": 2.0,
        "style_left": left,
        "multiply_adds": 1.0,
        "gram_distance/relu1_2": distance,
        "gram_distance/relu3_3": distance,
        **changes,
    }


def all16(sixteen: dict[str, dict[str, float]]) -> dict[str, bool]:
    five = {pair: pair_metrics(0.5, 0.1) for pair in "abcd"}
    return verdicts(all16_claims("", five, sixteen, ["relu1_2", "relu3_3"]))


BETTER = pair_metrics(0.4, 0.05, multiply_adds=1.5)


def test_all16_claims_hold() -> None:
    assert all16(dict.fromkeys("abcd", BETTER)) == {
        "matched": True, "quality": True, "held-out": True, "cost": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("worse", "claim"),
    [
        ({"content_loss": 2.2}, "matched"),
        ({"gram_distance/relu1_2": 0.3}, "held-out"),
        ({"multiply_adds": -5.0}, "cost"),
    ],
)
def test_all16_claims_fail_on_one_pair(worse: dict[str, float], claim: str) -> None:
    found = all16({**dict.fromkeys("abc", BETTER), "d": {**BETTER, **worse}})
    assert [name for name, holds in found.items() if not holds] == [claim]


def test_quality_is_a_matter_of_most_pairs() -> None:
    worse = {**BETTER, "style_left": 0.6}
    assert all16({**dict.fromkeys("abc", BETTER), "d": worse})["quality"]
    assert not all16({**dict.fromkeys("ab", BETTER), **dict.fromkeys("cd", worse)})["quality"]


def variant(**changes: float) -> dict[str, float]:
    distances = {f"gram_distance/{layer}": 0.1 for layer in FIVE}
    return {"content_loss": 1.0, "style_left": 0.5, "unevenness": 1.0, **distances, **changes}


def modified(
    metrics: dict[str, dict[str, float]],
    start: float = 0.9,
    shallow: tuple[float, float] = (0.4, 0.7),
    near_zero: tuple[float, float] = (0.2, 0.1),
) -> dict[str, bool]:
    made = {
        GATYS: variant(),
        GEOMETRIC: variant(**{"gram_distance/relu1_1": 0.05}),
        SHIFT: variant(unevenness=0.5),
        CHAIN: variant(),
        FULL: variant(),
        **metrics,
    }
    shares = {GATYS: shallow[0], GEOMETRIC: shallow[1]}
    claims = modification_claims("", made, start, shares, dict.fromkeys(FIVE, near_zero))
    return verdicts(claims)


def test_modification_claims_hold() -> None:
    assert modified({}) == dict.fromkeys(
        ["matched", "improvement", "geometric", "shift-entries", "shift-evenly", "chain"], True
    )


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"metrics": {FULL: variant(content_loss=1.1)}}, "matched"),
        ({"metrics": {CHAIN: variant(style_left=0.6)}}, "improvement"),
        ({"metrics": {GEOMETRIC: variant(**{"gram_distance/relu2_1": 0.2})}}, "geometric"),
        ({"metrics": {}, "shallow": (0.5, 0.4)}, "geometric"),
        ({"metrics": {}, "near_zero": (0.1, 0.2)}, "shift-entries"),
        ({"metrics": {SHIFT: variant(unevenness=1.5)}}, "shift-evenly"),
        ({"metrics": {}, "start": 0.15}, "chain"),
    ],
)
def test_modification_claims_fail(changes: dict[str, Any], claim: str) -> None:
    assert [name for name, holds in modified(**changes).items() if not holds] == [claim]


# From end to end


def test_all16_is_drawn(small_studio: Callable[..., Studio]) -> None:
    figure = draw_figure(small_studio("vgg19-random"), "novak2016/all16")
    assert len(figure.panels) == 8
    grid, _ = figure.grids
    assert (grid.row_count, grid.column_count) == (2, 5)
    assert [claim.id for claim in figure.claims] == ["matched", "quality", "held-out", "cost"]
    assert "patches of pixels" in figure.caption


def test_all16_with_balanced_weights(small_studio: Callable[..., Studio]) -> None:
    figure = draw_figure(small_studio(balanced=True), "novak2016/all16")
    assert figure.balanced and "balanced" in figure.caption


def test_modifications_are_drawn(small_studio: Callable[..., Studio]) -> None:
    figure = draw_figure(small_studio(), "novak2016/modifications")
    assert [panel.label for panel in figure.panels] == [GATYS, *VARIANTS]
    full = figure.panels[-1]
    assert {name for name in full.losses if name.startswith("style/")} == {
        f"style/{layer}" for layer in ALL[1:]
    }
    assert not figure.balanced
    assert NetworkSpec(name="vgg19", pooling="average", normalised=True) in [
        info.spec for info in figure.networks
    ]
