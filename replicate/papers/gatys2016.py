"""Gatys, Ecker & Bethge, "Image Style Transfer Using CNNs" (CVPR 2016)."""

from __future__ import annotations

from itertools import combinations
from statistics import geometric_mean, mean, median

from ..figure.claims import Claim
from ..figure.panels import Panel
from ..images import bundled, bundled_names
from ..measure.metrics import ssim
from ..networks.spec import NetworkSpec
from .gallery import gallery, gallery_claims
from .gatys2015 import reconstructions
from .measures import (
    border_colours,
    falls_when_added,
    fidelity,
    gram_distances,
    mean_lab_shift,
    painting_ssim,
    style_left,
    total_loss,
)
from .panels import Panels, ratio_label
from .sheet import Sheet
from .studio import Studio, only

JUDGE = NetworkSpec(name="vgg16")
"""Sees whether a reconstruction still shows the photograph; it has drawn none."""


def fig1(studio: Studio) -> Sheet:
    """Style and content reconstructions; content from convN_2, unlike the 2015 edition."""
    panels, grids = reconstructions(studio)
    contents, styles = panels.by_row().values()
    sets = studio.config.style_sets
    styles.measure(gram_distances(sets[list(sets)[-1]]))
    similarity, drawn = contents.column("ssim"), list(contents.values())
    falls, seen = falls_when_added(styles, sets), _seen_by_another(studio, contents)
    return studio.sheet(
        panels,
        grids,
        claims=[
            studio.claim("order", similarity, of=drawn),
            studio.claim("shallow", similarity, of=drawn[:3]),
            studio.claim("deep", similarity, of=drawn[-1:]),
            *seen,
            studio.claim("scale", styles.column("structure_size"), of=styles.values()),
            studio.claim(
                "added", {**falls, "mean": geometric_mean(falls.values())}, of=styles.values()
            ),
        ],
        judges={claim.id: studio.engine.networks.info(JUDGE) for claim in seen},
    )


def _seen_by_another(studio: Studio, contents: Panels) -> list[Claim]:
    """Is the content of the last panel still there for a network that was not used to draw it?"""
    engine, content = studio.engine, studio.picture("content")
    if engine.networks.resolve(JUDGE) != JUDGE:
        return []
    last = list(contents.values())[-1]
    size = last.picture.size

    def likeness(name: str) -> float:
        other = content if name == content.name else bundled(name)
        return engine.reader.similarity(last.picture, other.resized(*size), "relu5_1", JUDGE)

    others = [name for name in bundled_names()["photographs"] if name != content.name]
    nearest = max(map(likeness, others))
    seen = {"the photograph": likeness(content.name), "nearest other": nearest}
    return [studio.claim("content-stays", seen, of=[last])]


def border(studio: Studio) -> Sheet:
    """Style reconstructions with zeros around the maps, and with reflected maps."""
    paddings = {"zeros": None, "reflected": "reflect"}
    panels = studio.panels(
        {
            (row, column): only(studio.preset, "style", layers).with_(network={"padding": padding})
            for row, padding in paddings.items()
            for column, layers in studio.config.style_sets.items()
        }
    )
    panels.measure(border_colours)
    found = {
        row: mean(each.column("border_colours").values()) for row, each in panels.by_row().items()
    }
    return studio.sheet(
        panels,
        grids=[panels.grid(lines=["border {border_colours:.3f}"], row_title="around the maps")],
        claims=[studio.claim("zeros", found)],
    )


def fig3(studio: Studio) -> Sheet:
    """A photograph in five styles, each at this edition's ratio."""
    panels, grids, note = gallery(studio)
    return studio.sheet(panels, grids, gallery_claims(studio, panels), note=note)


def fig4(studio: Studio) -> Sheet:
    """Four ratios of content to style."""
    panels = studio.panels(
        {ratio_label(ratio): studio.preset.with_(ratio=ratio) for ratio in studio.config.ratios}
    )
    panels.measure(fidelity)
    edges = panels.column("edge_correlation")
    lines = ["SSIM {ssim:.2f}", "edges {edge_correlation:z.2f}"]
    return studio.sheet(
        panels,
        grids=[panels.grid(lines=lines, column_title="α/β")],
        claims=[studio.claim("interpolation", edges), studio.claim("extremes", edges)],
    )


def fig5(studio: Studio) -> Sheet:
    """Content from conv2_2 or conv4_2, with a detail."""
    preset = studio.preset.with_(ratio=studio.config.ratios[0])
    panels = studio.panels(
        {
            label: preset.with_(content_layers=layers)
            for label, layers in studio.config.content_sets.items()
        }
    )
    panels.measure(fidelity, mean_lab_shift, style_left)
    low, high = panels
    photograph = studio.picture("content").resized(*panels[low].picture.size)
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                wrap=1,
                lines=["SSIM {ssim:.2f}", "edges {edge_correlation:z.2f}"],
                before={"Content image": Panel(photograph, window=studio.window)},
                window=studio.window,
                insets={high: studio.picture("style")},
                inputs=(),
                detail="beside",
            )
        ],
        claims=[
            studio.claim("structure", panels.column("edge_correlation")),
            studio.claim("style", panels.column("style_left")),
        ],
    )


def fig6(studio: Studio) -> Sheet:
    """Start from the photograph, the painting, or four fields of noise."""
    preset = studio.preset.with_(ratio=studio.config.ratios[0])
    content, style = studio.picture("content"), studio.picture("style")
    starts = {"A photograph": "content", "B painting": "style"}
    noise = {f"C noise {seed}": seed for seed in studio.config.seeds}
    panels = studio.panels(
        {
            **{label: studio.job(preset, content, style, init=i) for label, i in starts.items()},
            **{
                label: studio.job(preset, content, style, seed=seed)
                for label, seed in noise.items()
            },
        }
    )
    panels.measure(fidelity, painting_ssim, total_loss)
    photograph, painting = starts
    likeness, to_painting = panels.column("ssim"), panels.column("ssim_to_painting")
    losses = panels.column("total_loss")
    middle = median(losses[label] for label in noise)
    pairs = [
        ssim(panels[one].picture.pixels, panels[other].picture.pixels)
        for one, other in combinations(noise, 2)
    ]
    return studio.sheet(
        panels,
        grids=[panels.grid(wrap=3, lines=["SSIM to photograph {ssim:.3f}"])],
        claims=[
            studio.claim(
                "bias",
                {
                    "from the picture": mean([likeness[photograph], to_painting[painting]]),
                    "from noise": mean(
                        each[label] for each in (likeness, to_painting) for label in noise
                    ),
                },
            ),
            studio.claim(
                "no-strong-effect",
                {label: losses[label] / middle for label in starts},
            ),
            studio.claim("many", mean(pairs)),
        ],
    )
