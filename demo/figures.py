"""The Figures tab: the committed gallery with its captions, claims and verdicts."""

from __future__ import annotations

import html
import re
import shutil
from functools import cached_property
from pathlib import Path

import gradio as gr
import numpy as np

from replicate.errors import ReplicateError
from replicate.figure import FigureRecord, PanelRecord, read_records
from replicate.figure.blocks import Box
from replicate.figure.page import Answer, Gallery, claim_items, ink, preview
from replicate.images import Picture, load_image
from replicate.papers.answers import answers
from replicate.papers.verdicts import definitions, verdicts
from replicate.record import parse_record
from replicate.storage.files import cache_dir

from . import home, links
from .events import QUIET
from .fields import address
from .limits import InputError, Limits
from .parts import cards_index, part

THUMBNAIL = (300, 200)
WIDTHS = (0.4, 0.75)
"""Least and most of a figure's pixels that it is wide on a page: panels stay large enough to be
seen on a phone, where the figure is moved sideways, and do not fill a desk.
"""


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

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """The question that stands over a figure: each over the first that answers it and has none
        yet.
        """
        found: dict[str, Answer] = {}
        for answer in answers(list(self.records.values()), self.gallery.verdicts):
            free = next((each for each in answer.figures if each not in found), None)
            if free is not None:
                found[free] = answer
        return found

    @property
    def order(self) -> list[str]:
        """Names of the figures: those with a question come first."""
        return list(dict.fromkeys([*self.answers, *self.records]))

    def title(self, record: FigureRecord) -> str:
        """What the figure answers; its own title where nobody asks for it."""
        answer = self.answers.get(record.figure)
        return answer.question if answer else record.title

    def thumbnails(self, folder: Path) -> dict[str, str]:
        """Names of small copies of the figures, which browsers find under ``examples/``."""
        names = {}
        for figure, record in self.records.items():
            name = f"figure-{figure.replace('/', '-')}.webp"
            kept = cache_dir() / "demo" / "figures" / f"{record.image_sha256[:16]}-{name}"
            try:
                if not kept.is_file():
                    picture = load_image(self.folder / record.image_path)
                    part = preview(picture, _seen(record.panels_box))
                    Picture(np.asarray(part.resize(THUMBNAIL))).save(kept)
                shutil.copyfile(kept, folder / name)
            except (ReplicateError, OSError) as error:
                print(f"demo: {error}", flush=True)
                continue
            names[figure] = name
        return names

    def ink(self, name: str) -> str:
        """Where the thumbnail's paper is."""
        record = self.records[name]
        return ink(record, _seen(record.panels_box))

    def show(self, name: str) -> tuple[str, str, str]:
        """Question and answer, the panels, and the text under them, as HTML.

        Raises:
            InputError: no such figure.
        """
        record = self.records.get(name)
        if record is None:
            raise InputError("There is no such figure in the gallery.")
        try:
            picture = load_image(self.folder / record.image_path)
        except ReplicateError:
            missing = "<p>The picture of this figure cannot be read.</p>"
            return self.question(record), missing, self.text(record)
        panels = Picture(np.asarray(preview(picture, record.panels_box)))
        alt = html.escape(f"{record.title}. {record.caption}")
        low, high = (round(share * panels.size[0]) for share in WIDTHS)
        width = f"min-width:{low}px;max-width:{high}px"
        sheet = f'<div class="sheet" style="{width};{ink(record)}">'
        image = f'{sheet}<img src="{address(panels)}" alt="{alt}"></div>'
        wide = f'<div class="wide" tabindex="0">{image}</div>'
        return self.question(record), wide, self.text(record)

    def question(self, record: FigureRecord) -> str:
        """What the figure answers, and how, as HTML."""
        answer = self.answers.get(record.figure)
        said = f"<p><b>{html.escape(_first_sentence(answer.text))}</b></p>" if answer else ""
        return f'<div class="figure-text"><h2>{html.escape(self.title(record))}</h2>{said}</div>'

    def text(self, record: FigureRecord) -> str:
        """Caption, claims with verdicts, and links to the panels' settings, as HTML."""
        shown = html.escape
        claims = claim_items(record, self.gallery.verdicts)
        details = (
            "<details><summary>Claims and measurements</summary>"
            f"<ul class=claims>{claims}</ul></details>"
        )
        return (
            f'<div class="figure-text"><p>{shown(record.caption)}</p>'
            f'<p class="quiet">{shown(record.title)}, after '
            f"{shown(record.source)}. Drawn by {shown(record.drawn_by)} from "
            f"{shown(record.inputs)} inputs, profile {shown(record.profile)}.</p>"
            f"{details if claims else ''}{self._panels(record)}</div>"
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
        try:
            query = links.of_record(parse_record(panel.job), self.limits) if panel.job else None
        except ReplicateError:
            return ""
        return home.address(query) if query else ""


def _seen(panels: Box) -> Box:
    """The part of a figure's panels that its thumbnail shows: of its shape, at the top."""
    across, down = THUMBNAIL
    width = min(panels.width, round(panels.height * across / down))
    height = min(panels.height, round(panels.width * down / across))
    return Box(0, 0, width, height).moved(panels.left + (panels.width - width) // 2, panels.top)


def _breakable(name: str) -> str:
    """A figure's name that goes on in the next line where its words end."""
    return re.sub("[/_]", lambda mark: f"{mark[0]}<wbr>", name)


def _first_sentence(markdown: str) -> str:
    """The first sentence of an answer, without Markdown's marks."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[*`]", lambda link: link[1] or "", markdown)
    return re.split(r"(?<=[.?!])\s", plain.strip(), maxsplit=1)[0]


# Layout


def tab(figures: Figures, thumbnails: Path) -> None:
    """Lay out the tab in the page and connect it; a figure is shown when it is chosen.

    Args:
        thumbnails: the folder that the wall's pictures go into.
    """
    gr.HTML(figures.summary(), elem_classes="plain", padding=False)
    names = figures.order
    if not names:
        return
    outcome = [
        gr.HTML("", padding=False, elem_id=f"figure-{shown}")
        for shown in ("question", "picture", "text")
    ]
    small = figures.thumbnails(thumbnails)
    buttons = "".join(
        f'<button type="button" data-index="{index}" data-key="{name}">'
        f'<b class="sheet" style="{figures.ink(name)}"><img src="examples/{small.get(name, "")}" '
        f'alt="" loading="lazy" width="300" height="200"></b>'
        f"<span>{html.escape(figures.title(figures.records[name]))}<small>{_breakable(name)}</small></span>"
        "</button>"
        for index, name in enumerate(names)
    )
    wall = part("cards", inside=f'<div class="wall">{buttons}</div>', elem_id="wall")

    def show(event: gr.EventData) -> tuple[str, str, str]:
        return figures.show(names[cards_index(event, len(names))])

    wall.select(show, None, outcome, **QUIET)
