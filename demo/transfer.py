"""The Transfer tab: a preset, two pictures, Run; and what to take home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import gradio as gr

from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.record import save_recorded

from . import pictures, settings, texts
from .chart import chart
from .events import ANSWERS, QUIET, WAITS, DrawingTab
from .fields import (
    Dropdown,
    Number,
    Radio,
    Slider,
    before_after_field,
    drawn_field,
    evaluations_field,
    network_choices,
    network_field,
    picture_input,
    run_and_stop,
    size_field,
)
from .limits import InputError
from .session import Course, Drawings, Frame, Stops
from .settings import Row, Settings
from .visitors import Visitor

LOOKS = 10
"""Seconds between two looks for weights that are being fetched."""


@dataclass
class Form:
    """The fields of the tab, in the order in which events pass their values."""

    base: gr.State
    preset: gr.Dropdown
    content: gr.Image
    style: gr.Image
    size: gr.Slider
    evaluations: gr.Slider
    exponent: gr.Slider
    seed: gr.Number
    init: gr.Radio
    network: gr.Dropdown
    rows: gr.Dataframe
    kind: gr.Radio
    note: gr.HTML
    estimate: gr.HTML

    @property
    def inputs(self) -> list[Any]:
        """What decides the drawing."""
        return [
            self.base,
            self.preset,
            self.content,
            self.style,
            self.size,
            self.evaluations,
            self.exponent,
            self.seed,
            self.init,
            self.network,
            self.rows,
        ]

    @property
    def settable(self) -> list[Any]:
        """What a preset, a link or a recorded picture sets."""
        return [*self.inputs, self.kind, self.note, self.estimate]


@dataclass
class Outcome:
    """What a drawing fills, in the order in which events pass their values."""

    status: gr.HTML
    picture: gr.Image
    chart: gr.HTML
    slider: gr.ImageSlider
    download: gr.DownloadButton
    command: gr.Code
    python: gr.Code
    link: gr.Code

    @property
    def all(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


class Transfer(DrawingTab):
    """The tab's functions, apart from its layout."""

    # ------------------------------------------------------------------ from the page to a job

    def order(
        self,
        base: dict[str, Any] | None,
        preset: str,
        content: str | None,
        style: str | None,
        *fields: Any,
    ) -> tuple[Settings, Job]:
        """The settings and the job of the form's values."""
        wanted = self._checked(base, preset, fields)
        job = wanted.job(
            pictures.read(content, "content", self.limits),
            pictures.read(style, "style", self.limits),
        )
        return wanted, job

    def _checked(self, base: dict[str, Any] | None, preset: str, fields: Any) -> Settings:
        if base is None and not preset:
            raise InputError("Choose a preset.")
        if base is None:
            chosen, limits = load_preset(preset), self.limits
        else:  # a recorded picture's own preset: it begins as that one did
            chosen = Preset.model_validate(base)
            limits = replace(self.limits, scales=1, content_first=0.0)
        return settings.checked(chosen, limits, *fields, networks=self.backend.networks())

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Draw, filling the outcome some times a second."""
        wanted, job = self.order(*values)
        home = _take_home(wanted, job)
        for _, frame in self.drawn(request, [job], wanted.network):
            yield [*_shown(frame, job), gr.skip(), *home]
            home = [gr.skip()] * 3
        yield from self._offered(frame, job, Visitor.of(request))

    def _offered(self, frame: Frame, job: Job, visitor: Visitor) -> Iterator[list[Any]]:
        """The file to download, or in the status why there is none."""
        assert frame.result is not None
        name = Path(job.content.name).stem if job.content else "texture"
        try:
            folder = self.backend.uploads.new(visitor.browser)
            path = folder / f"{name or 'picture'}-{job.preset.name}.png"
            save_recorded(frame.result, path)
            yield _only(download=gr.DownloadButton(value=str(path), interactive=True))
        except (ReplicateError, OSError) as error:
            print(f"demo: {error}", flush=True)
            remark = "Drawn, but this server has no room for a file to download."
            yield _only(status=texts.status(replace(frame, remark=remark)))

    # ------------------------------------------------------------------ into the form

    def filled(
        self,
        wanted: Settings,
        base: bool = False,
        remarks: Sequence[str] = (),
        **paths: str | None,
    ) -> list[Any]:
        """The form's values for these settings.

        Args:
            base: keep the preset itself, which may differ from the one of that name.
            remarks: sentences to show with the preset.
        """
        known = wanted.base.name in {preset.name for _, preset in settings.presets_by_paper()}
        return [
            wanted.base.model_dump(mode="json") if base else None,
            wanted.base.name if known else None,
            paths["content"] if "content" in paths else gr.skip(),
            paths["style"] if "style" in paths else gr.skip(),
            wanted.size,
            wanted.evaluations,
            self._ratio(wanted),
            wanted.seed,
            wanted.init,
            wanted.network,
            settings.table(wanted),
            settings.kind_of({**wanted.content_layers, **wanted.style_layers}),
            texts.preset_note(wanted.base, remarks),
            texts.estimate(self.backend, wanted),
        ]

    @staticmethod
    def _ratio(wanted: Settings) -> Any:
        return gr.Slider(
            value=settings.exponent_of(wanted.ratio) or 0,
            interactive=wanted.ratio is not None,
            info=texts.ratio_note(wanted),
        )

    def choose(self, name: str, *kept: Any) -> list[Any]:
        """The form for another preset; size, evaluations, seed and network stay."""
        remarks = []
        wanted = Settings.of(load_preset(name), self.limits)
        size, evaluations, seed, network = kept
        try:
            wanted = settings.checked(
                wanted.base,
                self.limits,
                size,
                evaluations,
                settings.exponent_of(wanted.ratio),
                seed,
                wanted.init,
                network,
                settings.table(wanted),
                self.backend.networks(),
            )
        except InputError as error:  # the field is wrong, and is set right
            remarks.append(str(error))
        return self.filled(wanted, remarks=remarks)

    def opened(self, request: gr.Request) -> list[Any]:
        """The form as the page's address wants it."""
        query = {key: value[:2000] for key, value in dict(request.query_params).items()}
        wanted, names, problems = settings.from_query(query, self.limits, self.backend.networks())
        paths: dict[str, str | None] = {}
        for role, name in {"content": "chelsea", "style": "swirls", **names}.items():
            paths[role] = self.backend.example(name)
            if paths[role] is None and name != "none":
                problems.append(f"There is no bundled picture '{name[:40]}' on this server.")
        return self.filled(wanted, remarks=problems, **paths)

    def restore(self, path: str | None) -> list[Any]:
        """The form as it was when a picture was drawn, from the record inside the picture."""
        if path is None:
            return [gr.skip()] * len(fields(Form))
        record = pictures.record(path, self.limits)
        wanted, remarks = settings.from_record(record, self.limits, self.backend.networks())
        paths: dict[str, str | None] = {}
        for role in ("content", "style"):
            recorded = getattr(record, role)
            file = self.backend.example(recorded.source) if recorded else None
            if file:
                paths[role] = file
            elif recorded:
                remarks.append(
                    f"The {role} picture was '{recorded.source[:60]}': choose it again, for "
                    "the file does not hold it."
                )
        remarks.insert(0, "These are the settings of the picture.")
        return self.filled(wanted, base=True, remarks=remarks, **paths)

    def recalculated(self, *values: Any) -> tuple[Any, Any]:
        """The estimate and the ratio's reading for the form as it stands."""
        wanted = self._standing(values)
        if wanted is None:
            return gr.skip(), gr.skip()
        return texts.estimate(self.backend, wanted), gr.Slider(info=texts.ratio_note(wanted))

    def looked(self, *values: Any) -> tuple[Any, Any, Any]:
        """Networks and estimate while weights are being fetched, and whether to look again."""
        wanted, again = self._standing(values), gr.Timer(active=bool(self.backend.fetching))
        choices = gr.Dropdown(network_choices(self.backend))
        if wanted is None:
            return choices, gr.skip(), again
        return choices, texts.estimate(self.backend, wanted), again

    def _standing(self, values: Any) -> Settings | None:
        """The form's settings; None while one of its fields is wrong."""
        base, preset, _, _, *rest = values
        try:
            return self._checked(base, preset, rest)
        except ReplicateError:
            return None

    def balance(self, *values: Any) -> list[Row]:
        """The table of layers with weights that let every layer pull equally hard."""
        wanted, job = self.order(*values)
        with self.backend.lock:
            balanced = self.backend.viewer(wanted.network).reader.balanced(job)
        layers = {kind: getattr(balanced, kind) for kind in ("content_layers", "style_layers")}
        return settings.table(replace(wanted, **layers))


