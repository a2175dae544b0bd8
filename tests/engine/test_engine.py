"""The engine: counting, streaming, storing, seeds, divergence, stand-ins, batches."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replicate.engine import engine as module
from replicate.engine import terms
from replicate.engine.device import arithmetic, choose_device, choose_dtype
from replicate.engine.engine import Engine, _Session
from replicate.engine.job import Job, Result, fit
from replicate.engine.preset import Preset
from replicate.errors import DivergedError, LayerError, ReplicateError, WeightsError
from replicate.images import Picture
from replicate.method import Evaluation, gram_matrix
from replicate.networks import means as normalisation
from replicate.networks import networks as networks_module
from replicate.networks.means import channel_means, measure_means, to_picture, to_tensor
from replicate.networks.spec import NetworkSpec
from replicate.networks.weights import LoadedWeights
from replicate.storage.store import ResultStore

MakeEngine = Callable[..., Engine]
Scene = Callable[..., Picture]

TRANSFER = Preset(
    name="tiny",
    content_layers=["relu3_1"],
    style_layers=["relu1_1", "relu2_1"],
    ratio=1e-2,
    evaluations=5,
    size=32,
)
CONTENT_ONLY = TRANSFER.with_(style_layers={})
STYLE_ONLY = TRANSFER.with_(content_layers={})


@pytest.fixture
def job(scene: Scene) -> Job:
    return Job(TRANSFER, scene(seed=0), scene(seed=1), label="a panel")


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one batch size an evaluation."""
    done: list[int] = []
    original = module.evaluate

    def counted(objective: Any, network: Any, pixels: Any) -> Evaluation:
        done.append(len(pixels))
        return original(objective, network, pixels)

    monkeypatch.setattr(module, "evaluate", counted)
    return done


def changed(job: Job, **changes: Any) -> Job:
    settings = {
        name: getattr(job, name)
        for name in ("preset", "content", "style", "size", "evaluations", "seed", "init", "label")
    }
    return Job(**{**settings, **changes})


def same(one: Picture, other: Picture) -> bool:
    return np.array_equal(one.pixels, other.pixels)


# Running and counting


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_evaluations_are_counted_exactly(
    optimizer: str, count: int, job: Job, evaluations: list[int], tiny_engine: MakeEngine
) -> None:
    preset = job.preset.with_(optimizer=optimizer)
    result = tiny_engine().run(changed(job, preset=preset, evaluations=count))
    assert len(evaluations) == result.evaluations == count
    assert [step for step, _ in result.curve] == list(range(1, count + 1))


def test_a_result_says_everything(job: Job, tiny_engine: MakeEngine) -> None:
    result = tiny_engine().run(job)
    assert result.job is job
    assert result.picture.size == (32, 32)
    assert result.picture.name == "a panel"
    assert set(result.losses) == {"content/relu3_1", "style/relu1_1", "style/relu2_1"}
    assert result.loss == result.curve[-1][1] < result.curve[0][1]
    assert result.seconds > 0
    assert result.precision == "exact"
    assert not result.cached
    assert result.network.description() == {
        "name": "vgg19",
        "weights": "caffe",
        "sha256": "tiny vgg19-caffe",
        "pooling": "max",
        "normalised": False,
    }


def test_the_loss_is_the_weighted_sum_of_the_losses(job: Job, tiny_engine: MakeEngine) -> None:
    preset = job.preset.with_(content_weight=3.0, style_weight=200.0, tv_weight=1e-7)
    result = tiny_engine().run(changed(job, preset=preset))
    losses = result.losses
    total = 3.0 * losses["content/relu3_1"] + 1e-7 * losses["variation"]
    total += 200.0 * 0.5 * (losses["style/relu1_1"] + losses["style/relu2_1"])
    assert result.loss == pytest.approx(total, rel=1e-5)


def test_losses_are_those_of_the_picture(job: Job, tiny_engine: MakeEngine) -> None:
    """Computed anew from the picture before it is cut to 8 bits, with formulas of their own."""
    engine = tiny_engine()
    session = _Session(engine, [job])
    for _ in session:
        pass
    network = engine.networks.network(job.preset.network)
    layers = ["relu3_1", "relu1_1", "relu2_1"]
    with torch.no_grad():
        ours = network(session.optimizer.best, layers)
        photo = network(to_tensor(job.content), layers)["relu3_1"].map
        painting = network(to_tensor(job.style), layers)
    expected = {"content/relu3_1": (ours["relu3_1"].map - photo).square().mean()}
    for layer in ("relu1_1", "relu2_1"):
        difference = gram_matrix(ours[layer].map) - gram_matrix(painting[layer].map)
        expected[f"style/{layer}"] = difference.square().mean()
    (result,) = session.results()
    assert result.losses == pytest.approx({k: float(v) for k, v in expected.items()}, rel=1e-4)


