"""All figures by id, in the order in which they are drawn: the most asked for first.

Listing them needs no torch; a paper's module is imported when its figure is drawn.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from ..config import FigureConfig, load_paper
from ..errors import ConfigError
from ..suggest import nearest

if TYPE_CHECKING:
    from ..figure.report import Figure
    from .studio import Studio

FIGURES = (
    "gatys2016/fig5",
    "gatys2015/fig3",
    "gatys2016/fig1",
    "gatys2016/fig4",
    "gatys2016/fig6",
    "gatys2015/fig1",
    "johnson2016/fig3",
    "johnson2016/fig4",
    "nikulin2016/layers",
    "pytorch_tutorial/layers",
    "johnson2016/issue18",
    "gatys2015/fig2",
    "gatys2016/fig3",
    "fastai/single_vs_rest",
    "fastai/content_series",
    "fastai/sum_or_mean",
    "fastai/keep_colour",
    "latte_art/weights",
    "gram_analysis/feature_maps",
    "gram_analysis/heat_maps",
    "gram_analysis/matched_filters",
    "gram_analysis/content_maps",
    "gram_analysis/artefact_size",
    "feature_visualisation/style_or_content",
    "novak2016/all16",
    "novak2016/modifications",
    "li2017/gram_is_mmd",
    "feature_visualisation/channels",
    "random2016/inversion",
)
"""Each id is ``<config and module>/<function>``."""


def figure_ids() -> list[str]:
    return list(FIGURES)


def figure_settings(figure_id: str) -> FigureConfig:
    """What the paper's config says of the figure."""
    paper, name = figure_id.split("/")
    return load_paper(paper).figures[name]


def match_figures(patterns: Sequence[str]) -> list[str]:
    """Ids that are meant by ``patterns``: an id, a paper, or a glob such as ``gatys*/fig1``.

    Raises:
        ConfigError: a pattern matches nothing; the message names the nearest id.
    """
    if not patterns:
        return figure_ids()
    chosen: list[str] = []
    for pattern in patterns:
        text = pattern.strip("/").lower()
        found = [i for i in FIGURES if i == text or i.split("/")[0] == text or fnmatch(i, text)]
        if not found:
            papers = dict.fromkeys(i.split("/")[0] for i in FIGURES)
            raise ConfigError(f"There is no figure '{pattern}'{nearest(text, [*FIGURES, *papers])}")
        chosen += found
    return [figure_id for figure_id in FIGURES if figure_id in chosen]


def draw_figure(studio: Studio, figure_id: str) -> Figure:
    """Draw one figure: its panels, its page and its claims.

    Raises:
        ReplicateError: a picture or network cannot be had, or a minimisation diverged.
    """
    from .page import page

    paper, name = figure_id.split("/")
    module = importlib.import_module(f".{paper}", __package__)
    studio = studio.at(figure_id)
    begun = len(studio.drawn)
    sheet = getattr(module, name)(studio)
    return page(studio, figure_id, sheet, studio.drawn[begun:])