def _shown(frame: Frame, job: Job) -> list[Any]:
    """Status, picture, chart and, at the end, the slider."""
    shown = [texts.status(frame), frame.picture, chart(frame.course, frame.steps)]
    before = job.content or job.style
    if frame.result is None or before is None:
        return [*shown, gr.skip()]
    return [*shown, (before.resized(*frame.picture.size), frame.picture)]


def _only(**changes: Any) -> list[Any]:
    """Updates of these fields of the outcome, and of no other."""
    return [changes.get(field.name, gr.skip()) for field in fields(Outcome)]


def _take_home(wanted: Settings, job: Job) -> list[str]:
    content, style = (each.name if each else "" for each in (job.content, job.style))
    named = {
        "content": pictures.bundled_name(job.content),
        "style": pictures.bundled_name(job.style),
    }
    return [
        texts.command_line(wanted, content, style),
        texts.python(wanted, content, style),
        texts.link(wanted, {role: name for role, name in named.items() if name}),
    ]


# Layout


def tab(drawings: Drawings, stops: Stops, page: gr.Blocks) -> None:
    """Lay out the tab in the page and connect it."""
    handlers = Transfer(drawings, stops)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            form, balance = _form(handlers, page)
            with gr.Accordion("Settings from a picture drawn here", open=False):
                dropped = gr.File(
                    label="Drop a downloaded picture: it holds its settings",
                    file_types=[".png", ".jpg", ".webp"],
                    elem_id="restore",
                    height=110,
                )
        with gr.Column(scale=6, min_width=320):
            buttons = run_and_stop()
            outcome = _outcome()
    handlers.connect(page, buttons, form.inputs, outcome.all)
    _connect(handlers, form, dropped, page)
    balance.click(handlers.balance, form.inputs, form.rows, show_progress_on=form.rows, **WAITS)
    if handlers.backend.fetching:
        _look_for_weights(handlers, form)


