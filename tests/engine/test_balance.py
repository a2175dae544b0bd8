"""Balanced weights: every layer pulls equally hard at the start, each kind as hard as before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from replicate.engine.balance import balanced_preset, gradient_norms, strength
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.engine.terms import objective_of, start_of
from replicate.errors import ReplicateError
from replicate.method import evaluate

STYLE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
ROUNDING = 0.006  # weights have three digits


def preset(**settings: Any) -> Preset:
    return Preset(**{"content_layers": ["relu4_2"], "style_layers": STYLE, "ratio": 1e-3,
                     "evaluations": 3, "size": 32, **settings})  # fmt: skip


@pytest.fixture
def job(scene: Callable[..., Any]) -> Callable[..., Job]:
    def make(given: Preset | None = None, **settings: Any) -> Job:
        pictures = {"content": scene(32, 24, 1), "style": scene(28, 32, 2)}
        return Job(given or preset(), **{**pictures, **settings})

    return make


def weighted(engine: Engine, job: Job, kind: str) -> dict[str, float]:
    """By layer, the norm of the gradient as it enters the total, less alpha or beta.

    Measured the long way: the whole objective with all other layers' weights at zero.
    """
    found = {}
    network = engine.networks.network(job.preset.network)
    start = start_of(replace(job, init="noise"))
    for layer in getattr(job, f"{kind}_layers"):
        alone = {"content_layers": {}, "style_layers": {}}
        alone[f"{kind}_layers"] = {layer: getattr(job.preset, f"{kind}_layers")[layer]}
        single = replace(job, preset=job.preset.with_(**alone, tv_weight=0.0))
        gradient = evaluate(
            objective_of([single], single.levels(), network), network, start
        ).gradient
        factor = single.content_weight if kind == "content" else single.preset.style_weight
        found[layer] = float(gradient.norm()) / factor
    return found


@pytest.mark.parametrize("kind", ["content", "style"])
def test_every_layer_pulls_equally_hard_and_the_kind_as_hard_as_before(
    tiny_engine: Callable[..., Any], job: Callable[..., Job], kind: str
) -> None:
    engine = tiny_engine()
    before = job(preset(content_layers={"relu1_2": 1.0, "relu4_2": 0.1, "relu5_1": 3.0}))
    after = replace(before, preset=engine.balanced(before))
    was, now = weighted(engine, before, kind), weighted(engine, after, kind)
    assert max(was.values()) > 2 * min(was.values())
    assert max(now.values()) == pytest.approx(min(now.values()), rel=2 * ROUNDING)
    assert sum(now.values()) == pytest.approx(sum(was.values()), rel=ROUNDING)


def test_the_strength_of_another_preset(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    engine = tiny_engine()
    reference, shallow = job(), job(preset(content_layers=["relu2_2"], style_layers=STYLE[:2]))
    balanced = engine.balanced(shallow, like=reference.preset)
    after = replace(shallow, preset=balanced)
    assert list(balanced.content_layers) == ["relu2_2"] and list(balanced.style_layers) == STYLE[:2]
    for kind in ("content", "style"):
        wanted = sum(weighted(engine, reference, kind).values())
        own = sum(weighted(engine, shallow, kind).values())
        assert own != pytest.approx(wanted, rel=0.05)
        assert sum(weighted(engine, after, kind).values()) == pytest.approx(wanted, rel=ROUNDING)


def test_nothing_but_layer_weights_changes(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    before = job(preset(tv_weight=0.1, content_loss="gatys"))
    after = tiny_engine().balanced(before)
    weights = {"content_layers", "style_layers"}
    assert after.model_dump(exclude=weights) == before.preset.model_dump(exclude=weights)
    assert all(float(f"{w:.3g}") == w for w in after.style_layers.values())


def test_balancing_twice_changes_nothing_more(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    engine, before = tiny_engine(), job()
    once = engine.balanced(before)
    twice = engine.balanced(replace(before, preset=once), like=before.preset)
    assert twice == once != before.preset


def test_where_the_job_starts_and_how_it_is_weighted_does_not_matter(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    engine = tiny_engine()
    like = preset()
    weights = {engine.balanced(each, like).model_dump_json(include={"style_layers"}) for each in (
        job(), job(init="content"), job(preset(ratio=1e-1)), job(evaluations=9), job(stop=1),
        job(preset(style_layers=dict.fromkeys(STYLE, 7.0))), job(preset(scales=2)),
    )}  # fmt: skip
    assert len(weights) == 1
    assert engine.balanced(job(seed=1), like) != engine.balanced(job(), like)


def test_layers_of_weight_zero_stay_out(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    early = dict(zip(STYLE, (0.8, 0.2, 0.0, 0.0, 0.0)))
    balanced = tiny_engine().balanced(job(preset(style_layers=early)))
    assert list(balanced.style_layers.values())[2:] == [0.0] * 3
    assert min(list(balanced.style_layers.values())[:2]) > 0


@pytest.mark.parametrize(("missing", "untouched"), [("content", "style"), ("style", "content")])
def test_without_a_picture_only_the_other_kind(
    tiny_engine: Callable[..., Any], job: Callable[..., Job], missing: str, untouched: str
) -> None:
    before = job(**{missing: None})
    after = tiny_engine().balanced(before)
    name = f"{missing}_layers"
    assert getattr(after, name) == getattr(before.preset, name)
    assert len(getattr(after, f"{untouched}_layers")) == len(getattr(before, f"{untouched}_layers"))


def test_each_objective_is_measured_once(
    tiny_engine: Callable[..., Any], job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counting(*arguments: Any) -> dict[str, dict[str, float]]:
        calls.append(arguments)
        return gradient_norms(*arguments)

    monkeypatch.setattr("replicate.engine.engine.gradient_norms", counting)
    engine = tiny_engine()
    for ratio in (1e-4, 1e-3, 1e-2):
        engine.balanced(job(preset(ratio=ratio)), like=preset())
    assert len(calls) == 1


def test_a_balanced_job_draws_and_keeps_its_key(
    tiny_engine: Callable[..., Any], job: Callable[..., Job], tmp_path: Any
) -> None:
    from replicate.storage.store import ResultStore

    store = ResultStore(tmp_path)
    first = replace(job(), preset=tiny_engine(store=store).balanced(job()))
    tiny_engine(store=store).run(first)
    again = tiny_engine(store=store)
    found = again.stored(replace(job(), preset=again.balanced(job())))
    assert found is not None and found.cached
    assert again.stored(job()) is None
    assert tiny_engine().stored(first) is None  # without a store nothing is kept


# Bad input


def test_a_reference_without_layers_of_the_kind(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    with pytest.raises(ReplicateError, match="no content layers to balance"):
        tiny_engine().balanced(job(), like=preset(content_layers=[]))
    with pytest.raises(ReplicateError, match="no style layers to balance"):
        tiny_engine().balanced(job(), like=preset(style_layers=dict.fromkeys(STYLE, 0.0)))


def test_a_reference_that_has_nothing_for_the_pictures(
    tiny_engine: Callable[..., Any], job: Callable[..., Job]
) -> None:
    with pytest.raises(ReplicateError, match="no layers for the pictures"):
        tiny_engine().balanced(job(style=None), like=preset(content_layers=[]))


@pytest.mark.parametrize("norm", [0.0, float("nan"), float("inf")])
def test_a_gradient_that_cannot_be_balanced(norm: float) -> None:
    norms = {"content": {}, "style": dict.fromkeys(STYLE, 1.0) | {"relu3_1": norm}}
    like = {"content": {}, "style": dict.fromkeys(STYLE, 1.0)}
    with pytest.raises(ReplicateError, match="style layer relu3_1 cannot be balanced"):
        balanced_preset(preset(), norms, preset(), like)


def test_strength_is_before_alpha_and_beta() -> None:
    norms = {"content": {"relu4_2": 3.0}, "style": dict.fromkeys(STYLE, 2.0)}
    assert strength(preset(), "content", norms) == 3.0
    assert strength(preset(ratio=1e-7), "style", norms) == pytest.approx(2.0)
