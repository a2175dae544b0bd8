"""Johnson et al. 2016: what feed-forward networks draw, beside the optimisation and each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import geometric_mean, mean

from ..engine.job import Job
from ..fast.beside import passed_after
from ..fast.use import Fast
from ..figure.panels import Grid, Panel
from ..figure.plots import LinePlot, Series
from ..images import Picture
from .measures import STYLE_LEFT, colour_distance, fidelity, style_left
from .one_pass import OnePass
from .panels import Panels, plot_row
from .sheet import Sheet
from .studio import Studio

PASS = "one pass"
ALONE = "its own network"
ACROSS = 4
"""Photographs side by side."""


# ---- beside the optimisation


def fast(studio: Studio) -> Sheet:
    """Fast networks in several styles, beside the optimisation of the same objective.

    All styles by the mixer, then the last photograph by a network of one style and setting.
    """
    mixer, single = OnePass.all(studio)
    (layers,), (ratio,) = studio.config.style_sets.values(), studio.config.ratios
    ((content,),) = studio.config.content_sets.values()
    asked = {"layers": dict.fromkeys(layers, 1.0), "content": content, "ratio": ratio}
    styles = [studio.name(role) for role in studio.roles if role.startswith("style")]
    rows = {
        style: (mixer, mixer.wish(photograph, style, **asked))
        for photograph, style in zip(studio.photographs, styles)
    }
    alone = f"{single.fast.styles[0]}, {ALONE}"
    rows[alone] = single, single.wish(studio.photographs[-1])
    stops = [round(share * studio.profile.evaluations) for share in studio.config.shares]
    slow = studio.panels(
        {
            (row, _after(stop)): replace(job, stop=stop)
            for row, (_, (_, job)) in rows.items()
            for stop in stops
        }
    )
    passes = {(row, PASS): network.draw(wish) for row, (network, wish) in rows.items()}
    panels = studio.panels(passes) | slow
    for (row, column), numbers in panels.metrics.items():
        numbers["objective"] = panels[row, column].loss / passes[row, PASS].loss
    *_, longest = stops
    courses = {
        row: [loss / passes[row, PASS].loss for _, loss in slow[row, _after(longest)].curve]
        for row in rows
    }
    passed = {row: passed_after(enumerate(each, 1), 1.0) for row, each in courses.items()}
    counts = {row: count or longest for row, count in passed.items()}
    mixed = [row for row in rows if row != alone]
    worth = geometric_mean(counts[row] for row in mixed)
    course = [geometric_mean(each) for each in zip(*(courses[row] for row in mixed))]
    low = f"Not all were passed within {longest} evaluations: what is measured is a lower bound."
    photographs = {
        row: Panel(job.content_on_canvas, inset=job.style_on_canvas)
        for row, (_, (_, job)) in rows.items()
    }
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                lines=["objective {objective:.2f}"],
                before={"photograph": photographs},
                inputs=(),
            ),
            plot_row(
                _courses({"the mixer": (course, worth), ALONE: (courses[alone], counts[alone])})
            ),
        ],
        claims=[
            studio.claim("reaches", {"evaluations": counts[alone]}, of=()),
            studio.claim("worth", {"evaluations": worth}, of=()),
        ],
        note="" if all(passed.values()) else low,
    )


def _after(stop: int) -> str:
    return f"{stop} evaluations"


def _courses(courses: Mapping[str, tuple[Sequence[float], float]]) -> LinePlot:
    """The objective after each evaluation, over that of one pass, and where it passes that."""
    lines, points = [], []
    for network, (course, passed) in courses.items():
        lines.append(Series(f"optimisation beside {network}", range(1, len(course) + 1), course))
        points.append(Series(f"{network} is passed after {passed:.0f}", [passed], [1], "points"))
    return LinePlot(
        [*lines, *points, Series("networks of the paper: 50 to 100", [50, 100], [1, 1], "both")],
        x_label="evaluations",
        y_label="objective (one pass: 1)",
        x_scale="log",
        y_scale="log",
        aspect=0.4,
    )


# ---- beside each other


def content_layer(studio: Studio) -> Sheet:
    """Photographs by networks that were trained alike but for their content layer."""
    panels = _by_networks(studio, lambda fast: ", ".join(fast.preset.content_layers))
    panels.measure(fidelity, colour_distance, style_left)
    return studio.sheet(
        panels,
        grids=_grids(
            panels,
            [
                "edges {edge_correlation:z.2f} · ΔE {colour_distance:.0f}",
                "style left {style_left:.2f}",
            ],
            "content layer",
        ),
        claims=[
            studio.claim("detail", _means(panels, "edge_correlation"), of=()),
            studio.claim("colours", _means(panels, "colour_distance"), of=()),
            studio.claim("style", _means(panels, "style_left"), of=()),
        ],
        note=STYLE_LEFT,
    )


def style_layers(studio: Studio) -> Sheet:
    """Photographs by networks that were trained alike but for their style layers."""
    panels = _by_networks(studio, _span)
    panels.measure(fidelity, style_left)
    _judge_each_other(studio, panels)
    other_over_own = [seen["other_layers"] / seen["own_layers"] for seen in panels.metrics.values()]
    return studio.sheet(
        panels,
        grids=_grids(
            panels,
            [
                "loss: own layers {own_layers:.3f} · other {other_layers:.3f}",
                "edges {edge_correlation:z.2f} · style left {style_left:.2f}",
            ],
            "style layers",
        ),
        claims=[
            # Over both networks, so that each loss stands above the other network's own.
            studio.claim("layers", geometric_mean(other_over_own), of=()),
            studio.claim("patches", _means(panels, "style_left"), of=()),
            studio.claim("outlines", _means(panels, "edge_correlation"), of=()),
        ],
        note=STYLE_LEFT,
    )


def _judge_each_other(studio: Studio, panels: Panels) -> None:
    """``own_layers``, ``other_layers``: the style's part of a picture's own objective and of the
    other network's, of what the untouched photograph has."""

    def loss(job: Job, picture: Picture) -> float:
        _, losses = studio.engine.reader.losses(job, picture)
        return sum(weight * losses[f"style/{layer}"] for layer, weight in job.style_layers.items())

    for (network, name), numbers in panels.metrics.items():
        for judge, cells in panels.by_row().items():
            job = cells[name].job
            left = loss(job, panels[network, name].picture) / loss(job, job.content_on_canvas)
            numbers["own_layers" if judge == network else "other_layers"] = left


