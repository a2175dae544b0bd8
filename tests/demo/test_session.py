"""A drawing under way: frames, their pace, stopping, faults, the store."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.backend import Backend
from demo.chart import chart
from demo.limits import InputError
from demo.session import Course, Drawings, Frame, Stop, Stops
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.errors import DivergedError, ReplicateError
from replicate.record import job_from_record, read_record, save_recorded


@pytest.fixture
def job(scene: Callable[..., Any]) -> Job:
    return Job(
        load_preset("gatys2016-code"), scene(48, 32), scene(32, 32, 1), size=48, evaluations=8
    )


class Clock:
    """Says what time it is: so much later at each look."""

    def __init__(self, step: float):
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def frames(backend: Backend, job: Job, **arguments: Any) -> list[Frame]:
    stop = arguments.pop("stop", Stop())
    return list(Drawings(backend).draw(job, "auto", stop, **arguments))


def test_the_last_frame_has_the_engines_own_result(backend: Backend, job: Job) -> None:
    last = frames(backend, job)[-1]
    alone = Engine("cpu", store=None).run(job)

    assert last.result is not None
    assert np.array_equal(last.picture.pixels, alone.picture.pixels)
    assert dict(last.result.curve) == pytest.approx(dict(alone.curve))
    assert (last.step, last.steps, last.left, last.remark) == (8, 8, 0.0, "")


def test_every_frame_shows_on_a_slow_machine(backend: Backend, job: Job) -> None:
    shown = frames(backend, job, clock=Clock(1.0))

    assert [frame.step for frame in shown] == list(range(1, 9))
    assert [frame.result is None for frame in shown] == [True] * 7 + [False]


def test_at_most_three_frames_a_second(backend: Backend, job: Job) -> None:
    clock = Clock(0.05)
    times = [clock.now for _ in Drawings(backend).draw(job, "auto", Stop(), clock)]

    assert 2 <= len(times) < 8
    assert all(late - early >= 0.3 for early, late in zip(times[:-1], times[1:-1]))


def test_the_parts_add_up_to_the_total(backend: Backend, job: Job) -> None:
    wanted = replace(job, preset=job.preset.with_(tv_weight=0.5, ratio=0.01))
    course = frames(backend, wanted)[-1].course

    assert set(course.parts) == {
        "content/relu4_2",
        "variation",
        *(f"style/relu{block}_1" for block in range(1, 6)),
    }
    first = sum(part[0] for part in course.parts.values())
    assert first == pytest.approx(course.total[0], rel=1e-4)


def test_where_content_comes_first_style_has_no_losses_yet(
    backend: Backend, job: Job, scene: Callable[..., Any]
) -> None:
    preset = job.preset.with_(content_first=0.5)
    wanted = replace(job, preset=preset, content=scene(64, 64), init="noise", size=64)

    course = frames(backend, wanted)[-1].course

    style = course.parts["style/relu1_1"]
    assert len(style) == len(course.parts["content/relu4_2"]) == len(course.steps) == 8
    assert [math.isnan(loss) for loss in style] == [True] * 4 + [False] * 4
    assert course.begins == (5,)
    assert chart(course, 8).count('<path class="total"') == 2, "totals of different sums"


def test_a_second_time_nothing_is_drawn(
    backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = frames(backend, job)[-1]
    monkeypatch.setattr(Engine, "stream", lambda *_: pytest.fail("drawn again"))

    again = frames(backend, job)

    assert len(again) == 1
    assert again[0].result is not None and again[0].result.cached
    assert again[0].course.total == pytest.approx(first.course.total)
    assert {name: part[-1] for name, part in again[0].course.parts.items()} == pytest.approx(
        {name: part[-1] for name, part in first.course.parts.items()}
    )
    assert np.array_equal(again[0].picture.pixels, first.picture.pixels)


def test_what_make_figures_drew_is_not_drawn_again(backend: Backend, job: Job) -> None:
    Engine("cpu", store=backend.store).run(job)

    assert frames(backend, job)[0].remark.startswith("Drawn before")


def test_stop_keeps_the_picture_and_stores_nothing(backend: Backend, job: Job) -> None:
    stop, shown = Stop(), []
    for frame in Drawings(backend).draw(job, "auto", stop, Clock(1.0)):
        shown.append(frame)
        if frame.step == 3:
            stop.set()

    last = shown[-1]
    assert last.result is not None
    result = last.result
    assert (last.step, result.evaluations, result.job.evaluations, result.job.stop) == (3, 3, 8, 3)
    assert last.remark.startswith("Stopped")
    assert len(backend.store) == 0


def test_what_a_stop_kept_is_drawn_again_from_its_record(
    backend: Backend, job: Job, scene: Callable[..., Any], tmp_path: Path
) -> None:
    preset = job.preset.with_(content_first=0.5)
    content_first = replace(job, preset=preset, content=scene(64, 64), init="noise", size=64)
    stop = Stop()
    for frame in Drawings(backend).draw(content_first, "auto", stop, Clock(1.0)):
        stopped = frame
        if frame.step == 5:
            stop.set()
    assert stopped.result is not None
    save_recorded(stopped.result, tmp_path / "out.png")

    again = job_from_record(read_record(tmp_path / "out.png"), scene(64, 64), job.style)

    drawn = Engine("cpu").run(again)
    assert np.array_equal(drawn.picture.pixels, stopped.picture.pixels)


def test_stopped_before_it_began(backend: Backend, job: Job) -> None:
    stop = Stop()
    stop.set()

    with pytest.raises(InputError, match="Stopped"):
        frames(backend, job, stop=stop)


def test_a_vanished_visitor_holds_nothing_up(backend: Backend, job: Job) -> None:
    abandoned = Drawings(backend).draw(job, "auto", Stop(), Clock(1.0))
    next(abandoned)

    assert not backend.lock.locked()
    assert frames(backend, replace(job, seed=1))[-1].result is not None
    abandoned.close()


def stream_failing(error: Exception, after: int) -> Callable[..., Iterator[Any]]:
    """An Engine.stream that fails after so many evaluations."""
    whole = Engine.stream

    def stream(self: Engine, job: Job) -> Iterator[Any]:
        for snapshot in whole(self, job):
            if snapshot.step > after:
                raise error
            yield snapshot
        raise error

    return stream


def test_an_exploding_loss_leaves_the_last_good_picture(
    backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = DivergedError("the loss has exploded at evaluation 4", step=4, picture=None)
    monkeypatch.setattr(Engine, "stream", stream_failing(error, 3))

    last = frames(backend, job)[-1]

    assert last.step == 3 and last.result is not None
    assert last.remark == "The loss has exploded at evaluation 4. This is the last good picture."


def test_a_loss_that_explodes_at_once_is_a_sentence(
    backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = DivergedError("the loss has exploded at evaluation 1", step=1, picture=None)
    monkeypatch.setattr(Engine, "stream", stream_failing(error, 0))

    with pytest.raises(InputError, match="exploded"):
        frames(backend, job)


def test_a_full_disk_loses_no_picture(
    backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*_: Any) -> None:
        raise ReplicateError("Cannot write 'x.png': No space left on device.")

    monkeypatch.setattr(backend.store, "put", put)

    last = frames(backend, job)[-1]

    assert last.result is not None and last.step == 8
    assert "No space left on device" in last.remark


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_no_memory_is_a_sentence(
    backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Engine, "stream", stream_failing(error, 0))

    with pytest.raises(InputError, match="does not fit into this server's memory"):
        frames(backend, job)


def test_a_fault_of_ours_is_not_hidden(
    backend: Backend, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "stream", stream_failing(RuntimeError("a bug"), 2))

    with pytest.raises(RuntimeError, match="a bug"):
        frames(backend, job)


# Who wants a stop


def test_a_stop_before_the_job_starts_counts() -> None:
    stops = Stops()
    stops.begin("a")
    stops.stop("a")

    assert stops.current("a").is_set()


def test_a_stop_is_for_one_visitor() -> None:
    stops = Stops()
    stops.begin("a")
    stops.begin("b")
    stops.stop("a")
    stops.stop("nobody")

    assert not stops.current("b").is_set()


def test_running_again_stops_the_older_drawing() -> None:
    stops = Stops()
    older = stops.begin("a")
    newer = stops.begin("a")

    assert older.is_set() and not newer.is_set()


def test_leaving_stops_and_forgets() -> None:
    stops = Stops()
    event = stops.begin("a")
    stops.forget("a")

    assert event.is_set()
    assert not stops.current("a").is_set()


def test_a_stop_can_be_sent_to_another_process() -> None:
    stop = Stop()
    stop.set()

    assert not pickle.loads(pickle.dumps(stop)).is_set()


# Time


def test_the_estimate_learns_from_this_machine(backend: Backend, scene: Any) -> None:
    preset = load_preset("gatys2016-code")
    wanted = Job(preset, scene(), scene(), size=128, evaluations=10)
    assert not backend.measured(preset, "auto")

    backend.learn(wanted, "auto", 10, seconds=4.0)

    assert backend.measured(preset, "auto")
    assert backend.seconds(replace(wanted, evaluations=20), "auto") == pytest.approx(8.0)
    assert backend.seconds(replace(wanted, size=64), "auto") == pytest.approx(1.0)


def test_content_first_at_half_the_size_takes_less(backend: Backend, scene: Any) -> None:
    preset = load_preset("gatys2016").with_(content_first=0.5)
    wanted = Job(preset, scene(), scene(), size=128, evaluations=10)
    all_at_once = replace(wanted, preset=preset.with_(content_first=0))

    seconds = [backend.seconds(job, "auto") for job in (wanted, all_at_once)]

    assert seconds[0] == pytest.approx(seconds[1] * (5 + 5 / 4) / 10)


@pytest.mark.parametrize(
    ("size", "count", "seconds"), [(64, 10, 1.0), (128, 4, 1.0), (128, 10, 0.0)]
)
def test_a_poor_measurement_is_not_learnt(
    backend: Backend, scene: Any, size: int, count: int, seconds: float
) -> None:
    preset = load_preset("gatys2016-code")
    backend.learn(Job(preset, scene(), scene(), size=size), "auto", count, seconds)

    assert not backend.measured(preset, "auto")


def test_a_course_keeps_losses_that_are_not_finite() -> None:
    course = Course((), [1, 2], [math.nan, math.inf], {"content/relu4_2": [math.nan, 0.0]})

    assert "nan" not in chart(course, 5).split("<ul")[0].split("<path")[-1]
