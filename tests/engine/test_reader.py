"""Features, distances and balanced weights, measured with an engine's networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from replicate.engine import reader as module
from replicate.engine.balance import balanced_preset, gradient_norms
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.engine.reader import Reader
from replicate.engine.terms import objective_of, start_of
from replicate.errors import ReplicateError
from replicate.images import Picture
from replicate.method import evaluate, gram_matrix
from replicate.networks.spec import NetworkSpec
from replicate.storage.store import ResultStore

Scene = Callable[..., Picture]
MakeJob = Callable[..., Job]
SPEC = NetworkSpec()
STYLE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
ROUNDING = 0.006  # weights have three digits


@pytest.fixture
def engine(tiny_engine: Callable[..., Engine]) -> Engine:
    return tiny_engine()


@pytest.fixture
def reader(engine: Engine) -> Reader:
    return engine.reader


# Features


def test_features_and_grams(scene, reader):
    picture, layers = scene(40, 24), ["relu1_1", "conv2_1"]
    maps = reader.features(picture, layers, SPEC)
    assert maps["relu1_1"].map.shape == (1, 5, 24, 40)
    assert maps["conv2_1"].map.shape == (1, 6, 12, 20)
    assert not maps["relu1_1"].map.requires_grad
    grams = reader.grams(picture, layers, SPEC)
    assert list(grams) == layers
    for layer in layers:
        torch.testing.assert_close(grams[layer], gram_matrix(maps[layer].map)[0])


def test_style_distances(scene, reader):
    """||G - A||^2 / ||A||^2, and not the other way round."""
    one, other, layers = scene(seed=0), scene(seed=1), ["relu1_1", "relu3_1"]
    ours, theirs = reader.grams(one, layers, SPEC), reader.grams(other, layers, SPEC)
    found = reader.style_distances(one, other, layers, SPEC)
    for layer in layers:
        expected = ((ours[layer] - theirs[layer]) ** 2).sum() / (theirs[layer] ** 2).sum()
        assert found[layer] == pytest.approx(float(expected))
    assert reader.style_distances(one, one, layers, SPEC) == {"relu1_1": 0, "relu3_1": 0}


def test_similarity(scene, reader):
    one, other = scene(seed=0), scene(seed=1)
    assert reader.similarity(one, one, "relu3_1", SPEC) == pytest.approx(1)
    a, b = (reader.features(p, ["conv3_1"], SPEC)["conv3_1"].map.flatten() for p in (one, other))
    cosine = float((a * b).sum() / (a.norm() * b.norm()))
    assert reader.similarity(one, other, "conv3_1", SPEC) == pytest.approx(cosine, rel=1e-4)
    assert cosine < 0.99


# Balanced weights: every layer pulls equally hard at the start, each kind as hard as before


def preset(**settings: Any) -> Preset:
    return Preset(**{"content_layers": ["relu4_2"], "style_layers": STYLE, "ratio": 1e-3,
                     "evaluations": 3, "size": 32, **settings})  # fmt: skip


@pytest.fixture
def job(scene: Scene) -> MakeJob:
    pictures = {"content": scene(32, 24, 1), "style": scene(28, 32, 2)}
    return lambda given=None, **settings: Job(given or preset(), **{**pictures, **settings})


def weighted(engine: Engine, job: Job, kind: str) -> dict[str, float]:
    """By layer, the norm of the gradient as it enters the total, less alpha or beta.

    Measured the long way: the whole objective with all other layers' weights at zero.
    """
    found = {}
    network = engine.networks.network(job.preset.network)
    for layer, weight in getattr(job, f"{kind}_layers").items():
        alone = {"content_layers": {}, "style_layers": {}, f"{kind}_layers": {layer: weight}}
        single = replace(job, preset=job.preset.with_(**alone, tv_weight=0.0))
        objective = objective_of([single], single.levels(), network)
        gradient = evaluate(objective, network, start_of(replace(job, init="noise"))).gradient
        factor = single.content_weight if kind == "content" else single.preset.style_weight
        found[layer] = float(gradient.norm()) / factor
    return found


@pytest.mark.parametrize("kind", ["content", "style"])
def test_every_layer_pulls_equally_hard_and_the_kind_as_hard_as_before(kind, engine, job):
    before = job(preset(content_layers={"relu1_2": 1.0, "relu4_2": 0.1, "relu5_1": 3.0}))
    after = replace(before, preset=engine.reader.balanced(before))
    was, now = weighted(engine, before, kind), weighted(engine, after, kind)
    assert max(was.values()) > 2 * min(was.values())
    assert max(now.values()) == pytest.approx(min(now.values()), rel=2 * ROUNDING)
    assert sum(now.values()) == pytest.approx(sum(was.values()), rel=ROUNDING)


def test_the_strength_of_another_preset(engine, job):
    reference, shallow = job(), job(preset(content_layers=["relu2_2"], style_layers=STYLE[:2]))
    balanced = engine.reader.balanced(shallow, like=reference.preset)
    after = replace(shallow, preset=balanced)
    assert list(balanced.content_layers) == ["relu2_2"] and list(balanced.style_layers) == STYLE[:2]
    for kind in ("content", "style"):
        wanted, own, now = (
            sum(weighted(engine, each, kind).values()) for each in (reference, shallow, after)
        )
        assert own != pytest.approx(wanted, rel=0.05)
        assert now == pytest.approx(wanted, rel=ROUNDING)


def test_nothing_but_layer_weights_changes_and_only_once(reader, job):
    before = job(preset(tv_weight=0.1, content_loss="gatys"))
    after = reader.balanced(before)
    weights = {"content_layers", "style_layers"}
    assert after.model_dump(exclude=weights) == before.preset.model_dump(exclude=weights)
    assert all(float(f"{w:.3g}") == w for w in after.style_layers.values())
    assert reader.balanced(replace(before, preset=after), like=before.preset) == after
    assert after != before.preset


def test_where_the_job_starts_and_how_it_is_weighted_does_not_matter(reader, job, monkeypatch):
    """And what is the same objective is measured once."""
    calls = []
    monkeypatch.setattr(
        module, "gradient_norms", lambda *them: calls.append(1) or gradient_norms(*them)
    )
    like = preset()
    weights = {
        reader.balanced(each, like).model_dump_json(include={"style_layers"})
        for each in (
            job(),
            job(init="content"),
            job(preset(ratio=1e-1)),
            job(preset(content_weight=5.0)),
            job(evaluations=9),
            job(stop=1),
            job(preset(style_layers=dict.fromkeys(STYLE, 7.0))),
            job(preset(scales=2)),
        )
    }
    assert len(weights) == len(calls) == 1
    assert reader.balanced(job(seed=1), like) != reader.balanced(job(), like)


def test_layers_of_weight_zero_stay_out(reader, job):
    early = dict(zip(STYLE, (0.8, 0.2, 0.0, 0.0, 0.0)))
    balanced = reader.balanced(job(preset(style_layers=early)))
    assert list(balanced.style_layers.values())[2:] == [0.0] * 3
    assert min(list(balanced.style_layers.values())[:2]) > 0


@pytest.mark.parametrize(("missing", "other"), [("content", "style"), ("style", "content")])
def test_without_a_picture_only_the_other_kind(missing, other, reader, job):
    before = job(preset(content_layers={"relu1_1": 1.0, "relu4_2": 1.0}), **{missing: None})
    after = reader.balanced(before)
    name = f"{missing}_layers"
    assert getattr(after, name) == getattr(before.preset, name)
    assert len(set(getattr(after, f"{other}_layers").values())) > 1


def test_a_balanced_job_draws_and_keeps_its_key(tiny_engine, job, tmp_path):
    store = ResultStore(tmp_path)
    first = replace(job(), preset=tiny_engine(store=store).reader.balanced(job()))
    tiny_engine(store=store).run(first)
    again = tiny_engine(store=store)
    found = again.stored(replace(job(), preset=again.reader.balanced(job())))
    assert found is not None and found.cached
    assert again.stored(job()) is None
    assert tiny_engine().stored(first) is None  # without a store nothing is kept


@pytest.mark.parametrize(
    ("like", "pictures", "message"),
    [
        ({"content_layers": []}, {}, "no content layers to balance"),
        ({"style_layers": dict.fromkeys(STYLE, 0.0)}, {}, "no style layers to balance"),
        ({"content_layers": []}, {"style": None}, "no layers for the pictures"),
    ],
)
def test_a_reference_without_layers_of_the_kind(like, pictures, message, reader, job):
    with pytest.raises(ReplicateError, match=message):
        reader.balanced(job(**pictures), like=preset(**like))


@pytest.mark.parametrize("norm", [0.0, float("nan"), float("inf")])
def test_a_gradient_that_cannot_be_balanced(norm):
    norms = {"content": {}, "style": dict.fromkeys(STYLE, 1.0) | {"relu3_1": norm}}
    like = {"content": {}, "style": dict.fromkeys(STYLE, 1.0)}
    with pytest.raises(ReplicateError, match="style layer relu3_1 cannot be balanced"):
        balanced_preset(preset(), norms, preset(), like)
