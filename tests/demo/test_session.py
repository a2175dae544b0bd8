"""A drawing under way: frames, their pace, stopping, faults, the store."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

from demo.chart import chart
from demo.course import Course
from demo.limits import InputError
from demo.session import Drawings
from demo.stops import Stop, Stops
from demo.visitors import Visitor
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.errors import DivergedError
from replicate.record import job_from_record, read_record, save_recorded

HERE = Visitor(session="here", address="192.0.2.1")


class Clock:
    """Says what time it is: so much later at each look."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def frames(backend, job, **arguments):
    return list(Drawings(backend).draw(job, "auto", Stop(), **{"visitor": HERE, **arguments}))


def stopped_at(backend, job, step):
    stop = Stop()
    for frame in Drawings(backend).draw(job, "auto", stop, Clock(1.0)):
        if frame.step == step:
            stop.set()
    return frame


@pytest.fixture
def content_first(job, scene):
    """A job whose first half goes to the content alone."""
    preset = job.preset.with_(content_first=0.5)
    return replace(job, preset=preset, content=scene(64, 64), init="noise", size=64)


def test_every_frame_shows_on_a_slow_machine_and_the_last_has_the_engines_result(backend, job):
    shown = frames(backend, job, clock=Clock(1.0))
    alone = Engine("cpu", store=None).run(job)

    assert [frame.step for frame in shown] == list(range(1, 9))
    assert [frame.result is None for frame in shown] == [True] * 7 + [False]
    last = shown[-1]
    assert np.array_equal(last.picture.pixels, alone.picture.pixels)
    assert last.result and dict(last.result.curve) == pytest.approx(dict(alone.curve))
    assert (last.steps, last.left, last.remark) == (8, 0.0, "")


def test_at_most_three_frames_a_second(backend, job):
    clock = Clock(0.05)
    times = [clock.now for _ in Drawings(backend).draw(job, "auto", Stop(), clock)]

    assert 2 <= len(times) < 8
    assert all(late - early >= 0.3 for early, late in zip(times[:-1], times[1:-1]))


def test_the_parts_add_up_to_the_total(backend, job):
    wanted = replace(job, preset=job.preset.with_(tv_weight=0.5, ratio=0.01))
    course = frames(backend, wanted)[-1].course

    styles = {f"style/relu{block}_1" for block in range(1, 6)}
    assert set(course.parts) == {"content/relu4_2", "variation"} | styles
    first = sum(part[0] for part in course.parts.values())
    assert first == pytest.approx(course.total[0], rel=1e-4)


def test_where_content_comes_first_style_has_no_losses_yet(backend, content_first):
    course = frames(backend, content_first)[-1].course

    style = course.parts["style/relu1_1"]
    assert len(style) == len(course.parts["content/relu4_2"]) == len(course.steps) == 8
    assert [math.isnan(loss) for loss in style] == [True] * 4 + [False] * 4
    assert course.begins == (5,)
    assert chart(course, 8).count('<path class="total"') == 2, "totals of different sums"


def test_losses_that_are_not_finite_leave_the_chart_whole():
    course = Course((), [1, 2], [math.nan, math.inf], {"content/relu4_2": [math.nan, 0.0]})

    assert "nan" not in chart(course, 5).split("<ul")[0].split("<path")[-1]


def test_a_second_time_nothing_is_drawn(backend, job, monkeypatch):
    first = frames(backend, job)[-1]
    monkeypatch.setattr(Engine, "stream", lambda *_: pytest.fail("drawn again"))

    (again,) = frames(backend, job)

    assert again.remark.startswith("Drawn before") and again.result and again.result.cached
    assert again.course.total == pytest.approx(first.course.total)
    assert (again.loss, again.losses) == (first.loss, first.losses)
    assert set(again.course.parts) == set(first.course.parts)
    assert np.array_equal(again.picture.pixels, first.picture.pixels)


