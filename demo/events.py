"""What the tabs' events share: their queue, the visitor, and errors turned into sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from replicate.errors import ReplicateError

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


class sentences:
    """Turn the project's errors into a message in the page.

    Args:
        path, called: a server path that must not be shown, and what stands in its place.
    """

    def __init__(self, path: str | None = None, called: str = ""):
        self.path, self.called = path, called

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ReplicateError):
            text = str(error)
            if self.path:
                text = text.replace(f"'{self.path}'", self.called)
            raise gr.Error(f"{text[:1].upper()}{text[1:]}", print_exception=False) from error


def said(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with its errors turned into messages in the page."""

    def call(*values: Any) -> Any:
        with sentences():
            return function(*values)

    return call


def visitor(request: gr.Request | None, tab: str = "") -> str:
    """Whose browser this is; with a ``tab`` of the page, so that Stop there stops no other's."""
    return f"{(request.session_hash if request else None) or 'nobody'}/{tab}"


def idle() -> list[gr.Button]:
    """Run and Stop when nothing is drawn."""
    return [gr.Button(interactive=True), gr.Button(interactive=False)]


def busy() -> list[gr.Button]:
    """Run and Stop while something is drawn."""
    return [gr.Button(interactive=False), gr.Button(interactive=True)]
