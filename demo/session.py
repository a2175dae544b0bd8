"""A drawing under way: a job becomes frames for the page, at most three a second.

The engine works only while a frame is being asked for.  So a visitor who has gone, whose frames
nobody asks for any more, holds nothing up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from replicate.engine.device import memory_said
from replicate.engine.engine import Engine
from replicate.engine.job import Job, Result, Snapshot
from replicate.errors import DivergedError, ReplicateError
from replicate.images import Picture

from . import course, pictures, zerogpu
from .backend import Backend
from .course import Course, begins, term_weights
from .limits import InputError
from .stops import Stop
from .visitors import Visitor

NOBODY = Visitor()

INTERVAL = 1 / 3
"""Seconds between two frames, at least."""

_TURN_OVER = "Others are waiting: this is the picture so far. Run it again for another turn."
_TOO_EARLY = "Stopped before the first evaluation."


@dataclass(frozen=True)
class Frame:
    """What the page shows at one moment.

    Attributes:
        losses: of each layer, unweighted.
        left: seconds to go, if anything is known.
        remark: one sentence on how it ended, if it did not end as planned.
        result: the finished picture, or as far as it came; None while work goes on.
    """

    step: int
    steps: int
    picture: Picture
    loss: float
    losses: dict[str, float]
    seconds: float
    left: float | None
    course: Course
    remark: str = ""
    result: Result | None = None


class Drawings:
    """Jobs become frames, wherever the engine works: here, or where a GPU is lent."""

    def __init__(self, backend: Backend):
        self.backend = backend
        self._worked = zerogpu.lent(self._work, self._seconds)

    def draw(
        self,
        job: Job,
        network: str,
        stop: Stop,
        clock: Callable[[], float] = time.monotonic,
        visitor: Visitor = NOBODY,
    ) -> Iterator[Frame]:
        """Draw a job, or take it from the store; the last frame has the result.

        A stop, a loss that explodes, or others who wait for long ends the work with the picture as
        far as it came, and a remark.

        Args:
            visitor: whose results the store is asked for, unless all pictures are bundled ones.

        Raises:
            InputError: there is no picture yet, or no memory for it, or the visitor has had their
                share of this server.
        """
        engine, owner = self.backend.engine(network), _owner(job, visitor)
        kept = self.kept(job, network, visitor)
        if kept is not None:
            yield kept
            return
        if stop.is_set():
            raise InputError(_TOO_EARLY)
        self.backend.evaluations.take(visitor, job.evaluations)
        with closing(self._worked(job, network, stop, clock, owner)) as frames:
            for frame in frames:
                if isinstance(frame, InputError):
                    raise frame
                if frame.result is not None:
                    break
                yield frame
                if frame.seconds > self.backend.limits.turn and self.backend.crowded(visitor):
                    stop.end(_TURN_OVER)
                if stop.is_set() and zerogpu.here():  # where the GPU is, nobody hears of that
                    frame = replace(frame, remark=stop.remark, result=_result(engine, job, frame))
                    break
        self.backend.learn(job, network, frame.step, frame.seconds)
        place = self.backend.store.of(owner).path(engine.key(job))
        if place.is_file():
            course.keep(frame.course, place)
        yield replace(frame, left=0.0)

    def kept(self, job: Job, network: str, visitor: Visitor = NOBODY) -> Frame | None:
        """The last frame of a drawing that is in the store; asks nobody who works to wait."""
        store = self.backend.store.of(_owner(job, visitor))
        engine = self.backend.engine(network)
        stored = engine.stored(job, store)
        if stored is None:
            return None
        return _from_store(stored, course.kept(stored, store.path(engine.key(job))))

    def _seconds(self, job: Job, network: str, *_: object) -> float:
        return self.backend.seconds(job, network)

    def _work(
        self, job: Job, network: str, stop: Stop, clock: Callable[[], float], owner: str
    ) -> Iterator[Frame | InputError]:
        """The frames of a drawing; an error is given, for one that is raised may lose its text."""
        try:
            yield from self._frames(job, network, stop, clock, owner)
        except InputError as error:
            yield error

    def _frames(
        self, job: Job, network: str, stop: Stop, clock: Callable[[], float], owner: str
    ) -> Iterator[Frame]:
        weights, losses = term_weights(job), Course(begins(job))
        stream = self.backend.engine(network).stream(job)
        last: Snapshot | None = None
        remark, shown = "", -INTERVAL
        try:
            while not stop.is_set():
                with self.backend.turn(owner), memory_said():
                    snapshot = next(stream, None)
                if snapshot is None:
                    break
                last = snapshot
                losses.add(snapshot, weights)
                if clock() - shown >= INTERVAL and snapshot.step < snapshot.steps:
                    shown = clock()
                    yield _frame(snapshot, losses)
            else:
                if last is None:
                    raise InputError(_TOO_EARLY)
                remark = stop.remark
        except DivergedError as error:
            if last is None:
                raise InputError(_sentence(error)) from error
            remark = f"{_sentence(error)} This is the last good picture."
        except ReplicateError as error:
            raise InputError(_sentence(error)) from error
        finally:
            stream.close()
        assert last is not None  # a job has at least one evaluation
        with self.backend.turn(owner):
            result = last.result()
        frame = _frame(last, losses)
        yield replace(frame, loss=result.loss, losses=result.losses, remark=remark, result=result)


def _owner(job: Job, visitor: Visitor) -> str:
    """Whose result this is; nobody's where it shows nothing but bundled pictures."""
    given = (job.content, job.style, *(picture for picture, _ in job.blend))
    own = any(picture and not pictures.bundled_name(picture) for picture in given)
    return visitor.owner if own else ""


def _sentence(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _frame(snapshot: Snapshot, course: Course) -> Frame:
    # The first evaluation warms caches up; the pace of the others is that of what is to come.
    left = snapshot.seconds / snapshot.step * (snapshot.steps - snapshot.step)
    return Frame(
        step=snapshot.step,
        steps=snapshot.steps,
        picture=snapshot.image,
        loss=snapshot.loss,
        losses=snapshot.losses,
        seconds=snapshot.seconds,
        left=left if snapshot.step > 1 else None,
        course=course,
    )


def _result(engine: Engine, job: Job, last: Frame) -> Result:
    """The result as far as it came, with losses as they were before rounding to 8 bits."""
    return Result(
        job=replace(job, stop=last.step) if last.step < last.steps else job,
        picture=last.picture,
        loss=last.loss,
        losses=last.losses,
        curve=list(zip(last.course.steps, last.course.total)),
        evaluations=last.step,
        seconds=last.seconds,
        network=engine.networks.info(job.preset.network),
        precision=engine.precision,
    )


def _from_store(result: Result, course: Course) -> Frame:
    return Frame(
        step=result.evaluations,
        steps=result.evaluations,
        picture=result.picture,
        loss=result.loss,
        losses=result.losses,
        seconds=result.seconds,
        left=0.0,
        course=course,
        result=result,
        remark="Drawn before: this is the kept picture.",
    )
