"""Who wants a drawing to end."""

from __future__ import annotations

import threading

STOPPED = "Stopped: this is the picture so far."


class Stop(threading.Event):
    """Whether somebody wants a drawing to end.  A copy in another process never hears of it.

    Attributes:
        remark: on the drawing that ended so.
    """

    remark = STOPPED

    def end(self, remark: str) -> None:
        """Set it, with a remark of its own."""
        self.remark = remark
        self.set()

    def __reduce__(self) -> tuple[type[Stop], tuple[()]]:
        return (Stop, ())


class Stops:
    """Who wants their drawing stopped: one event a visitor, from before the job starts."""

    def __init__(self) -> None:
        self._events: dict[str, Stop] = {}
        self._lock = threading.Lock()

    def begin(self, visitor: str) -> Stop:
        """A new drawing; an older one of this visitor's stops."""
        with self._lock:
            if visitor in self._events:
                self._events[visitor].set()
            self._events[visitor] = Stop()
            return self._events[visitor]

    def current(self, visitor: str) -> Stop:
        """The event of the drawing that this visitor has asked for."""
        with self._lock:
            return self._events.setdefault(visitor, Stop())

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
