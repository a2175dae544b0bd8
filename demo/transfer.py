"""The Transfer tab: a preset, two pictures, Run; and what to take home."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.record import read_record, save_recorded

from . import pictures, session, settings, texts
from .chart import chart
from .limits import InputError, Limits
from .session import Course, Frame, Stops
from .settings import Settings
from .upload import picture_field
from .workshop import Workshop

ENGINE_QUEUE = "engine"
"""One queue for everything that draws."""

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Settings of an event that neither waits nor shows that it works."""


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
    """What a drawing fills."""

    picture: gr.Image
    status: gr.HTML
    chart: gr.HTML
    slider: gr.ImageSlider
    download: gr.DownloadButton
    command: gr.Code
    python: gr.Code
    link: gr.Code

    @property
    def all(self) -> list[Any]:
        return [
            self.picture,
            self.status,
            self.chart,
            self.slider,
            self.download,
            self.command,
            self.python,
            self.link,
        ]


class Transfer:
    """The tab's functions, apart from its layout."""

    def __init__(self, workshop: Workshop, stops: Stops):
        self.workshop = workshop
        self.stops = stops
        self.networks = [network.key for network in workshop.networks()]

    @property
    def limits(self) -> Limits:
        return self.workshop.limits

    # ------------------------------------------------------------------ from the page to a job

    def order(
        self,
        base: dict[str, Any] | None,
        preset: str,
        content: str | None,
        style: str | None,
        *fields: Any,
    ) -> tuple[Settings, Job]:
        """The settings and the job of the form's values.

        Raises:
            ReplicateError: one of them cannot be drawn; one sentence says why.
        """
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
        else:  # a recorded picture's own preset, with its own scales
            chosen, limits = Preset.model_validate(base), replace(self.limits, scales=1)
        return settings.checked(chosen, limits, *fields, networks=self.networks)

    def arm(self, request: gr.Request, *values: Any) -> list[Any]:
        """Check everything before the visitor queues, and say that the drawing waits."""
        with sentences():
            self.order(*values)
        self.stops.begin(visitor(request))
        waiting = texts.status(None, "Waiting for the engine …")
        return [gr.Button(interactive=False), gr.Button(interactive=True), waiting]

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Draw, filling the outcome some times a second."""
        stop = self.stops.current(visitor(request))
        with sentences(), tempfile.TemporaryDirectory(prefix="transfer-") as folder:
            wanted, job = self.order(*values)
            home = _take_home(wanted, job)
            for frame in session.draw(self.workshop, job, wanted.network, stop):
                shown = _shown(frame)
                if frame.result is None:
                    yield [*shown, gr.skip(), gr.skip(), *home]
                else:
                    # The page's copy is made while this generator waits; then the folder goes.
                    yield [*shown, *_kept(frame, job, Path(folder)), *home]
                home = [gr.skip()] * 3

    def stop(self, request: gr.Request) -> None:
        self.stops.stop(visitor(request))

    def leave(self, request: gr.Request) -> None:
        """The browser is closed: its drawing ends."""
        self.stops.forget(visitor(request))

    # ------------------------------------------------------------------ into the form

    def filled(self, wanted: Settings, base: bool = False, **paths: str | None) -> list[Any]:
        """The form's values for these settings; ``base`` keeps the preset itself, which may differ
        from the one of that name.
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
            texts.preset_note(wanted.base),
            texts.estimate(self.workshop, wanted),
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
        with sentences():
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
                    self.networks,
                )
            except InputError as error:  # the field is wrong, and Run will say so again
                gr.Warning(str(error))
            return self.filled(wanted)

    def opened(self, request: gr.Request) -> list[Any]:
        """The form as the page's address wants it."""
        query = {key: value[:2000] for key, value in dict(request.query_params).items()}
        wanted, names, problems = settings.from_query(query, self.limits, self.networks)
        paths: dict[str, str | None] = {}
        for role, name in {"content": "chelsea", "style": "swirls", **names}.items():
            paths[role] = pictures.example_file(name)
            if paths[role] is None and name != "none":
                problems.append(f"There is no bundled picture '{name[:40]}' on this server.")
        for problem in problems:
            gr.Warning(problem)
        return self.filled(wanted, **paths)

    def restore(self, path: str | None) -> list[Any]:
        """The form as it was when a picture was drawn, from the record inside the picture."""
        if path is None:
            return [gr.skip()] * 14
        with sentences(path, "This file"):
            record = read_record(path)
            wanted, remarks = settings.from_record(record, self.limits, self.networks)
        paths: dict[str, str | None] = {}
        for role in ("content", "style"):
            recorded = getattr(record, role)
            file = pictures.example_file(recorded.source) if recorded else None
            if file:
                paths[role] = file
            elif recorded:
                remarks.append(
                    f"The {role} picture was '{recorded.source[:60]}': choose it again, for "
                    "the file does not hold it."
                )
        for remark in remarks:
            gr.Warning(remark)
        gr.Info("The settings are those of the picture.")
        return self.filled(wanted, base=True, **paths)

    def recalculated(self, *values: Any) -> tuple[Any, Any]:
        """The estimate and the ratio's reading for the form as it stands."""
        base, preset, _, _, *fields = values
        try:
            wanted = self._checked(base, preset, fields)
            return texts.estimate(self.workshop, wanted), gr.Slider(info=texts.ratio_note(wanted))
        except ReplicateError:
            return gr.skip(), gr.skip()


