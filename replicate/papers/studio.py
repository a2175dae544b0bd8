"""What a figure function works with: pictures, jobs at the profile's size, an engine to draw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from ..fast.shipped import shipped
from ..figure.claims import ALONE, Claim
from ..figure.panels import Grid, Window
from ..images import Picture, bundled, paper_image, paper_image_keys
from ..images.evaluation import Pair
from ..networks.spec import NetworkInfo
from ..suggest import nearest
from .given import Given, narrowed
from .panels import Key, Metrics, Panels, Variant, label_of
from .settled import unsettled
from .sheet import Sheet

Value = TypeVar("Value")


@dataclass
class Studio:
    """Draws the panels of figures; what a figure's function gets is the studio at that figure.

    Attributes:
        engine: draws.
        profile_name: size and evaluations of every panel.
        inputs: ``bundled`` pictures, or the ``paper``'s own where they can be had.
        progress: called while panels are drawn.
        balanced: every layer pulls equally hard at the start; see :meth:`Reader.balanced`.
        like: the preset that says how hard they pull in all; None takes each job's own.
        stop: asked before each batch of panels; see :meth:`Engine.run_many`.
        read: pictures by kind and name; all jobs of all figures share them.
        pair: takes the place of the figure's own pictures, in a run over many pairs; then a figure
            has one photograph and one artwork, and no more panels than its claims need.
        begun: how many of ``drawn`` are of other figures.
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
    pair: Pair | None = None
    begun: int = 0
    figure_id: str = ""

    @cached_property
    def profile(self) -> Profile:
        return load_profile(self.profile_name)

    def at(self, figure_id: str) -> Studio:
        """The studio for one figure: balanced only if its panels differ in their layers."""
        _, config, preset = figure_config(figure_id)
        balanced = config.balanced or (self.balanced and config.compares_layers)
        like = preset if balanced else None
        begun = len(self.drawn)
        return replace(self, balanced=balanced, like=like, begun=begun, figure_id=figure_id)

    # ------------------------------------------------------------------ what the config says

    @cached_property
    def paper(self) -> PaperConfig:
        return load_paper(self.figure_id.split("/")[0])

    @cached_property
    def config(self) -> FigureConfig:
        """The figure's settings; to ask for one that is not given is a ConfigError."""
        config = figure_config(self.figure_id)[1]
        return cast(FigureConfig, Given(narrowed(config) if self.pair else config, self.place))

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
        """What the figure calls its pictures: ``content``, ``style``, ``style_2``, ``B Turner``."""
        roles = list(self.config.images[self.inputs])
        if self.pair is None:
            return roles
        first = {_is_photograph(role): role for role in reversed(roles)}
        return [role for role in roles if role in first.values()]

    @property
    def window(self) -> Window:
        """The detail that the figure enlarges."""
        return _entry(self.config.crop, self.inputs, f"{self.place}.crop")

    def name(self, role: str) -> str:
        """What the picture that the figure calls ``role`` is called among all pictures."""
        if self.pair is not None and role in self.roles:
            return self.pair.content if _is_photograph(role) else self.pair.style
        images = self.config.images[self.inputs]
        return _entry(images, role, f"{self.place}.images.{self.inputs}")

    def picture(self, role: str) -> Picture:
        """The picture that the figure calls ``role`` (content, style, ...) for these inputs.

        Bundled pictures may stand among the paper's own.
        """
        name = self.name(role)
        kind = "paper" if self.inputs == "paper" and name in paper_image_keys() else "bundled"
        if (kind, name) not in self.read:
            self.read[kind, name] = paper_image(name) if kind == "paper" else bundled(name)
        return self.read[kind, name]

    @property
    def photographs(self) -> list[Picture]:
        """Those of a figure that has several, each by its role: ``content``, ``content_2``, ..."""
        return [self.picture(role) for role in self.roles if _is_photograph(role)]

    @property
    def artworks(self) -> list[Picture]:
        """Likewise: ``style``, ``style_2``, ..."""
        return [self.picture(role) for role in self.roles if not _is_photograph(role)]

    # ------------------------------------------------------------------ drawing

    def panels(
        self, variants: Mapping[Key, Variant | Result], label: Callable[[Key], str] = label_of
    ) -> Panels:
        """Draw all variants at once; see :meth:`Panels.draw`.

        Args:
            variants: by label, or by (row, column), a preset, a job, or what is drawn already.
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
        settings = {**self.budget, **settings}
        preset = preset.with_(
            scales=self.profile.scales,
            content_first=self.profile.content_first,
            ratio_pixels=None if self.profile.judged else preset.ratio_pixels,
        )
        job = Job(preset, content, style, label=label, **settings)
        if self.balanced:
            job = replace(job, preset=self.engine.reader.balanced(job, self.like))
        return job

    @property
    def budget(self) -> dict[str, int]:
        """What a job of this profile may cost, and its seed."""
        seed = self.pair.seed if self.pair else 0
        return {"size": self.profile.size, "evaluations": self.profile.evaluations, "seed": seed}

    def draw(self, jobs: Mapping[Any, Job]) -> dict[Any, Result]:
        """Draw the jobs of a figure; results by the same keys."""
        listed = list(jobs.values())
        progress = self.progress(listed) if self.progress else None
        results = self.engine.run_many(listed, progress, self.stop)
        self.drawn.extend(results)
        return dict(zip(jobs, results))

    # ------------------------------------------------------------------ results

    @property
    def results(self) -> list[Result]:
        """What this figure has drawn so far."""
        return self.drawn[self.begun :]

    def claim(
        self,
        id: str,
        values: Mapping[Any, float] | float,
        *,
        of: Iterable[Result] | None = None,
        unmet: str = "",
    ) -> Claim:
        """A claim of the figure: what it says stands in the config, here is what was measured.

        Args:
            values: the numbers that its contrast names, by label.
            of: the results that they were measured on, which must have come to rest; all that the
                figure has drawn so far unless given.
            unmet: why these pictures say nothing of the claim, such as content that does not match.

        Raises:
            ConfigError: the config has no such claim, or its contrast names another number.
        """
        place = f"{self.place}.claims"
        claim = _entry(self.config.claims, id, place)
        numbers = values if isinstance(values, Mapping) else {ALONE: values}
        found = {str(label): float(number) for label, number in numbers.items()}
        try:
            claim.effect(found)
        except LookupError as error:
            raise ConfigError(f"{place}.{id}: there is no number {error}") from error
        if self.profile.judged:
            unmet = unmet or unsettled(self.results if of is None else of)
        source = claim.source or self.config.source
        return Claim(id, claim.text, source, claim.measure, found, claim.note, unmet)

    def sheet(
        self,
        panels: Panels | Sequence[Panels],
        grids: Sequence[Grid],
        claims: Sequence[Claim],
        *,
        readings: Mapping[str, Metrics] | None = None,
        networks: Sequence[NetworkInfo] = (),
        judges: Mapping[str, NetworkInfo] | None = None,
        note: str = "",
        optimised: bool = False,
    ) -> Sheet:
        """The figure of these panels; see :class:`Sheet` for the rest."""
        drawn = [panels] if isinstance(panels, Panels) else panels
        recorded = {
            each.label(key): (result, each.metrics[key])
            for each in drawn
            for key, result in each.items()
        }
        return Sheet(
            grids=list(grids),
            claims=list(claims),
            panels=recorded,
            readings=dict(readings or {}),
            networks=list(networks),
            judges=dict(judges or {}),
            note=note,
            optimised=optimised,
        )


def _is_photograph(role: str) -> bool:
    return role.startswith("content")


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
    preset = paper.presets.get(figure.preset) or load_preset(figure.preset)
    if figure.fast:
        preset = preset.with_(network={"name": shipped(figure.fast[0]).judge})
    return paper, figure, preset
