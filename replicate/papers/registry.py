"""All figures by id: those of the papers' configs, the most asked for first.

Listing them needs no torch; a paper's module is imported when its figure is drawn.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..config import FigureConfig, load_paper, paper_names
from ..errors import ConfigError, ReplicateError
from ..suggest import matching

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.job import Job
    from ..figure.report import Figure
    from ..networks.networks import Networks
    from ..networks.spec import NetworkSpec
    from .sheet import Sheet
    from .studio import Studio


@cache
def figure_ids() -> tuple[str, ...]:
    """All ids, each ``<config and module>/<function>``, in the order in which they are drawn.

    Raises:
        ConfigError: something in a config is wrong.
    """
    found = [
        (figure.order, f"{paper}/{name}")
        for paper in paper_names()
        for name, figure in load_paper(paper).figures.items()
    ]
    return tuple(figure_id for _, figure_id in sorted(found))


def figure_settings(figure_id: str) -> FigureConfig:
    """What the paper's config says of the figure."""
    paper, name = figure_id.split("/")
    return load_paper(paper).figures[name]


def match_figures(patterns: Sequence[str]) -> list[str]:
    """Ids that are meant by ``patterns``: an id, a paper, or a glob such as ``gatys*/fig1``.

    Raises:
        ConfigError: a pattern matches nothing; the message names the nearest id.
    """
    return matching("figure", patterns, figure_ids())


def draw_figure(studio: Studio, figure_id: str) -> Figure:
    """Draw one figure: its panels, its page and its claims.

    Raises:
        ReplicateError: a picture or network cannot be had, or a loss exploded.
        ConfigError: the config does not fit the figure's function.
    """
    from .page import page

    studio = studio.at(figure_id)
    return page(studio, figure_id, draw_sheet(studio), studio.results)


def draw_sheet(studio: Studio) -> Sheet:
    """The figure that the studio is at, before it is set on a page.

    Raises:
        ReplicateError, ConfigError: as of :func:`draw_figure`.
    """
    try:
        return figure_function(studio.figure_id)(studio)
    except (LookupError, ValueError) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        if Path(frame.filename).parent != Path(__file__).parent:
            raise  # a bug further down
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise ConfigError(f"{studio.place} does not fit its function: {error} ({where})") from error


def first_jobs(studio: Studio, figure_id: str) -> list[Job]:
    """The jobs that the figure begins with, found by running its function without drawing them.

    None of a figure that measures before it draws, or that lacks a picture or a network; those
    that it draws later, when it has seen these, are not among them.
    """
    planner: Any = _Planner(studio.engine)
    planning = replace(studio.at(figure_id), engine=planner, progress=None, drawn=[])
    try:
        figure_function(figure_id)(planning)
    except _Planned as planned:
        return planned.jobs
    except ReplicateError:
        pass  # it says so when the figure is drawn
    return []


class _Planned(Exception):
    """A figure function has come as far as it can without drawing."""

    def __init__(self, jobs: Sequence[Job]):
        super().__init__()
        self.jobs = list(jobs)


class _Planner:
    """Stands in for an engine: knows its networks, and takes note instead of working."""

    def __init__(self, engine: Engine):
        self.networks = _Names(engine.networks)
        self.device = engine.device
        self.precision = engine.precision

    def run_many(self, jobs: Sequence[Job], *_: Any) -> NoReturn:
        raise _Planned(jobs)

    def __getattr__(self, name: str) -> NoReturn:
        raise _Planned([])


class _Names:
    """Networks that can be asked which they are, but read nothing."""

    def __init__(self, networks: Networks):
        self._networks = networks

    def network(self, spec: NetworkSpec) -> NoReturn:
        raise _Planned([])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._networks, name)


def figure_function(figure_id: str) -> Callable[[Studio], Sheet]:
    """The function that draws the figure: of its paper's module, by the figure's name.

    Raises:
        ConfigError: there is none.
    """
    paper, name = figure_id.split("/")
    module = f"{__package__}.{paper}"
    found = find_spec(module) and getattr(importlib.import_module(module), name, None)
    if not callable(found):
        raise ConfigError(f"{paper}.toml: figures.{name}: {module} has no function '{name}'")
    return found