def _form(handlers: Transfer, page: gr.Blocks) -> tuple[Form, gr.Button]:
    first = Settings.of(load_preset("gatys2016"), handlers.limits)
    preset = Dropdown(
        [(f"{paper} · {each.label}", each.name) for paper, each in settings.presets_by_paper()],
        value=first.base.name,
        label="Preset",
        elem_id="preset",
    )
    note = gr.HTML(texts.preset_note(first.base), elem_classes="plain", padding=False)
    with gr.Row():
        content, style = (
            picture_input(handlers.backend, "content"),
            picture_input(handlers.backend, "style"),
        )
    with gr.Row():
        size = size_field(handlers.limits, first.size)
        evaluations = evaluations_field(
            handlers.limits, first.evaluations, "Forward and backward passes"
        )
    exponent = Slider(
        *settings.EXPONENTS,
        value=settings.exponent_of(first.ratio),
        step=0.01,
        label="Content to style, as a power of ten",
        info=texts.ratio_note(first),
        elem_id="ratio",
    )
    network = network_field(handlers.backend, page)
    estimate = gr.HTML(texts.estimate(handlers.backend, first), elem_classes="plain", padding=False)
    with gr.Accordion("Layers", open=False, elem_id="layer-weights"):
        rows, kind, balance = _layers(first)
    with gr.Accordion("Start and seed", open=False):
        init = Radio(
            [("White noise", "noise"), ("Content picture", "content"), ("Style picture", "style")],
            value=first.init,
            label="Start from",
            elem_id="init",
        )
        seed = Number(first.seed, precision=0, minimum=0, label="Seed of the noise", elem_id="seed")
    gr.HTML(texts.limits_note(handlers.limits), elem_classes="plain", padding=False)
    form = Form(
        gr.State(None),
        preset,
        content,
        style,
        size,
        evaluations,
        exponent,
        seed,
        init,
        network,
        rows,
        kind,
        note,
        estimate,
    )
    return form, balance


