"""Sentences and snippets that the page shows: the preset's note, progress, what to take home."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.images import Picture
from replicate.record import Record

from .backend import Backend
from .limits import Limits
from .presets import paper_of
from .session import Frame
from .settings import Settings

_SQUARE = Picture(np.zeros((16, 16, 3), np.uint8))
"""In place of a picture whose shape is not known yet: no other takes longer."""


def preset_note(preset: Preset, remarks: Sequence[str] = ()) -> str:
    """What a preset is, where it comes from and which network it was meant for, as HTML.

    Args:
        remarks: sentences that come first.
    """
    shown = html.escape
    said = "".join(f'<p class="remark" role="status">{shown(remark)}</p>' for remark in remarks)
    title = paper_of(preset)
    source = f"{shown(title)}. {shown(preset.source)}" if title else shown(preset.source)
    doubt = " Some of its numbers are not in the source." if preset.status != "verified" else ""
    return (
        f'<div class="note">{said}<p>{shown(preset.note)}{doubt}</p><p class="quiet">{source}. '
        f"Meant for {shown(preset.network.label)}.</p></div>"
    )


def estimate(backend: Backend, settings: Settings) -> str:
    """Which network draws and how long it takes here, as HTML."""
    try:
        job = settings.job(_SQUARE, _SQUARE)
    except ReplicateError:  # said when Run is pressed
        return _estimate("")
    asked = job.preset.network
    drawer = backend.engine(settings.network).networks.resolve(asked)
    basis = " or less"
    if not backend.measured(job.preset, settings.network):
        basis += ", a guess until this machine is measured"
    seconds = backend.seconds(job, settings.network)
    words = [f"<b>{html.escape(drawer.label)}</b> draws, on {_device(backend)}: "]
    words.append(f"{duration(seconds)}{basis}.")
    if drawer.entry.random:
        words.append(" It is untrained: textures come out, but hardly the photograph.")
    if settings.network == "auto" and drawer.name != asked.name:
        words.append(_real_one(backend, job))
    if backend.fetching:
        words.append(f" {html.escape(backend.fetching)}")
    return _estimate("".join(words))


def _estimate(words: str) -> str:
    return f'<p class="quiet estimate">{words}</p>'


def _real_one(backend: Backend, job: Job) -> str:
    """What the preset's own network would take, or that it is not here."""
    asked = job.preset.network
    if asked.name not in backend.networks():
        return f" {html.escape(asked.label)} is not on this machine."
    seconds = backend.seconds(job, asked.name)
    return f" {html.escape(asked.label)}, to be chosen above: {duration(seconds)}."


def _device(backend: Backend) -> str:
    return {"cpu": "the processor", "cuda": "the GPU"}.get(backend.device.type, "the GPU")


def duration(seconds: float) -> str:
    """``about 40 s``, ``about 3 min``: no finer than it is known."""
    if seconds < 1:
        return "about a second"
    if seconds < 90:
        return f"about {max(1, round(seconds, -1 if seconds >= 20 else 0)):.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"


def status(frame: Frame | None, heading: str = "") -> str:
    """Progress bar and one line of text, always of the same height, as HTML.

    ``heading`` stands before the text, or alone where there is no frame.  A screen reader says how
    it begins and ends, not every step.
    """
    if frame is None:
        words = heading or "Choose two pictures and press Run."
        return _status(0, 1, words, "", words)
    end = frame.result is not None
    text = f"{frame.step} of {frame.steps} evaluations, {frame.seconds:.0f} s"
    if frame.left and not end:
        text += f", {duration(frame.left)} left"
    side = f"loss {frame.loss:.4g}"
    if end:
        width, height = frame.picture.size
        text = frame.remark or f"Done: {text}."
        assert frame.result is not None
        side = f"{width} × {height} px, {frame.result.network.label}, {side}"
    spoken = heading + text if end else f"{heading}Drawing."
    return _status(frame.step, frame.steps, heading + text, side, spoken)


def drawn_beforehand(record: Record) -> str:
    """The status under a picture that came with the page."""
    picture = record.picture
    words = f"Drawn beforehand, {picture.width} × {picture.height} px."
    side = f"{record.evaluations} evaluations of {record.network.label}. Run draws it here."
    return _status(1, 1, words, side, words)


def _status(step: int, steps: int, text: str, side: str, spoken: str) -> str:
    return (
        f'<div class="status"><progress value="{step}" max="{steps}" '
        f'aria-label="Progress">{step} of {steps}</progress>'
        f"<p>{html.escape(text)} <span>{html.escape(side)}</span></p>"
        f'<p class="sr" role="status">{html.escape(spoken)}</p></div>'
    )


def place(before: int, seconds: float) -> str:
    """How many people's drawings come first and how long they take, as HTML."""
    people = {0: "You are next", 1: "1 person before you"}.get(
        before, f"{before} people before you"
    )
    return f'<p class="place" role="status">{people}, {duration(seconds)}.</p>'


def ratio_note(settings: Settings) -> str:
    """The slider's power of ten as the number that papers print."""
    if settings.ratio is None:
        return "This preset has no ratio: it matches content alone or style alone."
    return f"← more painting · more photograph →     α/β = {settings.ratio:.3g}"


def limits_note(limits: Limits) -> str:
    """What the server accepts and how long it keeps what it was given, as HTML."""
    return (
        f'<p class="quiet">Pictures of up to {limits.megabytes} MB and '
        f"{limits.pixels // 1_000_000} megapixels. Uploads and results are deleted from the "
        "server within the hour; nothing else about visitors is kept.</p>"
    )