def test_losses_belong_to_the_accepted_picture(
    job: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused step's losses are not reported, neither one by one nor in the curve."""
    original, count = module.evaluate, []

    def worse(objective: Any, network: Any, pixels: Any) -> Evaluation:
        found = original(objective, network, pixels)
        count.append(1)
        if len(count) in (3, 4):
            losses = {name: loss + 1000 for name, loss in found.losses.items()}
            return Evaluation(found.total + 1000, losses, found.gradient)
        return found

    monkeypatch.setattr(module, "evaluate", worse)
    snapshots = list(tiny_engine().stream(changed(job, evaluations=4)))
    assert snapshots[1].losses == snapshots[2].losses == snapshots[3].losses
    assert snapshots[1].loss == snapshots[2].loss == snapshots[3].loss
    assert same(snapshots[1].image, snapshots[3].image)
    assert snapshots[0].losses != snapshots[1].losses


def test_minimisation_gets_somewhere(job: Job, tiny_engine: MakeEngine) -> None:
    short, long = (tiny_engine().run(changed(job, evaluations=n)) for n in (2, 30))
    assert long.loss < 0.2 * short.loss


def test_style_without_content(scene: Scene, tiny_engine: MakeEngine) -> None:
    """The preset's content layers count for nothing where no content picture is given."""
    engine = tiny_engine()
    texture = engine.run(Job(TRANSFER, style=scene(48, 32, seed=1)))
    assert set(texture.losses) == {"style/relu1_1", "style/relu2_1"}
    assert texture.picture.size == (32, 21)
    bare = engine.run(Job(STYLE_ONLY, style=scene(48, 32, seed=1)))
    assert same(texture.picture, bare.picture)


def test_content_without_style(scene: Scene, tiny_engine: MakeEngine) -> None:
    engine = tiny_engine()
    rebuilt = engine.run(Job(TRANSFER, content=scene(32, 48)))
    assert set(rebuilt.losses) == {"content/relu3_1"}
    assert rebuilt.picture.size == (21, 32)
    bare = engine.run(Job(CONTENT_ONLY, content=scene(32, 48)))
    assert same(rebuilt.picture, bare.picture)


def test_content_reconstruction_from_the_first_layer_finds_the_picture(
    scene: Scene, tiny_engine: MakeEngine
) -> None:
    photo = scene()
    preset = TRANSFER.with_(content_layers=["conv1_1"], style_layers={}, evaluations=150)
    result = tiny_engine().run(Job(preset, content=photo))
    error = result.picture.pixels.astype(float) - photo.pixels
    assert np.sqrt(np.mean(error**2)) < 3  # grey levels; it started from noise


@pytest.mark.parametrize("kind", ["content_loss", "style_loss"])
def test_normalisations_of_the_preset_are_used(
    kind: str, job: Job, tiny_engine: MakeEngine
) -> None:
    engine, preset = tiny_engine(), job.preset
    mean = engine.run(changed(job, preset=preset.with_(**{kind: "mean"}), evaluations=1))
    gatys = engine.run(changed(job, preset=preset.with_(**{kind: "gatys"}), evaluations=1))
    for name, loss in mean.losses.items():
        factor = 1.0
        if name.startswith(kind[:5]):  # half the sum for the mean; a quarter of Gatys' mean form
            factor = 0.5 * 7 * 8 * 8 if kind == "content_loss" else 0.25
        assert gatys.losses[name] == pytest.approx(factor * loss, rel=1e-5)


def test_pooling_of_the_preset_is_used(job: Job, tiny_engine: MakeEngine) -> None:
    engine = tiny_engine()
    average = job.preset.with_(network={"pooling": "average"})
    assert not same(engine.run(job).picture, engine.run(changed(job, preset=average)).picture)


def test_style_is_read_at_as_many_pixels_as_the_canvas(
    scene: Scene, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = terms.to_tensor
    monkeypatch.setattr(terms, "to_tensor", lambda p: seen.append(p.size) or original(p))
    tiny_engine().run(Job(TRANSFER, scene(64, 48), scene(100, 25), size=40, evaluations=1))
    content, style = seen
    assert content == (40, 30)
    assert style == (69, 17)


# Streaming


def test_stream_yields_every_evaluation_and_ends_with_runs_picture(
    job: Job, tiny_engine: MakeEngine
) -> None:
    engine = tiny_engine()
    result = engine.run(job)
    snapshots = list(engine.stream(job))
    assert [s.step for s in snapshots] == [1, 2, 3, 4, 5]
    assert {s.steps for s in snapshots} == {5}
    assert same(snapshots[-1].image, result.picture)
    assert snapshots[-1].losses == result.losses
    assert [(s.step, s.loss) for s in snapshots] == result.curve
    assert [s.seconds for s in snapshots] == sorted(s.seconds for s in snapshots)


@pytest.mark.parametrize(
    ("every", "steps"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (50, [5])]
)
def test_stream_always_yields_the_last(
    every: int, steps: list[int], job: Job, tiny_engine: MakeEngine, evaluations: list[int]
) -> None:
    assert [s.step for s in tiny_engine().stream(job, every)] == steps
    assert len(evaluations) == 5


@pytest.mark.parametrize("every", [0, -1])
def test_stream_refuses_less_than_one(every: int, job: Job, tiny_engine: MakeEngine) -> None:
    with pytest.raises(ReplicateError, match=f"every must be at least 1 evaluation, not {every}"):
        tiny_engine().stream(job, every)


def test_snapshots_keep_their_own_picture(job: Job, tiny_engine: MakeEngine) -> None:
    """Asked for late, a snapshot still shows what it was taken of."""
    for optimizer in ("lbfgs", "adam"):
        moving = changed(job, preset=job.preset.with_(optimizer=optimizer, learning_rate=0.05))
        at_once = [s.image for s in tiny_engine().stream(moving)]
        late = [s.image for s in list(tiny_engine().stream(moving))]
        assert all(same(one, other) for one, other in zip(at_once, late))
        assert not same(late[1], late[4])


def test_pictures_are_drawn_only_when_asked_for(
    job: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    original = module.to_picture
    monkeypatch.setattr(module, "to_picture", lambda *p: drawn.append(1) or original(*p))
    snapshots = list(tiny_engine().stream(job))
    after_stream = len(drawn)
    assert after_stream <= 1  # the result's own
    assert snapshots[2].image is snapshots[2].image
    assert len(drawn) == after_stream + 1


def test_closing_a_stream_stops_the_work_and_stores_nothing(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int], tmp_path: Path
) -> None:
    store = ResultStore(tmp_path)
    stream = tiny_engine(store=store).stream(job)
    next(stream)
    next(stream)
    stream.close()
    assert len(evaluations) == 2
    assert len(store) == 0 and not list(tmp_path.iterdir())


def test_a_consumer_that_goes_away_stops_the_work(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int], tmp_path: Path
) -> None:
    store = ResultStore(tmp_path)
    for snapshot in tiny_engine(store=store).stream(job):
        if snapshot.step == 3:
            break
    assert len(evaluations) == 3
    assert len(store) == 0


def test_a_snapshot_makes_a_result_of_what_there_is(job: Job, tiny_engine: MakeEngine) -> None:
    """Stopped early: the result says so, and its job draws the same picture again."""
    stream = tiny_engine().stream(job)
    next(stream)
    next(stream)
    snapshot = next(stream)
    stream.close()
    result = snapshot.result()
    assert (result.evaluations, result.job.stop) == (3, 3)
    assert result.job.evaluations == job.evaluations
    assert [step for step, _ in result.curve] == [1, 2, 3]
    assert result.loss == snapshot.loss and result.losses == snapshot.losses
    assert same(result.picture, snapshot.image)
    assert result.picture.name == "a panel"
    again = tiny_engine().run(result.job)
    assert same(again.picture, result.picture)
    assert again.losses == result.losses


def test_the_last_snapshots_result_is_the_jobs(job: Job, tiny_engine: MakeEngine) -> None:
    *_, last = tiny_engine().stream(job)
    result, whole = last.result(), tiny_engine().run(job)
    assert result.job is job
    assert same(result.picture, whole.picture)
    assert (result.losses, result.curve) == (whole.losses, whole.curve)


def test_an_early_snapshots_result_does_not_grow(job: Job, tiny_engine: MakeEngine) -> None:
    snapshots = list(tiny_engine().stream(job))
    assert len(snapshots[1].result().curve) == 2


def test_a_stream_costs_nothing_before_it_is_read(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int]
) -> None:
    tiny_engine().stream(job)
    assert evaluations == []


# The store


def test_a_stored_result_comes_back_as_it_was(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int], tmp_path: Path
) -> None:
    first = tiny_engine(store=ResultStore(tmp_path)).run(job)
    spent = len(evaluations)
    again = tiny_engine(store=ResultStore(tmp_path)).run(job)
    assert len(evaluations) == spent
    assert again.cached and not first.cached
    assert same(again.picture, first.picture)
    for what in ("loss", "losses", "curve", "evaluations", "seconds", "network", "precision"):
        assert getattr(again, what) == getattr(first, what), what
    assert again.job is job


def test_a_finished_stream_is_stored(job: Job, tiny_engine: MakeEngine, tmp_path: Path) -> None:
    engine = tiny_engine(store=ResultStore(tmp_path))
    *_, last = engine.stream(job)
    result = engine.run(job)
    assert result.cached
    assert same(result.picture, last.image)


def test_a_damaged_store_draws_anew(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int], tmp_path: Path
) -> None:
    first = tiny_engine(store=ResultStore(tmp_path)).run(job)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    again = tiny_engine(store=ResultStore(tmp_path)).run(job)
    assert not again.cached
    assert same(again.picture, first.picture)
    assert len(evaluations) == 10


def test_without_a_store_everything_is_drawn(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int]
) -> None:
    engine = tiny_engine()
    assert not engine.run(job).cached and not engine.run(job).cached
    assert len(evaluations) == 10


def test_another_network_precision_or_pooling_is_another_result(
    job: Job, tiny_engine: MakeEngine, tmp_path: Path
) -> None:
    store = ResultStore(tmp_path)
    average = changed(job, preset=job.preset.with_(network={"pooling": "average"}))
    for made, how in [(job, {}), (average, {}), (job, {"network": "vgg19-random"}),
                      (job, {"precision": "float32"}), (job, {"precision": "bf16"})]:  # fmt: skip
        assert not tiny_engine(store=store, **how).run(made).cached
    assert len(store) == 5


