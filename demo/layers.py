"""The Layers tab: what one layer keeps of one picture, shown in its maps and by reconstruction."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.images import Picture
from replicate.images.reading import MIN_SIDE

from . import looking, pictures, texts
from .chart import chart
from .events import QUIET, DrawingTab
from .fields import (
    Dropdown,
    address,
    drawn_field,
    evaluations_field,
    network_field,
    picture_input,
    run_and_stop,
    size_field,
)
from .limits import InputError, one_of, whole
from .looking import Pair
from .session import Course, Drawings, Stops

PRESET = "gatys2016"
"""Whose network looks, and whose losses reconstruct."""

START = "relu4_2"


class Layers(DrawingTab):
    """The tab's functions, apart from its layout."""

    name = "layers"

    def picture(self, path: str | None, size: Any) -> Picture:
        """The chosen picture at the chosen size.

        Raises:
            InputError: there is none, or it cannot be read; one sentence says why.
        """
        longest = whole("Size", size, 16, self.limits.size)
        found = pictures.read(path, "chosen", self.limits)
        if found is None:
            raise InputError("Choose a picture, or one of the examples under it.")
        scaled = found.scaled_to(longest)
        if min(scaled.size) < MIN_SIDE:
            width, height = scaled.size
            raise InputError(
                f"At this size the picture has {width} × {height} pixels, and each side needs "
                f"{MIN_SIDE}: choose a larger size."
            )
        return scaled

    def look(self, path: str | None, layer: Any, size: Any, network: Any) -> list[Any]:
        """Sentence, maps, heat map and pairs of a layer."""
        picture = self.picture(path, size)
        found = looking.look(
            self.backend, picture, str(layer), load_preset(PRESET), self._network(network)
        )
        return [
            f'<p class="quiet">{html.escape(found.sentence)}</p>',
            found.maps,
            found.heat,
            _pairs(found.by_value, found.by_cosine),
        ]

    def _network(self, network: Any) -> str:
        return one_of("network", network, self.backend.networks())

    def order(
        self, path: str | None, layer: Any, size: Any, evaluations: Any, network: Any
    ) -> dict[str, Job]:
        """The reconstructions that are asked for."""
        count = whole("Evaluations", evaluations, 1, self.limits.evaluations)
        self._network(network)
        picture = self.picture(path, size)
        return looking.reconstructions(
            load_preset(PRESET), picture, str(layer), max(picture.size), count, self.limits
        )

    def emptied(self, ordered: dict[str, Job]) -> list[Any]:
        """No reconstruction yet."""
        return [None, None]

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Reconstruct the content, then the style."""
        wanted = self.order(*values)
        for place, frame in self.drawn(request, wanted.values(), values[-1]):
            shown = [gr.skip(), gr.skip()]
            shown[place] = frame.picture
            heading = f"{place + 1} of {len(wanted)}, {list(wanted)[place]}: "
            yield [texts.status(frame, heading), *shown, chart(frame.course, frame.steps)]


def _pairs(by_value: Sequence[Pair], by_cosine: Sequence[Pair]) -> str:
    return (
        '<div class="pairs"><h3>Largest Gram entries of two filters</h3>'
        f"{_row(by_value)}<h3>Most alike, by cosine</h3>{_row(by_cosine)}</div>"
    )


def _row(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return '<p class="quiet">None: hardly any filter fires here.</p>'
    return "<div>" + "".join(_figure(pair) for pair in pairs) + "</div>"


def _figure(pair: Pair) -> str:
    caption = html.escape(pair.caption)
    return (
        f'<figure><img src="{address(pair.picture)}" alt="Maps of {caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


# Layout


def tab(drawings: Drawings, stops: Stops, page: gr.Blocks) -> None:
    """Lay out the tab in the page and connect it."""
    handlers = Layers(drawings, stops)
    limits = handlers.limits
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            path = picture_input(handlers.backend, "content", "layers-", "Picture")
            layer = Dropdown(
                looking.choices(),
                value=START,
                label="Layer",
                elem_id="layer",
                info="relu is the activation, conv the value before it",
            )
            network = network_field(handlers.backend, page, "layers-")
            size = size_field(limits, limits.first_size, "layers-")
            evaluations = evaluations_field(limits, 100, "Of each reconstruction", "layers-")
            look = gr.Button("Look", variant="primary", elem_id="look")
            buttons = run_and_stop("Reconstruct", "layers-")
        with gr.Column(scale=5, min_width=320):
            shown = _shown()
            outcome = _outcome()
    page.load(lambda: handlers.backend.example("chelsea"), None, path, **QUIET)
    fields = [path, layer, size, network]
    for event in (look.click, layer.input):
        event(
            handlers.look,
            fields,
            shown,
            concurrency_limit=2,
            trigger_mode="always_last",
            show_progress="minimal",
            show_progress_on=shown[0],
            api_visibility="private",
        )
    fields = [path, layer, size, evaluations, network]
    handlers.connect(page, buttons, fields, outcome, emptied=2)


def _shown() -> list[Any]:
    """Where a look goes: sentence, maps, heat map, pairs."""
    sentence = gr.HTML(
        '<p class="quiet">Look shows what the layer answers to the picture; Reconstruct, what can '
        "be drawn again from its features (content) and from their Gram matrix (style).</p>",
        elem_classes="plain",
        padding=False,
        elem_id="layers-sentence",
    )
    with gr.Row():
        maps = drawn_field(
            label="Feature maps",
            height=480,
            min_width=300,
            elem_id="maps",
            elem_classes="labelled",
            alt_text="Feature maps of the layer, the strongest first",
        )
        heat = drawn_field(
            label="Gram matrix, filters by strength",
            height=480,
            min_width=300,
            elem_id="heat",
            elem_classes="labelled",
            alt_text="Heat map of the Gram matrix",
        )
    pairs = gr.HTML("", elem_classes="plain", padding=False, elem_id="pairs")
    return [sentence, maps, heat, pairs]


def _outcome() -> list[Any]:
    """Where reconstructions go: status, content, style, chart."""
    status = gr.HTML(
        texts.status(None, "Reconstruct starts from noise."),
        elem_classes="plain",
        padding=False,
        elem_id="layers-status",
    )
    with gr.Row():
        drawn = [
            drawn_field(
                label=f"{kind.capitalize()} reconstruction",
                height=320,
                min_width=150,
                elem_id=f"layers-{kind}",
                elem_classes="labelled",
                alt_text=f"{kind} reconstruction",
            )
            for kind in ("content", "style")
        ]
    losses = gr.HTML(chart(Course(), 100), elem_id="layers-chart")
    return [status, *drawn, losses]
