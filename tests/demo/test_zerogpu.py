"""A GPU that is lent: drawn in another process, with a duration that fits the job."""

import multiprocessing
import pickle
from dataclasses import replace

import numpy as np
import pytest

from demo import zerogpu
from demo.limits import InputError
from demo.session import Drawings, Stop
from demo.visitors import Visitor
from replicate.engine.engine import Engine
from replicate.errors import DivergedError


class Spaces:
    """Does what the package ``spaces`` does: forks, pickles, and loses the text of errors."""

    def __init__(self):
        self.seconds: list[int] = []

    def GPU(self, task, duration):
        def lent(*arguments):
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

        def work(sent, theirs):
            try:
                for each in task(*pickle.loads(sent)):
                    theirs.send((each, ""))
            except Exception as error:
                theirs.send((None, type(error).__name__))
            theirs.send(None)

        return lent


@pytest.fixture
def spaces(monkeypatch):
    fake = Spaces()
    monkeypatch.setattr(zerogpu, "spaces", fake)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    return fake


def slow_clock():
    """A second later at each look, so that every frame is shown; pickled by its name."""
    slow_clock.now += 1.0  # type: ignore[attr-defined]
    return float(slow_clock.now)  # type: ignore[attr-defined]


slow_clock.now = 0.0  # type: ignore[attr-defined]


def drawn(backend, job):
    visitor = Visitor(session="here")
    return list(Drawings(backend).draw(job, "auto", Stop(), slow_clock, visitor))


def test_the_picture_comes_back_from_the_other_process_and_is_kept(spaces, backend, job):
    shown = drawn(backend, job)
    alone = Engine("cpu").run(job)

    assert [frame.step for frame in shown] == list(range(1, 9))
    assert shown[-1].result is not None
    assert np.array_equal(shown[-1].picture.pixels, alone.picture.pixels)
    assert set(shown[-1].course.parts) == set(alone.losses)

    drawn(backend, job)
    assert len(backend.store) == len(spaces.seconds) == 1, "what is stored takes no GPU"


def test_the_duration_is_computed_from_the_job(spaces, backend, job):
    square = replace(job, content=job.style, size=128)
    backend.learn(square, "auto", 5, seconds=10.0)

    drawn(backend, job)
    drawn(backend, replace(job, size=64))

    pace = 10.0 / 5 / (128 * 128)
    expected = [zerogpu.START + round(1.5 * pace * w * h * 8) for w, h in ((48, 32), (64, 43))]
    assert spaces.seconds == expected
    assert list(zerogpu.lent(lambda: iter(()), lambda: 1e6)()) == []
    assert spaces.seconds[-1] == zerogpu.LONGEST


def test_stop_ends_it_with_the_picture_so_far(spaces, backend, job):
    stop = Stop()
    for frame in Drawings(backend).draw(job, "auto", stop, slow_clock):
        if frame.step == 3:
            stop.set()

    assert frame.step == 3 and frame.remark.startswith("Stopped")
    assert frame.result is not None and frame.result.job.stop == 3
    with pytest.raises(InputError, match="Stopped"):
        list(Drawings(backend).draw(replace(job, seed=1), "auto", stop))
    assert len(spaces.seconds) == 1, "a stop before the start takes no GPU"


def test_errors_keep_their_sentences(spaces, backend, job, monkeypatch):
    def stream(*_):
        raise DivergedError("the loss has exploded at evaluation 1", step=1, picture=None)
        yield

    monkeypatch.setattr(Engine, "stream", stream)

    with pytest.raises(InputError, match="exploded"):
        drawn(backend, job)


def test_only_drawing_takes_the_gpu_and_only_where_the_package_is(spaces, backend, monkeypatch):
    assert zerogpu.here() and backend.viewer().device.type == "cpu"

    monkeypatch.setattr(zerogpu, "spaces", None)
    assert zerogpu.lent(iter, len) is iter and not zerogpu.here()  # type: ignore[arg-type]
