"""The Mixer tab: a network that draws in one pass, so that a layer's slider answers at once."""

from __future__ import annotations

import html
import shlex
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr

from replicate.config import load_preset
from replicate.fast import Fast
from replicate.fast.beside import slow_job
from replicate.fast.setting import CONTENT_LAYERS, HOLDS, RATIOS, STYLE_LAYERS, Setting
from replicate.images import Picture, load_image
from replicate.layer_list import format_layers

from . import pictures, zerogpu
from .backend import Backend
from .fields import address, picture_input
from .limits import InputError
from .parts import part
from .settings import SCALES, Settings
from .transfer_page import Handed, Wanted

SIZE = 384
"""Longest side: what two cores draw in a fifth of a second."""

CONTENTS = {
    "relu2_2": "every edge stays",
    "relu3_3": "outlines stay",
    "relu4_2": "shapes stay",
}
SAME_LOSSES = "li2017-gram"
"""A preset with the mixer's losses, for Transfer; its layers, weights and ratio are not."""

LIVE: dict[str, Any] = {
    "concurrency_limit": 2,
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "api_visibility": "private",
}
"""Settings of an event that follows a slider: of several movements the last one counts."""


_PROPERLY = """<p class="quiet">In Transfer: its optimisation wants the same as this network, takes
longer and comes nearer to it.</p>"""


class Mixer:
    """The tab's functions, apart from its layout."""

    def __init__(self, backend: Backend):
        self.backend = backend

    @cached_property
    def fast(self) -> Fast:
        device = "cpu" if zerogpu.here() else str(self.backend.device)  # as for one who looks
        return Fast.load("mixer", device=device)

    @property
    def start(self) -> dict[str, Any]:
        """The first setting, as the page's script holds it; one that leaves a face a face."""
        style = "mosaic" if "mosaic" in self.fast.styles else self.fast.styles[0]
        wish = Setting(style, content="relu3_3", ratio=1.0)
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
        if path is None:
            return '<p class="plain">Choose a picture, or one of the examples.</p>', ""
        asked = self._asked(wish)
        photograph, name = self.small(path), Path(path).stem
        drawn = self.fast(
            photograph,
            asked.style,
            layers=asked.layers,
            content=asked.content,
            ratio=asked.ratio,
        )
        words = f"{name} in the style of {asked.style}, drawn by the mixer in one pass"
        width, height = drawn.size
        image = f'<img src="{address(drawn, lossless=0)}" alt="{html.escape(words)}"'
        shown = f'<div class="mixed">{image} width="{width}" height="{height}"></div>'
        return shown, _command(name, asked)

    def _asked(self, wish: Any) -> Setting:
        if not isinstance(wish, dict) or set(wish) != set(self.start):
            raise InputError("This page is of another version of the server: open it again.")
        return self.fast.setting(
            str(wish["style"]),
            layers={str(name): float(weight) for name, weight in dict(wish["layers"]).items()},
            content=str(wish["content"]),
            ratio=float(wish["ratio"]),
        )

    def properly(self, path: str | None, wish: Any) -> Wanted:
        """The same objective for the optimisation, as Transfer's form has it.

        All weights are multiplied by one number, so that the largest of a style layer is 1.

        Raises:
            InputError: there is no photograph, or the browser sends no setting.
            ReplicateError: a setting that the mixer does not know.
        """
        if path is None:
            raise InputError("Choose a picture, or one of the examples.")
        asked = self._asked(wish)
        artwork = self.backend.example(asked.style)
        if artwork is None:
            raise InputError(f"There is no bundled picture '{asked.style}' on this server.")
        slow, limits = self.fast.slow(asked), self.backend.limits
        most = max(slow.style_layers.values())

        def weights(kind: str) -> dict[str, float]:
            return {name: float(f"{w / most:.4g}") for name, w in slow.layers(kind).items()}

        settings = Settings.of(load_preset(SAME_LOSSES), limits)
        size = min(SIZE, limits.size)
        job = slow_job(self.fast, asked, self.small(path), load_image(artwork), size=size)
        low, high = SCALES
        wanted = replace(
            settings,
            size=size,
            ratio=slow.ratio,
            network=slow.network.name,
            content_layers=weights("content"),
            style_layers=weights("style"),
            style_scale=min(max(round(job.style_scale, 2), low), high),
        )
        remark = (
            "These are the mixer's settings: the optimisation makes the same losses small, from "
            "noise. A weight is what the slider says, divided by the loss of untouched photographs."
        )
        return wanted, {"content": path, "style": artwork, "second": None}, remark

    @property
    def photograph(self) -> str:
        """Name of the first bundled photograph."""
        return self.backend.examples("content")[0]

    def small(self, path: str) -> Picture:
        """The chosen picture at :data:`SIZE`.

        Kept beside its file, and swept with it: a slider asks for it at every movement, and a
        photograph takes longer to read than to draw.
        """
        file = Path(path)
        kept = file.with_name(f"{file.stem}-{SIZE}.png")
        if not (file.is_file() and kept.is_file()):
            found = pictures.read(path, "chosen", self.backend.limits)
            assert found is not None
            found.scaled_to(SIZE).save(kept)
        return load_image(kept)


def _command(name: str, asked: Setting) -> str:
    known = name if name in pictures.names() else "photo.jpg"
    words = ["replicate", "fast", "apply", known, "--style", asked.style]
    words += ["--layers", format_layers(asked.layers), "--content", asked.content]
    words += ["--ratio", f"{asked.ratio:g}", "--size", str(SIZE)]
    return f"<p>The same at home: <code>{html.escape(shlex.join(words))}</code></p>"


def tab(backend: Backend) -> Handed:
    """Lay out the tab in the page and connect it: it opens with a picture and draws at each change.

    Returns:
        What the tab that draws by optimisation is given.
    """
    mixer = Mixer(backend)
    photograph = backend.example(mixer.photograph)
    first, said = mixer.draw(photograph, mixer.start)
    with gr.Row(elem_classes=["looking", "mixing"], equal_height=False):
        with gr.Column(elem_classes="side", min_width=0):
            wish = part(
                "mixer",
                mixer.start,
                styles=list(mixer.fast.styles),
                pictures=backend.examples("style"),
                layers=[[name, HOLDS[name]] for name in STYLE_LAYERS],
                contents=[[name, CONTENTS[name]] for name in CONTENT_LAYERS],
                ratios=list(RATIOS),
                elem_id="mixer",
            )
            path = picture_input(backend, "content", "mixer-", value=photograph)
        with gr.Column(elem_classes="main", min_width=0):
            shown = gr.HTML(first, padding=False, elem_id="mixed")
            properly = gr.Button("Draw it properly", size="md", elem_id="properly")
            gr.HTML(_PROPERLY, padding=False, elem_classes="plain")
            command = gr.HTML(said, padding=False, elem_classes="plain")
    for field in (path, wish):
        field.input(mixer.draw, [path, wish], [shown, command], **LIVE)
    return properly, mixer.properly, [path, wish]
