"""The notebook of 2019 on representations: feature maps, Gram matrices, matched filters.

Nothing is drawn here but in :func:`artefact_size`; the other figures look at an input picture.
"""

from __future__ import annotations

from statistics import mean

from ..config import load_preset
from ..engine.preset import Preset
from ..figure.panels import Grid, Panel
from ..measure import analysis
from ..visualisation import maps
from .looks import Look
from .measures import by_column, structures, structures_seen
from .panels import Metrics, source_panel
from .sheet import Sheet
from .studio import Studio, only

SHOWN = 8
"""Maps of a layer that are shown."""

LISTED = 20
"""Largest entries that are listed, as in the notebook."""

EARLY, LATE = "early layers", "late layers"


def feature_maps(studio: Studio) -> Sheet:
    """The strongest maps of every style layer."""
    look = Look.at_profile(studio, "style")
    look.measure(
        lambda seen: {
            "channels": float(len(seen.maps)),
            "structure_size": analysis.structure_size(seen),
            "silent_share": seen.silent_share,
        }
    )
    rows = [
        [
            Panel(maps.map_picture(seen.maps[channel], look.picture.size), lines=(str(channel),))
            for channel in seen.strongest(SHOWN)
        ]
        for seen in look.values()
    ]
    grid = Grid(
        rows,
        rows=[f"{label}, {seen.field}/{seen.step} px" for label, seen in look.items()],
        row_title="layer, field/step",
        column_title="channels, the strongest first",
        inputs=(look.panel("style"),),
    )
    sizes = look.column("structure_size")
    return look.sheet([grid], [studio.claim("smaller", sizes)])


def heat_maps(studio: Studio) -> Sheet:
    """Gram matrices as heat maps, raw and as cosines, and their largest entries in order."""
    look = Look.at_profile(studio, "style")
    look.measure(
        lambda seen: {
            "diagonal_share_of_20": analysis.diagonal_share(seen.gram, LISTED),
            "diagonal_over_rest": analysis.diagonal_ratio(seen.gram),
            "standing_out": analysis.standing_out(seen.gram),
        }
    )
    entries = [analysis.largest_entries(seen.gram, LISTED) for seen in look.values()]
    raw = [Panel(maps.heat_map(seen, seen.gram / seen.gram.max())) for seen in look.values()]
    cosines = [
        Panel(maps.heat_map(seen, analysis.cosine_gram(seen.gram))) for seen in look.values()
    ]
    plots = [
        Panel(maps.entry_plot(found), lines=(", ".join(entry.label for entry in found),))
        for found in entries
    ]
    return look.sheet(
        [
            Grid(
                [raw, cosines],
                rows=["G", "cosine"],
                columns=list(look),
                inputs=(look.panel("style"),),
            ),
            Grid([plots], rows=["largest"], columns=list(look)),
        ],
        [
            studio.claim("diagonal", mean(look.column("standing_out").values())),
        ],
    )


def matched_filters(studio: Studio) -> Sheet:
    """The pairs of maps with the largest entries off the diagonal, raw and as cosines."""
    look = Look.at_profile(studio, "style")

    def measure(seen: analysis.Representation) -> Metrics:
        brightest = analysis.matched_pairs(seen.gram, 3)
        likeness, strength = analysis.likeness_and_strength(seen.gram)
        return {
            "lowest_cosine_rank": min(analysis.cosine_ranks(seen.gram, brightest)),
            "follows_likeness": likeness,
            "follows_strength": strength,
        }

    look.measure(measure)
    grid = Grid(
        [maps.pair_panels(seen, look.picture.size) for seen in look.values()],
        rows=list(look),
        columns=[f"{kind} {place}" for kind in ("entry", "cosine") for place in (1, 2, 3)],
        column_title="the largest by entry, and by cosine",
        inputs=(look.panel("style"),),
    )
    likeness, strength, rank = (
        mean(look.column(name).values())
        for name in ("follows_likeness", "follows_strength", "lowest_cosine_rank")
    )
    return look.sheet(
        [grid],
        [
            studio.claim("similar", rank),
            studio.claim("strength", {"cosines": likeness, "norms": strength}),
        ],
    )


def content_maps(studio: Studio) -> Sheet:
    """The strongest maps of the content layer beside those of the first."""
    look = Look.at_profile(studio, "content")
    look.measure(
        lambda seen: {
            "map_correlation": analysis.mean_map_correlation(seen),
            "silent_share": seen.silent_share,
        }
    )
    width, height = look.picture.size
    tile = max(1, width // 2), max(1, height // 2)
    panels = [
        Panel(
            maps.strongest_maps(seen, tile),
            lines=("{0} maps of {2} × {1}".format(*seen.maps.shape),),
        )
        for seen in look.values()
    ]
    grid = Grid([panels], columns=list(look), inputs=(look.panel("content"),))
    return look.sheet([grid], [studio.claim("own", look.column("map_correlation"))])


def artefact_size(studio: Studio) -> Sheet:
    """Single-layer style reconstructions, and transfers that favour early or late layers."""
    content, style = studio.picture("content"), studio.picture("style")
    styles = {picture.name: picture for picture in studio.artworks}
    single = studio.panels(
        {
            (name, label): studio.job(only(studio.preset, "style", layers), style=painting)
            for name, painting in styles.items()
            for label, layers in studio.config.style_sets.items()
        }
    )
    transfers = studio.panels(
        {
            label: studio.job(
                studio.preset.with_(style_layers=weights), content, style, init="content"
            )
            for label, weights in favoured(load_preset("udacity")).items()
        }
    )
    single.measure(structures_seen)
    transfers.measure(structures)
    drawn_size = next(iter(single.values())).picture.size
    return studio.sheet(
        [single, transfers],
        grids=[
            single.grid(
                before={
                    "painting": {
                        name: source_panel(painting, drawn_size)
                        for name, painting in styles.items()
                    }
                },
                lines=["structures {structure_size:.0f} px"],
                heading="Style reconstructions from a single layer",
            ),
            transfers.grid(
                before={"photograph": source_panel(content, transfers[EARLY].picture.size)},
                lines=["structures {structure_size:.0f} px"],
                inputs=(),
                heading=f"Transfers of {style.name} with weight on early or on late layers",
            ),
        ],
        claims=[
            studio.claim("larger", by_column(single, "structure_size"), of=single.values()),
            studio.claim("weighting", transfers.column("structure_size"), of=transfers.values()),
        ],
    )


def favoured(preset: Preset) -> dict[str, dict[str, float]]:
    """The preset's style weights, which fall with depth, and the same in reverse; sums of 1."""
    layers, total = list(preset.style_layers), sum(preset.style_layers.values())
    shares = [weight / total for weight in preset.style_layers.values()]
    return {EARLY: dict(zip(layers, shares)), LATE: dict(zip(layers, reversed(shares)))}
