"""What the tabs' events share: their queue, the visitor, and how a drawing is asked for.

Run checks the form and looks into the store, outside the queue.  Only what must be drawn gets a
ticket, a new one asks for a place in the queue, and whatever comes of it unlocks Run again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from replicate.engine.job import Job

from . import texts
from .session import Drawings, Frame
from .stops import Stops
from .visitors import Visitor

ENGINE_QUEUE = "engine"
"""One queue for everything that draws."""

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Settings of an event that neither waits nor shows that it works, and that cannot fail."""

ANSWERS: dict[str, Any] = {**QUIET, "queue": True, "concurrency_limit": None}
"""Settings of an event that may end in a message.

It passes through the queue, though it never waits there: the page shows the words of an error only
if they come that way; from outside the queue it makes them a plain "Error".
"""

WAITS: dict[str, Any] = {
    "concurrency_id": ENGINE_QUEUE,
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""Settings of an event that waits for the engine; :meth:`DrawingTab.place` says how long."""

LOOKS = 1.5
"""Seconds between two looks at one's place in the queue."""


class DrawingTab:
    """A tab with Run and Stop, apart from its layout.

    A tab says in ``order`` what the values of its form ask for, in ``run`` how drawing that fills
    the page, and in ``at_once`` what of it is there already.

    Attributes:
        name: keeps a Stop here from stopping what another tab of the same browser draws.
        status: number of the element that shows the progress, by which the queue knows the tab.
    """

    name = ""
    status = 0

    def __init__(self, drawings: Drawings, stops: Stops):
        self.drawings = drawings
        self.backend = drawings.backend
        self.limits = self.backend.limits
        self.stops = stops

    def order(self, *values: Any) -> Any:
        """What is to be drawn.

        Raises:
            ReplicateError: something in the form cannot be drawn; one sentence says what.
        """
        raise NotImplementedError

    def jobs(self, ordered: Any, values: Any) -> tuple[Sequence[Job], str]:
        """The jobs of an order, and the network that is to draw them."""
        raise NotImplementedError

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Draw, filling the outcome some times a second."""
        raise NotImplementedError

    def emptied(self, ordered: Any) -> list[Any]:
        """Values of the fields after the status that an order empties before it waits."""
        return []

    def ask(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Check everything before the visitor queues.  What is in the store fills the page at once;
        for anything else there is a new ticket, and the status says that it waits.
        """
        ordered = self.order(*values)
        jobs, network = self.jobs(ordered, values)
        visitor, key = Visitor.of(request), self._key(request)
        self.stops.begin(key)
        if all(self.drawings.kept(job, network, visitor) for job in jobs):
            for outcome in self.run(request, *values):
                yield [gr.skip(), gr.skip(), gr.skip(), *outcome]
            return
        if self.backend.line is not None:
            seconds = sum(self.backend.seconds(job, network) for job in jobs)
            self.backend.line.expect(visitor.session, self.status, seconds)
        begun = [texts.status(None, "Waiting for the engine …"), *self.emptied(ordered)]
        rest = [gr.skip()] * (self.fields - len(begun))
        yield [*_buttons(True), secrets.token_hex(8), *begun, *rest]

    def place(self, request: gr.Request) -> str:
        """How many are before this visitor's waiting drawing; empty where none waits."""
        line = self.backend.line
        found = line and line.place(request.session_hash or "", self.status)
        return texts.place(*found) if found else ""

    async def stop(self, request: gr.Request) -> None:
        """Stop the visitor's drawing, whether it waits or works.

        A coroutine, for the queue is the event loop's own.
        """
        self.stops.stop(self._key(request))
        if self.backend.line is not None:
            said = texts.status(None, "Stopped before it was drawn.")
            self.backend.line.withdraw(request.session_hash or "", self.status, said)

    def leave(self, request: gr.Request) -> None:
        """The browser is closed: its drawing ends."""
        self.stops.forget(self._key(request))
        if self.backend.line is not None:
            self.backend.line.forget(request.session_hash or "")

    def drawn(
        self, request: gr.Request, jobs: Iterable[Job], network: str
    ) -> Iterator[tuple[int, Frame]]:
        """The frames of jobs one after the other, each with its job's number.

        A stop keeps what has been drawn and begins no other.
        """
        stop, visitor = self.stops.current(self._key(request)), Visitor.of(request)
        for number, job in enumerate(jobs):
            if number and stop.is_set():
                return
            for frame in self.drawings.draw(job, network, stop, visitor=visitor):
                yield number, frame

    def _key(self, request: gr.Request) -> str:
        return f"{request.session_hash or 'nobody'}/{self.name}"

    fields = 1
    """How many fields the outcome has."""

    def connect(
        self,
        page: gr.Blocks,
        bar: Bar,
        inputs: Sequence[Any],
        outcome: Sequence[Any],
        shows: str = "",
    ) -> None:
        """Connect Run and Stop.

        Args:
            outcome: what ``run`` fills, the status first.
            shows: name of the element that comes into view when Run is pressed.
        """
        self.status, self.fields = outcome[0]._id, len(outcome)
        ticket, timer = gr.State(""), gr.Timer(LOOKS, active=False)
        buttons = [bar.run, bar.stop]
        # In the same event, for one of its own may come after an answer that is there at once.
        said = f"parts.asked('{bar.status.elem_id}', '{shows}')"
        asked = f"(...values) => {{ {said}; return values.slice(0, {len(inputs)}); }}"
        bar.run.click(self.ask, inputs, [*buttons, ticket, *outcome], js=asked, **ANSWERS)
        drawn = ticket.change(self.run, inputs, outcome, **WAITS)
        ticket.change(lambda: gr.Timer(active=True), None, timer, **QUIET)
        timer.tick(self.place, None, bar.place, **QUIET)
        for ended in (drawn.success, drawn.failure):  # "then" does not come after an error
            ended(_free, None, [*buttons, timer, bar.place], **QUIET)
        bar.stop.click(self.stop, None, None, **QUIET)
        page.unload(self.leave)


@dataclass(frozen=True)
class Bar:
    """Run, Stop and how it goes: at the foot of a phone's window.

    Attributes:
        place: the visitor's place in the queue.
    """

    run: gr.Button
    stop: gr.Button
    place: gr.HTML
    status: gr.HTML


def _buttons(busy: bool) -> list[gr.Button]:
    """Run and Stop while something is drawn, or is not."""
    return [gr.Button(interactive=not busy), gr.Button(interactive=busy)]


def _free() -> list[Any]:
    return [*_buttons(False), gr.Timer(active=False), ""]
