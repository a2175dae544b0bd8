"""The Mixer tab: a network that draws in one pass, so that a layer's slider answers at once."""

from __future__ import annotations

import base64
import html
import io
import shlex
from functools import cached_property
from typing import Any

import gradio as gr

from replicate.fast import Fast
from replicate.fast.setting import CONTENT_LAYERS, RATIOS, STYLE_LAYERS, Setting
from replicate.images import Picture
from replicate.layer_list import format_layers

from . import pictures
from .backend import Backend
from .events import QUIET
from .fields import picture_input
from .limits import InputError
from .parts import part

SIZE = 384
"""Longest side: what two cores draw in a fifth of a second."""

LAYERS = {
    "relu1_1": "colours and grain",
    "relu2_1": "short strokes",
    "relu3_1": "strokes and small shapes",
    "relu4_1": "motifs",
    "relu5_1": "how motifs lie together",
}
CONTENTS = {
    "relu2_2": "every edge stays",
    "relu3_3": "outlines stay",
    "relu4_2": "shapes stay",
}
LIVE: dict[str, Any] = {
    "concurrency_limit": 2,
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}
"""Settings of an event that follows a slider: of several movements the last one counts."""


class Mixer:
    """The tab's functions, apart from its layout."""

    def __init__(self, backend: Backend):
        self.backend = backend

    @cached_property
    def fast(self) -> Fast:
        return Fast.load("mixer", device=str(self.backend.device))

    @property
    def start(self) -> dict[str, Any]:
        """The first setting, as the page's script holds it."""
        wish = Setting("mosaic" if "mosaic" in self.fast.styles else self.fast.styles[0])
        return {
            "style": wish.style,
            "layers": dict(wish.layers),
            "content": wish.content,
            "ratio": wish.ratio,
        }

    def draw(self, path: str | None, wish: Any) -> tuple[str, str]:
        """The picture as HTML, and the command that draws it.

        Raises:
            InputError: the browser sends no setting.
            ReplicateError: a setting that the mixer does not know.
        """
        found = pictures.read(path, "chosen", self.backend.limits)
        if found is None:
            return '<p class="plain">Choose a picture, or one of the examples.</p>', ""
        if not isinstance(wish, dict) or set(wish) != set(self.start):
            raise InputError("This page is of another version of the server: open it again.")
        asked = self.fast.setting(
            str(wish["style"]),
            layers={str(name): float(weight) for name, weight in dict(wish["layers"]).items()},
            content=str(wish["content"]),
            ratio=float(wish["ratio"]),
        )
        drawn = self.fast(
            found.scaled_to(SIZE),
            asked.style,
            layers=asked.layers,
            content=asked.content,
            ratio=asked.ratio,
        )
        words = f"{found.name or 'The photograph'} in the style of {asked.style}"
        image = f'<img src="{_address(drawn)}" alt="{html.escape(words)}">'
        return f'<div class="mixed">{image}</div>', _command(found.name, asked)


def _address(picture: Picture) -> str:
    file = io.BytesIO()
    picture.pil().save(file, "webp", quality=86, method=0)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def _command(name: str, asked: Setting) -> str:
    known = name if name in pictures.names() else "photo.jpg"
    words = ["replicate", "fast", "apply", known, "--style", asked.style]
    words += ["--layers", format_layers(asked.layers), "--content", asked.content]
    words += ["--ratio", f"{asked.ratio:g}", "--size", str(SIZE)]
    return f"<p>The same at home: <code>{html.escape(shlex.join(words))}</code></p>"


def tab(backend: Backend, page: gr.Blocks) -> None:
    """Lay out the tab in the page and connect it; it draws at the page's arrival and at each
    change."""
    mixer = Mixer(backend)
    with gr.Row(elem_classes="looking", equal_height=False):
        with gr.Column(elem_classes="side", min_width=0):
            wish = part(
                "mixer",
                mixer.start,
                styles=list(mixer.fast.styles),
                pictures=backend.examples("style"),
                layers=[[name, LAYERS[name]] for name in STYLE_LAYERS],
                contents=[[name, CONTENTS[name]] for name in CONTENT_LAYERS],
                ratios=list(RATIOS),
                elem_id="mixer",
            )
        with gr.Column(elem_classes="main", min_width=0):
            shown = gr.HTML("", padding=False, elem_id="mixed")
            path = picture_input(backend, "content", "mixer-")
            command = gr.HTML("", padding=False, elem_classes="plain")
    outcome = [shown, command]
    first = next(iter(backend.examples("content")))
    page.load(lambda: backend.example(first), None, path, **QUIET).success(
        mixer.draw, [path, wish], outcome, **LIVE
    )
    path.change(mixer.draw, [path, wish], outcome, **LIVE)
    wish.input(mixer.draw, [path, wish], outcome, **LIVE)
