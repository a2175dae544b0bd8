"""The Compare tab: two to four presets or layer sets on the same pictures and seed."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from replicate.config import load_preset

from . import comparison, pictures, settings, texts
from .chart import chart
from .comparison import MEASURES, MOST, Entry
from .events import QUIET, DrawingTab
from .fields import (
    Dropdown,
    Number,
    drawn_field,
    evaluations_field,
    network_field,
    picture_input,
    run_and_stop,
    size_field,
)
from .session import Drawings, Frame, Stops
from .settings import Settings

_FIRST = ("gatys2016", "johnson2016", "gatys2015")


class Compare(DrawingTab):
    """The tab's functions, apart from its layout."""

    name = "compare"

    def order(
        self,
        names: Sequence[str],
        sets: str,
        content: str | None,
        style: str | None,
        size: Any,
        evaluations: Any,
        seed: Any,
        network: Any,
    ) -> list[Entry]:
        """What is compared."""
        limits = self.limits
        first = Settings.of(load_preset(names[0] if names else "gatys2016"), limits)
        common = settings.checked(
            first.base,
            limits,
            size,
            evaluations,
            settings.exponent_of(first.ratio),
            seed,
            first.init,
            network,
            settings.table(first),
            self.backend.networks(),
        )
        return comparison.entries(
            names,
            sets[:2000],
            common,
            pictures.read(content, "content", limits),
            pictures.read(style, "style", limits),
            limits,
        )

    def emptied(self, ordered: list[Entry]) -> list[Any]:
        """As many places as are needed, and no measures."""
        places = [
            gr.Image(None, label=ordered[place].label, visible=True)
            if place < len(ordered)
            else gr.Image(None, visible=False)
            for place in range(MOST)
        ]
        return [*places, "", ""]

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Draw one after the other; losses and measures when all are done."""
        wanted = self.order(*values)
        last: dict[int, Frame] = {}
        for place, frame in self.drawn(
            request, [entry.job for entry in wanted], wanted[0].settings.network
        ):
            last[place] = frame
            yield self._frame(wanted, place, frame)
        rows = [
            (wanted[place], frame, self._measures(wanted[place], frame))
            for place, frame in last.items()
        ]
        yield [gr.skip()] * (1 + MOST) + [table(rows), charts(rows)]

    def _measures(self, entry: Entry, frame: Frame) -> dict[str, float]:
        if frame.result is None:
            return {}
        return comparison.measures(self.backend, frame.result, entry.settings.network)

    @staticmethod
    def _frame(wanted: Sequence[Entry], place: int, frame: Frame) -> list[Any]:
        heading = f"{place + 1} of {len(wanted)}, {wanted[place].label}: "
        shown = [gr.skip() for _ in range(MOST)]
        shown[place] = frame.picture
        return [texts.status(frame, heading), *shown, gr.skip(), gr.skip()]


Measured = tuple[Entry, Frame, dict[str, float]]


def table(rows: Sequence[Measured]) -> str:
    """Measures beside each other, as an HTML table with what each of them is."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in MEASURES)
    body = "".join(
        f'<tr><th scope="row">{html.escape(entry.label)}</th>'
        + "".join(f"<td>{_value(found.get(name))}</td>" for name in MEASURES)
        + f"<td>{frame.loss:.4g}</td><td>{frame.seconds:.0f}</td></tr>"
        for entry, frame, found in rows
    )
    meaning = " ".join(f"<b>{name}</b>: {text}." for name, text in MEASURES.items())
    return (
        f'<div class="wide"><table class="measures"><thead><tr><th scope="col">preset or layers'
        f'</th>{head}<th scope="col">own loss</th><th scope="col">seconds</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f'<p class="quiet">{meaning} Own losses of different presets do not compare.</p>'
    )


def charts(rows: Sequence[Measured]) -> str:
    """A chart of the losses under each label."""
    return (
        '<div class="charts">'
        + "".join(
            f"<section><h3>{html.escape(entry.label)}</h3>"
            f"{chart(frame.course, frame.steps)}</section>"
            for entry, frame, _ in rows
        )
        + "</div>"
    )


def _value(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


# Layout


def tab(drawings: Drawings, stops: Stops, page: gr.Blocks) -> None:
    """Lay out the tab in the page and connect it."""
    handlers = Compare(drawings, stops)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            inputs = _form(handlers, page)
        with gr.Column(scale=6, min_width=320):
            buttons = run_and_stop("Compare", "compare-")
            status = gr.HTML(
                texts.status(None, "Choose two to four presets or layer sets."),
                elem_classes="plain",
                padding=False,
                elem_id="compare-status",
            )
            places = _places()
            measured = gr.HTML("", elem_classes="plain", padding=False, elem_id="compare-table")
            losses = gr.HTML("", elem_classes="plain", padding=False)
    page.load(
        lambda: [handlers.backend.example(name) for name in ("chelsea", "swirls")],
        None,
        inputs[2:4],
        **QUIET,
    )
    outcome = [status, *places, measured, losses]
    handlers.connect(page, buttons, inputs, outcome, emptied=len(outcome) - 1)


def _form(handlers: Compare, page: gr.Blocks) -> list[Any]:
    presets = settings.presets_by_paper()
    known = [preset.name for _, preset in presets]
    names = Dropdown(
        [(f"{paper} · {preset.label}", preset.name) for paper, preset in presets],
        value=[name for name in _FIRST if name in known][:2],
        multiselect=True,
        max_choices=MOST,
        label="Presets",
        elem_id="compare-presets",
    )
    sets = gr.Textbox(
        label="Layer sets",
        info="One a line, content | style; all else is as in the first preset",
        placeholder="relu4_2 | relu1_1,relu2_1\nrelu2_2 | relu1_1,relu2_1,relu3_1,relu4_1,relu5_1",
        lines=2,
        elem_id="compare-sets",
    )
    with gr.Row():
        content = picture_input(handlers.backend, "content", "compare-")
        style = picture_input(handlers.backend, "style", "compare-")
    with gr.Row():
        size = size_field(handlers.limits, 192, "compare-")
        evaluations = evaluations_field(handlers.limits, 60, "Of each picture", "compare-")
    with gr.Row():
        seed = Number(0, precision=0, minimum=0, label="Seed of the noise")
        network = network_field(handlers.backend, page, "compare-")
    return [names, sets, content, style, size, evaluations, seed, network]


def _places() -> list[gr.Image]:
    places = []
    for row in range(MOST // 2):
        with gr.Row():
            places += [
                drawn_field(
                    label=f"Picture {2 * row + column + 1}",
                    height=320,
                    min_width=150,
                    visible=row == 0,
                    elem_id=f"compare-{2 * row + column}",
                    elem_classes="labelled",
                    alt_text=f"Drawn picture {2 * row + column + 1}",
                )
                for column in range(2)
            ]
    return places
