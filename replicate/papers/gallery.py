"""One photograph in the styles of several artworks: a figure of both of Gatys' editions."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean

from ..engine.job import Result
from ..errors import ImageError
from ..figure.claims import Claim
from ..figure.panels import Grid
from ..images import Picture
from ..measure import metrics
from .measures import fidelity, painting_palette, style_left, unrelated
from .panels import Metrics, Panels, source_panel
from .studio import Studio

LIKE = 0.1
"""Palettes that are no further apart (sliced Wasserstein distance of RGB) cannot tell whose the
colours are."""


def gallery(studio: Studio) -> tuple[Panels, list[Grid], str]:
    """A photograph in five styles, each at its own ratio, and a note.

    A painting that cannot be had here is left out, and the note says so.

    Raises:
        ImageError: none of the paintings can be had.
    """
    content = studio.picture("content")
    ratios = dict(zip(studio.roles[1:], studio.config.ratios))
    paintings = _obtainable(studio, list(ratios))
    panels = studio.panels(
        {
            role: studio.job(studio.preset.with_(ratio=ratios[role]), content, painting)
            for role, painting in paintings.items()
        }
    )
    panels.measure(fidelity)
    titles = {
        role if studio.inputs == "paper" else f"{role[0]} {painting.name}": role
        for role, painting in paintings.items()
    }
    canvas = next(iter(panels.values())).job.canvas
    grid = panels.select(titles).grid(
        wrap=3,
        lines=["α/β {ratio}", "edges {edge_correlation:z.2f}"],
        before={"photograph": source_panel(content, canvas, "A photograph")},
        insets={title: paintings[role] for title, role in titles.items()},
        inputs=(),
    )
    return panels, [grid], _stand_ins(studio, paintings)


def gallery_claims(studio: Studio, panels: Panels) -> list[Claim]:
    """Whose are the structures, the arrangement and the colours? Means over the panels."""
    panels.measure(style_left, painting_palette, _beside_others)
    found = {
        name: mean(panels.column(name).values()) for name in next(iter(panels.metrics.values()))
    }
    between = found["palettes_apart"]
    return [
        studio.claim("style", found["style_left"]),
        studio.claim(
            "arrangement",
            {"the photograph": found["edge_correlation"], "another": found["edges_of_another"]},
        ),
        studio.claim(
            "colours",
            {"between the pictures": between, "left": found["palette_distance"]},
            unmet="" if between > LIKE else "the palettes are alike",
        ),
    ]


def _obtainable(studio: Studio, roles: list[str]) -> dict[str, Picture]:
    """The paintings that can be had."""
    paintings: dict[str, Picture] = {}
    reasons: list[ImageError] = []
    for role in roles:
        try:
            paintings[role] = studio.picture(role)
        except ImageError as error:
            reasons.append(error)
    if not paintings:
        raise reasons[0]
    return paintings


def _stand_ins(studio: Studio, paintings: Mapping[str, Picture]) -> str:
    if studio.inputs == "bundled":
        pairs = [f"{picture.name} for {role[2:]}" for role, picture in paintings.items()]
        return f"Drawn artworks stand in for the paintings: {', '.join(pairs)}."
    missing = [role for role in studio.roles[1:] if role not in paintings]
    return f"Left out, for want of the painting: {', '.join(missing)}." if missing else ""


def _beside_others(studio: Studio, result: Result) -> Metrics:
    """``edges_of_another`` photograph in the result; ``palettes_apart``: those of the inputs."""
    size, content = result.picture.size, result.job.given("content")
    other = unrelated(content).resized(*size)
    return {
        "edges_of_another": metrics.edge_correlation(result.picture.pixels, other.pixels),
        "palettes_apart": metrics.sliced_wasserstein_rgb(
            content.resized(*size).pixels, result.job.given("style").resized(*size).pixels
        ),
    }
