"""The layout of the Transfer tab: pictures and Run, the result, the layers, what experts set."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from replicate.config import load_preset

from . import presets, rows, settings, texts
from .chart import chart
from .course import Course
from .events import ANSWERS, QUIET, WAITS
from .fields import (
    Dropdown,
    Number,
    Radio,
    Shown,
    Slider,
    evaluations_field,
    layer_picker,
    network_field,
    picture_input,
    run_and_stop,
    size_field,
    viewer,
)
from .opening import EXAMPLES
from .parts import cards_index, part
from .session import Drawings
from .settings import Settings
from .stops import Stops
from .transfer import Transfer
from .transfer_form import FOLLOWS, FORM, OUTCOME, SETTABLE

FETCHED = 10
"""Seconds between two looks for weights that are being fetched."""

COLOURING = ("colours", "style_scale", "second_weight")
"""Of the form, what :func:`demo.settings.checked` takes last."""

SAVED = "which-layers"
"""Under which a browser keeps the form."""


@dataclass(frozen=True)
class Fields:
    """The tab's elements by name, as events pass them."""

    named: dict[str, Any]

    def __call__(self, names: tuple[str, ...]) -> list[Any]:
        return [self.named[name] for name in names]


Wanted = tuple[Settings, dict[str, str | None], str]
"""Settings, the files of the pictures by role, and a sentence on where they come from."""

Handed = tuple[gr.Button, Callable[..., Wanted], list[Any]]
"""A button of another tab that opens this one with its form filled and runs it: the button, what
is wanted by the values of these elements."""


def remembered() -> gr.BrowserState:
    """What a browser keeps of the form; outside of tabs, which are made when they are opened."""
    return gr.BrowserState(None, storage_key=SAVED, secret=SAVED)


def tab(
    drawings: Drawings, stops: Stops, page: gr.Blocks, saved: gr.BrowserState, handed: Handed
) -> None:
    """Lay out the tab in the page and connect it.

    Args:
        saved: as :func:`remembered` makes it.
    """
    handlers = Transfer(drawings, stops)
    first = Settings.of(load_preset("gatys2016"), handlers.limits)
    named: dict[str, Any] = {"base": gr.State(None), "settled": gr.State(""), "saved": saved}
    cards = _cards()
    with gr.Row(elem_classes="work", equal_height=False):
        with gr.Column(elem_classes="pick", min_width=0):
            bar = _pictures(handlers, first, named)
        with gr.Column(elem_classes="result", min_width=0):
            _outcome(named)
        with gr.Column(elem_classes="settings", min_width=0):
            even, balance, dropped = _settings(handlers, first, named, page)
    named["status"] = bar.status
    fields = Fields(named)
    handlers.connect(page, bar, fields(FORM), fields(OUTCOME), shows="picture")
    _connect(handlers, fields, page)

    def example(event: gr.EventData) -> list[Any]:
        return handlers.example(EXAMPLES[cards_index(event, len(EXAMPLES))])

    filling = [
        cards.select(example, None, fields((*SETTABLE, *OUTCOME)), **ANSWERS),
        dropped.upload(handlers.restore, dropped, fields(SETTABLE), **ANSWERS),
        named["kind"].input(rows.switched, fields(("rows", "kind")), named["rows"], **ANSWERS),
        even.click(rows.evened, named["rows"], named["rows"], **ANSWERS),
        balance.click(handlers.balance, fields(FORM), named["rows"], **WAITS),
    ]
    for filled in filling:
        filled.success(handlers.recalculated, fields(FORM), fields(FOLLOWS), **QUIET)
    if handlers.backend.fetching:
        timer = gr.Timer(FETCHED)
        looked = [named["network"], named["estimate"], timer]
        timer.tick(handlers.looked, fields(FORM), looked, **QUIET)

    button, wanted, inputs = handed

    def fill(*values: Any) -> list[Any]:
        settings, paths, remark = wanted(*values)
        return handlers.filled(settings, remarks=[remark], **paths)

    filled = button.click(fill, inputs, fields(SETTABLE), **ANSWERS)
    filled.success(handlers.recalculated, fields(FORM), fields(FOLLOWS), **QUIET)
    filled.success(None, js=f"() => parts.run('transfer', '{bar.run.elem_id}')")


def _cards() -> gr.HTML:
    """The examples, as pictures to press."""
    shown = html.escape
    buttons = "".join(
        f'<button type="button" data-index="{index}" aria-label="Example: {shown(each.content)} in '
        f'the style of {shown(each.style)}"><img src="own/examples/{each.name}-small.webp" alt="" '
        f'width="132" height="88" loading="lazy"><span>{shown(each.content)} + {shown(each.style)}'
        "</span></button>"
        for index, each in enumerate(EXAMPLES)
    )
    lead = '<p class="lead">Start from a finished picture:</p>'
    return part(
        "cards",
        inside=f'{lead}<div class="row-of-cards" data-shows="picture">{buttons}</div>',
        elem_id="examples",
    )


