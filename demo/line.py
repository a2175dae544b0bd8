"""The queue: a fair order, so many jobs a visitor, and nothing for whom nobody listens."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage, ProcessStartsMessage
from gradio.utils import error_payload, run_coro_in_background

from .events import ENGINE_QUEUE
from .limits import Limits
from .visitors import SHARE, Visitor

GRACE = 15.0
"""Seconds in which somebody must listen for a job that they have asked for."""

UNKNOWN = 15.0
"""Seconds that a drawing takes of which nothing is known, such as a program's."""

LOOKS = 2.0
"""Seconds between two looks for jobs that nobody listens to."""


class Line(Queue):
    """Gradio's queue with the limits of this server.

    Attributes:
        listening: open streams by session, or by event where a program asked for that one alone.
    """

    def __init__(
        self, limits: Limits, clock: Callable[[], float] = time.monotonic, **settings: Any
    ):
        super().__init__(**settings)
        self.limits = limits
        self.listening: Counter[str] = Counter()
        self._clock = clock
        self._expected: dict[tuple[str, int], float] = {}
        self._began: dict[str, float] = {}

    # ------------------------------------------------------------------ limits and order

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """As Gradio's; a job over a limit ends at once with a sentence."""
        pushed = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(pushed[1])) if pushed[0] else None
        if event is not None:
            refusal = self._refusal(event)
            if refusal:
                self._end(event, refusal)
            elif event.concurrency_id == ENGINE_QUEUE:
                self._waiting[:] = in_turn(self._waiting, self._working())
        return pushed

    def _refusal(self, event: Event) -> str:
        """Why this new job is not taken; empty if it is."""
        visitor, limits = Visitor.of(event.request), self.limits
        others = [each for each in self._events() if each is not event]
        mine = sum(each.session_hash == event.session_hash for each in others)
        beside = sum(Visitor.of(each.request).address == visitor.address for each in others)
        if mine >= limits.jobs or beside >= SHARE * limits.jobs:
            whose = "You have" if mine >= limits.jobs else "From your network there are"
            return f"{whose} too many jobs waiting already: let one of them end first."
        if event.concurrency_id == ENGINE_QUEUE and len(self._waiting) > limits.waiting:
            return f"{limits.waiting} people are waiting already: try again in a few minutes."
        return ""

    def others_wait(self, visitor: Visitor) -> bool:
        """Whether a drawing of another visitor's waits."""
        return any(event.session_hash != visitor.session for event in list(self._waiting))

    def expect(self, session: str, status: int, seconds: float) -> None:
        """How long the drawing that this session is about to ask for takes, by the element that
        shows its progress."""
        self._expected[session, status] = seconds

    def place(self, session: str, status: int) -> tuple[int, float] | None:
        """How many drawings come before this waiting one, and for about how many seconds; None if
        it does not wait."""
        mine = self._mine(session, status)
        if mine is None:
            return None
        working = [each for each in self._working() if each.concurrency_id == ENGINE_QUEUE]
        ahead = self._waiting[: self._waiting.index(mine)]
        passed = [self._clock() - self._began.get(each._id, self._clock()) for each in working]
        left = [max(self._seconds(each) - gone, 1.0) for each, gone in zip(working, passed)]
        return len(working) + len(ahead), sum(left) + sum(map(self._seconds, ahead))

    def withdraw(self, session: str, status: int, shown: Any) -> bool:
        """Take this session's waiting drawing out of the queue, and show in its status why;
        False if it does not wait."""
        event = self._mine(session, status)
        if event is None:
            return False
        data: list[dict[str, Any]] = [{"__type__": "update"} for _ in event.fn.outputs]
        data[0]["value"] = shown
        try:
            self._leave(event, ProcessCompletedMessage(output={"data": data}, success=True))
        except ValueError:  # its turn has come meanwhile
            return False
        return True

    def forget(self, session: str) -> None:
        """Keep nothing of a session that has ended."""
        for key in [key for key in list(self._expected) if key[0] == session]:
            self._expected.pop(key, None)

    def _mine(self, session: str, status: int) -> Event | None:
        for event in list(self._waiting):
            if (event.session_hash, event.fn.outputs[0]._id) == (session, status):
                return event
        return None

    def _seconds(self, event: Event) -> float:
        return self._expected.get((event.session_hash, event.fn.outputs[0]._id), UNKNOWN)

    def _events(self) -> Iterator[Event]:
        for line in self.event_queue_per_concurrency_id.values():
            yield from line.queue
        yield from self._working()

    def _working(self) -> Iterator[Event]:
        for job in self.active_jobs:
            yield from job or ()

    @property
    def _waiting(self) -> list[Event]:
        return self.event_queue_per_concurrency_id[ENGINE_QUEUE].queue

    def _end(self, event: Event, sentence: str) -> None:
        """Take a waiting job out of the queue and tell its visitor why."""
        output = error_payload(gr.Error(sentence), False)
        self._leave(event, ProcessCompletedMessage(output=output, success=False))

    def _leave(self, event: Event, message: ProcessCompletedMessage) -> None:
        self.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
        self.event_ids_to_events.pop(event._id, None)
        self.send_message(event, message)

    def send_message(self, event: Event, event_message: Any) -> None:
        """As Gradio's; notes when a drawing begins and forgets it at its end."""
        if isinstance(event_message, ProcessStartsMessage):
            self._began[event._id] = self._clock()
        if isinstance(event_message, ProcessCompletedMessage):
            self._began.pop(event._id, None)
        super().send_message(event, event_message)

    # ------------------------------------------------------------------ who listens

    def start(self) -> None:
        """As Gradio's, and begin to look for jobs that nobody listens to."""
        super().start()
        run_coro_in_background(self._look)

    async def _look(self) -> None:
        while not self.stopped:
            await asyncio.sleep(LOOKS)
            await self.drop_unheard()

    async def drop_unheard(self) -> None:
        """Drop jobs of sessions that have no stream open, and what was to be told to them."""
        dropped = set()
        for event in list(self._events()):
            late = self._clock() - event.enqueue_time > GRACE
            if late and not (self.listening[event.session_hash] or self.listening[event._id]):
                await self.clean_events(event_id=event._id)
                dropped.add(event.session_hash)
        for session in dropped - {event.session_hash for event in self._events() if event.alive}:
            self.pending_messages_per_session.pop(session, None)
            self.pending_event_ids_session.pop(session, None)

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        """Nothing: nobody asks for statistics, and they take pandas at every event."""
        return {}


def in_turn(waiting: list[Event], working: Iterator[Event]) -> list[Event]:
    """The first job of every address, then the second of every one, and so on; in each round
    by the time of asking.  A job at work counts.
    """
    turns = Counter(Visitor.of(event.request).address for event in working)
    rounds = []
    for event in sorted(waiting, key=lambda event: event.enqueue_time):
        address = Visitor.of(event.request).address
        rounds.append((turns[address], event))
        turns[address] += 1
    return [event for _, event in sorted(rounds, key=lambda each: each[0])]