def _by_networks(studio: Studio, label: Callable[[Fast], str]) -> Panels:
    """By (label of the network, photograph)."""
    return studio.panels(
        {
            (label(network.fast), photograph.name): network.draw(network.wish(photograph))
            for network in OnePass.all(studio)
            for photograph in studio.photographs
        }
    )


def _span(fast: Fast) -> str:
    """``relu1_1 … 4_1``."""
    first, *_, last = fast.preset.style_layers
    return f"{first} … {last.removeprefix('relu')}"


def _means(panels: Panels, name: str) -> dict[str, float]:
    """A metric by network, mean over the photographs."""
    return {label: mean(row.column(name).values()) for label, row in panels.by_row().items()}


def _grids(panels: Panels, lines: Sequence[str], title: str) -> list[Grid]:
    """The photographs over what each network makes of them, some to a grid."""
    originals = {name: result.job.content_on_canvas for (_, name), result in panels.items()}
    names, grids = list(originals), []
    for at in range(0, len(names), ACROSS):
        columns = names[at : at + ACROSS]
        inputs = None if at == 0 else ()
        drawn = panels.grid(columns=columns, lines=lines, row_title=title, inputs=inputs)
        above = [Panel(originals[name]) for name in columns]
        grids.append(replace(drawn, cells=[above, *drawn.cells], rows=["photograph", *drawn.rows]))
    return grids
