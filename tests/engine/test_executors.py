"""Drawing elsewhere: pictures travel through the store, and come out as if drawn here."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replicate.engine.engine import Engine
from replicate.engine.executors import Executor, RayExecutor, SlurmExecutor, gpu_processes
from replicate.engine.job import Job
from replicate.engine.orders import jobs_of, order_of
from replicate.engine.preset import Preset
from replicate.errors import DivergedError, ReplicateError, StoppedError
from replicate.networks.spec import NetworkSpec
from replicate.storage.store import ResultStore

Scene = Callable[..., Any]

COMPACT = NetworkSpec(name="vgg19-compact")
BOTH = Preset(
    name="both",
    network=COMPACT,
    content_layers={"relu2_2": 1.0},
    style_layers={"relu1_1": 1.0, "relu3_1": 0.5},
    content_weight=1e-2,
)


def engine(store: ResultStore | None = None, executor: Executor | None = None) -> Engine:
    return Engine("cpu", "exact", store=store, executor=executor)


@pytest.fixture
def jobs(scene: Scene) -> list[Job]:
    """A transfer, a texture, a content reconstruction, and a transfer on other layers and seed."""
    photograph, painting = scene(48, 40, seed=1), scene(40, 48, seed=2)
    deep = BOTH.with_(style_layers={"relu2_1": 1.0, "relu4_1": 2.0}, tv_weight=1e-7)
    size = {"size": 48, "evaluations": 4}
    return [
        Job(BOTH, photograph, painting, label="transfer", **size),
        Job(BOTH, None, painting.resized(48, 40), label="texture", **size),
        Job(BOTH, photograph, None, label="content", **size),
        Job(deep, photograph, painting, seed=3, label="deep", **size),
    ]


# ------------------------------------------------------------------ executors


@contextmanager
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@contextmanager
def processes() -> Iterator[Executor]:
    with gpu_processes(["cpu", "cpu"]) as executor:
        yield executor


@contextmanager
def ray_cluster() -> Iterator[Executor]:
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'style-layers[ray]'")
    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1")
    try:
        yield RayExecutor()
    finally:
        ray.shutdown()


@contextmanager
def submitit_jobs(folder: Path) -> Iterator[Executor]:
    pytest.importorskip("submitit", reason="needs submitit: pip install 'style-layers[slurm]'")
    yield SlurmExecutor(str(folder), "local", gpus_per_node=0)


@pytest.mark.parametrize("kind", ["threads", "processes", "ray", "submitit"])
def test_pictures_drawn_elsewhere_are_those_drawn_here(kind, jobs, tmp_path):
    makers: dict[str, Callable[[], Any]] = {
        "threads": threads,
        "processes": processes,
        "ray": ray_cluster,
        "submitit": lambda: submitit_jobs(tmp_path / "logs"),
    }
    diverging = Job(
        BOTH.with_(optimizer="adam", learning_rate=1e9, clamp=False, content_weight=1e30),
        jobs[0].content, jobs[0].style, label="too far", size=48, evaluations=9,
    )  # fmt: skip
    here = engine().run_many(jobs)
    seen: list[tuple[str, int]] = []
    with makers[kind]() as executor:
        elsewhere = engine(ResultStore(tmp_path / "store"), executor)
        there = elsewhere.run_many(jobs, lambda job, done, of: seen.append((job.label, done)))
        with pytest.raises(DivergedError, match="the loss of too far has exploded") as caught:
            elsewhere.run(diverging)
    assert caught.value.step > 0 and caught.value.picture.size == jobs[0].canvas  # type: ignore[attr-defined]
    for ours, theirs in zip(here, there):
        assert np.array_equal(ours.picture.pixels, theirs.picture.pixels)
        assert (ours.loss, ours.losses, ours.curve) == (theirs.loss, theirs.losses, theirs.curve)
        assert theirs.job.label == ours.job.label and not theirs.cached
    assert sorted(seen) == sorted((job.label, done) for job in jobs for done in (0, 4))


def test_pictures_do_not_travel_in_the_order(scene, tmp_path):
    job = Job(BOTH, scene(300, 200), scene(200, 300), size=256, start=scene(200, 200, seed=5))
    order = order_of([job], ResultStore(tmp_path), "exact", "auto")
    assert len(pickle.dumps(order)) < 4_000
    assert len(ResultStore(tmp_path)) == 3
    (again,) = jobs_of(order)
    assert again.description() == job.description()


def test_an_executor_needs_a_store_that_both_see(jobs, tmp_path):
    with threads() as executor:
        with pytest.raises(ReplicateError, match="needs a result store that all its machines see"):
            engine(None, executor).run(jobs[0])
        order = order_of(jobs[:1], ResultStore(tmp_path / "here"), "exact", "auto")
        shutil.rmtree(tmp_path / "here")
        with pytest.raises(ReplicateError, match="does not hold the picture"):
            jobs_of(order)


class Idle:
    """An executor that draws nothing; its answers tell whether they were called off."""

    def __init__(self) -> None:
        self.cancelled: list[bool] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        number = len(self.cancelled)
        self.cancelled.append(False)

        class Nothing:
            def result(_) -> None:
                pass

            def cancel(_) -> None:
                self.cancelled[number] = True

        return Nothing()


def test_a_store_that_cannot_be_written_is_told_before_anything_is_ordered(jobs, tmp_path):
    (tmp_path / "file").write_text("no folder")
    store = ResultStore(tmp_path / "file" / "results")
    with pytest.raises(ReplicateError, match="takes no pictures for other processes"):
        order_of(jobs, store, "exact", "auto")


def test_results_in_another_store_are_missed_and_the_rest_called_off(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("replicate.engine.engine.OTHERWISE", 1)
    idle = Idle()
    with pytest.raises(ReplicateError, match="has drawn transfer, but not into this store"):
        engine(ResultStore(tmp_path), idle).run_many(jobs)
    assert idle.cancelled == [False, True, True, True]


# ------------------------------------------------------------------ stopping


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_between_batches_keeps_what_is_drawn(workers, jobs, tmp_path):
    store = ResultStore(tmp_path)
    stopping = Engine("cpu", "exact", store=store, workers=workers)
    answers = iter([False, True, True, True])
    with pytest.raises(StoppedError, match="stopped with 1 of 4 panels drawn") as caught:
        stopping.run_many([*jobs, jobs[0]], stop=lambda: next(answers))
    assert (caught.value.drawn, caught.value.jobs, len(store)) == (1, 4, 1)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.drawn, copied.jobs, str(copied)) == (1, 4, str(caught.value))
    results = stopping.run_many(jobs)
    assert [result.cached for result in results].count(True) == 1


def test_a_stop_that_nobody_has_to_wait_for(jobs, tmp_path):
    engine(store := ResultStore(tmp_path)).run_many(jobs)
    assert all(result.cached for result in engine(store).run_many(jobs, stop=lambda: True))
