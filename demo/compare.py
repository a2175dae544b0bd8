"""The Compare tab: two to four presets or layer sets on the same pictures and seed."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from replicate.config import load_preset
from replicate.engine.job import Job

from . import comparison, pictures, presets, questions, rows, settings, texts
from .chart import chart
from .comparison import MEASURES, MOST, Entry
from .events import QUIET, DrawingTab
from .fields import (
    Dropdown,
    Number,
    Shown,
    evaluations_field,
    network_field,
    picture_input,
    run_and_stop,
    size_field,
    viewer,
)
from .parts import cards_index, part
from .questions import QUESTIONS
from .session import Drawings, Frame
from .settings import Settings
from .stops import Stops

_FIRST = ("gatys2016", "johnson2016", "gatys2015")


class Compare(DrawingTab):
    """The tab's functions, apart from its layout."""

    name = "compare"
    fields = 1 + MOST + 2

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
            rows.table(first),
            networks=self.backend.networks(),
        )
        return comparison.entries(
            names,
            sets[:2000],
            common,
            pictures.read(content, "content", limits),
            pictures.read(style, "style", limits),
            limits,
        )

    def jobs(self, ordered: list[Entry], values: Any) -> tuple[Sequence[Job], str]:
        """A job for each entry."""
        return [entry.job for entry in ordered], ordered[0].settings.network

    def emptied(self, ordered: list[Entry]) -> list[Any]:
        """As many places as are needed, and no measures."""
        places = [
            gr.HTML(Shown(words=ordered[place].label), visible=True)
            if place < len(ordered)
            else gr.HTML(visible=False)
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
        + "".join(_cell(name, _value(found.get(name))) for name in MEASURES)
        + _cell("own loss", f"{frame.loss:.4g}")
        + _cell("seconds", f"{frame.seconds:.0f}")
        + "</tr>"
        for entry, frame, found in rows
    )
    meaning = " ".join(f"<b>{name}</b>: {text}." for name, text in MEASURES.items())
    return (
        f'<div class="wide"><table class="measures"><thead><tr><th scope="col">preset or layers'
        f'</th>{head}<th scope="col">own loss</th><th scope="col">seconds</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f'<p class="quiet">{meaning} Own losses of different presets do not compare.</p>'
    )


def _cell(name: str, value: str) -> str:
    """On a phone a row's cells stand under each other, each with its name."""
    return f'<td data-name="{html.escape(name)}">{value}</td>'


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
    _asked(handlers)
    with (
        gr.Accordion(
            "Compare your own: presets or sets of layers", open=False, elem_id="compare-own"
        ),
        gr.Row(equal_height=False, elem_classes="work"),
    ):
        with gr.Column(elem_classes="pick", min_width=0):
            inputs = _form(handlers, page)
            bar = run_and_stop("Compare", "Choose two to four presets or layer sets.", "compare-")
        with gr.Column(elem_classes="result", min_width=0):
            places = _places()
            measured = gr.HTML("", padding=False, elem_id="compare-table")
            losses = gr.HTML("", elem_classes="plain", padding=False)
    page.load(
        lambda: [handlers.backend.example(name) for name in ("chelsea", "mosaic")],
        None,
        inputs[2:4],
        **QUIET,
    )
    outcome = [bar.status, *places, measured, losses]
    handlers.connect(page, bar, inputs, outcome, shows="compare-0")


def _asked(handlers: Compare) -> None:
    """Questions, each answered by two finished pictures."""
    buttons = "".join(
        f'<button type="button" data-index="{index}" aria-pressed="{str(not index).lower()}">'
        f"{html.escape(each.title)}</button>"
        for index, each in enumerate(QUESTIONS)
    )
    cards = part("cards", inside=f'<div class="asked">{buttons}</div>', elem_id="questions")
    with gr.Row(equal_height=False, elem_classes="answered"):
        view = viewer("question", questions.shown(QUESTIONS[0]))
        said = gr.HTML(
            questions.text(QUESTIONS[0], handlers.limits), padding=False, elem_id="question-text"
        )

    def answer(event: gr.EventData) -> list[Any]:
        chosen = QUESTIONS[cards_index(event, len(QUESTIONS))]
        return [questions.shown(chosen), questions.text(chosen, handlers.limits)]

    cards.select(answer, None, [view, said], **QUIET)


def _form(handlers: Compare, page: gr.Blocks) -> list[Any]:
    known = [name for _, name in presets.choices()]
    names = Dropdown(
        presets.choices(),
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


def _places() -> list[gr.HTML]:
    places = []
    for row in range(MOST // 2):
        with gr.Row():
            places += [
                viewer(f"compare-{2 * row + column}", visible=row == 0, min_width=150)
                for column in range(2)
            ]
    return places
