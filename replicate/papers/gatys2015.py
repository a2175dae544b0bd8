"""Gatys, Ecker & Bethge 2015, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576v2).

Two of its figures stand in the edition of 2016 as well, with other layers or ratios.
"""

from __future__ import annotations

from ..figure.claims import Claim
from ..measure import metrics
from ..networks.spec import NetworkSpec
from .gallery import gallery
from .measures import (
    content_loss,
    factors,
    falls_when_added,
    fidelity,
    gram_distances,
    painting_edges,
    smallest_rises,
    structure_size,
    style_loss,
    unrelated,
)
from .panels import Panels, ratio_label
from .sheet import Sheet
from .studio import Studio, only

JUDGE = NetworkSpec(name="vgg16")
"""Sees whether a reconstruction still shows the photograph; it has drawn none."""


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
    drawn.measure(fidelity, gram_distances(sets[list(sets)[-1]]), content_loss, style_loss)
    panels = drawn.select([(row, column) for row in sets for column in ratios])
    second = list(ratios)[1]
    *_, all_layers = panels.by_row().values()
    edges = list(all_layers.column("edge_correlation").values())
    return studio.sheet(
        drawn,
        grids=[
            panels.grid(
                lines=["edges {edge_correlation:.2f}"], row_title="style layers", column_title="α/β"
            )
        ],
        claims=[
            studio.claim(
                "trade",
                panels.per_row("content_loss", lambda losses: max(factors(losses))),
                panels.per_row("style_loss", lambda losses: min(factors(losses))),
            ),
            studio.claim("columns", smallest_rises(panels, "edge_correlation")),
            studio.claim(
                "rows", falls_when_added(panels.select({row: (row, second) for row in sets}), sets)
            ),
            studio.claim("extremes", edges[0], edges[-1]),
        ],
    )


def fig1(studio: Studio) -> Sheet:
    """Style reconstructions from nested sets, content reconstructions from single layers."""
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
    styles.measure(
        structure_size, painting_edges, gram_distances(max(config.style_sets.values(), key=len))
    )
    seen = _seen_by_another(studio, contents)
    return studio.sheet(
        panels,
        grids=[
            styles.grid(
                lines=["structures {coherence_length:.1f} px"], heading="Style reconstructions"
            ),
            contents.grid(
                lines=["PSNR {psnr:.1f} dB", "SSIM {ssim:.2f}"],
                window=studio.window,
                heading="Content reconstructions",
            ),
        ],
        claims=[*_content_claims(studio, contents), *seen, *_style_claims(studio, styles)],
        note=""
        if seen
        else "Whether another network still sees the photograph in d and e is not measured here: "
        "that needs the weights of VGG-16.",
    )


def _content_claims(studio: Studio, contents: Panels) -> list[Claim]:
    psnr, ssim = contents.column("psnr"), contents.column("ssim")
    labels = list(contents)
    return [
        studio.claim("order", psnr, ssim),
        studio.claim("shallow", contents.column("ssim", labels[:3])),
        studio.claim("deep", contents.column("ssim", labels[-1:])),
    ]


def _seen_by_another(studio: Studio, contents: Panels) -> list[Claim]:
    """Is the content of d and e still there for a network that was not used to draw them?"""
    engine, content = studio.engine, studio.picture("content")
    if engine.networks.resolve(JUDGE) != JUDGE:
        return []
    pictures = {label: contents[label].picture for label in list(contents)[3:]}
    canvas = contents[list(contents)[-1]].picture.size
    pictures["another"] = unrelated(content).resized(*canvas)
    photograph = content.resized(*canvas)
    seen = {
        label: engine.reader.similarity(picture, photograph, "relu5_1", JUDGE)
        for label, picture in pictures.items()
    }
    other = seen.pop("another")
    more = {label: each - other for label, each in seen.items()}
    return [studio.claim("content-stays", seen, more)]


def _style_claims(studio: Studio, styles: Panels) -> list[Claim]:
    size = next(iter(styles.values())).job.style_size
    own = metrics.coherence_length(studio.picture("style").resized(*size).pixels)
    edges = {label: abs(value) for label, value in styles.column("edge_correlation").items()}
    lengths = styles.column("coherence_length")
    falls = falls_when_added(styles, studio.config.style_sets)
    return [
        studio.claim(
            "scale",
            lengths,
            note=f"{metrics.COHERENCE_NOTE} The painting itself has {own:.1f} px here.",
        ),
        studio.claim("arrangement", edges),
        studio.claim("added", falls),
    ]


def fig2(studio: Studio) -> Sheet:
    """A photograph in five styles, each at this edition's ratio."""
    return gallery(studio)
