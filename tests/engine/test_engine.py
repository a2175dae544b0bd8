"""The engine: counting, streaming, storing, seeds, batches, levels, divergence, precision."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from replicate import method
from replicate.engine import batch as module
from replicate.engine import terms
from replicate.engine.batch import Batch
from replicate.engine.engine import Engine
from replicate.engine.job import Job, Result
from replicate.engine.preset import Preset
from replicate.errors import DivergedError, ReplicateError
from replicate.images import Picture
from replicate.method import Evaluation, gram_matrix, noise
from replicate.networks.pixels import to_picture, to_tensor
from replicate.storage.store import ResultStore

Scene = Callable[..., Picture]


@pytest.fixture
def coarse_to_fine(transfer: Preset, scene: Scene) -> Job:
    """Three evaluations of the content alone at half the size, then four of both."""
    pictures = scene(96, 72), scene(60, 60, seed=1)
    preset = transfer.with_(content_first=3 / 7)
    return Job(preset, *pictures, size=96, evaluations=7, label="a panel")


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The pixels of every evaluation, in order."""
    seen: list[torch.Tensor] = []
    original = method.evaluate

    def watched(objective: Any, network: Any, pixels: torch.Tensor) -> Evaluation:
        seen.append(pixels.clone())
        return original(objective, network, pixels)

    monkeypatch.setattr(method, "evaluate", watched)
    return seen


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``spoilt(3, 4, by=inf)``: the third and fourth loss are taken times so much."""

    def spoil(*numbers: int, by: float = float("nan")) -> None:
        original, count = method.evaluate, []

        def worse(objective: Any, network: Any, pixels: Any) -> Evaluation:
            count.append(1)
            found = original(objective, network, pixels)
            factor = by if len(count) in numbers else 1.0
            losses = {name: loss * factor for name, loss in found.losses.items()}
            return Evaluation(found.total * factor, losses, found.gradient)

        monkeypatch.setattr(method, "evaluate", worse)

    return spoil


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, it makes jobs form batches as on a GPU, which are still drawn on the CPU."""
    original = Engine._group

    def group(self: Engine, job: Job) -> str:
        elsewhere = copy.copy(self)
        elsewhere.device = torch.device("cuda")
        return original(elsewhere, job)

    def patch() -> None:
        monkeypatch.setattr(Engine, "_group", group)
        monkeypatch.setattr("replicate.engine.engine.OTHERWISE", 64)

    return patch


def same(one: Picture, other: Picture) -> bool:
    return np.array_equal(one.pixels, other.pixels)


def close(one: Result, other: Result) -> bool:
    """Within a grey level: rounding of products in another order."""
    return bool(
        abs(one.picture.pixels.astype(int) - other.picture.pixels).max() <= 1
        and other.losses == pytest.approx(one.losses, rel=1e-3)
    )


# Running


def test_a_result_says_everything(job, tiny_engine):
    result = tiny_engine().run(job)
    assert result.job is job
    assert (result.picture.size, result.picture.name) == ((32, 32), "a panel")
    assert set(result.losses) == {"content/relu3_1", "style/relu1_1", "style/relu2_1"}
    assert result.loss < result.curve[0][1]
    assert result.loss == pytest.approx(result.curve[-1][1], rel=0.01)  # in 8 bits
    assert result.seconds > 0 and not result.cached
    assert result.precision == "exact"
    assert result.network.sha256 == "tiny vgg19-caffe"
    assert repr(result) == f"Result({result.picture!r}, loss {result.loss:.4g}, 5 evaluations)"
    assert result._repr_png_().startswith(b"\x89PNG")