def _layers(first: Settings) -> tuple[gr.Dataframe, gr.Radio, gr.Button]:
    kind = Radio(
        [("after rectification (relu)", "relu"), ("before it (conv)", "conv")],
        value="relu",
        label="Where the features are read",
        elem_id="kind",
    )
    rows = gr.Dataframe(
        settings.table(first),
        headers=["layer", "content", "style"],
        datatype=["str", "number", "number"],
        type="array",
        column_count=3,
        static_columns=[0],
        interactive=True,
        show_label=False,
        label="Weights of the layers",
        max_height=640,
        column_widths=["34%", "33%", "33%"],
        buttons=[],
        elem_id="table",
    )
    with gr.Row():
        even = gr.Button("Equal weights", size="sm", min_width=120)
        balance = gr.Button("Balance", size="sm", min_width=120, elem_id="balance")
    gr.HTML(
        '<p class="quiet">Balance: every layer pulls equally hard at the start, content and style '
        "in all as hard as now.</p>",
        elem_classes="plain",
        padding=False,
    )
    kind.input(settings.switched, [rows, kind], rows, **ANSWERS)
    even.click(settings.evened, rows, rows, **ANSWERS)
    return rows, kind, balance


def _outcome() -> Outcome:
    status = gr.HTML(texts.status(None), elem_classes="plain", padding=False, elem_id="status")
    with gr.Tabs():
        with gr.Tab("Picture"):
            picture = drawn_field(
                label="Drawn picture",
                show_label=False,
                height=520,
                elem_id="picture",
                alt_text="Drawn picture",
            )
        with gr.Tab("Before and after"):
            slider = before_after_field(
                label="Before and after", show_label=False, height=520, elem_id="slider"
            )
        with gr.Tab("Take it home"):
            command = gr.Code(
                label="As command line",
                language="shell",
                interactive=False,
                lines=2,
                wrap_lines=True,
                elem_id="command",
            )
            python = gr.Code(
                label="As Python", language="python", interactive=False, lines=6, elem_id="python"
            )
            link = gr.Code(
                label="As a link: put this after the page's address",
                lines=1,
                language=None,
                interactive=False,
                wrap_lines=True,
                elem_id="link",
            )
    download = gr.DownloadButton(
        "Download with its settings", interactive=False, elem_id="download"
    )
    losses = gr.HTML(chart(Course(), 100), elem_id="chart")
    return Outcome(status, picture, losses, slider, download, command, python, link)


def _connect(handlers: Transfer, form: Form, dropped: gr.File, page: gr.Blocks) -> None:
    form.preset.input(
        handlers.choose,
        [form.preset, form.size, form.evaluations, form.seed, form.network],
        form.settable,
        **ANSWERS,
    )
    dropped.upload(handlers.restore, dropped, form.settable, **ANSWERS)
    page.load(handlers.opened, None, form.settable, **QUIET)
    for field in (form.size, form.evaluations, form.exponent, form.network):
        field.input(
            handlers.recalculated,
            form.inputs,
            [form.estimate, form.exponent],
            trigger_mode="always_last",
            **QUIET,
        )


def _look_for_weights(handlers: Transfer, form: Form) -> None:
    """Offer a network as soon as its weights have been fetched."""
    timer = gr.Timer(LOOKS)
    timer.tick(handlers.looked, form.inputs, [form.network, form.estimate, timer], **QUIET)
