"""The page's own parts: elements whose behaviour is in ``assets/parts`` and whose values are JSON.

Gradio has no picker of layers, no chooser that all tabs share, no slider over a picture that a
keyboard reaches.  A part is a :class:`gradio.HTML` whose script draws its value and gives it back.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import gradio as gr

from .opening import ASSETS

SCRIPTS = (
    "base",
    "page",
    "grid",
    "picker",
    "chooser",
    "viewer",
    "home",
    "cards",
    "steps",
    "alive",
    "mixer",
)


def part(
    name: str, value: Any = None, inside: str = "", base: Any = gr.HTML, **settings: Any
) -> gr.HTML:
    """An element that the function ``parts.NAME`` of the scripts makes alive.

    Args:
        inside: HTML that is there before the script runs, free of backticks, ``${`` and braces in
            pairs.
        base: the component, which may turn values into others.
        settings: of the component; others than its own reach the script as ``props``.
    """
    field: gr.HTML = base(
        value,
        html_template=f'<div class="part {name}">{inside}</div>',
        js_on_load=f"parts.{name}(element.firstElementChild, {{ trigger, props, watch }});",
        apply_default_css=False,
        padding=False,
        **settings,
    )
    return field


def cards_index(event: gr.EventData, count: int) -> int:
    """Which of so many cards was pressed; the first one if the browser says nonsense."""
    chosen = event._data.get("index") if isinstance(event._data, dict) else None
    return chosen if isinstance(chosen, int) and 0 <= chosen < count else 0


@cache
def script() -> bytes:
    """All scripts as one."""
    folder = ASSETS / "parts"
    return b"\n".join((folder / f"{name}.js").read_bytes() for name in SCRIPTS)


@cache
def sheet() -> bytes:
    """The page's style sheet."""
    return (ASSETS / "page.css").read_bytes()


_VEIL = """
.gradio-container { visibility: hidden; animation: unveil 0s 20s forwards; }
@keyframes unveil { to { visibility: visible; } }
body:has(.gradio-container)::before { content: "Opening …"; position: fixed; top: 40%; width: 100%;
  text-align: center; }
"""
"""Until everything stands in its place, as the sheet says, or for twenty seconds: parts arrive in
an order that depends on the network, and would push each other about.
"""


def head() -> str:
    """What brings script and sheet into the page; browsers keep each as long as it is the same."""
    version = hashlib.sha256(script() + sheet()).hexdigest()[:12]
    return (
        f'<style>{_VEIL}</style><link rel="stylesheet" href="own/page.css?{version}">'
        f'<script src="own/page.js?{version}"></script>'
    )