def _pictures(handlers: Transfer, first: Settings, named: dict[str, Any]) -> Any:
    with gr.Row(elem_classes="pair"):
        for role in ("content", "style"):
            named[role] = picture_input(handlers.backend, role)
    named["exponent"] = Slider(
        *settings.exponents(first),
        value=settings.exponent_of(first.ratio),
        step=0.01,
        label="Painting or photograph?",
        info=texts.ratio_note(first),
        elem_id="ratio",
    )
    return run_and_stop("Run", "Choose two pictures and press Run.")


def _outcome(named: dict[str, Any]) -> None:
    # Nothing of it in an accordion: a closed one loses what a drawing fills in.
    named["picture"] = viewer("picture", Shown(words="Run draws the picture here."))
    named["download"] = gr.DownloadButton(
        "Download with its settings", interactive=False, elem_id="download", size="md"
    )
    named["home"] = part("home", {}, elem_id="home")
    named["chart"] = gr.HTML(chart(Course(), 100), elem_id="chart", padding=False)


def _settings(
    handlers: Transfer, first: Settings, named: dict[str, Any], page: gr.Blocks
) -> tuple[gr.Button, gr.Button, gr.File]:
    gr.HTML("<h2>Layers</h2>", padding=False, elem_classes="heading")
    named["preset"] = Dropdown(
        presets.choices(),
        value=first.base.name,
        label="As in",
        info="Whose choice of layers, weights and ratio",
        elem_id="preset",
    )
    named["note"] = gr.HTML(texts.preset_note(first.base), elem_classes="plain", padding=False)
    named["rows"] = layer_picker(rows.table(first), "layers-picker")
    with gr.Row(elem_classes="buttons"):
        even = gr.Button("Equal weights", size="sm", min_width=120)
        balance = gr.Button("Balance", size="sm", min_width=120, elem_id="balance")
    gr.HTML(
        '<p class="quiet">Balance: every layer pulls equally hard at the start, content and style '
        "in all as hard as now.</p>",
        elem_classes="plain",
        padding=False,
    )
    with gr.Accordion(
        "For experts: size, steps, start, colours, network", open=False, elem_id="expert"
    ):
        dropped = _expert(handlers, first, named, page)
    return even, balance, dropped


def _expert(handlers: Transfer, first: Settings, named: dict[str, Any], page: gr.Blocks) -> gr.File:
    limits = handlers.limits
    with gr.Row():
        named["size"] = size_field(limits, first.size)
        named["evaluations"] = evaluations_field(
            limits, first.evaluations, "Forward and backward passes"
        )
    named["network"] = network_field(handlers.backend, page)
    named["estimate"] = gr.HTML(
        texts.estimate(handlers.backend, first), elem_classes="plain", padding=False
    )
    named["kind"] = Radio(
        [("after rectification (relu)", "relu"), ("before it (conv)", "conv")],
        value="relu",
        label="Where the features are read",
        elem_id="kind",
    )
    named["init"] = Radio(
        [("White noise", "noise"), ("Content picture", "content"), ("Style picture", "style")],
        value=first.init,
        label="Start from",
        elem_id="init",
    )
    named["colours"] = Radio(
        [
            ("the painting's", "none"),
            ("the photograph's: only light and dark are drawn", "luminance"),
            ("the painting's, moved to the photograph's palette first", "match"),
        ],
        value="none",
        label="Colours",
        elem_id="colours",
    )
    named["style_scale"] = Slider(
        *settings.SCALES,
        value=1,
        step=0.05,
        label="Size of the painting's strokes",
        info="Below 1 finer, above 1 coarser than the painting's own",
        elem_id="style-scale",
    )
    named["second"] = picture_input(handlers.backend, "second")
    named["second_weight"] = Slider(
        *settings.WEIGHTS,
        value=1,
        step=0.1,
        label="Weight of the second painting",
        info="Beside the first one's of 1",
        elem_id="second-weight",
    )
    named["seed"] = Number(
        first.seed, precision=0, minimum=0, label="Seed of the noise", elem_id="seed"
    )
    dropped = gr.File(
        label="Settings from a picture drawn here: drop it",
        file_types=[".png", ".jpg", ".webp"],
        elem_id="restore",
        height=140,
    )
    gr.HTML(texts.limits_note(limits), elem_classes="plain", padding=False)
    return dropped


def _connect(handlers: Transfer, fields: Fields, page: gr.Blocks) -> None:
    named = fields.named
    kept = fields(("preset", "settled", "size", "evaluations", "seed", "network", *COLOURING))
    chosen = named["preset"].input(handlers.choose, kept, fields(SETTABLE), **ANSWERS)
    opened = page.load(handlers.opened, named["saved"], fields((*SETTABLE, *OUTCOME)), **QUIET)
    for event in (chosen, opened):
        event.success(handlers.recalculated, fields(FORM), fields(FOLLOWS), **QUIET)
    for name in FORM[2:]:
        named[name].input(
            handlers.recalculated,
            fields(FORM),
            fields(FOLLOWS),
            trigger_mode="always_last",
            **QUIET,
        )
