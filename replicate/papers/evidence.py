"""Evidence for the papers' claims: their figures drawn from many pairs of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from ..fast.shipped import shipped
from ..figure.claims import Claim
from ..figure.verdicts import Row, Setting
from ..images.evaluation import Pair
from ..networks.spec import NetworkInfo
from .registry import draw_sheet, figure_settings
from .studio import Studio, figure_config
from .verdicts import definitions, version

DRAWS = 8
"""Of what a seed draws, at most so many."""

Task = tuple[str, Pair]
"""A figure and the pair that takes the place of its pictures."""


def tasks(figures: Iterable[str], pairs: Sequence[Pair]) -> list[Task]:
    """What is to be drawn, pair by pair, so that a run that is stopped has whole pairs.

    A figure whose claims are all of photographs, or all of artworks, is drawn once for each; one
    of a fast network from the artworks that the network knows; one that is given no picture, by
    as many seeds as there are pairs.
    """
    found: dict[tuple[str, str, str, int], Task] = {}
    for number, pair in enumerate(pairs):
        for figure in figures:
            config = figure_settings(figure)
            units = {claim.unit for claim in config.claims.values()}
            if units == {"draw"}:
                if number < DRAWS:
                    found[figure, "", "", number] = figure, Pair("", "", number)
                continue
            content = "" if units == {"artwork"} else pair.content
            style = "" if units == {"photograph"} else pair.style
            if style and config.fast and style not in shipped(config.fast[0]).styles:
                continue
            found.setdefault((figure, content, style, pair.seed), (figure, pair))
    return list(found.values())


def measured(studio: Studio, task: Task) -> list[Row]:
    """Draw a figure from a pair and measure its claims: a row for each.

    Raises:
        ReplicateError: a picture or network cannot be had, or a minimisation diverged.
    """
    figure, pair = task
    at_pair = replace(studio, pair=pair, drawn=[]).at(figure)
    sheet = draw_sheet(at_pair)
    used = [*(result.network for result in at_pair.results), *sheet.networks]
    names = " and ".join(dict.fromkeys(info.name for info in used))
    profile = studio.profile
    minimised = sheet.optimised or any(result.evaluations for result in at_pair.results)
    evaluations = profile.evaluations if minimised else 0
    setting = Setting(studio.inputs, names, profile.size, evaluations)
    rows = []
    for claim in sheet.claims:
        judge = [sheet.judges[claim.id]] if claim.id in sheet.judges else []
        rows.append(_row(figure, claim, pair, setting, [*used, *judge]))
    return rows


def _row(
    figure: str, claim: Claim, pair: Pair, setting: Setting, networks: Iterable[NetworkInfo]
) -> Row:
    name = f"{figure}/{claim.id}"
    unit = definitions()[name].unit
    return Row(
        claim=name,
        photograph=pair.content if unit in ("pair", "photograph") else "",
        artwork=pair.style if unit in ("pair", "artwork") else "",
        seed=pair.seed,
        **asdict(setting),
        values=claim.value,
        unmet=claim.unmet,
        version=version(name),
        rounded="; ".join(dict.fromkeys(each.rounded for each in networks if each.rounded)),
    )


def known(studio: Studio, task: Task, rows: Iterable[Row]) -> bool:
    """Whether the rows hold all claims of a task already, as the studio would draw them."""
    (figure, pair), profile = task, studio.profile
    network = studio.engine.networks.resolve(figure_config(figure)[2].network).name
    found = {
        row.claim
        for row in rows
        if (row.pictures, row.size, row.seed) == (studio.inputs, profile.size, pair.seed)
        and row.evaluations in (0, profile.evaluations)
        and network in row.network.split(" and ")
        and row.photograph in ("", pair.content)
        and row.artwork in ("", pair.style)
    }
    return found >= {f"{figure}/{name}" for name in figure_settings(figure).claims}