CHANGES: dict[str, dict[str, Any]] = {
    "size": {"size": 30},
    "evaluations": {"evaluations": 6},
    "seed": {"seed": 1},
    "init": {"init": "content"},
    "ratio": {"preset": TRANSFER.with_(ratio=2e-2)},
    "content layer": {"preset": TRANSFER.with_(content_layers=["relu3_2"])},
    "conv for relu": {"preset": TRANSFER.with_(content_layers=["conv3_1"])},
    "layer weight": {"preset": TRANSFER.with_(style_layers={"relu1_1": 0.5, "relu2_1": 0.4})},
    "content loss": {"preset": TRANSFER.with_(content_loss="gatys")},
    "style loss": {"preset": TRANSFER.with_(style_loss="gatys")},
    "variation": {"preset": TRANSFER.with_(tv_weight=1e-6)},
    "optimizer": {"preset": TRANSFER.with_(optimizer="adam")},
    "clamp": {"preset": TRANSFER.with_(clamp=True)},
    "normalised": {"preset": TRANSFER.with_(network={"normalised": True})},
    "ratio's canvas": {"preset": TRANSFER.with_(ratio_pixels=4096)},
    "content first": {"preset": TRANSFER.with_(content_first=0.5)},
}
NO_CHANGES: dict[str, dict[str, Any]] = {
    "label": {"label": "b"},
    "name": {"preset": TRANSFER.with_(name="n", label="l", source="s", note="t")},
    "the preset's own size": {"preset": TRANSFER.with_(size=512), "size": 32},
    "Adam's rate for L-BFGS": {"preset": TRANSFER.with_(learning_rate=0.5)},
    "spelling of a layer": {"preset": TRANSFER.with_(content_layers={"block3_conv1": 1})},
    "scales, which are for content alone": {"preset": TRANSFER.with_(scales=2)},
}


def key(job: Job) -> str:
    return ResultStore.key(job.description())


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_the_picture_changes_the_key(change: str, job: Job) -> None:
    assert key(changed(job, **CHANGES[change])) != key(job)


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_does_not_change_the_picture_does_not_change_the_key(change: str, job: Job) -> None:
    assert key(changed(job, **NO_CHANGES[change])) == key(job)


def test_other_pictures_change_the_key(job: Job, scene: Scene) -> None:
    keys = {key(changed(job, **{kind: scene(seed=5)})) for kind in ("content", "style")}
    assert len(keys | {key(job)}) == 3
    starts = {key(changed(job, init=None, start=scene(seed=seed))) for seed in (5, 6)}
    assert len(starts | {key(job)}) == 3
    named = Picture(job.content.pixels.copy(), "another name", "credit")
    assert key(changed(job, content=named)) == key(job)


def test_the_seed_counts_only_for_noise(job: Job) -> None:
    from_content = [key(changed(job, init="content", seed=seed)) for seed in (1, 2)]
    assert from_content[0] == from_content[1]


# Seeds and starts


def test_a_seed_twice_gives_the_same_bytes(job: Job, tiny_engine: MakeEngine) -> None:
    for optimizer in ("lbfgs", "adam"):
        again = changed(job, seed=3, preset=job.preset.with_(optimizer=optimizer))
        one, other = (tiny_engine().run(again) for _ in range(2))
        assert same(one.picture, other.picture)
        assert one.losses == other.losses and one.curve == other.curve


