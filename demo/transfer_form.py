"""The Transfer tab's form: from its values to settings and a job, and into it from everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from replicate.config import load_preset, presets
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.record import read_record

from . import home, links, pictures, rows, settings, texts
from .chart import chart
from .course import Course
from .events import DrawingTab
from .fields import Shown, Slider, network_choices
from .limits import InputError
from .links import ROLES
from .opening import EXAMPLES, Example
from .settings import Settings
from .visitors import Visitor

OUTCOME = ("status", "picture", "chart", "download", "home")
"""What a drawing fills, in the order in which events pass their values."""

FORM = (
    "base",
    "preset",
    *ROLES,
    "size",
    "evaluations",
    "exponent",
    "seed",
    "init",
    "network",
    "rows",
    "colours",
    "style_scale",
    "second_weight",
)
"""What decides a drawing, in that order."""

SETTABLE = (*FORM, "kind", "note", "estimate", "settled")
"""What a preset, a link or a recorded picture sets; ``settled`` is the preset that did so last."""

FOLLOWS = ("estimate", "exponent", "home", "saved")
"""What follows from the form as it stands."""


class FilledForm(DrawingTab):
    """What the form's values mean, and what fills them: a preset, a link, an example, a record."""

    def order(
        self,
        base: dict[str, Any] | None,
        preset: str,
        content: str | None,
        style: str | None,
        second: str | None,
        *fields: Any,
    ) -> tuple[Settings, Job]:
        """The settings and the job of the form's values."""
        wanted = self._checked(base, preset, fields)
        job = wanted.job(
            pictures.read(content, "content", self.limits),
            pictures.read(style, "style", self.limits),
            pictures.read(second, "second", self.limits),
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
        known = wanted.base.name in presets()
        return [
            wanted.base.model_dump(mode="json") if base else None,
            wanted.base.name if known else None,
            *(paths[role] if role in paths else gr.skip() for role in ROLES),
            wanted.size,
            wanted.evaluations,
            self._ratio(wanted),
            wanted.seed,
            wanted.init,
            wanted.network,
            rows.table(wanted),
            wanted.keep_colour or "none",
            wanted.style_scale,
            wanted.second_weight,
            rows.kind_of({**wanted.content_layers, **wanted.style_layers}),
            texts.preset_note(wanted.base, remarks),
            texts.estimate(self.backend, wanted),
            wanted.base.name,
        ]

    @staticmethod
    def _ratio(wanted: Settings) -> Any:
        low, high = settings.exponents(wanted)
        return Slider(
            minimum=low,
            maximum=high,
            value=settings.exponent_of(wanted.ratio) or 0,
            interactive=wanted.ratio is not None,
            info=texts.ratio_note(wanted),
        )

    def choose(self, name: str, settled: str, *kept: Any) -> list[Any]:
        """The form for another preset; what no preset says stays as it is.

        The field reports whenever it is left: without a change the layers stay as they are picked.
        """
        if name == settled:
            return [gr.skip()] * len(SETTABLE)
        remarks = []
        wanted = Settings.of(load_preset(name), self.limits)
        size, evaluations, seed, network, *colours = kept
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
                rows.table(wanted),
                *colours,
                networks=self.backend.networks(),
            )
        except InputError as error:  # the field is wrong, and is set right
            remarks.append(str(error))
        return self.filled(wanted, remarks=remarks)

    def opened(self, request: gr.Request, saved: Any = None) -> list[Any]:
        """The form and the outcome as the page's address wants them, or as they were left, or with
        the first example.
        """
        query = {
            key: value[:2000]
            for key, value in dict(request.query_params).items()
            if not key.startswith("__")  # those are a Space's own
        }
        own: dict[str, str] = {}
        if not query:
            query, own = _remembered(saved)
        if not query:
            return self.example(EXAMPLES[0])
        wanted, names, problems = links.from_query(query, self.limits, self.backend.networks())
        paths: dict[str, str | None] = {}
        for role in ROLES:
            name = names.get(role) or EXAMPLES[0].pictures.get(role, "none")
            paths[role] = self.backend.example(name)
            mine = own.get(role, "")
            if self.backend.uploads.allows(mine, Visitor.of(request).browser):
                if Path(mine).is_file():
                    paths[role] = mine
                else:
                    problems.append(
                        f"Your picture '{name[:40]}' is kept no longer: choose it again."
                    )
            elif paths[role] is None and name != "none":
                problems.append(f"There is no bundled picture '{name[:40]}' on this server.")
        return [*self.filled(wanted, remarks=problems, **paths), *[gr.skip()] * len(OUTCOME)]

    def example(self, example: Example) -> list[Any]:
        """The form for an example, and its picture, which is there already."""
        start = Settings.of(load_preset(example.preset), self.limits)
        wanted = replace(start, ratio=example.ratio)
        paths = {role: self.backend.example(name) for role, name in example.pictures.items()}
        form = self.filled(wanted, **{**paths, "second": None})
        if not example.path.is_file():
            return [*form, *[gr.skip()] * len(OUTCOME)]
        record = read_record(example.path)
        shown = Shown(
            f"own/examples/{example.name}.webp",
            f"examples/{example.content}.webp",
            f"{example.content} in the style of {example.style}",
            at=0,
        )
        return [
            *form,
            texts.drawn_beforehand(record),
            shown,
            chart(Course(), 100),
            gr.DownloadButton(interactive=False),
            home.lines(self.backend, wanted, example.pictures, ()),
        ]

    def restore(self, path: str | None) -> list[Any]:
        """The form as it was when a picture was drawn, from the record inside the picture."""
        if path is None:
            return [gr.skip()] * len(SETTABLE)
        record = pictures.record(path, self.limits)
        wanted, remarks = links.from_record(record, self.limits, self.backend.networks())
        paths: dict[str, str | None] = {"second": None}
        for role, recorded in links.used(record).items():
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

    def recalculated(self, *values: Any) -> list[Any]:
        """What follows from the form as it stands: :data:`FOLLOWS`."""
        wanted = self._standing(values)
        if wanted is None:
            return [gr.skip()] * len(FOLLOWS)
        paths = {role: Path(path) for role, path in zip(ROLES, values[2:5]) if path}
        own = {
            role: str(path)
            for role, path in paths.items()
            if self.backend.example(path.stem) != str(path)
        }
        names = {role: path.name if role in own else path.stem for role, path in paths.items()}
        query = links.to_query(wanted, {"content": "none", "style": "none", **names})
        return [
            texts.estimate(self.backend, wanted),
            gr.Slider(info=texts.ratio_note(wanted)),
            home.lines(self.backend, wanted, names, own),
            {"query": query, "own": own},
        ]

    def looked(self, *values: Any) -> tuple[Any, Any, Any]:
        """Networks and estimate while weights are being fetched, and whether to look again."""
        wanted, again = self._standing(values), gr.Timer(active=bool(self.backend.fetching))
        choices = gr.Dropdown(network_choices(self.backend))
        if wanted is None:
            return choices, gr.skip(), again
        return choices, texts.estimate(self.backend, wanted), again

    def _standing(self, values: Any) -> Settings | None:
        """The form's settings; None while one of its fields is wrong."""
        base, preset, *rest = values[:2] + values[5:]
        try:
            return self._checked(base, preset, rest)
        except ReplicateError:
            return None


def _remembered(saved: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The link's fields and the own pictures' files that a browser has kept, if it is that."""
    found = [saved.get(key) if isinstance(saved, dict) else None for key in ("query", "own")]
    return tuple(  # type: ignore[return-value]
        {str(key): str(value)[:2000] for key, value in each.items()}
        if isinstance(each, dict)
        else {}
        for each in found
    )
