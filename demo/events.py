"""What the tabs' events share: their queue, the visitor, and how a drawing is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import gradio as gr

from replicate.engine.job import Job

from . import texts
from .session import Drawings, Frame, Stops
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
    "show_progress": "minimal",
    "api_visibility": "private",
}
"""Settings of an event that waits for the engine and shows its place in the queue."""


class DrawingTab:
    """A tab with Run and Stop, apart from its layout.

    A tab says in ``order`` what the values of its form ask for, and in ``run`` how drawing that
    fills the page.

    Attributes:
        name: keeps a Stop here from stopping what another tab of the same browser draws.
    """

    name = ""

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

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Draw, filling the outcome some times a second."""
        raise NotImplementedError

    def emptied(self, ordered: Any) -> list[Any]:
        """Values of the fields after the status that an order empties before it waits."""
        return []

    def arm(self, request: gr.Request, *values: Any) -> list[Any]:
        """Check everything before the visitor queues, and say that the drawing waits."""
        ordered = self.order(*values)
        self.stops.begin(self._key(request))
        waiting = texts.status(None, "Waiting for the engine …")
        return [*_buttons(True), waiting, *self.emptied(ordered)]

    def stop(self, request: gr.Request) -> None:
        """Stop the visitor's drawing, whether it waits or works."""
        self.stops.stop(self._key(request))

    def leave(self, request: gr.Request) -> None:
        """The browser is closed: its drawing ends."""
        self.stops.forget(self._key(request))

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

    def connect(
        self,
        page: gr.Blocks,
        buttons: Sequence[gr.Button],
        inputs: Sequence[Any],
        outcome: Sequence[Any],
        emptied: int = 0,
    ) -> None:
        """Connect Run and Stop.

        Args:
            outcome: what ``run`` fills, the status first.
            emptied: how many fields after the status ``emptied`` gives values for.
        """
        run, stop = buttons
        armed = run.click(self.arm, inputs, [run, stop, *outcome[: 1 + emptied]], **ANSWERS)
        drawn = armed.success(self.run, inputs, outcome, show_progress_on=outcome[0], **WAITS)
        for ended in (drawn.success, drawn.failure):  # "then" does not come after an error
            ended(lambda: _buttons(False), None, [run, stop], **QUIET)
        stop.click(self.stop, None, None, **QUIET)
        page.unload(self.leave)


def _buttons(busy: bool) -> list[gr.Button]:
    """Run and Stop while something is drawn, or is not."""
    return [gr.Button(interactive=not busy), gr.Button(interactive=busy)]