def test_the_loss_is_the_weighted_sum_of_the_losses(job, tiny_engine):
    """With alpha for the canvas, a quarter of the pixels that the ratio is for."""
    preset = job.preset.with_(content_weight=3.0, style_weight=200.0, tv_weight=1e-7,
                              ratio_pixels=4 * 32 * 32)  # fmt: skip
    result = tiny_engine().run(replace(job, preset=preset))
    losses = result.losses
    total = 4 * 3.0 * losses["content/relu3_1"] + 1e-7 * losses["variation"]
    total += 200.0 * 0.5 * (losses["style/relu1_1"] + losses["style/relu2_1"])
    assert result.loss == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_losses_are_those_of_the_picture(shift, job, tiny_engine):
    """Computed anew from the picture in its 8 bits, with formulas of their own."""
    engine = tiny_engine()
    shifted = replace(job, preset=job.preset.with_(activation_shift=shift))
    batch = Batch(engine.networks, [shifted], "exact")
    *_, last = batch
    network = engine.networks.network(job.preset.network)
    result = batch.result(last)
    pictures = map(to_tensor, (result.picture, job.given("content"), job.given("style")))
    with torch.no_grad():
        ours, photo, painting = (network(x, ["relu3_1", "relu1_1", "relu2_1"]) for x in pictures)
    expected = {"content/relu3_1": (ours["relu3_1"].map - photo["relu3_1"].map).square().mean()}
    for layer in ("relu1_1", "relu2_1"):
        grams = [gram_matrix(maps[layer].map + shift) for maps in (ours, painting)]
        expected[f"style/{layer}"] = (grams[0] - grams[1]).square().mean()
    assert result.losses == pytest.approx({k: float(v) for k, v in expected.items()}, rel=1e-3)


def test_a_preset_by_every_option_draws_another_picture(job, tiny_engine):
    changes: list[dict[str, Any]] = [
        {},
        {"ratio": 1e-4},
        {"optimizer": "adam"},
        {"network": {"pooling": "average"}},
        {"style_loss": "gatys"},
        {"content_loss": "gatys"},
        {"tv_weight": 1e-3},
        {"activation_shift": -1.0},
        *({"style_statistic": kind} for kind in ("chain", "mean", "mean_std")),
    ]
    jobs = [replace(job, preset=job.preset.with_(**each)) for each in changes]
    results = tiny_engine().run_many(jobs)
    assert len({result.picture.sha256 for result in results}) == len(jobs)
    assert all(result.loss < result.curve[0][1] for result in results)


@pytest.mark.parametrize("kind", ["content", "style"])
def test_without_a_picture_its_layers_count_for_nothing(kind, transfer, scene, tiny_engine):
    other = {"content": "style_layers", "style": "content_layers"}[kind]
    presets = transfer, transfer.with_(**{other: {}})
    given, bare = tiny_engine().run_many([Job(each, **{kind: scene(48, 32)}) for each in presets])
    assert all(name.startswith(f"{kind}/") for name in given.losses)
    assert given.picture.size == (32, 21)
    assert same(given.picture, bare.picture)


def test_content_reconstruction_from_the_first_layer_finds_the_picture(
    transfer, scene, tiny_engine
):
    photo = scene()
    preset = transfer.with_(content_layers=["conv1_1"], style_layers={}, evaluations=150)
    result = tiny_engine().run(Job(preset, content=photo))
    error = result.picture.pixels.astype(float) - photo.pixels
    assert np.sqrt(np.mean(error**2)) < 3  # grey levels; it started from noise


# Streaming


def test_a_stream_gives_every_evaluation_and_ends_with_runs_picture(job, tiny_engine):
    engine = tiny_engine()
    result = engine.run(job)
    snapshots = list(engine.stream(job))
    assert [(s.step, s.steps) for s in snapshots] == [(n, 5) for n in range(1, 6)]
    assert [(s.step, s.loss) for s in snapshots] == result.curve
    assert [s.seconds for s in snapshots] == sorted(s.seconds for s in snapshots)
    last = snapshots[-1]
    assert repr(last) == f"Snapshot(5 of 5 evaluations, loss {last.loss:.4g})"
    assert same(last.image, result.picture) and last._repr_png_() == last.image._repr_png_()
    finished = last.result()
    assert finished.job is job
    assert (finished.losses, finished.curve) == (result.losses, result.curve)


@pytest.mark.parametrize(("every", "steps"), [(2, [2, 4, 5]), (5, [5]), (50, [5])])
def test_a_stream_always_gives_the_last(every, steps, job, tiny_engine, points):
    assert [s.step for s in tiny_engine().stream(job, every)] == steps
    assert len(points) == 5


def test_a_stream_refuses_less_than_one_and_costs_nothing_before_it_is_read(
    job, tiny_engine, points
):
    for every in (0, -1):
        with pytest.raises(ReplicateError, match=f"at least 1 evaluation, not {every}"):
            tiny_engine().stream(job, every)
    tiny_engine().stream(job)
    assert points == []


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_snapshots_keep_their_own_picture_made_when_asked_for(
    optimizer, job, tiny_engine, monkeypatch
):
    """Asked for late, a snapshot still shows what it was taken of."""
    moving = replace(job, preset=job.preset.with_(optimizer=optimizer, learning_rate=0.05))
    at_once = [s.image for s in tiny_engine().stream(moving)]
    drawn = []
    monkeypatch.setattr(module, "to_picture", lambda *p: drawn.append(1) or to_picture(*p))
    late = list(tiny_engine().stream(moving))
    assert len(drawn) == 1  # the result's own
    assert all(same(one, other.image) for one, other in zip(at_once, late))
    assert late[2].image is late[2].image
    assert not same(late[1].image, late[4].image)
    assert len(late[1].result().curve) == 2  # and their own curve


