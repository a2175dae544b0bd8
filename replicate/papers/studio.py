"""What a figure function works with: pictures, jobs at the profile's size, an engine to draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..config import (
    FigureConfig,
    Inputs,
    PaperConfig,
    Profile,
    load_paper,
    load_preset,
    load_profile,
)
from ..engine.engine import Engine, Progress
from ..engine.job import Job, NetworkInfo, Result
from ..engine.preset import NetworkSpec, Preset
from ..images import Picture, bundled, paper_image, paper_image_keys


@dataclass
class Studio:
    """Draws the panels of figures.

    Attributes:
        engine: draws.
        profile_name: smoke, preview, survey, gallery or paper: size and evaluations of every panel.
        inputs: ``bundled`` pictures, or the ``paper``'s own where they can be had.
        progress: called while panels are drawn.
        balanced: every layer pulls equally hard at the start; see :meth:`Engine.balanced`.
        like: the preset that says how hard they pull in all; None takes each job's own.
    """

    engine: Engine
    profile_name: str = "preview"
    inputs: Inputs = "bundled"
    progress: Callable[[Sequence[Job]], Progress] | None = None
    balanced: bool = False
    like: Preset | None = None
    drawn: list[Result] = field(default_factory=list)

    @cached_property
    def profile(self) -> Profile:
        return load_profile(self.profile_name)

    def at(self, figure_id: str) -> Studio:
        """The studio for one figure: balanced only if its panels differ in their layers."""
        _, config, preset = figure_config(figure_id)
        balanced = self.balanced and config.compares_layers
        return replace(self, balanced=balanced, like=preset if balanced else None)

    def picture(self, figure: FigureConfig, role: str) -> Picture:
        """The picture that the figure calls ``role`` (content, style, ...) for these inputs.

        Bundled pictures may stand among the paper's own.
        """
        name = figure.images[self.inputs][role]
        if self.inputs == "paper" and name in paper_image_keys():
            return paper_image(name)
        return bundled(name)

    def job(
        self,
        preset: Preset,
        content: Picture | None = None,
        style: Picture | None = None,
        label: str = "",
        **settings: Any,
    ) -> Job:
        """A job at the profile's size and evaluations, spent as the profile says."""
        settings.setdefault("size", self.profile.size)
        settings.setdefault("evaluations", self.profile.evaluations)
        preset = preset.with_(scales=self.profile.scales, content_first=self.profile.content_first)
        job = Job(preset, content, style, label=label, **settings)
        if self.balanced:
            job = replace(job, preset=self.engine.balanced(job, self.like))
        return job

    def draw(self, jobs: Mapping[Any, Job]) -> dict[Any, Result]:
        """Draw the jobs of a figure; results by the same keys."""
        listed = list(jobs.values())
        progress = self.progress(listed) if self.progress else None
        results = self.engine.run_many(listed, progress)
        self.drawn.extend(results)
        return dict(zip(jobs, results))

    def info(self, spec: NetworkSpec) -> NetworkInfo:
        return self.engine.info(spec)

    def style_distances(
        self, result: Result, style: Picture, layers: Sequence[str]
    ) -> dict[str, float]:
        """Relative Gram distances of a result to the style picture at the size it was read at."""
        job = result.job
        at_size = style.resized(*job.style_size) if job.style is style else style
        return self.engine.style_distances(result.picture, at_size, layers, job.preset.network)


def only(preset: Preset, kind: str, layers: Sequence[str]) -> Preset:
    """``preset`` with one kind of loss on ``layers`` alone: for reconstructions."""
    return preset.with_(
        content_layers=list(layers) if kind == "content" else [],
        style_layers=list(layers) if kind == "style" else [],
    )


def figure_config(figure_id: str) -> tuple[PaperConfig, FigureConfig, Preset]:
    """The config of ``paper/figure``, with its paper and its preset."""
    paper_name, name = figure_id.split("/", 1)
    paper = load_paper(paper_name)
    figure = paper.figures[name]
    return paper, figure, paper.presets.get(figure.preset) or load_preset(figure.preset)
