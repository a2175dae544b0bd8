"""A GPU that is lent: drawn in another process, with a duration that fits the job."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from demo import zerogpu
from demo.backend import Backend
from demo.limits import InputError
from demo.session import Drawings, Frame, Stop
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.errors import DivergedError


class Spaces:
    """Does what the package ``spaces`` does: forks, pickles, and loses the text of errors."""

    def __init__(self) -> None:
        self.seconds: list[int] = []

    def GPU(self, task: Callable[..., Iterator[Any]], duration: Callable[..., int]) -> Any:
        def lent(*arguments: Any) -> Iterator[Any]:
            self.seconds.append(duration(*arguments))
            context = multiprocessing.get_context("fork")
            ours, theirs = context.Pipe()
            sent = pickle.dumps(arguments)
            process = context.Process(target=work, args=(sent, theirs), daemon=True)
            process.start()
            try:
                while (answer := ours.recv()) is not None:
                    given, failure = answer
                    if failure:
                        raise RuntimeError(f"ZeroGPU worker error: {failure}")
                    yield given
            finally:
                process.kill()
                process.join()

        def work(sent: bytes, theirs: Any) -> None:
            try:
                for each in task(*pickle.loads(sent)):
                    theirs.send((each, ""))
            except Exception as error:
                theirs.send((None, type(error).__name__))
            theirs.send(None)

        return lent


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Spaces:
    fake = Spaces()
    monkeypatch.setattr(zerogpu, "spaces", fake)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    return fake


@pytest.fixture
def job(scene: Callable[..., Any]) -> Job:
    preset = load_preset("gatys2016-code")
    return Job(preset, scene(48, 32), scene(32, 32, 1), size=48, evaluations=8)


def slow_clock() -> float:
    """A second later at each look, so that every frame is shown; pickled by its name."""
    slow_clock.now += 1.0  # type: ignore[attr-defined]
    return float(slow_clock.now)  # type: ignore[attr-defined]


slow_clock.now = 0.0  # type: ignore[attr-defined]


def drawn(backend: Backend, job: Job) -> list[Frame]:
    return list(Drawings(backend).draw(job, "auto", Stop(), slow_clock))


def test_the_picture_comes_back_from_the_other_process(
    spaces: Spaces, backend: Backend, job: Job
) -> None:
    frames = drawn(backend, job)
    alone = Engine("cpu").run(job)

    assert [frame.step for frame in frames] == list(range(1, 9))
    assert frames[-1].result is not None
    assert np.array_equal(frames[-1].picture.pixels, alone.picture.pixels)
    assert set(frames[-1].course.parts) == set(alone.losses)
    assert len(backend.store) == 1


def test_the_duration_is_computed_from_the_job(spaces: Spaces, backend: Backend, job: Job) -> None:
    square = replace(job, content=job.style, size=128)
    backend.learn(square, "auto", 5, seconds=10.0)

    drawn(backend, job)
    drawn(backend, replace(job, size=64))

    pace = 10.0 / 5 / (128 * 128)
    expected = [zerogpu.START + round(1.5 * pace * w * h * 8) for w, h in ((48, 32), (64, 43))]
    assert spaces.seconds == expected


def test_never_more_seconds_than_are_lent(spaces: Spaces) -> None:
    lent = zerogpu.lent(lambda: iter(()), lambda: 1e6)

    assert list(lent()) == []
    assert spaces.seconds == [zerogpu.LONGEST]


def test_stop_ends_it_with_the_picture_so_far(spaces: Spaces, backend: Backend, job: Job) -> None:
    stop, shown = Stop(), []
    for frame in Drawings(backend).draw(job, "auto", stop, slow_clock):
        shown.append(frame)
        if frame.step == 3:
            stop.set()

    assert shown[-1].step == 3 and shown[-1].remark.startswith("Stopped")
    assert shown[-1].result is not None and shown[-1].result.job.stop == 3


def test_a_stop_before_the_start_takes_no_gpu(spaces: Spaces, backend: Backend, job: Job) -> None:
    stop = Stop()
    stop.set()

    with pytest.raises(InputError, match="Stopped"):
        list(Drawings(backend).draw(job, "auto", stop))
    assert spaces.seconds == []


def test_errors_keep_their_sentences(
    spaces: Spaces, backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stream(*_: Any) -> Iterator[Any]:
        raise DivergedError("the loss has exploded at evaluation 1", step=1, picture=None)
        yield

    monkeypatch.setattr(Engine, "stream", stream)

    with pytest.raises(InputError, match="exploded"):
        drawn(backend, job)


def test_a_stored_picture_takes_no_gpu(spaces: Spaces, backend: Backend, job: Job) -> None:
    drawn(backend, job)
    drawn(backend, job)

    assert len(spaces.seconds) == 1


def test_pictures_are_looked_at_without_the_gpu(
    spaces: Spaces, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backend.viewer().device.type == "cpu"
    assert zerogpu.here()


def test_without_the_package_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zerogpu, "spaces", None)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    task = iter

    assert zerogpu.lent(task, len) is task
    assert not zerogpu.here()
