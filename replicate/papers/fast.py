"""The mixer: what each style layer holds (after Babaeizadeh & Ghiasi 2020, arXiv 1811.08560)."""

from __future__ import annotations

from statistics import geometric_mean

from ..engine.job import Result
from ..fast.setting import HOLDS
from ..figure.panels import crop
from ..images import Picture
from .measures import fidelity, ruler
from .one_pass import OnePass
from .panels import Metrics
from .sheet import Sheet
from .studio import Studio


def mixer(studio: Studio) -> Sheet:
    """One style layer in each column, which weighs more and more beside the photograph."""
    photograph, style, sets = (
        studio.picture("content"),
        studio.name("style"),
        studio.config.style_sets,
    )
    (fast,), ((content,),) = OnePass.all(studio), studio.config.content_sets.values()
    weights = {f"{1 / ratio:.0f}": ratio for ratio in studio.config.ratios}
    panels = studio.panels(
        {
            (weight, label): fast.draw(
                fast.wish(photograph, style, layers={layer: 1.0}, content=content, ratio=ratio)
            )
            for weight, ratio in weights.items()
            for label, (layer,) in sets.items()
        }
    )
    panels.measure(fidelity, _structures, _own_loss)
    least, *_, most = weights
    falls = [panels.ratio("own_loss", (least, layer), (most, layer)) for layer in sets]
    heaviest = panels.by_row()[most]
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                columns={layer: f"{layer}: {HOLDS[layer]}" for layer in sets},
                lines=["own loss {own_loss:.2f}", "edges {edge_correlation:z.2f}"],
                row_title="weight",
            )
        ],
        claims=[
            studio.claim("own", {"least": min(falls), "mean": geometric_mean(falls)}, of=()),
            studio.claim("grow", heaviest.column("structure_size"), of=()),
            studio.claim("outlines", heaviest.column("edge_correlation"), of=()),
        ],
    )


def _own_loss(studio: Studio, result: Result) -> Metrics:
    """``own_loss`` at the job's style layer, of what untouched photographs have."""
    ((layer, weight),) = result.job.style_layers.items()
    return {"own_loss": weight * result.losses[f"style/{layer}"]}


def _structures(studio: Studio, result: Result) -> Metrics:
    """``structure_size``, by pieces of one size of picture and artwork, which was read as large as
    in training, whatever the picture's size."""
    artwork, (width, height) = result.job.style_on_canvas, result.picture.size
    common = min(width, artwork.size[0]), min(height, artwork.size[1])

    def piece(picture: Picture) -> Picture:
        return crop(picture, (0, 0, common[0] / picture.size[0], common[1] / picture.size[1]))

    return {"structure_size": ruler(piece(artwork)).side(piece(result.picture))}