@pytest.mark.parametrize("close", [True, False])
def test_a_stream_that_is_left_stops_the_work_and_stores_nothing(
    close, job, tiny_engine, points, tmp_path
):
    stream = tiny_engine(store=ResultStore(tmp_path)).stream(job)
    for snapshot in stream:
        if snapshot.step == 2:
            break
    if close:
        stream.close()
    del stream
    assert len(points) == 2
    assert not list(tmp_path.iterdir())


def test_a_snapshot_makes_a_result_of_what_there_is(job, tiny_engine):
    """Stopped early: the result says so, and its job draws the same picture again."""
    snapshot = next(s for s in tiny_engine().stream(job) if s.step == 3)
    result = snapshot.result()
    assert (result.evaluations, result.job.stop) == (3, 3)
    assert result.job.evaluations == job.evaluations
    assert [step for step, _ in result.curve] == [1, 2, 3]
    assert result.loss == pytest.approx(snapshot.loss, rel=0.01)  # in 8 bits
    assert set(result.losses) == set(snapshot.losses)
    again = tiny_engine().run(result.job)
    assert same(again.picture, result.picture) and again.losses == result.losses


# The store


def test_a_stored_result_comes_back_as_it_was(job, tiny_engine, points, tmp_path):
    first = tiny_engine(store=ResultStore(tmp_path)).run(job)
    again = tiny_engine(store=ResultStore(tmp_path)).run(job)
    assert len(points) == 5
    assert again.cached and not first.cached and again.job is job
    assert same(again.picture, first.picture)
    for what in ("loss", "losses", "curve", "evaluations", "seconds", "network", "precision"):
        assert getattr(again, what) == getattr(first, what), what
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    anew = tiny_engine(store=ResultStore(tmp_path)).run(job)
    assert not anew.cached and same(anew.picture, first.picture)


def test_a_finished_stream_is_stored(job, tiny_engine, tmp_path):
    engine = tiny_engine(store=ResultStore(tmp_path))
    *_, last = engine.stream(job)
    result = engine.run(job)
    assert result.cached and same(result.picture, last.image)


def test_another_network_precision_or_pooling_is_another_result(job, tiny_engine, tmp_path):
    store = ResultStore(tmp_path)
    average = replace(job, preset=job.preset.with_(network={"pooling": "average"}))
    for made, how in [(job, {}), (average, {}), (job, {"network": "vgg19-random"}),
                      (job, {"precision": "float32"}), (job, {"precision": "bf16"})]:  # fmt: skip
        assert not tiny_engine(store=store, **how).run(made).cached
    assert len(store) == 5


# Seeds and starts


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_seed_twice_gives_the_same_bytes_whatever_torchs_generator(optimizer, job, tiny_engine):
    again = replace(job, preset=job.preset.with_(optimizer=optimizer))
    torch.manual_seed(1)
    one = tiny_engine().run(again)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    other = tiny_engine().run(again)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same(one.picture, other.picture) and one.curve == other.curve
    assert not same(tiny_engine().run(replace(again, seed=1)).picture, one.picture)


@pytest.mark.parametrize("init", ["content", "style", "picture", "noise"])
def test_starts(init, transfer, scene, tiny_engine):
    """The best picture after one evaluation is the start itself."""
    origins = {"content": scene(40, 20), "style": scene(20, 40, 1), "picture": scene(seed=2)}
    pictures = {"content": origins["content"], "style": origins["style"]}
    start = origins["picture"] if init == "picture" else None
    job = Job(transfer, **pictures, init=init, start=start, evaluations=1, seed=4)  # type: ignore[arg-type]
    expected = (
        to_picture(noise(16, 32, seed=4)) if init == "noise" else origins[init].resized(32, 16)
    )
    assert same(tiny_engine().run(job).picture, expected)


