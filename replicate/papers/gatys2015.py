"""Gatys, Ecker & Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576v2).

Two of its figures stand in the edition of 2016 as well, with other layers or ratios; what both
say is judged there.
"""

from __future__ import annotations

from ..figure.panels import Grid
from .gallery import gallery
from .measures import fidelity, structures
from .panels import Panels, ratio_label
from .sheet import Sheet
from .studio import Studio, only


def fig3(studio: Studio) -> Sheet:
    """Five nested sets of style layers by four ratios of content to style."""
    sets = studio.config.style_sets
    ratios = {ratio_label(ratio): ratio for ratio in sorted(studio.config.ratios)}
    drawn = studio.panels(
        {
            (row, column): studio.preset.with_(style_layers=sets[row], ratio=ratio)
            for row in reversed(sets)
            for column, ratio in ratios.items()
        }
    )
    drawn.measure(fidelity, structures)
    panels = drawn.select([(row, column) for row in sets for column in ratios])
    lines = ["edges {edge_correlation:z.2f}"]
    second = list(ratios)[min(1, len(ratios) - 1)]
    sizes = {row: panels.metrics[row, second]["structure_size"] for row in sets}
    return studio.sheet(
        drawn,
        grids=[panels.grid(lines=lines, row_title="style layers", column_title="α/β")],
        claims=[studio.claim("rows", sizes, of=[panels[row, second] for row in sets])],
    )


def fig1(studio: Studio) -> Sheet:
    """Style reconstructions from nested sets, content reconstructions from single layers."""
    panels, grids = reconstructions(studio)
    return studio.sheet(panels, grids, claims=[])


def reconstructions(studio: Studio) -> tuple[Panels, list[Grid]]:
    """The figure of both editions: panels by ("content" or "style", label)."""
    preset, config = studio.preset, studio.config
    panels = studio.panels(
        {
            **{("content", k): only(preset, "content", v) for k, v in config.content_sets.items()},
            **{("style", k): only(preset, "style", v) for k, v in config.style_sets.items()},
        },
        label=" ".join,
    )
    contents, styles = panels.by_row().values()
    contents.measure(fidelity)
    styles.measure(structures)
    return panels, [
        styles.grid(lines=["structures {structure_size:.0f} px"], heading="Style reconstructions"),
        contents.grid(
            lines=["PSNR {psnr:.1f} dB", "SSIM {ssim:.2f}"],
            window=studio.window,
            heading="Content reconstructions",
        ),
    ]


def fig2(studio: Studio) -> Sheet:
    """A photograph in five styles, each at this edition's ratio."""
    panels, grids, note = gallery(studio)
    return studio.sheet(panels, grids, claims=[], note=note)