class sentences:
    """Turn the project's errors into a message in the page.

    Args:
        path, called: a server path that must not be shown, and what stands in its place.
    """

    def __init__(self, path: str | None = None, called: str = ""):
        self.path, self.called = path, called

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ReplicateError):
            text = str(error)
            if self.path:
                text = text.replace(f"'{self.path}'", self.called)
            raise gr.Error(f"{text[:1].upper()}{text[1:]}", print_exception=False) from error


def visitor(request: gr.Request | None) -> str:
    """Whose browser tab this is."""
    return (request.session_hash if request else None) or "nobody"


def _shown(frame: Frame) -> list[Any]:
    return [frame.picture.pil(), texts.status(frame), chart(frame.course, frame.steps)]


def _kept(frame: Frame, job: Job, folder: Path) -> list[Any]:
    """Before and after, and the file to download."""
    assert frame.result is not None
    before = job.content or job.style
    assert before is not None
    path = (
        folder / f"{Path(job.content.name if job.content else 'texture').stem or 'picture'}-"
        f"{job.preset.name}.png"
    )
    save_recorded(frame.result, path)
    after = frame.picture
    return [
        (before.resized(*after.size).pil(), after.pil()),
        gr.DownloadButton(value=str(path), interactive=True),
    ]


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


def tab(workshop: Workshop, stops: Stops, page: gr.Blocks) -> None:
    """Lay out the tab in the page and connect it."""
    does = Transfer(workshop, stops)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            form = _form(does)
            with gr.Accordion("Settings from a picture drawn here", open=False):
                dropped = gr.File(
                    label="Drop a downloaded picture: it holds its settings",
                    file_types=[".png", ".jpg", ".webp"],
                    height=110,
                )
        with gr.Column(scale=6, min_width=320):
            run, stop, outcome = _outcome()
    _connect(does, form, outcome, run, stop, dropped, page)