# Many jobs


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("workers", [1, 3])
def test_run_many_keeps_the_order_and_the_threads(
    workers, job, scene, tiny_engine, tmp_path, points
):
    jobs = [
        replace(job, seed=1, label="a"),
        replace(job, size=24, label="b"),
        Job(job.preset, scene(seed=6), label="c"),
        replace(job, preset=job.preset.with_(optimizer="adam"), label="d"),
        replace(job, seed=2, label="e"),
    ]
    engine = tiny_engine(store=ResultStore(tmp_path), workers=workers)
    stored = engine.run(jobs[3])
    points.clear()
    used = set()
    results = engine.run_many(jobs, lambda *_: used.add(torch.get_num_threads()))
    assert used == {3}, "with fewer threads the pictures would be rounded otherwise"
    assert [r.job for r in results] == jobs
    assert [r.picture.name for r in results] == ["a", "b", "c", "d", "e"]
    assert [r.cached for r in results] == [False, False, False, True, False]
    assert len(points) == 4 * 5
    assert same(results[3].picture, stored.picture)
    alone = [tiny_engine().run(each) for each in jobs]
    assert all(same(a.picture, b.picture) for a, b in zip(alone, results))
    assert tiny_engine().run_many([]) == []


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("stored", [False, True])
def test_equal_jobs_are_drawn_once(gpu, stored, job, tiny_engine, tmp_path, points, as_on_a_gpu):
    if gpu:
        as_on_a_gpu()
    store = ResultStore(tmp_path) if stored else None
    jobs = [replace(job, label="a"), replace(job, seed=1, label="b"), replace(job, label="c")]
    calls: list[tuple[str, int, int]] = []
    results = tiny_engine(store=store).run_many(jobs, lambda j, *n: calls.append((j.label, *n)))
    assert sum(len(pixels) for pixels in points) == 2 * 5
    assert [r.job for r in results] == jobs
    assert [r.picture.name for r in results] == ["a", "b", "c"]
    assert same(results[0].picture, results[2].picture)
    assert not same(results[0].picture, results[1].picture)
    assert results[2].losses == results[0].losses and not results[2].cached
    assert [call for call in calls if call[0] == "c"] == [("c", 5, 5)]
    assert [call for call in calls if call[0] == "a"] == [("a", n, 5) for n in range(1, 6)]


def test_stopped_in_the_middle_what_was_done_is_kept(job, tiny_engine, tmp_path):
    store = ResultStore(tmp_path)
    jobs = [replace(job, seed=seed, label=str(seed)) for seed in (1, 2)]
    calls: list[tuple[str, int, int]] = []

    def stop(job: Job, done: int, steps: int) -> None:
        if job.label == "2" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_engine(store=store).run_many(jobs, stop)
    assert len(store) == 1
    results = tiny_engine(store=store).run_many(jobs, lambda j, *n: calls.append((j.label, *n)))
    assert [r.cached for r in results] == [True, False]
    assert calls == [("1", 5, 5), *(("2", n, 5) for n in range(1, 6))]


def test_what_a_worker_raises_stops_the_others(job, tiny_engine, tmp_path):
    def stop(drawn: Job, step: int, steps: int) -> None:
        if drawn.label == "0":
            raise KeyboardInterrupt

    jobs = [replace(job, seed=seed, label=str(seed), evaluations=90_000) for seed in range(6)]
    store = ResultStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        tiny_engine(store=store, workers=2).run_many(jobs, stop)
    assert len(store) == 0


# Batches


def panels(job: Job, scene: Scene) -> list[Job]:
    """A figure's worth: ratios, weights, targets, seeds and starts differ within one batch."""
    weights = {"style_layers": {"relu1_1": 0.9, "relu2_1": 0.1}, "tv_weight": 1e-5}
    plain = replace(job, preset=job.preset.with_(tv_weight=1e-7))
    return [
        plain,
        replace(plain, label="ratio", preset=plain.preset.with_(ratio=1e-4)),
        replace(plain, label="pixels", preset=plain.preset.with_(ratio_pixels=5000)),
        replace(plain, label="seed", seed=5),
        replace(plain, label="pictures", content=scene(seed=7), style=scene(48, 20, seed=8)),
        replace(plain, label="weights", preset=plain.preset.with_(**weights)),
    ]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("content_first", [0.0, 0.4])
