"""Errors as visitors see them: one sentence, ours or one that says it is our fault."""

from __future__ import annotations

import secrets
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from replicate.errors import ReplicateError

from .limits import InputError, Limits
from .line import Line
from .uploads import Uploads
from .visitors import Visitor

FAULT = "Something went wrong on this server. If you tell somebody about it, quote {number}."
"""What a visitor hears of an error that nobody foresaw."""


class Page(gr.Blocks):
    """Blocks whose errors are messages of ours, whatever goes wrong in an event.

    An error of the project's becomes its own sentence.  Any other, Gradio's included, becomes
    :data:`FAULT`, and the log has the rest under the same number.

    Attributes:
        uploads: whose files alone an event may name; None lets all pass.
        at_close: what else ends with the page.
    """

    uploads: Uploads | None = None
    at_close: Sequence[Callable[[], None]] = ()

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            if self.uploads is not None:
                _check_files(named["inputs"], self.uploads, Visitor.of(named["request"]).browser)
            return await super().process_api(*arguments, **named)
        except ReplicateError as error:
            raise _message(str(error)) from error
        except Exception as error:
            raise _message(_logged(error)) from error

    def close(self, verbose: bool = True) -> None:
        super().close(verbose)
        for end in self.at_close:
            end()
        self.at_close = ()

    def line_up(self, limits: Limits) -> Line:
        """Take a queue of ours; must come after the last event."""
        self.queue(api_open=False)
        self._queue = Line(
            limits,
            live_updates=True,
            concurrency_count=self.max_threads,
            update_intervals=1,
            max_size=None,
            blocks=self,
            default_concurrency_limit=4,
        )
        return self._queue


def _check_files(value: Any, uploads: Uploads, browser: str) -> None:
    """Refuse files of others and addresses, which Gradio would fetch, wherever they stand."""
    if isinstance(value, list | tuple):
        for each in value:
            _check_files(each, uploads, browser)
    elif isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str) and not uploads.allows(path, browser):
            if "://" in path:
                raise InputError("Upload the picture itself: this server fetches no addresses.")
            raise InputError("The picture is no longer on the server: choose it again.")
        _check_files(list(value.values()), uploads, browser)


def _message(text: str) -> gr.Error:
    return gr.Error(f"{text[:1].upper()}{text[1:]}", print_exception=False)


def _logged(error: Exception) -> str:
    number = secrets.token_hex(3)
    trace = "".join(traceback.format_exception(error))
    print(f"demo: fault {number}: {trace}", file=sys.stderr, flush=True)
    return FAULT.format(number=number)
