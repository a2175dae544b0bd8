"""ZeroGPU: a GPU that Hugging Face lends to a Space for the length of one call.

The function that has the GPU runs in a process split off from this one.  What goes in and out
is pickled, and of an error nothing but its class comes back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import torch

from .limits import InputError

try:
    import spaces
except ImportError:  # anywhere but on a Space
    spaces = None

LONGEST = 120
"""Seconds that are asked for at most: visitors are refused more."""

START = 15
"""Seconds until the GPU holds the network, at most: an estimate."""


def here() -> bool:
    """Whether this server draws on lent GPUs, and has none while it does not draw."""
    return spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in (
        "1",
        "t",
        "true",
    )


def lent(
    task: Callable[..., Iterator[Any]], seconds: Callable[..., float]
) -> Callable[..., Iterator[Any]]:
    """``task`` with a GPU for so long; ``task`` itself where no package ``spaces`` is.

    Args:
        task: a generator function.
        seconds: takes what ``task`` takes and estimates how long it works.
    """
    if spaces is None:
        return task

    def duration(*arguments: Any) -> int:
        return min(LONGEST, START + round(1.5 * seconds(*arguments)))

    return _said(spaces.GPU(_single(task) if here() else task, duration=duration))


def _said(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """``task`` with the package's refusals (no GPU free, a quota used up) as sentences of ours."""

    def said(*arguments: Any) -> Iterator[Any]:
        try:
            yield from task(*arguments)
        except gr.Error as error:
            raise InputError(_sentence(error)) from error

    return said


def _sentence(error: gr.Error) -> str:
    text = str(error.message).strip().rstrip(".")
    if getattr(error, "title", "") != "ZeroGPU worker error":
        return f"{text}."
    if text == "GPU task aborted":
        return "The GPU was taken back too early: choose a smaller size or fewer evaluations."
    return f"Drawing on the lent GPU failed ({text}): try again."


def _single(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """``task`` on one thread of the processor: a process split off waits for ever for the others,
    which were not split off with it.
    """

    def alone(*arguments: Any) -> Iterator[Any]:
        torch.set_num_threads(1)
        yield from task(*arguments)

    return alone