def test_a_batch_draws_what_each_job_draws_alone(
    optimizer, content_first, job, scene, tiny_engine, points, as_on_a_gpu
):
    jobs = [
        replace(
            each,
            size=64,
            preset=each.preset.with_(optimizer=optimizer, content_first=content_first),
        )
        for each in panels(job, scene)
    ]
    if not content_first:  # also such as have other layers, no photograph or no painting
        first = jobs[0]
        others = {"content_layers": ["relu2_2"], "style_layers": ["relu1_2"], "tv_weight": 1e-4}
        jobs.append(replace(first, init="content"))
        jobs.append(replace(first, preset=first.preset.with_(**others)))
        jobs.append(replace(first, style=None))
        jobs.append(replace(first, content=None, style=first.content))
    alone = tiny_engine().run_many(jobs)
    assert {len(pixels) for pixels in points} == {1}
    points.clear()
    as_on_a_gpu()
    together = tiny_engine().run_many(jobs)
    assert [len(pixels) for pixels in points] == [len(jobs)] * 5
    for one, other in zip(alone, together):
        assert close(one, other), one.job.label
        assert [s for s, _ in other.curve] == [s for s, _ in one.curve]


APART: dict[str, dict[str, Any]] = {
    "optimizer": {"optimizer": "adam"},
    "clamp": {"clamp": False},
    "loss": {"style_loss": "gatys"},
    "statistic": {"style_statistic": "mean"},
    "shift": {"activation_shift": -1.0},
    "pooling": {"network": {"pooling": "average"}},
    "network": {"network": {"name": "vgg16"}},
    "scale of the network meant": {"network": {"name": "vgg19-torchvision"}},
    "content first": {"content_first": 0.5},
}


@pytest.mark.parametrize("difference", [*APART, "size", "evaluations", "stop"])
def test_jobs_that_cannot_share_a_batch_do_not(difference, job, tiny_engine, as_on_a_gpu):
    as_on_a_gpu()
    engine = tiny_engine(network="vgg19-caffe" if "scale" in difference else "auto")
    other = (
        replace(job, preset=job.preset.with_(**APART[difference]))
        if difference in APART
        else replace(job, **{difference: 24 if difference == "size" else 4})
    )
    assert engine._group(job) == engine._group(replace(job, seed=9))
    assert engine._group(job) != engine._group(other)


def test_coarse_canvases_set_jobs_apart(transfer, scene, tiny_engine, as_on_a_gpu):
    """Sides are rounded at each level by themselves: one canvas, two half canvases."""
    preset = transfer.with_(content_first=0.5)
    one, other = (
        Job(preset, scene(*size), scene(), size=100, evaluations=2) for size in [(85, 60), (98, 70)]
    )
    assert one.canvas == other.canvas
    as_on_a_gpu()
    results = tiny_engine().run_many([one, other])
    assert [r.picture.size for r in results] == [one.canvas] * 2


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize(("most", "sizes"), [(2, [2, 2, 1]), (1, [1] * 5)])
def test_large_batches_are_split(
    gone, most, sizes, job, tiny_engine, points, as_on_a_gpu, monkeypatch
):
    """Beforehand, or when the memory has turned out not to suffice."""
    as_on_a_gpu()
    evaluate = method.evaluate

    def short_of_memory(objective: Any, network: Any, pixels: torch.Tensor) -> Evaluation:
        if len(pixels) > most:
            raise torch.OutOfMemoryError("they are too many")
        return evaluate(objective, network, pixels)

    if gone:
        monkeypatch.setattr(method, "evaluate", short_of_memory)
    else:
        monkeypatch.setattr("replicate.engine.engine.OTHERWISE", most)
    jobs = [replace(job, seed=seed, evaluations=1) for seed in range(5)]
    results = tiny_engine().run_many(jobs)
    assert sorted(len(pixels) for pixels in points) == sorted(sizes)
    assert [r.job for r in results] == jobs


# From coarse to fine


def test_each_level_starts_from_the_last_one_enlarged(
    coarse_to_fine, tiny_engine, points, monkeypatch
):
    read = []
    monkeypatch.setattr(terms, "to_tensor", lambda p: read.append(p.size) or to_tensor(p))
    batch = Batch(tiny_engine().networks, [coarse_to_fine], "exact")
    steps = list(batch)
    assert [tuple(p.shape[2:]) for p in points] == [(36, 48)] * 3 + [(72, 96)] * 4
    assert torch.equal(points[0], noise(36, 48, coarse_to_fine.seed))
    enlarged = torch.nn.functional.interpolate(steps[2].pixels, (72, 96), mode="bicubic")
    torch.testing.assert_close(points[3], enlarged)
    assert read == [(48, 36), (96, 72), (83, 83)]  # style only at full size


