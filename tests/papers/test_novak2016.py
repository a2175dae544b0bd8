"""Novak & Nikulin 2016: presets, the search for equal content, claims both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from replicate.config import load_paper, load_preset
from replicate.engine.reader import Reader
from replicate.measure import analysis
from replicate.measure.matching import TRIES
from replicate.method import NOISE
from replicate.networks.layers import layer_names
from replicate.networks.spec import NetworkSpec
from replicate.papers import draw_figure, novak2016
from replicate.papers.matching import at_equal_content
from replicate.papers.measures import loss_of, start_distance
from replicate.papers.novak2016 import (
    CHAIN,
    FULL,
    GATYS,
    GEOMETRIC,
    SHIFT,
    VARIANTS,
)

FIVE = [f"relu{block}_1" for block in range(1, 6)]
ALL = layer_names("vgg19", "relu")


# Presets: sections 3.1 to 3.5 as quoted in papers.md, section 5


@pytest.mark.parametrize("name", ["novak2016-all16", *VARIANTS.values()])
def test_all_but_the_style_is_gatys(name):
    made, gatys = load_preset(name), load_preset("gatys2016")
    style = {"style_layers", "style_statistic", "activation_shift"}
    text = {"name", "label", "source", "note", "status"}
    assert made.model_dump(exclude=style | text) == gatys.model_dump(exclude=style | text)
    assert made.status == "unverified"


def test_presets_change_layers_weights_and_statistics_as_the_paper_says():
    """w_l = 2^(D - d(l)), d from 1 to D, divided by their sum, where weights are geometric."""
    presets = {name: load_preset(preset) for name, preset in VARIANTS.items()}
    kinds = {name: (made.style_statistic, made.activation_shift) for name, made in presets.items()}
    assert kinds == {
        GEOMETRIC: ("gram", 0), SHIFT: ("gram", -1), CHAIN: ("chain", 0), FULL: ("chain", -1),
    }  # fmt: skip
    assert load_preset("novak2016-all16").style_layers == dict.fromkeys(ALL, 1 / 16)
    assert presets[SHIFT].style_layers == presets[CHAIN].style_layers == dict.fromkeys(FIVE, 0.2)
    for name, layers in ((GEOMETRIC, FIVE), (FULL, ALL)):
        made = presets[name].style_layers
        weights = [weight for weight in made.values() if weight]
        assert list(made) == layers and sum(weights) == pytest.approx(1)
        assert np.divide(weights[:-1], weights[1:]) == pytest.approx(2)
    assert presets[FULL].style_layers["relu1_1"] == 0  # G^(l,l-1) begins with the second layer
    sets = load_paper("novak2016").figures["all16"].style_sets
    assert sets == {"five layers": FIVE, "all sixteen": ALL}


# Equal content


def test_pictures_of_equal_content(small_studio, scene):
    studio = small_studio()
    preset = load_preset("gatys2016")
    content, painting = scene(64, 48, seed=1), scene(64, 48, seed=2)
    jobs = {
        name: studio.job(preset, content, painting, seed=seed) for seed, name in enumerate("ab")
    }
    reference = studio.panels(
        {"a": studio.job(preset.with_(ratio=50 * preset.ratio), content, painting)}
    )["a"]
    found = at_equal_content(studio, dict.fromkeys(jobs, reference), jobs)
    tried = studio.drawn[1:]
    assert [result.job.label for result in tried[:2]] == ["a, α/β × 1", "b, α/β × 1"]
    target = loss_of(reference, "content")
    for name, result in found.items():
        mine = [each for each in tried if each.job.label.startswith(name)]
        assert 1 < len(mine) <= TRIES
        for each in mine:
            factor = float(each.job.label.split("× ")[1])
            assert each.job.preset.ratio == pytest.approx(factor * preset.ratio, rel=1e-4)
        off = {id(each): abs(np.log(loss_of(each, "content") / target)) for each in mine}
        assert off[id(result)] == min(off.values())
        assert found.metrics[name]["content_loss"] == loss_of(result, "content")


# Claims


def numbers(key: Any) -> dict[str, float]:
    """Of sixteen layers and of modifications all that is claimed."""
    panel = key[0] if isinstance(key, tuple) and isinstance(key[1], float) else key
    found = {f"gram_distance/{layer}": 0.01 for layer in ALL}
    found |= {"content_loss": 1.0, "style_left": 0.5, "unevenness": 1.0}
    if panel[-1] == novak2016.ALL or panel in VARIANTS:
        found["style_left"] = 0.4
    if panel == SHIFT:
        found["unevenness"] = 0.5
    return found


def test_claims_of_sixteen_layers(failing):
    def fails(**worse: float) -> list[str]:
        changes = {("scene 1, scene 3", novak2016.ALL): worse}
        return failing("novak2016/all16", numbers, changes)

    assert fails() == []
    assert fails(content_loss=1.1) == ["quality"]  # not comparable
    assert fails(style_left=0.9) == ["quality"]


def test_claims_of_modifications(failing, monkeypatch):
    def fails(
        name: str = FULL,
        changes: dict[str, float] | None = None,
        start: float = 0.9,
    ) -> list[str]:
        monkeypatch.setattr(novak2016, "start_distance", lambda *_: start)
        return failing("novak2016/modifications", numbers, {name: changes or {}})

    assert fails() == []
    assert fails(FULL, {"content_loss": 1.1}) == ["improvement"]  # not comparable
    assert fails(SHIFT, {"content_loss": 1.1}) == ["improvement", "shift-evenly"]
    assert fails(CHAIN, {"style_left": 1.2}) == ["improvement"]
    assert fails(SHIFT, {"unevenness": 1.5}) == ["shift-evenly"]
    assert fails(start=0.05) == ["chain"]


# From end to end


def test_the_shift_is_seen_on_the_published_network(small_studio, monkeypatch):
    monkeypatch.setattr(analysis, "NEAR_ZERO", 0.3)  # the tiny network has few channels
    studio = small_studio()
    figure = draw_figure(studio, "novak2016/shift")
    assert studio.drawn == [] and not figure.networks[0].spec.normalised
    grid = figure.grids[0]
    assert (grid.rows, grid.row_count, grid.column_count) == (["F", "F − 1"], 2, 5)
    spec, shares = load_preset("gatys2016-code").network, []
    painting = studio.at(figure.id).picture("style").scaled_to(studio.profile.size)
    for layer in FIVE:
        maps = studio.engine.reader.features(painting, [layer], spec)[layer].map[0]
        flat = (maps.flatten(1) - 1).double()
        gram = (flat @ flat.T).abs()
        shares.append(float((gram < 0.3 * gram.max()).double().mean()))
    (claim,) = figure.claims
    assert claim.value["with"] == pytest.approx(np.mean(shares)) != claim.value["without"]


def test_the_start_is_noise_about_middle_grey(small_studio, scene, monkeypatch):
    studio = small_studio()
    job = studio.job(load_preset("gatys2016"), scene(64, 48), scene(64, 48))

    def seen(reader: object, picture: Any, *others: object) -> dict[str, float]:
        assert abs(picture.pixels.mean() - 127.5) < 1
        return {"spread": picture.pixels.std()}

    monkeypatch.setattr(Reader, "style_distances", seen)
    assert start_distance(studio, job) == pytest.approx(255 * NOISE, rel=0.05)


@pytest.mark.parametrize("balanced", [False, True])
def test_all16_is_drawn(balanced, small_studio):
    figure = draw_figure(small_studio("vgg19-random", balanced=balanced), "novak2016/all16")
    assert len({panel.label for panel in figure.panels}) == 8
    grid, _ = figure.grids
    assert (grid.row_count, grid.column_count) == (2, 5)
    assert figure.balanced is balanced and "patches of pixels" in figure.caption


def test_modifications_are_drawn(small_studio):
    figure = draw_figure(small_studio(), "novak2016/modifications")
    assert [panel.label for panel in figure.panels] == [GATYS, *VARIANTS]
    style = {name for name in figure.panels[-1].losses if name.startswith("style/")}
    assert style == {f"style/{layer}" for layer in ALL[1:]}
    gatys = NetworkSpec(name="vgg19-caffe", pooling="average", normalised=True, means="max")
    assert gatys in [info.spec for info in figure.networks]