def test_the_global_generator_plays_no_part(job: Job, tiny_engine: MakeEngine) -> None:
    torch.manual_seed(1)
    one = tiny_engine().run(job)
    state = torch.random.get_rng_state()
    torch.manual_seed(2)
    assert same(tiny_engine().run(job).picture, one.picture)
    torch.manual_seed(1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_different_seeds_differ(job: Job, tiny_engine: MakeEngine) -> None:
    engine = tiny_engine()
    pictures = [engine.run(changed(job, seed=seed)).picture for seed in (0, 1, 2)]
    assert not same(pictures[0], pictures[1])
    assert not same(pictures[1], pictures[2])


def first_point(job: Job, engine: Engine) -> Picture:
    """The best picture after one evaluation is the start itself."""
    return engine.run(changed(job, evaluations=1, start=job.start)).picture


def test_starts(scene: Scene, tiny_engine: MakeEngine) -> None:
    content, style, other = scene(40, 20), scene(20, 40, seed=1), scene(seed=2)
    engine = tiny_engine()
    base = Job(TRANSFER, content, style, size=32)
    starts = {
        "content": changed(base, init="content"),
        "style": changed(base, init="style"),
        "picture": Job(TRANSFER, content, style, size=32, start=other),
    }
    assert starts["picture"].init == "picture"
    origins = {"content": content, "style": style, "picture": other}
    for init, made in starts.items():
        assert same(first_point(made, engine), origins[init].resized(32, 16)), init


def test_noise_start(scene: Scene, tiny_engine: MakeEngine) -> None:
    photo = scene(64, 64)
    start = first_point(Job(CONTENT_ONLY, photo, size=64, seed=4), tiny_engine())
    levels = start.pixels.astype(float)
    # Gatys' code: standard deviation about 1 on the scale 0..255, here 0.01 of the range.
    assert levels.mean() == pytest.approx(127.5, abs=0.2)
    assert levels.std() == pytest.approx(2.55, abs=0.1)
    # White: neighbours know nothing of each other, nor colours.
    centred = levels - levels.mean()
    assert abs((centred[:, 1:] * centred[:, :-1]).mean()) < 0.05 * centred.var()
    assert abs((centred[..., 0] * centred[..., 1]).mean()) < 0.05 * centred.var()


def test_preset_says_where_to_start(scene: Scene, tiny_engine: MakeEngine) -> None:
    photo = scene()
    preset = TRANSFER.with_(init="content")
    job = Job(preset, photo, scene(seed=1), evaluations=1)
    assert job.init == "content"
    assert same(tiny_engine().run(job).picture, photo)
    assert Job(preset, photo, scene(seed=1), init="noise").init == "noise"
    assert Job(preset, photo, scene(seed=1), start=photo).init == "picture"


# Many jobs


def test_run_many_keeps_the_order(
    job: Job, scene: Scene, tiny_engine: MakeEngine, tmp_path: Path, evaluations: list[int]
) -> None:
    jobs = [
        changed(job, seed=1, label="a"),
        changed(job, size=24, label="b"),
        Job(CONTENT_ONLY, scene(seed=6), label="c"),
        changed(job, preset=job.preset.with_(optimizer="adam"), label="d"),
        changed(job, seed=2, label="e"),
    ]
    engine = tiny_engine(store=ResultStore(tmp_path))
    stored = engine.run(jobs[3])
    evaluations.clear()
    results = engine.run_many(jobs)
    assert [r.job for r in results] == jobs
    assert [r.picture.name for r in results] == ["a", "b", "c", "d", "e"]
    assert [r.cached for r in results] == [False, False, False, True, False]
    assert sum(evaluations) == 4 * 5
    assert same(results[3].picture, stored.picture)
    fresh = tiny_engine()
    for each, result in zip(jobs, results):
        assert same(fresh.run(each).picture, result.picture)


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("stored", [False, True])
def test_equal_jobs_are_drawn_once(
    gpu: bool,
    stored: bool,
    job: Job,
    tiny_engine: MakeEngine,
    tmp_path: Path,
    evaluations: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if gpu:
        as_on_a_gpu(monkeypatch)
    store = ResultStore(tmp_path) if stored else None
    jobs = [changed(job, label="a"), changed(job, seed=1, label="b"), changed(job, label="c")]
    calls: list[tuple[str, int]] = []
    results = tiny_engine(store=store).run_many(
        jobs, lambda j, done, _: calls.append((j.label, done))
    )
    assert sum(evaluations) == 2 * 5
    assert [r.job for r in results] == jobs
    assert [r.picture.name for r in results] == ["a", "b", "c"]
    assert same(results[0].picture, results[2].picture)
    assert not same(results[0].picture, results[1].picture)
    assert results[2].losses == results[0].losses and not results[2].cached
    assert ("c", 5) in calls


def test_run_many_of_nothing(tiny_engine: MakeEngine) -> None:
    assert tiny_engine().run_many([]) == []


def test_progress_ends_at_all_for_every_job(
    job: Job, tiny_engine: MakeEngine, tmp_path: Path
) -> None:
    jobs = [changed(job, seed=seed, label=str(seed)) for seed in (1, 2, 3)]
    engine = tiny_engine(store=ResultStore(tmp_path))
    engine.run(jobs[1])
    calls: list[tuple[str, int, int]] = []
    engine.run_many(jobs, lambda job, done, steps: calls.append((job.label, done, steps)))
    by_label = {label: [c[1:] for c in calls if c[0] == label] for label in "123"}
    assert by_label["2"] == [(5, 5)]
    assert by_label["1"] == by_label["3"] == [(n, 5) for n in range(1, 6)]


def test_each_result_is_stored_as_soon_as_it_is_done(
    job: Job, tiny_engine: MakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of the second job, the first is not lost."""
    store = ResultStore(tmp_path)
    jobs = [changed(job, seed=seed, label=str(seed)) for seed in (1, 2)]

    def stop(job: Job, done: int, steps: int) -> None:
        if job.label == "2" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_engine(store=store).run_many(jobs, stop)
    assert len(store) == 1
    results = tiny_engine(store=store).run_many(jobs)
    assert [r.cached for r in results] == [True, False]


def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Group jobs as on a GPU, and still draw on the CPU."""
    original = Engine._group

    def group(self: Engine, job: Job, index: int) -> str:
        elsewhere = copy.copy(self)
        elsewhere.device = torch.device("cuda")
        return original(elsewhere, job, index)

    monkeypatch.setattr(Engine, "_group", group)


def panels(scene: Scene) -> list[Job]:
    """A figure's worth: ratios, targets, seeds and starts differ within one batch."""
    job = Job(TRANSFER.with_(tv_weight=1e-7), scene(seed=0), scene(seed=1), evaluations=6)
    return [
        changed(job, label="plain"),
        changed(job, label="ratio", preset=job.preset.with_(ratio=1e-4)),
        changed(job, label="seed", seed=5),
        changed(job, label="start", init="content"),
        changed(job, label="pictures", content=scene(seed=7), style=scene(48, 20, seed=8)),
        changed(job, label="weights", preset=job.preset.with_(
            style_layers={"relu1_1": 0.9, "relu2_1": 0.1}, tv_weight=1e-5)),
    ]  # fmt: skip


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_batch_draws_what_each_job_draws_alone(
    optimizer: str,
    scene: Scene,
    tiny_engine: MakeEngine,
    evaluations: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [changed(j, preset=j.preset.with_(optimizer=optimizer)) for j in panels(scene)]
    alone = tiny_engine().run_many(jobs)
    assert set(evaluations) == {1}
    evaluations.clear()
    as_on_a_gpu(monkeypatch)
    together = tiny_engine().run_many(jobs)
    assert evaluations == [6] * 6
    for one, other in zip(alone, together):
        difference = one.picture.pixels.astype(int) - other.picture.pixels
        assert abs(difference).max() <= 1, one.job.label
        assert other.losses == pytest.approx(one.losses, rel=1e-3)
        assert other.loss == pytest.approx(one.loss, rel=1e-3)
        assert [s for s, _ in other.curve] == [s for s, _ in one.curve]


APART: dict[str, Callable[[Job], Job]] = {
    "size": lambda job: changed(job, size=24),
    "evaluations": lambda job: changed(job, evaluations=4),
    "layers": lambda job: changed(job, preset=job.preset.with_(content_layers=["relu2_2"])),
    "no style": lambda job: changed(job, style=None),
    "optimizer": lambda job: changed(job, preset=job.preset.with_(optimizer="adam")),
    "rate": lambda job: changed(job, preset=job.preset.with_(learning_rate=0.2)),
    "clamp": lambda job: changed(job, preset=job.preset.with_(clamp=True)),
    "loss": lambda job: changed(job, preset=job.preset.with_(style_loss="gatys")),
    "statistic": lambda job: changed(job, preset=job.preset.with_(style_statistic="mean")),
    "shift": lambda job: changed(job, preset=job.preset.with_(activation_shift=-1.0)),
    "variation": lambda job: changed(job, preset=job.preset.with_(tv_weight=1e-6)),
    "pooling": lambda job: changed(job, preset=job.preset.with_(network={"pooling": "average"})),
    "network": lambda job: changed(job, preset=job.preset.with_(network={"name": "vgg16"})),
    "content first": lambda job: changed(job, preset=job.preset.with_(content_first=0.5)),
}


@pytest.mark.parametrize("difference", APART)
def test_jobs_that_cannot_share_a_batch_do_not(
    difference: str, job: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_a_gpu(monkeypatch)
    engine = tiny_engine()
    other = APART[difference](job)
    assert engine._group(job, 0) == engine._group(changed(job, seed=9), 1)
    assert engine._group(job, 0) != engine._group(other, 1)


def test_large_batches_are_split(
    job: Job, tiny_engine: MakeEngine, evaluations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_a_gpu(monkeypatch)
    monkeypatch.setattr(module, "BATCH_PIXELS", 2 * 32 * 32 + 5)
    jobs = [changed(job, seed=seed, evaluations=1) for seed in range(5)]
    results = tiny_engine().run_many(jobs)
    assert evaluations == [2, 2, 1]
    assert [r.job for r in results] == jobs
    monkeypatch.setattr(module, "BATCH_PIXELS", 1)
    evaluations.clear()
    tiny_engine().run_many(jobs[:2])
    assert evaluations == [1, 1]


# Several at a time on a CPU


def test_workers_draw_the_same_pictures(job: Job, tiny_engine: MakeEngine) -> None:
    jobs = [changed(job, seed=seed, label=str(seed)) for seed in range(4)]
    threads = torch.get_num_threads()
    alone = tiny_engine().run_many(jobs)
    together = tiny_engine(workers=3).run_many(jobs)
    assert torch.get_num_threads() == threads
    assert [result.picture.name for result in together] == ["0", "1", "2", "3"]
    assert all(same(a.picture, b.picture) for a, b in zip(alone, together))


def test_what_a_worker_raises_stops_the_others(
    job: Job, tiny_engine: MakeEngine, tmp_path: Path
) -> None:
    def stop(drawn: Job, step: int, steps: int) -> None:
        if drawn.label == "0":
            raise KeyboardInterrupt

    jobs = [changed(job, seed=seed, label=str(seed), evaluations=90_000) for seed in range(6)]
    store = ResultStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        tiny_engine(store=store, workers=2).run_many(jobs, stop)
    assert len(store) == 0


# From coarse to fine


def test_levels_halve_the_size_and_share_the_evaluations(scene: Scene) -> None:
    job = Job(TRANSFER.with_(scales=3), scene(64, 48), size=256, evaluations=11)
    assert [(level.canvas, level.evaluations) for level in job.levels()] == [
        ((64, 48), 3), ((128, 96), 3), ((256, 192), 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "evaluations", "sizes"),
    [
        (256, 10, [32, 64, 128, 256]),
        (256, 3, [64, 128, 256]),  # each level needs an evaluation
        (256, 1, [256]),
        (100, 10, [50, 100]),  # nothing under 32 px
        (62, 10, [62]),
        (20, 10, [20]),
    ],
)
def test_levels_that_would_be_too_small_are_left_out(
    size: int, evaluations: int, sizes: list[int], scene: Scene
) -> None:
    job = Job(TRANSFER.with_(scales=4), scene(), size=size, evaluations=evaluations)
    levels = job.levels()
    assert [max(level.canvas) for level in levels] == sizes
    assert sum(level.evaluations for level in levels) == evaluations
    assert all(level.evaluations >= 1 for level in levels)


def test_a_start_from_a_picture_has_one_level(scene: Scene) -> None:
    preset = TRANSFER.with_(scales=3)
    for how in ({"init": "content"}, {"init": "style"}, {"start": scene()}):
        job = Job(preset, scene(), scene(), size=256, **how)
        assert [(max(level.canvas), level.evaluations) for level in job.levels()] == [(256, 5)]
    one = Job(TRANSFER, scene(), scene(), size=256).levels()
    assert [max(level.canvas) for level in one] == [256]


@pytest.mark.parametrize(
    ("size", "evaluations", "plan"),
    [
        (256, 12, [(128, 4, False), (256, 8, True)]),
        (256, 2, [(128, 1, False), (256, 1, True)]),  # each level needs an evaluation
        (256, 1, [(256, 1, True)]),
        (48, 12, [(48, 4, False), (48, 8, True)]),  # half the size would be too small
    ],
)
def test_the_content_comes_first_at_half_the_size(
    size: int, evaluations: int, plan: list[tuple[int, int, bool]], scene: Scene
) -> None:
    for scales in (1, 3):  # which are for content alone
        preset = TRANSFER.with_(scales=scales, content_first=1 / 3)
        job = Job(preset, scene(), scene(), size=size, evaluations=evaluations)
        found = [(max(each.canvas), each.evaluations, each.style) for each in job.levels()]
        assert found == plan


def test_content_first_counts_only_for_transfers_from_noise(scene: Scene) -> None:
    preset = TRANSFER.with_(content_first=0.5)
    others = [
        {"content": scene(), "style": scene(), "init": "content"},
        {"content": scene(), "style": None},
        {"content": None, "style": scene()},
    ]
    for pictures in others:
        job = Job(preset, **pictures)  # type: ignore[arg-type]
        assert [(max(level.canvas), level.evaluations) for level in job.levels()] == [(32, 5)]
        plain = Job(TRANSFER, **pictures)  # type: ignore[arg-type]
        assert job.description() == plain.description()
    leading, plain = Job(preset, scene(), scene()), Job(TRANSFER, scene(), scene())
    assert leading.description() != plain.description()


def test_scales_of_a_reconstruction_change_the_key(scene: Scene) -> None:
    once, twice = (Job(TRANSFER.with_(scales=scales), scene()) for scales in (1, 2))
    assert key(once) != key(twice)


def test_the_content_alone_is_minimised_first(scene: Scene, tiny_engine: MakeEngine) -> None:
    preset = TRANSFER.with_(content_first=0.5)
    job = Job(preset, scene(96, 72), scene(60, 60, seed=1), size=96, evaluations=8)
    snapshots = list(tiny_engine().stream(job))
    assert all(name.startswith("content/") for name in snapshots[3].losses)
    assert snapshots[3].image.size == (48, 36)
    assert any(name.startswith("style/") for name in snapshots[4].losses)
    assert snapshots[4].image.size == (96, 72)


@pytest.fixture
def coarse_to_fine(scene: Scene) -> Job:
    preset = TRANSFER.with_(content_first=3 / 7)
    return Job(
        preset, scene(96, 72), scene(60, 60, seed=1), size=96, evaluations=7, label="a panel"
    )


def test_each_level_starts_from_the_last_one_enlarged(
    coarse_to_fine: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, original = [], module.evaluate

    def watched(objective: Any, network: Any, pixels: Any) -> Evaluation:
        points.append(pixels.clone())
        return original(objective, network, pixels)

    monkeypatch.setattr(module, "evaluate", watched)
    session = _Session(tiny_engine(), [coarse_to_fine])
    bests = [session.optimizer.best for _ in session]
    assert [tuple(p.shape[2:]) for p in points] == [(36, 48)] * 3 + [(72, 96)] * 4
    enlarged = torch.nn.functional.interpolate(bests[2], (72, 96), mode="bicubic")
    torch.testing.assert_close(points[3], enlarged)
    generator = torch.Generator().manual_seed(coarse_to_fine.seed)
    noise = 0.5 + 0.01 * torch.randn(1, 3, 36, 48, generator=generator)
    torch.testing.assert_close(points[0], noise)


def test_targets_are_read_at_each_levels_size(
    coarse_to_fine: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = terms.to_tensor
    monkeypatch.setattr(terms, "to_tensor", lambda p: seen.append(p.size) or original(p))
    tiny_engine().run(coarse_to_fine)
    assert seen == [(48, 36), (96, 72), (83, 83)]  # style only at full size


def test_snapshots_and_result_of_several_levels(
    coarse_to_fine: Job, tiny_engine: MakeEngine, evaluations: list[int]
) -> None:
    snapshots = list(tiny_engine().stream(coarse_to_fine))
    assert len(evaluations) == 7
    assert [s.step for s in snapshots] == [1, 2, 3, 4, 5, 6, 7]
    assert {s.steps for s in snapshots} == {7}
    assert [s.image.size for s in snapshots] == [(48, 36)] * 3 + [(96, 72)] * 4
    result = tiny_engine().run(coarse_to_fine)
    assert same(result.picture, snapshots[-1].image)
    assert result.evaluations == 7 and len(result.curve) == 7
    assert result.losses == snapshots[-1].losses


def test_the_last_levels_losses_are_its_own(coarse_to_fine: Job, tiny_engine: MakeEngine) -> None:
    """One evaluation at full size: its losses are those of the enlarged picture."""
    job = changed(coarse_to_fine, evaluations=2)
    engine = tiny_engine()
    session = _Session(engine, [job])
    for _ in session:
        pass
    (result,) = session.results()
    with torch.no_grad():
        maps = engine.networks.network(job.preset.network)(session.optimizer.best, ["relu3_1"])
        target = engine.networks.network(job.preset.network)(to_tensor(job.content), ["relu3_1"])
    expected = (maps["relu3_1"].map - target["relu3_1"].map).square().mean()
    assert result.losses["content/relu3_1"] == pytest.approx(float(expected), rel=1e-4)


def test_clamped_pixels_stay_clamped_between_levels(
    scene: Scene, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bicubic enlargement overshoots at edges."""
    points, original = [], module.evaluate

    def watched(objective: Any, network: Any, pixels: Any) -> Evaluation:
        points.append(pixels.clone())
        return original(objective, network, pixels)

    monkeypatch.setattr(module, "evaluate", watched)
    checks = Picture(np.kron(np.indices((8, 8)).sum(0) % 2 * 255, np.ones((8, 8)))
                     .astype(np.uint8)[:, :, None].repeat(3, axis=2))  # fmt: skip
    preset = TRANSFER.with_(content_layers=["conv1_1"], style_layers={}, clamp=True, scales=2)
    tiny_engine().run(Job(preset, checks, size=64, evaluations=60))
    assert points[30].shape[3] == 64
    assert all(float(p.min()) >= 0 and float(p.max()) <= 1 for p in points)
    assert float(points[29].min()) == 0 and float(points[29].max()) == 1


def test_a_batch_from_coarse_to_fine(
    coarse_to_fine: Job,
    scene: Scene,
    tiny_engine: MakeEngine,
    evaluations: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [
        coarse_to_fine,
        changed(coarse_to_fine, seed=4),
        changed(coarse_to_fine, content=scene(96, 72, seed=5)),
    ]
    alone = tiny_engine().run_many(jobs)
    evaluations.clear()
    as_on_a_gpu(monkeypatch)
    together = tiny_engine().run_many(jobs)
    assert evaluations == [3] * 7
    for one, other in zip(alone, together):
        difference = one.picture.pixels.astype(int) - other.picture.pixels
        assert abs(difference).max() <= 1


def test_photographs_of_other_sizes_may_differ_in_a_coarse_level_only(
    scene: Scene, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sides are rounded at each level by themselves: one canvas, two half canvases."""
    preset = TRANSFER.with_(content_first=0.5)
    one, other = (
        Job(preset, scene(*size), scene(), size=100, evaluations=2) for size in [(85, 60), (98, 70)]
    )
    assert one.canvas == other.canvas
    assert one.levels()[0].canvas != other.levels()[0].canvas
    as_on_a_gpu(monkeypatch)
    results = tiny_engine().run_many([one, other])
    assert [r.picture.size for r in results] == [one.canvas] * 2


def test_divergence_at_the_second_level(
    coarse_to_fine: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, count = module.evaluate, []

    def poisoned(objective: Any, network: Any, pixels: Any) -> Evaluation:
        count.append(1)
        found = original(objective, network, pixels)
        factor = float("nan") if len(count) == 4 else 1.0
        return Evaluation(found.total * factor, found.losses, found.gradient)

    monkeypatch.setattr(module, "evaluate", poisoned)
    with pytest.raises(DivergedError) as caught:
        tiny_engine().run(coarse_to_fine)
    assert caught.value.step == 4
    assert caught.value.picture.size == (96, 72)
    assert caught.value.picture.pixels.std() > 1


# The ratio's canvas


def test_alpha_grows_on_smaller_canvases(scene: Scene) -> None:
    """A ratio is meant for a number of pixels; alpha goes as its inverse."""
    preset = TRANSFER.with_(content_weight=3.0, style_weight=5.0, ratio_pixels=512 * 384)
    at = {
        size: Job(preset, scene(64, 48), scene(), size=size).content_weight
        for size in (512, 256, 128)
    }
    assert at == {512: 3.0, 256: 12.0, 128: 48.0}
    assert Job(TRANSFER, scene(), scene(), size=64).content_weight == TRANSFER.content_weight


def test_alpha_of_the_canvas_is_used(scene: Scene, tiny_engine: MakeEngine) -> None:
    preset = TRANSFER.with_(content_weight=3.0, style_weight=200.0, ratio_pixels=4 * 32 * 32)
    result = tiny_engine().run(Job(preset, scene(), scene(seed=1)))
    losses = result.losses
    total = 4 * 3.0 * losses["content/relu3_1"]
    total += 200.0 * 0.5 * (losses["style/relu1_1"] + losses["style/relu2_1"])
    assert result.loss == pytest.approx(total, rel=1e-5)


# Divergence


@pytest.mark.parametrize("rate", [50.0, 1e6])
def test_absurd_learning_rate_stops_with_the_last_good_picture(
    rate: float, job: Job, scene: Scene, tiny_engine: MakeEngine
) -> None:
    preset = job.preset.with_(optimizer="adam", learning_rate=rate)
    absurd = changed(job, preset=preset, init="content", evaluations=20)
    with pytest.raises(DivergedError) as caught:
        tiny_engine().run(absurd)
    error = caught.value
    assert error.step == 2
    assert "evaluation 2" in str(error) and "a panel" in str(error)
    assert "learning rate" in str(error)
    assert isinstance(error, ReplicateError)
    assert same(error.picture, absurd.content)  # the start: all that was good


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_from_the_start(
    optimizer: str,
    value: float,
    job: Job,
    tiny_engine: MakeEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = module.evaluate

    def poisoned(objective: Any, network: Any, pixels: Any) -> Evaluation:
        found = original(objective, network, pixels)
        return Evaluation(found.total * value, found.losses, found.gradient)

    monkeypatch.setattr(module, "evaluate", poisoned)
    made = changed(job, preset=job.preset.with_(optimizer=optimizer), init="content")
    with pytest.raises(DivergedError) as caught:
        tiny_engine().run(made)
    assert caught.value.step == 1
    assert same(caught.value.picture, made.content)


def test_adam_stops_at_nan_in_the_middle(
    job: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original, count = module.evaluate, []

    def poisoned(objective: Any, network: Any, pixels: Any) -> Evaluation:
        count.append(1)
        found = original(objective, network, pixels)
        return Evaluation(found.total * (float("nan") if len(count) == 4 else 1), *(
            found.losses, found.gradient))  # fmt: skip

    monkeypatch.setattr(module, "evaluate", poisoned)
    store = ResultStore(tmp_path)
    made = changed(job, preset=job.preset.with_(optimizer="adam"))
    shown: list[Picture] = []
    with pytest.raises(DivergedError) as caught:
        for snapshot in tiny_engine(store=store).stream(made):
            shown.append(snapshot.image)
    assert caught.value.step == 4 and len(shown) == 3
    assert same(caught.value.picture, shown[-1])
    assert len(store) == 0


def test_lbfgs_steps_back_from_nan_instead_of_stopping(
    job: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, count = module.evaluate, []

    def poisoned(objective: Any, network: Any, pixels: Any) -> Evaluation:
        count.append(1)
        found = original(objective, network, pixels)
        bad = len(count) in (3, 6, 7)
        return Evaluation(found.total * float("nan") if bad else found.total, *(
            found.losses, found.gradient))  # fmt: skip

    monkeypatch.setattr(module, "evaluate", poisoned)
    result = tiny_engine().run(changed(job, evaluations=15))
    losses = [loss for _, loss in result.curve]
    assert np.isfinite(losses).all()
    assert losses[2] == losses[1] and losses[6] == losses[5] == losses[4]
    assert result.loss < losses[1]


# Stand-ins


def test_a_stand_in_draws_and_is_said_once(job: Job, tiny_engine: MakeEngine) -> None:
    said: list[str] = []
    engine = tiny_engine(here=(), say=said.append)
    average = changed(job, preset=job.preset.with_(network={"pooling": "average"}))
    results = [engine.run(each) for each in (job, changed(job, seed=1), average)]
    assert len(said) == 1
    assert "vgg19-caffe" in said[0] and "vgg19-random" in said[0]
    assert "replicate weights fetch vgg19-caffe" in said[0]
    assert {r.network.spec.name for r in results} == {"vgg19-random"}
    assert results[0].network.sha256 == "tiny vgg19-random"
    assert results[2].network.spec.pooling == "average"
    engine.run(changed(job, preset=job.preset.with_(network={"name": "vgg16"})))
    assert len(said) == 2 and "vgg16-caffe" in said[1]


def test_the_bundled_network_stands_in_where_there_is_one(
    job: Job, tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    engine = tiny_engine(here=(), say=said.append)
    weights = networks_module.random_weights()
    monkeypatch.setattr(networks_module, "bundled_weights", lambda name: weights)
    monkeypatch.setattr(networks_module, "load_weights", lambda name: weights)
    result = engine.run(job)
    assert result.network.spec.name == "vgg19-compact"
    assert result.network.entry.bundled
    assert "vgg19-compact" in said[0]


def test_nothing_is_said_when_the_right_network_is_there(job: Job, tiny_engine: MakeEngine) -> None:
    said: list[str] = []
    assert tiny_engine(say=said.append).run(job).network.spec.name == "vgg19-caffe"
    assert said == []


@pytest.mark.parametrize(
    ("network", "key"),
    [
        ("vgg19-random", "vgg19-random"),
        ("vgg16-caffe", "vgg16-caffe"),
        ("vgg16", "vgg16-caffe"),
        ("vgg19", "vgg19-caffe"),
        ("auto", "vgg19-caffe"),
    ],
)
def test_a_network_by_name_overrides_the_presets(
    network: str, key: str, job: Job, tiny_engine: MakeEngine
) -> None:
    said: list[str] = []
    result = tiny_engine(network=network, say=said.append).run(job)
    assert result.network.spec.name == key
    assert result.network.sha256 == f"tiny {key}"
    assert said == []


def test_a_compact_preset_under_another_network(job: Job, tiny_engine: MakeEngine) -> None:
    compact = changed(job, preset=job.preset.with_(network={"name": "vgg19-compact"}))
    assert tiny_engine(network="vgg19").run(compact).network.spec.name == "vgg19-caffe"


def test_a_network_asked_for_by_name_must_be_there(job: Job, tiny_engine: MakeEngine) -> None:
    with pytest.raises(WeightsError, match="vgg19-torchvision"):
        tiny_engine(here=(), network="vgg19-torchvision").run(job)
    with pytest.raises(WeightsError, match="vgg19-compact"):
        tiny_engine(network="vgg19-compact").run(job)


@pytest.mark.parametrize(
    ("network", "near"),
    [
        ("vgg91", "vgg19"),
        ("vgg19-cafe", "vgg19-caffe"),
        ("VGG19", "vgg19"),
        ("vgg19-compcat", "vgg19-compact"),
    ],
)
def test_unknown_network(network: str, near: str) -> None:
    with pytest.raises(WeightsError, match=f"did you mean '{near}'"):
        Engine(device="cpu", network=network)


def test_a_layer_that_another_network_lacks(job: Job, tiny_engine: MakeEngine) -> None:
    deep = changed(job, preset=job.preset.with_(content_layers=["relu3_4"]))
    with pytest.raises(LayerError, match="relu3_4"):
        tiny_engine(network="vgg16-caffe").run(deep)


def test_random_network_for_real(scene: Scene) -> None:
    """Not a stand-in's stand-in: the true one, of full width."""
    engine = Engine(device="cpu", precision="exact", network="vgg19-random")
    result = engine.run(Job(TRANSFER, scene(), scene(seed=1), evaluations=2))
    assert result.network.spec.label == "VGG-19-random, max pooling"
    assert len(result.network.sha256) == 64
    assert result.loss < result.curve[0][1]


# Devices and precisions


@pytest.mark.parametrize("name", ["gpu", "", "cpu0", "cuda:x", "tpu"])
def test_what_is_no_device(name: str) -> None:
    with pytest.raises(ReplicateError, match="auto, cpu, cuda"):
        Engine(device=name)


@pytest.mark.parametrize("name", ["cuda:99", "meta", "xpu"])
def test_a_device_that_is_not_here(name: str) -> None:
    with pytest.raises(ReplicateError, match=f"no device '{name}' on this machine"):
        Engine(device=name)


def test_cuda_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "mps"):
        with pytest.raises(ReplicateError, match=f"no device '{name}' on this machine"):
            choose_device(name)
    assert choose_device("auto") == torch.device("cpu")


def test_auto_prefers_the_faster_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


@pytest.mark.parametrize("precision", ["float16", "fp32", "", "half"])
def test_unknown_precision(precision: Any) -> None:
    with pytest.raises(ReplicateError, match="auto, bf16, float32 or exact"):
        Engine(device="cpu", precision=precision)


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert choose_dtype("bf16", cpu) == torch.bfloat16
    assert choose_dtype("float32", cpu) == choose_dtype("exact", cpu) == torch.float32
    for here, dtype, label in [(True, torch.bfloat16, "bf16"), (False, torch.float32, "float32")]:
        monkeypatch.setattr("replicate.engine.device.has_bf16", lambda device, here=here: here)
        assert choose_dtype("auto", cpu) == dtype
        assert Engine(device="cpu").precision == label
    assert Engine(device="cpu", precision="exact").precision == "exact"


def test_exact_arithmetic_turns_tf32_off_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    with pytest.raises(ZeroDivisionError), arithmetic(exact=True):
        assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic) == (False, False, True)
        raise ZeroDivisionError
    assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic) == before
    with arithmetic(exact=False):
        assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic) == before


def test_bf16_ends_close_to_float32(job: Job, tiny_engine: MakeEngine) -> None:
    results: list[Result] = [
        tiny_engine(precision=precision).run(changed(job, evaluations=40))
        for precision in ("bf16", "exact")
    ]
    rounded, exact = results
    assert rounded.precision == "bf16"
    assert exact.loss < 0.2 * exact.curve[0][1]
    assert rounded.loss < 2 * exact.loss


# Jobs


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "content picture or a style picture"),
        ({"content": True, "style": True, "size": 15}, "size must be between 16 and 8192 .* 15"),
        ({"content": True, "style": True, "size": 8193}, "size must be between 16 and 8192"),
        ({"content": True, "style": True, "size": 0}, "size must be between"),
        ({"content": True, "style": True, "evaluations": 0}, "evaluations must be at least 1"),
        ({"content": True, "style": True, "evaluations": -3}, "at least 1, not -3"),
        ({"style": True, "init": "content"}, "start from the content picture"),
        ({"content": True, "init": "style"}, "start from the style picture"),
        ({"content": True, "init": "picture"}, "start from a picture the job needs one"),
        ({"content": True, "preset": STYLE_ONLY}, "'tiny' has no layers for the pictures"),
        ({"style": True, "preset": CONTENT_ONLY}, "'tiny' has no layers for the pictures"),
    ],
)
def test_impossible_jobs(settings: dict[str, Any], message: str, scene: Scene) -> None:
    given = {k: scene() if v is True else v for k, v in settings.items()}
    with pytest.raises(ReplicateError, match=message) as caught:
        Job(**{"preset": TRANSFER, **given})
    assert "\n" not in str(caught.value)


def test_a_preset_that_starts_from_content_needs_content(scene: Scene) -> None:
    preset = TRANSFER.with_(init="content")
    with pytest.raises(ReplicateError, match="start from the content picture"):
        Job(preset, style=scene())
    assert Job(preset, style=scene(), init="noise").init == "noise"


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((1024, 768), 512, (512, 384)),
        ((768, 1024), 512, (384, 512)),
        ((100, 100), 512, (512, 512)),
        ((1000, 10), 512, (512, 16)),
        ((640, 427), 64, (64, 43)),
    ],
)
def test_canvas(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    assert fit(size, longest) == expected


def test_canvas_is_the_contents_shape_else_the_styles(scene: Scene) -> None:
    wide, tall = scene(60, 30), scene(30, 60)
    assert Job(TRANSFER, wide, tall).canvas == (32, 16)
    assert Job(TRANSFER, style=tall).canvas == (16, 32)


def test_style_size_keeps_the_shape_and_the_area(scene: Scene) -> None:
    job = Job(TRANSFER, scene(60, 30), scene(30, 60), size=256)
    width, height = job.style_size
    assert width / height == pytest.approx(0.5, abs=0.01)
    assert width * height == pytest.approx(256 * 128, rel=0.02)
    assert Job(TRANSFER, scene(64, 48), scene(128, 96), size=64).style_size == (64, 48)


def test_defaults_come_from_the_preset(scene: Scene) -> None:
    job = Job(TRANSFER, scene(), scene())
    assert (job.size, job.evaluations, job.init, job.seed) == (32, 5, "noise", 0)


# Looking at pictures


SPEC = NetworkSpec()


def test_features_and_grams(scene: Scene, tiny_engine: MakeEngine) -> None:
    engine, picture = tiny_engine(), scene(40, 24)
    layers = ["relu1_1", "conv2_1"]
    maps = engine.features(picture, layers, SPEC)
    assert maps["relu1_1"].map.shape == (1, 5, 24, 40)
    assert maps["conv2_1"].map.shape == (1, 6, 12, 20)
    assert not maps["relu1_1"].map.requires_grad
    grams = engine.grams(picture, layers, SPEC)
    assert list(grams) == layers
    for layer in layers:
        assert grams[layer].shape == (maps[layer].channels,) * 2
        torch.testing.assert_close(grams[layer], gram_matrix(maps[layer].map)[0])


def test_style_distances(scene: Scene, tiny_engine: MakeEngine) -> None:
    """||G - A||^2 / ||A||^2, and not the other way round."""
    engine, one, other = tiny_engine(), scene(seed=0), scene(seed=1)
    layers = ["relu1_1", "relu3_1"]
    ours, theirs = engine.grams(one, layers, SPEC), engine.grams(other, layers, SPEC)
    found = engine.style_distances(one, other, layers, SPEC)
    for layer in layers:
        expected = ((ours[layer] - theirs[layer]) ** 2).sum() / (theirs[layer] ** 2).sum()
        assert found[layer] == pytest.approx(float(expected))
    assert engine.style_distances(one, one, layers, SPEC) == {"relu1_1": 0, "relu3_1": 0}


def test_similarity(scene: Scene, tiny_engine: MakeEngine) -> None:
    engine, one, other = tiny_engine(), scene(seed=0), scene(seed=1)
    assert engine.similarity(one, one, "relu3_1", SPEC) == pytest.approx(1)
    a, b = (engine.features(p, ["conv3_1"], SPEC)["conv3_1"].map.flatten() for p in (one, other))
    cosine = float((a * b).sum() / (a.norm() * b.norm()))
    assert engine.similarity(one, other, "conv3_1", SPEC) == pytest.approx(cosine, rel=1e-4)
    assert cosine < 0.99


def test_networks_are_built_once(job: Job, tiny_engine: MakeEngine) -> None:
    engine = tiny_engine()
    assert engine.networks.network(SPEC) is engine.networks.network(NetworkSpec())
    assert engine.networks.network(SPEC) is not engine.networks.network(
        NetworkSpec(pooling="average")
    )


def test_pictures_to_tensors_and_back() -> None:
    values = np.arange(256, dtype=np.uint8)
    pixels = np.stack([values, values[::-1], np.roll(values, 7)], axis=-1).reshape(16, 16, 3)
    tensor = to_tensor(Picture(pixels))
    assert tensor.shape == (1, 3, 16, 16)
    assert tensor[0, 1, 0, 0] == 1 and tensor[0, 0, 0, 0] == 0
    assert np.array_equal(to_picture(tensor).pixels, pixels)
    assert np.array_equal(
        to_picture(tensor[0].bfloat16() * 0 + 2).pixels, np.full((16, 16, 3), 255)
    )
    assert np.array_equal(to_picture(tensor - 9).pixels, np.zeros((16, 16, 3)))


# Gatys' normalised network


@pytest.fixture
def photographs(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Picture]:
    """A few small scenes in the place of the bundled photographs, and no packaged means."""
    pictures = [scene(40, 32, seed=seed) for seed in range(3)]
    names = {"photographs": ["0", "1", "2"], "artworks": ["9"]}
    monkeypatch.setattr(normalisation, "bundled_names", lambda: names)
    monkeypatch.setattr(normalisation, "bundled", lambda name: pictures[int(name)])
    monkeypatch.setattr(normalisation, "MEANS", tmp_path / "none.npz")
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(normalisation, "SIDE", 40)
    return pictures


def test_means_are_over_pictures_and_positions(
    photographs: list[Picture], scene: Scene, tiny_network: Callable[..., Any]
) -> None:
    network = tiny_network()
    pictures = [*photographs, scene(20, 40, seed=4)]  # of different sizes: positions count alike
    found = measure_means(network, pictures)
    maps = [network(to_tensor(p.scaled_to(40)), ["relu2_1"])["relu2_1"].map for p in pictures]
    rows = torch.cat([m[0].flatten(1) for m in maps], dim=1)
    torch.testing.assert_close(found["relu2_1"], rows.mean(1), rtol=1e-5, atol=1e-7)
    assert len(found) == 16


def test_normalised_engine_network_has_means_of_one(
    photographs: list[Picture], tiny_engine: MakeEngine
) -> None:
    engine = tiny_engine()
    plain, normalised = (
        engine.networks.network(SPEC),
        engine.networks.network(NetworkSpec(normalised=True)),
    )
    before, after = (measure_means(network, photographs) for network in (plain, normalised))
    for layer, means in after.items():
        alive = before[layer] > normalisation.FLOOR * before[layer].mean()
        torch.testing.assert_close(means[alive], torch.ones(int(alive.sum())), atol=1e-3, rtol=0)
        assert (means[~alive] <= 1).all()
    assert not torch.allclose(before["relu3_1"], torch.ones(7), atol=0.05)


def test_channels_that_hardly_fire_are_not_blown_up(
    photographs: list[Picture], tiny_tensors: Callable[..., Any]
) -> None:
    from replicate.networks.vgg import Network

    tensors = dict(tiny_tensors())
    tensors["features.0.bias"] = tensors["features.0.bias"].clone()
    tensors["features.0.bias"][2] = -1e6  # silent
    network = Network(tensors)
    silent = measure_means(network, photographs)["relu1_1"]
    assert silent[2] == 0
    means = channel_means(network, known_as("vgg19-caffe"))["relu1_1"]
    assert float(means[2]) == pytest.approx(0.01 * float(silent.mean()))
    torch.testing.assert_close(means[:2], silent[:2])


def test_packaged_means_go_before_measured_ones(
    photographs: list[Picture],
    tiny_network: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {
        "vgg19-caffe/max/relu1_1": np.full(5, 3.0, np.float32),
        "vgg19-caffe/average/relu1_1": np.full(5, 4.0, np.float32),
    }
    np.savez(tmp_path / "means.npz", **table)
    monkeypatch.setattr(normalisation, "MEANS", tmp_path / "means.npz")
    for pooling, value in [("max", 3.0), ("average", 4.0)]:
        means = channel_means(tiny_network(pooling=pooling), known_as("vgg19-caffe"))
        assert set(means) == {"relu1_1"}
        assert means["relu1_1"].tolist() == [value] * 5
    assert len(channel_means(tiny_network("vgg16"), known_as("vgg16-caffe"))) == 13


@pytest.mark.parametrize(("pooling", "value"), [("max", 3.0), ("average", 4.0)])
def test_means_in_the_weights_file_go_before_all_others(
    pooling: str,
    value: float,
    photographs: list[Picture],
    tiny_network: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = measured_anew(monkeypatch)
    np.savez(tmp_path / "means.npz", **{f"vgg19-compact/{pooling}/relu1_1": np.ones(5)})
    monkeypatch.setattr(normalisation, "MEANS", tmp_path / "means.npz")
    tensors = {"means.relu1_1": torch.full((5,), 3.0)}
    tensors["means_average.relu1_1"] = torch.full((5,), 4.0)
    tensors["means_average.relu1_1"][1] = 0.0
    weights = dataclasses.replace(known_as("vgg19-compact"), tensors=tensors)
    means = channel_means(tiny_network(pooling=pooling), weights)
    assert set(means) == {"relu1_1"}
    assert float(means["relu1_1"][0]) == value
    assert float(means["relu1_1"][1]) == pytest.approx(3.0 if pooling == "max" else 0.032)
    assert not counted


def known_as(name: str, sha256: str = "0" * 64) -> LoadedWeights:
    """Weights of this name and checksum, whose file holds no means."""
    return LoadedWeights(name, name.split("-")[0], "caffe", {}, sha256, None)


def measured_anew(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one each time the means are measured."""
    counted: list[int] = []
    original = normalisation.measure_means

    def measure(*arguments: Any) -> Any:
        counted.append(1)
        return original(*arguments)

    monkeypatch.setattr(normalisation, "measure_means", measure)
    return counted


def test_measured_means_are_kept(
    photographs: list[Picture], tiny_network: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = measured_anew(monkeypatch)
    first = channel_means(tiny_network(), known_as("vgg19-random", "a" * 64))
    again = channel_means(tiny_network(), known_as("vgg19-random", "a" * 64))
    assert len(counted) == 1
    assert first.keys() == again.keys()
    assert all(torch.equal(first[layer], again[layer]) for layer in first)
    for network, sha256 in [
        (tiny_network(), "b" * 64),
        (tiny_network(pooling="average"), "a" * 64),
        (tiny_network(dtype=torch.bfloat16), "a" * 64),  # else exact runs would depend on it
    ]:
        channel_means(network, known_as("vgg19-random", sha256))
    assert len(counted) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not a table",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:200] + bytes(b ^ 255 for b in data[200:240]) + data[240:],
        lambda data: b"\x80\x04" + data,  # looks like a pickle
    ],
)
def test_damaged_means_are_measured_anew(
    damage: Callable[[bytes], bytes],
    photographs: list[Picture],
    tiny_network: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    counted = measured_anew(monkeypatch)
    first = channel_means(tiny_network(), known_as("vgg19-random", "a" * 64))
    (kept,) = (tmp_path / "cache" / "means").iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    again = channel_means(tiny_network(), known_as("vgg19-random", "a" * 64))
    assert len(counted) == 2
    assert all(torch.equal(first[layer], again[layer]) for layer in first)
    channel_means(tiny_network(), known_as("vgg19-random", "a" * 64))
    assert len(counted) == 2  # and put right


def test_a_normalised_job(
    job: Job, photographs: list[Picture], tiny_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny_engine()
    normalised = changed(job, preset=job.preset.with_(network={"normalised": True}))
    result = engine.run(normalised)
    assert result.network.spec.normalised
    assert "normalised" in result.network.label
    assert result.losses != engine.run(job).losses


def test_jobs_and_results_describe_themselves_in_a_line(job: Job, tiny_engine: MakeEngine) -> None:
    assert repr(job) == "Job(a panel: tiny, scene 0 + scene 1, 32×32, 5 evaluations)"
    *_, last = tiny_engine().stream(job)
    assert repr(last).startswith("Snapshot(5 of 5 evaluations, loss ")
    assert repr(last.result()).startswith("Result(Picture('a panel', 32×32), loss ")
    for shown in (last, last.result(), job.given("content")):
        assert shown._repr_png_().startswith(b"\x89PNG")


def test_a_job_without_a_picture_of_a_kind_says_so(scene: Scene) -> None:
    with pytest.raises(ReplicateError, match="the job has no style picture"):
        _ = Job(CONTENT_ONLY, scene()).style_on_canvas