def test_snapshots_and_result_of_several_levels(coarse_to_fine, tiny_engine, points):
    snapshots = list(tiny_engine().stream(coarse_to_fine))
    assert len(points) == 7
    assert [(s.step, s.steps) for s in snapshots] == [(n, 7) for n in range(1, 8)]
    assert [s.image.size for s in snapshots] == [(48, 36)] * 3 + [(96, 72)] * 4
    assert set(snapshots[2].losses) == {"content/relu3_1"}
    assert set(snapshots[3].losses) == {"content/relu3_1", "style/relu1_1", "style/relu2_1"}
    result = tiny_engine().run(coarse_to_fine)
    assert same(result.picture, snapshots[-1].image)
    assert (result.losses, len(result.curve)) == (snapshots[-1].result().losses, 7)


def test_clamped_pixels_stay_clamped_between_levels(transfer, tiny_engine, points):
    """Bicubic enlargement overshoots at edges."""
    squares = np.kron(np.indices((8, 8)).sum(0) % 2 * 255, np.ones((8, 8))).astype(np.uint8)
    preset = transfer.with_(content_layers=["conv1_1"], style_layers={}, clamp=True, scales=2)
    job = Job(preset, Picture.from_array(squares), size=64, evaluations=60)
    tiny_engine().run(job)
    assert points[30].shape[3] == 64
    assert all(float(p.min()) >= 0 and float(p.max()) <= 1 for p in points)
    assert float(points[29].min()) == 0 and float(points[29].max()) == 1


# Divergence


def test_absurd_learning_rate_stops_with_the_last_good_picture(job, tiny_engine):
    preset = job.preset.with_(optimizer="adam", learning_rate=50.0, clamp=False)
    absurd = replace(job, preset=preset, init="content", evaluations=20)
    with pytest.raises(DivergedError, match=r"a panel .* evaluation 2.* learning rate") as caught:
        tiny_engine().run(absurd)
    assert caught.value.step == 2
    assert same(caught.value.picture, absurd.given("content"))  # the start: all that was good


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_from_the_start(optimizer, value, job, tiny_engine, spoilt):
    spoilt(1, by=value)
    made = replace(job, preset=job.preset.with_(optimizer=optimizer), init="content")
    with pytest.raises(DivergedError) as caught:
        tiny_engine().run(made)
    assert caught.value.step == 1
    assert same(caught.value.picture, made.given("content"))


def test_adam_stops_at_nan_in_the_middle(job, tiny_engine, spoilt, tmp_path):
    spoilt(4)
    made = replace(job, preset=job.preset.with_(optimizer="adam"))
    shown: list[Picture] = []
    with pytest.raises(DivergedError) as caught:
        for snapshot in tiny_engine(store=ResultStore(tmp_path)).stream(made):
            shown.append(snapshot.image)
    assert caught.value.step == 4 and len(shown) == 3
    assert same(caught.value.picture, shown[-1])
    assert not list(tmp_path.iterdir())


def test_divergence_at_the_second_level(coarse_to_fine, tiny_engine, spoilt):
    """And style, whose losses are far larger, is no divergence when it comes in."""
    spoilt(4)
    with pytest.raises(DivergedError) as caught:
        tiny_engine().run(coarse_to_fine)
    assert caught.value.step == 4
    assert caught.value.picture.size == (48, 36)  # the last good one
    heavy = coarse_to_fine.preset.with_(style_weight=1e9)
    spoilt()
    assert tiny_engine().run(replace(coarse_to_fine, preset=heavy)).evaluations == 7


def test_lbfgs_steps_back_from_nan_instead_of_stopping(job, tiny_engine, spoilt):
    """A refused step's losses are not reported, neither one by one nor in the curve."""
    spoilt(3, 6, 7)
    snapshots = list(tiny_engine().stream(replace(job, evaluations=15)))
    losses = [snapshot.loss for snapshot in snapshots]
    assert np.isfinite(losses).all()
    assert losses[2] == losses[1] and losses[6] == losses[5] == losses[4]
    assert losses[14] < losses[1]
    assert snapshots[2].losses == snapshots[1].losses
    assert same(snapshots[2].image, snapshots[1].image)


# Precision


def test_bf16_ends_close_to_float32(job, tiny_engine):
    rounded, exact = (
        tiny_engine(precision=precision).run(replace(job, evaluations=40))
        for precision in ("bf16", "exact")
    )
    assert rounded.precision == "bf16"
    assert exact.loss < 0.2 * exact.curve[0][1]
    assert rounded.loss < 2 * exact.loss