def test_stop_keeps_the_picture_and_its_record_but_stores_nothing(backend, content_first, tmp_path):
    stopped = stopped_at(backend, content_first, 5)

    result = stopped.result
    assert result is not None and stopped.remark.startswith("Stopped")
    assert (stopped.step, result.evaluations, result.job.evaluations, result.job.stop) == (
        5,
        5,
        8,
        5,
    )
    assert len(backend.store) == 0
    save_recorded(result, tmp_path / "out.png")
    again = job_from_record(
        read_record(tmp_path / "out.png"), content_first.content, content_first.style
    )
    assert np.array_equal(Engine("cpu").run(again).picture.pixels, stopped.picture.pixels)


# Faults


def failing(monkeypatch, error, after):
    """Have the engine fail after so many evaluations."""
    whole = Engine.stream

    def stream(self, job):
        for snapshot in whole(self, job):
            if snapshot.step > after:
                raise error
            yield snapshot

    monkeypatch.setattr(Engine, "stream", stream)


EXPLODED = DivergedError("the loss has exploded at evaluation 4", step=4, picture=None)


def test_an_exploding_loss_leaves_the_last_good_picture(backend, job, monkeypatch):
    failing(monkeypatch, EXPLODED, 3)

    last = frames(backend, job)[-1]

    assert last.step == 3 and last.result is not None
    assert last.remark == "The loss has exploded at evaluation 4. This is the last good picture."


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (EXPLODED, InputError, "exploded"),
        (MemoryError(), InputError, "does not fit into memory"),
        (RuntimeError("can't allocate memory: 9 bytes"), InputError, "does not fit"),
        (RuntimeError("a bug"), RuntimeError, "a bug"),
    ],
    ids=["exploded", "memory", "torch's memory", "a bug is not hidden"],
)
def test_a_failure_at_once(backend, job, monkeypatch, error, kind, says):
    failing(monkeypatch, error, 0)

    with pytest.raises(kind, match=says):
        frames(backend, job)


def test_a_full_disk_loses_no_picture(backend, job):
    backend.store.folder.write_bytes(b"in the way of a folder")

    with pytest.warns(UserWarning, match="not kept"):
        last = frames(backend, job)[-1]

    assert last.result is not None and last.step == 8


# Who wants a stop


def test_a_stop_is_for_one_visitor_and_counts_before_the_job_starts():
    stops = Stops()
    older, newer, other = stops.begin("a"), stops.begin("a"), stops.begin("b")
    assert older.is_set() and not newer.is_set(), "running again stops the older drawing"

    stops.stop("a")
    stops.stop("nobody")
    assert stops.current("a").is_set() and not other.is_set()

    stops.forget("b")
    assert other.is_set() and not stops.current("b").is_set()
    assert not pickle.loads(pickle.dumps(newer)).is_set(), "a copy elsewhere never hears of it"


# Time


def test_the_estimate_learns_from_this_machine(backend, scene):
    preset = load_preset("gatys2016").with_(content_first=0.5)
    wanted = Job(preset, scene(), scene(), size=128, evaluations=10)
    at_once = replace(wanted, preset=preset.with_(content_first=0))
    assert not backend.measured(preset, "auto")

    backend.learn(at_once, "auto", 10, seconds=4.0)

    assert backend.measured(preset, "auto")
    longer, smaller = replace(at_once, evaluations=20), replace(at_once, size=64)
    seconds = [backend.seconds(job, "auto") for job in (longer, smaller, wanted)]
    assert seconds == pytest.approx([8.0, 1.0, 4.0 * (5 + 5 / 4) / 10])


@pytest.mark.parametrize(
    ("size", "count", "seconds"), [(64, 10, 1.0), (128, 4, 1.0), (128, 10, 0.0)]
)
def test_a_poor_measurement_is_not_learnt(backend, scene, size, count, seconds):
    preset = load_preset("gatys2016-code")
    backend.learn(Job(preset, scene(), scene(), size=size), "auto", count, seconds)

    assert not backend.measured(preset, "auto")
