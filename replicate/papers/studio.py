"""What a figure function works with: pictures, jobs at the profile's size, an engine to draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, cast

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
from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..errors import ConfigError
from ..figure.claims import Claim, Measured, bounded, counted
from ..figure.panels import Grid, Window
from ..images import Picture, bundled, paper_image, paper_image_keys
from ..networks.spec import NetworkInfo, NetworkSpec
from ..suggest import nearest
from .panels import Key, Metrics, Panels, Variant, label_of
from .sheet import Sheet

Value = TypeVar("Value")


@dataclass
class Studio:
    """Draws the panels of figures; what a figure's function gets is the studio at that figure.

    Attributes:
        engine: draws.
        profile_name: smoke, preview, survey, gallery or paper: size and evaluations of every panel.
        inputs: ``bundled`` pictures, or the ``paper``'s own where they can be had.
        progress: called while panels are drawn.
        balanced: every layer pulls equally hard at the start; see :meth:`Reader.balanced`.
        like: the preset that says how hard they pull in all; None takes each job's own.
        stop: asked before each batch of panels; see :meth:`Engine.run_many`.
        read: pictures by kind and name; all jobs of all figures share them.
        figure_id: the figure that it is at, ``paper/figure``.
    """

    engine: Engine
    profile_name: str = "preview"
    inputs: Inputs = "bundled"
    progress: Callable[[Sequence[Job]], Progress] | None = None
    stop: Callable[[], bool] = lambda: False
    balanced: bool = False
    like: Preset | None = None
    drawn: list[Result] = field(default_factory=list)
    read: dict[tuple[str, str], Picture] = field(default_factory=dict)
    figure_id: str = ""

    @cached_property
    def profile(self) -> Profile:
        return load_profile(self.profile_name)

    def at(self, figure_id: str) -> Studio:
        """The studio for one figure: balanced only if its panels differ in their layers."""
        _, config, preset = figure_config(figure_id)
        balanced = self.balanced and config.compares_layers
        like = preset if balanced else None
        return replace(self, balanced=balanced, like=like, figure_id=figure_id)

    # ------------------------------------------------------------------ what the config says

    @cached_property
    def paper(self) -> PaperConfig:
        return load_paper(self.figure_id.split("/")[0])

    @cached_property
    def config(self) -> FigureConfig:
        """The figure's settings; to ask for one that is not given is a ConfigError."""
        return cast(FigureConfig, _Given(figure_config(self.figure_id)[1], self.place))

    @property
    def place(self) -> str:
        """Where the figure's config stands: ``gatys2016.toml: figures.fig5``."""
        paper, name = self.figure_id.split("/")
        return f"{paper}.toml: figures.{name}"

    @cached_property
    def preset(self) -> Preset:
        """The figure's preset, with the figure's own total variation if it has one."""
        _, config, preset = figure_config(self.figure_id)
        weight = config.tv_weight
        return preset if weight is None else preset.with_(tv_weight=weight)

    @property
    def roles(self) -> list[str]:
        """What the figure calls its pictures."""
        return list(self.config.images[self.inputs])

    @property
    def window(self) -> Window:
        """The detail that the figure enlarges."""
        return _entry(self.config.crop, self.inputs, f"{self.place}.crop")

    def picture(self, role: str) -> Picture:
        """The picture that the figure calls ``role`` (content, style, ...) for these inputs.

        Bundled pictures may stand among the paper's own.
        """
        name = _entry(self.config.images[self.inputs], role, f"{self.place}.images.{self.inputs}")
        kind = "paper" if self.inputs == "paper" and name in paper_image_keys() else "bundled"
        if (kind, name) not in self.read:
            self.read[kind, name] = paper_image(name) if kind == "paper" else bundled(name)
        return self.read[kind, name]

    def pictures(self, kind: str) -> list[Picture]:
        """Those of one kind where the figure has several: ``content_1``, ``content_2``, ..."""
        return [self.picture(role) for role in self.roles if role.startswith(f"{kind}_")]

    # ------------------------------------------------------------------ drawing

    def panels(
        self, variants: Mapping[Key, Variant], label: Callable[[Key], str] = label_of
    ) -> Panels:
        """Draw all variants at once; see :meth:`Panels.draw`.

        Args:
            variants: by label, or by (row, column), a preset or a job.
            label: what the panel of a key is called.
        """
        return Panels(self, label).draw(variants)

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
            job = replace(job, preset=self.engine.reader.balanced(job, self.like))
        return job

    def draw(self, jobs: Mapping[Any, Job]) -> dict[Any, Result]:
        """Draw the jobs of a figure; results by the same keys."""
        listed = list(jobs.values())
        progress = self.progress(listed) if self.progress else None
        results = self.engine.run_many(listed, progress, self.stop)
        self.drawn.extend(results)
        return dict(zip(jobs, results))

    # ------------------------------------------------------------------ results

    def claim(self, id: str, *values: Measured, measure: str = "", note: str = "") -> Claim:
        """A claim of the figure: what it says and asks stands in the config, here is its evidence.

        Args:
            values: what was measured, for each of the claim's checks.
            measure, note: where they are not the same for every run, instead of the config's.

        Raises:
            ConfigError: the config has no such claim, or another number of checks.
        """
        place = f"{self.place}.claims"
        claim = _entry(self.config.claims, id, place)
        whole = measure or claim.measure
        asked = [(check.measure, check) for check in claim.checks] or [(whole, claim)]
        if len(asked) != len(values):
            raise ConfigError(
                f"{place}.{id}: {counted(len(asked), 'check')} for {counted(len(values), 'value')}"
            )
        checks = [
            bounded(what, value, *check.bounds[0], basis=check.basis)
            for (what, check), value in zip(asked, values)
        ]
        source = claim.source or self.config.source
        return Claim.of(id, claim.text, source, checks, whole, note or claim.note)

    def sheet(
        self,
        panels: Panels | Sequence[Panels],
        grids: Sequence[Grid],
        claims: Sequence[Claim],
        *,
        readings: Mapping[str, Metrics] | None = None,
        networks: Sequence[NetworkInfo] = (),
        note: str = "",
    ) -> Sheet:
        """The figure of these panels; see :class:`Sheet` for the rest."""
        drawn = [panels] if isinstance(panels, Panels) else panels
        recorded = {
            each.label(key): (result, each.metrics[key])
            for each in drawn
            for key, result in each.items()
        }
        return Sheet(
            list(grids), list(claims), recorded, dict(readings or {}), list(networks), note
        )

    def info(self, spec: NetworkSpec) -> NetworkInfo:
        return self.engine.networks.info(spec)


class _Given:
    """A figure's settings, of which none can be read that the config leaves out."""

    def __init__(self, config: FigureConfig, place: str):
        self._config = config
        self._place = place

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._config, name)
        if value is None or value == [] or value == {}:
            raise ConfigError(f"{self._place}.{name}: the figure needs it, but it is not given")
        return value


def _entry(table: Mapping[Any, Value], key: str, place: str) -> Value:
    if key not in table:
        raise ConfigError(f"{place}: the figure asks for '{key}'{nearest(key, table)}")
    return table[key]


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
