"""Errors as visitors see them: one sentence, ours or one that says it is our fault."""

from __future__ import annotations

import secrets
import sys
import traceback
from typing import Any

import gradio as gr

from replicate.errors import ReplicateError

FAULT = "Something went wrong on this server. If you tell somebody about it, quote {number}."
"""What a visitor hears of an error that nobody foresaw."""


class Page(gr.Blocks):
    """Blocks whose errors are messages of ours, whatever goes wrong in an event.

    An error of the project's becomes its own sentence.  Any other, Gradio's included, becomes
    :data:`FAULT`, and the log has the rest under the same number.
    """

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return await super().process_api(*arguments, **named)
        except ReplicateError as error:
            raise _message(str(error)) from error
        except Exception as error:
            raise _message(_logged(error)) from error


def _message(text: str) -> gr.Error:
    return gr.Error(f"{text[:1].upper()}{text[1:]}", print_exception=False)


def _logged(error: Exception) -> str:
    number = secrets.token_hex(3)
    trace = "".join(traceback.format_exception(error))
    print(f"demo: fault {number}: {trace}", file=sys.stderr, flush=True)
    return FAULT.format(number=number)
