"""The Transfer tab's functions, apart from its form and its layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from replicate.engine.job import Job
from replicate.errors import ReplicateError
from replicate.record import save_recorded

from . import home, pictures, rows, texts
from .chart import chart
from .fields import Shown
from .links import ROLES
from .rows import Row
from .session import Frame
from .settings import Settings
from .transfer_form import OUTCOME, FilledForm
from .visitors import Visitor


class Transfer(FilledForm):
    """What the tab draws."""

    fields = len(OUTCOME)

    def jobs(self, ordered: tuple[Settings, Job], values: Any) -> tuple[Sequence[Job], str]:
        """The one job."""
        wanted, job = ordered
        return [job], wanted.network

    def run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Draw, filling the outcome some times a second."""
        wanted, job = self.order(*values)
        given = dict(zip(ROLES, (job.content, job.style, *(each for each, _ in job.blend))))
        names = {role: picture.name for role, picture in given.items() if picture}
        own = [role for role, each in given.items() if each and not pictures.bundled_name(each)]
        lines: Any = home.lines(self.backend, wanted, names, own)
        for _, frame in self.drawn(request, [job], wanted.network):
            yield [*_shown(frame, job), gr.skip(), lines]
            lines = gr.skip()
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

    def balance(self, *values: Any) -> list[Row]:
        """The table of layers with weights that let every layer pull equally hard."""
        wanted, job = self.order(*values)
        with self.backend.lock:
            balanced = self.backend.viewer(wanted.network).reader.balanced(job)
        layers = {kind: getattr(balanced, kind) for kind in ("content_layers", "style_layers")}
        return rows.table(replace(wanted, **layers))


def _shown(frame: Frame, job: Job) -> list[Any]:
    """Status, picture and chart; at the end with what the picture was made from."""
    shown: Shown | Any = frame.picture
    before = job.content or job.style
    if frame.result is not None and before is not None:
        left = "photograph" if job.content else "painting"
        shown = Shown(frame.picture, before.resized(*frame.picture.size), left=left, at=0)
    return [texts.status(frame), shown, chart(frame.course, frame.steps)]


def _only(**changes: Any) -> list[Any]:
    """Updates of these fields of the outcome, and of no other."""
    return [changes.get(name, gr.skip()) for name in OUTCOME]
