"""The Figures tab: the committed gallery with its captions, claims and verdicts."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from replicate.config import load_preset
from replicate.errors import ReplicateError
from replicate.figure import FigureRecord, PanelRecord, read_records
from replicate.figure.page import Gallery, claim_items, preview
from replicate.images import Picture, load_image
from replicate.papers.verdicts import definitions, verdicts
from replicate.record import Record, parse_record

from . import pictures, texts
from .events import QUIET
from .fields import Dropdown, drawn_field
from .limits import InputError, Limits
from .settings import Settings, from_record, ratio_of


class Figures:
    """The gallery's records, read once, and what the tab shows of them."""

    def __init__(self, folder: Path, limits: Limits):
        self.folder = folder
        self.limits = limits
        records, self.problems = read_records(folder)
        records = [record.only(definitions()) for record in records]
        self.records = {record.figure: record for record in records}
        self.gallery = Gallery(records, verdicts=verdicts())

    def summary(self) -> str:
        """How many claims hold; or why there is nothing to see; as HTML."""
        if not self.records:
            return (
                "<p>The gallery has not been drawn yet: <code>make figures</code> draws every "
                "figure on your own machine.</p>"
            )
        damaged = f" {html.escape(' '.join(self.problems))}" if self.problems else ""
        return f"<p>{html.escape(self.gallery.summary)}{damaged}</p>"

    def choices(self) -> list[tuple[str, str]]:
        return [
            (f"{record.figure} · {record.title}", name) for name, record in self.records.items()
        ]

    def show(self, name: str) -> tuple[Any, str]:
        """The panels' picture and the text under it.

        Raises:
            InputError: no such figure.
        """
        record = self.records.get(name)
        if record is None:
            raise InputError("There is no such figure in the gallery.")
        try:
            picture = load_image(self.folder / record.image_path)
        except ReplicateError:
            return None, "<p>The picture of this figure cannot be read.</p>" + self.text(record)
        alt = f"{record.title}. {record.caption}"
        panels = Picture(np.asarray(preview(picture, record.panels_box)))
        return gr.update(value=panels, alt_text=alt), self.text(record)

    def text(self, record: FigureRecord) -> str:
        """Title, caption, claims with verdicts, and links to the panels' settings, as HTML."""
        shown = html.escape
        claims = claim_items(record, self.gallery.verdicts)
        return (
            f'<div class="figure-text"><h2>{shown(record.title)}</h2>'
            f'<p>{shown(record.caption)}</p><p class="quiet">After {shown(record.source)}. Drawn '
            f"by {shown(record.drawn_by)} from {shown(record.inputs)} inputs, profile "
            f"{shown(record.profile)}.</p>"
            f"{f'<ul class=claims>{claims}</ul>' if claims else ''}{self._panels(record)}</div>"
        )

    def _panels(self, record: FigureRecord) -> str:
        links = [(panel.label, self.link(panel)) for panel in record.panels]
        items = "".join(
            f'<li><a href="{html.escape(link)}">{html.escape(label)}</a></li>'
            for label, link in links
            if link
        )
        return f'<p>Open in Transfer:</p><ul class="panels">{items}</ul>' if items else ""

    def link(self, panel: PanelRecord) -> str:
        """The address that opens a panel's settings; empty if this page cannot draw it."""
        if not panel.job:
            return ""
        try:
            record = parse_record(panel.job)
            named = load_preset(record.preset.name)
        except ReplicateError:
            return ""
        names = _bundled(record)
        if names is None:
            return ""
        recorded, _ = from_record(record, self.limits, ["auto"])
        layers = {
            f"{role}_layers": getattr(record.preset, f"{role}_layers") if known != "none" else {}
            for role, known in names.items()
        }
        # By the named preset: a link holds what differs from it, not the whole of it.
        wanted: Settings = replace(
            recorded,
            base=named,
            ratio=ratio_of(record.preset),
            network="auto",
            scales=named.scales,
            content_first=named.content_first,
            **layers,
        )
        return texts.link(wanted, names)


def _bundled(record: Record) -> Mapping[str, str] | None:
    """The names of the bundled inputs by role; None if an input is not bundled."""
    names = {}
    for role in ("content", "style"):
        used = getattr(record, role)
        name = "none" if used is None else used.source
        if name not in {"none", *pictures.names()}:
            return None
        names[role] = name
    return names


# Layout


def tab(figures: Figures, opened: gr.Tab) -> None:
    """Lay out the tab in the page and connect it; a figure is shown when the tab is opened."""
    gr.HTML(figures.summary(), elem_classes="plain", padding=False)
    choices = figures.choices()
    if not choices:
        return
    name = Dropdown(choices, value=choices[0][1], label="Figure", elem_id="figure")
    shown = drawn_field(label="Figure", show_label=False, elem_id="figure-picture")
    words = gr.HTML("", elem_classes="plain", padding=False, elem_id="figure-text")
    name.input(figures.show, name, [shown, words], **QUIET)
    opened.select(figures.show, name, [shown, words], **QUIET)
