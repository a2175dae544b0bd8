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
from .course import Course
from .events import QUIET, DrawingTab
from .fields import (
    Shown,
    address,
    evaluations_field,
    network_field,
    picture_input,
    run_and_stop,
    size_field,
    viewer,
)
from .limits import InputError, one_of, whole
from .looking import Pair
from .parts import part
from .session import Drawings
from .stops import Stops

PRESET = "gatys2016"
"""Whose network looks, and whose losses reconstruct."""

START = "relu4_2"
KINDS = ("content", "style")
FIRST = "chelsea"

LOOKS: dict[str, Any] = {
    "concurrency_limit": 2,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""Settings of an event that passes a picture through the network once."""


class Layers(DrawingTab):
    """The tab's functions, apart from its layout."""

    name = "layers"
    fields = 4

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
        """The layer's maps and pairs; reconstructions of another layer go."""
        picture = self.picture(path, size)
        found = looking.look(
            self.backend, picture, str(layer), load_preset(PRESET), self._network(network)
        )
        alive = {
            "layer": str(layer),
            "photograph": address(picture),
            "size": picture.size,
            "maps": address(found.maps),
            "columns": looking.COLUMNS,
            "channels": found.channels,
            "gram": found.gram,
            "field": found.field,
            "step": found.step,
            "sentence": found.sentence,
        }
        pairs = _pairs(found.by_value, found.by_cosine)
        return [alive, pairs, *(_to_come(kind, str(layer)) for kind in KINDS)]

    def first_look(self, seen: bool, path: str | None, *values: Any) -> list[Any]:
        """A look when the tab is opened, unless there has been one; the first picture may still be
        on its way where a link opens the tab.
        """
        if seen:
            return [gr.skip()] * 5
        return [*self.look(path or self.backend.example(FIRST), *values), True]

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

    def jobs(self, ordered: dict[str, Job], values: Any) -> tuple[Sequence[Job], str]:
        """Content, then style."""
        return list(ordered.values()), values[-1]

    def emptied(self, ordered: dict[str, Job]) -> list[Any]:
        """No reconstruction yet."""
        return [Shown(words="Waiting for its turn."), Shown(words="Waiting for its turn.")]

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Reconstruct the content, then the style."""
        wanted = self.order(*values)
        for place, frame in self.drawn(request, wanted.values(), values[-1]):
            shown = [gr.skip(), gr.skip()]
            kind, layer = list(wanted)[place], values[1]
            before = wanted[kind].content if kind == "content" else wanted[kind].style
            shown[place] = Shown(
                frame.picture,
                before.resized(*frame.picture.size) if before and frame.result else None,
                alt=f"{kind} reconstruction from {layer}",
                right=f"{kind} of {layer}",
                at=0,
            )
            heading = f"{place + 1} of {len(wanted)}, {list(wanted)[place]}: "
            yield [texts.status(frame, heading), *shown, chart(frame.course, frame.steps)]


def _pairs(by_value: Sequence[Pair], by_cosine: Sequence[Pair]) -> str:
    return (
        '<div class="pairs"><h2>Largest Gram entries of two filters</h2>'
        f"{_row(by_value)}<h2>Most alike, by cosine</h2>{_row(by_cosine)}</div>"
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


def _to_come(kind: str, layer: str) -> Shown:
    kept = {"content": "features", "style": "Gram matrix"}[kind]
    return Shown(
        words=f"Reconstruct draws what can be drawn again from the {kept} of {layer} alone."
    )


# Layout


def tab(drawings: Drawings, stops: Stops, page: gr.Blocks, opened: gr.Tab) -> None:
    """Lay out the tab in the page and connect it; it looks at each change."""
    handlers = Layers(drawings, stops)
    limits = handlers.limits
    layer = part(
        "steps",
        START,
        names=looking.choices(),
        title="Layer",
        low="shallow: a few pixels, colours",
        high="deep: half the picture, things",
        elem_id="layer",
    )
    with gr.Row(elem_classes="looking", equal_height=False):
        with gr.Column(elem_classes="side", min_width=0):
            path = picture_input(handlers.backend, "content", "layers-")
            with gr.Accordion("For experts: network and size", open=False):
                network = network_field(handlers.backend, page, "layers-")
                size = size_field(limits, limits.first_size, "layers-")
        with gr.Column(elem_classes="main", min_width=0):
            alive = part("alive", {}, elem_id="alive")
    pairs = gr.HTML("", elem_classes="plain", padding=False, elem_id="pairs")
    gr.HTML("<h2>What the layer keeps</h2>", padding=False, elem_classes="heading")
    evaluations = evaluations_field(limits, 100, "Of each reconstruction", "layers-")
    bar = run_and_stop("Reconstruct", "Reconstruct starts from noise.", "layers-")
    with gr.Row(elem_classes="pair"):
        drawn = [viewer(f"layers-{kind}", _to_come(kind, START)) for kind in KINDS]
    losses = gr.HTML(chart(Course(), 100), elem_id="layers-chart", padding=False)
    page.load(lambda: handlers.backend.example(FIRST), None, path, **QUIET)
    fields, shown, seen = [path, layer, size, network], [alive, pairs, *drawn], gr.State(False)
    for field in fields:
        field.input(handlers.look, fields, shown, trigger_mode="always_last", **LOOKS)
    opened.select(handlers.first_look, [seen, *fields], [*shown, seen], **LOOKS)
    inputs = [path, layer, size, evaluations, network]
    handlers.connect(page, bar, inputs, [bar.status, *drawn, losses], shows="layers-content")