def _form(does: Transfer) -> Form:
    first = Settings.of(load_preset("gatys2016"), does.limits)
    preset = gr.Dropdown(
        [(f"{paper} · {each.label}", each.name) for paper, each in settings.presets_by_paper()],
        value=first.base.name,
        label="Preset",
        elem_id="preset",
    )
    note = gr.HTML(texts.preset_note(first.base), elem_classes="plain", padding=False)
    with gr.Row():
        content, style = picture_input("content"), picture_input("style")
    with gr.Row():
        size = gr.Slider(
            64,
            does.limits.size,
            first.size,
            step=16,
            label="Size",
            info="Longest side in pixels",
            elem_id="size",
        )
        evaluations = gr.Slider(
            1,
            does.limits.evaluations,
            first.evaluations,
            step=1,
            label="Evaluations",
            info="Forward and backward passes",
            elem_id="evaluations",
        )
    exponent = gr.Slider(
        *settings.EXPONENTS,
        value=settings.exponent_of(first.ratio),
        step=0.01,
        label="Content to style, as a power of ten",
        info=texts.ratio_note(first),
        elem_id="ratio",
    )
    network = gr.Dropdown(
        [(each.label, each.key) for each in does.workshop.networks()],
        value="auto",
        label="Network",
        elem_id="network",
    )
    estimate = gr.HTML(texts.estimate(does.workshop, first), elem_classes="plain", padding=False)
    with gr.Accordion("Layers", open=False, elem_id="layers"):
        rows, kind = _layers(first)
    with gr.Accordion("Start and seed", open=False):
        init = gr.Radio(
            [("White noise", "noise"), ("Content picture", "content"), ("Style picture", "style")],
            value=first.init,
            label="Start from",
            elem_id="init",
        )
        seed = gr.Number(
            first.seed, precision=0, minimum=0, label="Seed of the noise", elem_id="seed"
        )
    gr.HTML(texts.limits_note(does.limits), elem_classes="plain", padding=False)
    return Form(
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


def picture_input(role: str, prefix: str = "") -> gr.Image:
    """A field for a content or style picture with the bundled ones under it.

    Args:
        prefix: of the element's name, where a page has several.
    """
    with gr.Column(min_width=150):
        field = picture_field(
            label=f"{role.capitalize()} picture",
            sources=["upload", "webcam", "clipboard"],
            height=220,
            elem_id=f"{prefix}{role}-picture",
            buttons=[],
        )
        files = pictures.examples(role)
        gallery = gr.Gallery(
            [(pictures.thumbnail(path), name) for name, path in files.items()],
            columns=6 if role == "content" else 5,
            height="auto",
            allow_preview=False,
            container=False,
            label=f"Examples of a {role} picture",
            object_fit="cover",
            buttons=[],
            elem_classes="examples",
            elem_id=f"{prefix}{role}-examples",
            interactive=False,
        )

    def take(event: gr.SelectData) -> str | None:
        names = list(files)
        return files[names[event.index]] if 0 <= event.index < len(names) else None

    gallery.select(take, None, field, **QUIET)
    return field


def _layers(first: Settings) -> tuple[gr.Dataframe, gr.Radio]:
    kind = gr.Radio(
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
    even = gr.Button("Equal weights", size="sm")
    kind.input(_said(settings.switched), [rows, kind], rows, **QUIET)
    even.click(_said(settings.evened), rows, rows, **QUIET)
    return rows, kind


def _said(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        with sentences():
            return function(*values)

    return call


def _outcome() -> tuple[gr.Button, gr.Button, Outcome]:
    with gr.Row():
        run = gr.Button("Run", variant="primary", elem_id="run")
        stop = gr.Button("Stop", interactive=False, elem_id="stop")
    status = gr.HTML(texts.status(None), elem_classes="plain", padding=False, elem_id="status")
    with gr.Tabs():
        with gr.Tab("Picture"):
            picture = gr.Image(
                label="Drawn picture",
                show_label=False,
                format="png",
                interactive=False,
                height=520,
                buttons=["fullscreen"],
                elem_id="picture",
                alt_text="Drawn picture",
            )
        with gr.Tab("Before and after"):
            slider = gr.ImageSlider(
                label="Before and after",
                show_label=False,
                interactive=False,
                height=520,
                format="png",
                buttons=["fullscreen"],
                elem_id="slider",
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
    losses = gr.HTML(chart(Course(), 100), label="Losses", show_label=True, elem_id="chart")
    return run, stop, Outcome(picture, status, losses, slider, download, command, python, link)


def _connect(
    does: Transfer,
    form: Form,
    outcome: Outcome,
    run: gr.Button,
    stop: gr.Button,
    dropped: gr.File,
    page: gr.Blocks,
) -> None:
    form.preset.input(
        does.choose,
        [form.preset, form.size, form.evaluations, form.seed, form.network],
        form.settable,
        **QUIET,
    )
    dropped.upload(does.restore, dropped, form.settable, **QUIET)
    page.load(does.opened, None, form.settable, **QUIET)
    for field in (form.size, form.evaluations, form.exponent, form.network):
        field.input(
            does.recalculated,
            form.inputs,
            [form.estimate, form.exponent],
            trigger_mode="always_last",
            **QUIET,
        )
    armed = run.click(does.arm, form.inputs, [run, stop, outcome.status], **QUIET)
    drawn = armed.success(
        does.run,
        form.inputs,
        outcome.all,
        concurrency_id=ENGINE_QUEUE,
        concurrency_limit=1,
        show_progress="minimal",
        show_progress_on=outcome.status,
        api_visibility="private",
    )
    drawn.then(
        lambda: [gr.Button(interactive=True), gr.Button(interactive=False)],
        None,
        [run, stop],
        **QUIET,
    )
    stop.click(does.stop, None, None, **QUIET)
    page.unload(does.leave)
