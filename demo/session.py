"""A drawing under way: a job becomes frames for the page, at most three a second.

The engine works only while a frame is being asked for.  So a visitor who has gone, whose frames
nobody asks for any more, holds nothing up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch

from replicate.engine.engine import Engine
from replicate.engine.job import Job, Result, Snapshot
from replicate.errors import DivergedError, ReplicateError
from replicate.images import Picture

from .limits import InputError
from .workshop import Workshop

INTERVAL = 1 / 3
"""Seconds between two frames, at least."""


@dataclass
class Course:
    """How the losses went: evaluations, the total, and each layer's share in the total."""

    steps: list[int] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)

    def add(self, snapshot: Snapshot, weights: dict[str, float]) -> None:
        self.steps.append(snapshot.step)
        self.total.append(snapshot.loss)
        for name, loss in snapshot.losses.items():
            self.parts.setdefault(name, []).append(weights.get(name, 1.0) * loss)


@dataclass(frozen=True)
class Frame:
    """What the page shows at one moment.

    Attributes:
        left: seconds to go, if anything is known.
        result: the finished picture, or as far as it came; None while work goes on.
        remark: one sentence on how it ended.
    """

    step: int
    steps: int
    picture: Picture
    loss: float
    seconds: float
    left: float | None
    course: Course
    result: Result | None = None
    remark: str = ""


def draw(
    workshop: Workshop,
    job: Job,
    network: str,
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Frame]:
    """Draw a job, or take it from the store; the last frame has the result.

    A stop, a loss that explodes or a disk that is full ends the work with the picture as far as it
    came, and a remark.

    Raises:
        InputError: there is no picture yet, or no memory for it.
    """
    engine = workshop.engine(network)
    with workshop.lock:
        stored = _stored(engine, job)
    if stored is not None:
        yield _from_store(stored)
        return
    yield from _drawn(workshop, engine, job, network, stop, clock)


def _drawn(
    workshop: Workshop,
    engine: Engine,
    job: Job,
    network: str,
    stop: threading.Event,
    clock: Callable[[], float],
) -> Iterator[Frame]:
    weights, course = term_weights(job), Course()
    stream = engine.stream(job)
    last: Snapshot | None = None
    remark, shown = "", -INTERVAL
    try:
        while not stop.is_set():
            with workshop.lock:
                snapshot = _next(stream)
            if snapshot is None:
                break
            last = snapshot
            course.add(snapshot, weights)
            if clock() - shown >= INTERVAL and snapshot.step < snapshot.steps:
                shown = clock()
                yield _frame(snapshot, course)
        else:
            if last is None:
                raise InputError("Stopped before the first evaluation.")
            remark = "Stopped: this is the picture so far."
    except DivergedError as error:
        if last is None:
            raise InputError(_sentence(error)) from error
        remark = f"{_sentence(error)} This is the last good picture."
    except ReplicateError as error:
        if last is None or last.step < last.steps:
            raise
        remark = f"The picture is not kept for the next time: {_sentence(error)}"
    finally:
        stream.close()  # type: ignore[attr-defined]
    assert last is not None  # a job has at least one evaluation
    workshop.learn(job, network, course.steps, last.seconds)
    yield replace(
        _frame(last, course), left=0.0, result=_result(engine, job, last, course), remark=remark
    )


def _next(stream: Iterator[Snapshot]) -> Snapshot | None:
    try:
        return next(stream, None)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _too_large() from error
    except RuntimeError as error:  # what torch raises on a CPU
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise _too_large() from error
        raise


def _too_large() -> InputError:
    return InputError("The picture does not fit into this server's memory; choose a smaller size.")


def _sentence(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def term_weights(job: Job) -> dict[str, float]:
    """The factor of each term in the total, by the names under which snapshots give losses."""
    preset = job.preset
    weights = {"variation": preset.tv_weight}
    for layer, weight in job.content_layers.items():
        weights[f"content/{layer}"] = job.content_weight * weight
    for layer, weight in job.style_layers.items():
        weights[f"style/{layer}"] = preset.style_weight * weight
    return weights


def _frame(snapshot: Snapshot, course: Course) -> Frame:
    # The first evaluation warms caches up; the pace of the others is that of what is to come.
    left = snapshot.seconds / snapshot.step * (snapshot.steps - snapshot.step)
    return Frame(
        step=snapshot.step,
        steps=snapshot.steps,
        picture=snapshot.image,
        loss=snapshot.loss,
        seconds=snapshot.seconds,
        left=left if snapshot.step > 1 else None,
        course=course,
    )


def _result(engine: Engine, job: Job, last: Snapshot, course: Course) -> Result:
    """What a run with exactly the evaluations done so far would have given."""
    return Result(
        job=replace(job, evaluations=last.step),
        picture=last.image,
        loss=last.loss,
        losses=last.losses,
        curve=list(zip(course.steps, course.total)),
        evaluations=last.step,
        seconds=last.seconds,
        network=engine.info(job.preset.network),
        precision=engine.precision,
    )


def _stored(engine: Engine, job: Job) -> Result | None:
    """The finished job, if it has been drawn before, here or by ``make figures``."""
    store = engine.store
    if store is None:
        return None
    description = {
        **job.description(),
        "network": engine.info(job.preset.network).record(),
        "precision": engine.precision,
    }
    return engine.run(job) if store.get(store.key(description)) else None


def _from_store(result: Result) -> Frame:
    course = Course([step for step, _ in result.curve], [loss for _, loss in result.curve])
    return Frame(
        step=result.evaluations,
        steps=result.evaluations,
        picture=result.picture,
        loss=result.loss,
        seconds=result.seconds,
        left=0.0,
        course=course,
        result=result,
        remark="Drawn before: this is the kept picture.",
    )


class Stops:
    """Who wants their drawing stopped: one event a visitor, from before the job starts."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def begin(self, visitor: str) -> threading.Event:
        """A new drawing; an older one of this visitor's stops."""
        with self._lock:
            if visitor in self._events:
                self._events[visitor].set()
            self._events[visitor] = threading.Event()
            return self._events[visitor]

    def current(self, visitor: str) -> threading.Event:
        """The event of the drawing that this visitor has asked for."""
        with self._lock:
            return self._events.setdefault(visitor, threading.Event())

    def stop(self, visitor: str) -> None:
        """Stop the visitor's drawing, whether it waits or works."""
        with self._lock:
            if visitor in self._events:
                self._events[visitor].set()

    def forget(self, visitor: str) -> None:
        """Stop it, and keep nothing of a visitor who has gone."""
        self.stop(visitor)
        with self._lock:
            self._events.pop(visitor, None)
