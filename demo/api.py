"""The named endpoints for programs: ``/presets`` and ``/transfer``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from replicate.config import load_preset
from replicate.engine.job import Job

from . import links, pictures, presets, rows, settings
from .events import ENGINE_QUEUE
from .fields import Number, picture_field
from .limits import number
from .session import Drawings
from .settings import Settings
from .stops import Stop
from .visitors import Visitor


class Endpoints:
    """What programs can ask for."""

    def __init__(self, drawings: Drawings):
        self.drawings = drawings
        self.backend = drawings.backend

    def presets(self) -> list[dict[str, Any]]:
        """Every preset with its label, source, note, layers and ratio."""
        return [
            {"paper": presets.paper_of(preset), **preset.model_dump(mode="json")}
            for preset in presets.ordered()
        ]

    def transfer(
        self,
        content: str | None,
        style: str | None,
        preset: str,
        size: float,
        evaluations: float,
        seed: float,
        network: str,
        ratio: float,
        content_layers: str,
        style_layers: str,
        request: gr.Request,
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Draw ``content`` in the style of ``style``; previews come while it is drawn.

        ``content_layers`` and ``style_layers`` are written as on the command line, such as
        ``relu1_1=0.5,relu2_1``; empty takes the preset's, ``none`` none. ``ratio`` is alpha/beta, 0
        takes the preset's. Each answer is a picture and ``evaluation``, ``evaluations``,
        ``loss``, ``seconds_left``, and with the last one ``losses``, ``network``, ``remark``.
        """
        limits = self.backend.limits
        start = Settings.of(load_preset(preset), limits)
        texts = {"content_layers": content_layers, "style_layers": style_layers}
        layers = {
            kind: links.layers_from_text(text, start.base) if text else getattr(start, kind)
            for kind, text in texts.items()
        }
        wanted = settings.checked(
            start.base,
            limits,
            size,
            evaluations,
            None,
            seed,
            start.init,
            network,
            rows.rows(layers["content_layers"], layers["style_layers"]),
            networks=self.backend.networks(),
        )
        if ratio:
            wanted = replace(wanted, ratio=number("The ratio", ratio, 1e-8, 1e4))
        job = wanted.job(
            pictures.read(content, "content", limits), pictures.read(style, "style", limits)
        )
        yield from self._answers(job, wanted, Visitor.of(request))

    def _answers(
        self, job: Job, wanted: Settings, visitor: Visitor
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        folder = self.backend.uploads.new(visitor.browser)
        # Nobody presses Stop here: a program that cancels closes this generator.
        for frame in self.drawings.draw(job, wanted.network, Stop(), visitor=visitor):
            progress: dict[str, Any] = {
                "evaluation": frame.step,
                "evaluations": frame.steps,
                "loss": frame.loss,
                "seconds_left": frame.left,
            }
            if frame.result is not None:
                progress["losses"] = frame.result.losses
                progress["network"] = frame.result.network.label
                progress["remark"] = frame.remark
            yield str(frame.picture.save(folder / f"{frame.step}.png")), progress


def endpoints(drawings: Drawings) -> None:
    """Add the endpoints to the page; nothing of them is seen."""
    handlers = Endpoints(drawings)
    gr.api(handlers.presets, api_name="presets", queue=False)
    start = Settings.of(load_preset("gatys2016"), drawings.backend.limits)
    with gr.Column(visible=False):
        content = picture_field(label="content")
        style = picture_field(label="style")
        preset = gr.Textbox(start.base.name, label="preset")
        size = Number(start.size, label="size")
        evaluations = Number(start.evaluations, label="evaluations")
        seed = Number(0, label="seed")
        network = gr.Textbox("auto", label="network")
        ratio = Number(0, label="ratio")
        content_layers = gr.Textbox("", label="content_layers")
        style_layers = gr.Textbox("", label="style_layers")
        picture = picture_field(label="picture")
        progress = gr.JSON(label="progress")
        trigger = gr.Button("transfer")
    trigger.click(
        handlers.transfer,
        [
            content,
            style,
            preset,
            size,
            evaluations,
            seed,
            network,
            ratio,
            content_layers,
            style_layers,
        ],
        [picture, progress],
        api_name="transfer",
        concurrency_id=ENGINE_QUEUE,
        concurrency_limit=1,
        show_progress="hidden",
    )
