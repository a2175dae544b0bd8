"""One photograph in the styles of several artworks: a figure of both of Gatys' editions."""

from __future__ import annotations

from collections.abc import Mapping
from operator import sub

from ..engine.job import Result
from ..errors import ImageError
from ..images import Picture
from ..measure import metrics
from .measures import fidelity, style_distances, unrelated
from .panels import Metrics, source_panel
from .sheet import Sheet
from .studio import Studio


def gallery(studio: Studio) -> Sheet:
    """A photograph in five styles, each at its own ratio.

    A painting that cannot be had here is left out, and the sheet's note says so.

    Raises:
        ImageError: none of the paintings can be had.
    """
    content = studio.picture("content")
    ratios = dict(zip(studio.roles[1:], studio.config.ratios, strict=True))
    paintings = _obtainable(studio, list(ratios))
    panels = studio.panels(
        {
            role: studio.job(studio.preset.with_(ratio=ratios[role]), content, painting)
            for role, painting in paintings.items()
        }
    )
    panels.measure(fidelity, _beside_the_painting)
    titles = {
        role if studio.inputs == "paper" else f"{role[0]} {painting.name}": role
        for role, painting in paintings.items()
    }
    canvas = next(iter(panels.values())).job.canvas
    grid = panels.select(titles).grid(
        wrap=3,
        lines=["α/β {ratio}", "edges {edge_correlation:.2f}"],
        before={"photograph": source_panel(content, canvas, "A photograph")},
        insets={title: paintings[role] for title, role in titles.items()},
        inputs=(),
    )
    claims = [
        studio.claim("style", panels.column("gram_distance_share")),
        studio.claim("arrangement", panels.compare("edge_correlation", "edges_of_another", sub)),
        studio.claim("colours", panels.compare("palette_to_painting", "palette_to_photograph")),
    ]
    return studio.sheet(panels, [grid], claims, note=_stand_ins(studio, paintings))


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


def _beside_the_painting(studio: Studio, result: Result) -> Metrics:
    """How much of the painting came, and of the photograph stayed.

    ``gram_distance_share`` is the largest of all style layers: the relative Gram distance of the
    result to the painting over that of the photograph to the painting.
    """
    job, layers, drawn = result.job, list(result.job.style_layers), result.picture.pixels
    photograph, style = job.given("content"), job.style_on_canvas
    content, other = (
        each.resized(*result.picture.size) for each in (photograph, unrelated(photograph))
    )
    ours = style_distances(studio, result, layers)
    before = studio.engine.reader.style_distances(content, style, layers, job.preset.network)
    return {
        **{f"gram_distance/{layer}": value for layer, value in ours.items()},
        "gram_distance_share": max(ours[layer] / before[layer] for layer in layers),
        "edges_of_another": metrics.edge_correlation(drawn, other.pixels),
        "palette_to_painting": metrics.sliced_wasserstein_rgb(drawn, style.pixels),
        "palette_to_photograph": metrics.sliced_wasserstein_rgb(drawn, content.pixels),
    }
