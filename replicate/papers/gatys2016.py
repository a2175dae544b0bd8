"""Gatys, Ecker & Bethge, "Image Style Transfer Using CNNs" (CVPR 2016)."""

from __future__ import annotations

from itertools import combinations
from statistics import median

from ..figure.panels import Panel
from ..measure.metrics import ssim
from .gallery import gallery
from .gatys2015 import fig1 as reconstructions
from .measures import fidelity, mean_lab_shift, painting_ssim, style_loss, total_loss
from .panels import ratio_label
from .sheet import Sheet
from .studio import Studio


def fig1(studio: Studio) -> Sheet:
    """Style and content reconstructions; content from convN_2, unlike the 2015 edition."""
    return reconstructions(studio)


def fig3(studio: Studio) -> Sheet:
    """A photograph in five styles, each at this edition's ratio."""
    return gallery(studio)


def fig4(studio: Studio) -> Sheet:
    """Four ratios of content to style."""
    panels = studio.panels(
        {ratio_label(ratio): studio.preset.with_(ratio=ratio) for ratio in studio.config.ratios}
    )
    panels.measure(fidelity)
    edges, ssims, psnrs = map(panels.column, ("edge_correlation", "ssim", "psnr"))
    first, *_, last = edges.values()
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                lines=["SSIM {ssim:.2f}", "edges {edge_correlation:.2f}"], column_title="α/β"
            )
        ],
        claims=[
            studio.claim("interpolation", edges, ssims, psnrs),
            studio.claim("extremes", first, last),
        ],
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
    panels.measure(fidelity, mean_lab_shift, style_loss)
    low, high = panels
    similarity, edges = panels.column("ssim"), panels.column("edge_correlation")
    shift = panels.column("mean_lab_shift")
    photograph = studio.picture("content").resized(*panels[low].picture.size)
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                wrap=1,
                lines=["SSIM {ssim:.2f}", "edges {edge_correlation:.2f}"],
                before={"Content image": Panel(photograph, window=studio.window)},
                window=studio.window,
                insets={high: studio.picture("style")},
                inputs=(),
                detail="beside",
            )
        ],
        claims=[
            studio.claim(
                "structure",
                panels.ratio("ssim", low, high),
                panels.ratio("edge_correlation", low, high),
                measure=f"{low} over {high}: ratio of SSIM and of edge correlation to the "
                "photograph (published panels: 2.2 and 3.2)",
                note=f"SSIM {similarity[low]:.3f} against {similarity[high]:.3f}, edges "
                f"{edges[low]:.3f} against {edges[high]:.3f}. Colour does not tell the panels "
                f"apart (mean Lab shift {shift[low]:.1f} and {shift[high]:.1f}).",
            ),
            studio.claim(
                "style",
                panels.ratio("style_loss", low, high),
                measure=f"style loss of {low} over that of {high}",
            ),
        ],
    )


def fig6(studio: Studio) -> Sheet:
    """Start from the photograph, the painting, or four fields of noise."""
    preset = studio.preset.with_(ratio=studio.config.ratios[0])
    content, style = studio.picture("content"), studio.picture("style")
    noise = {f"C noise {seed}": seed for seed in studio.config.seeds}
    panels = studio.panels(
        {
            "A photograph": studio.job(preset, content, style, init="content"),
            "B painting": studio.job(preset, content, style, init="style"),
            **{
                label: studio.job(preset, content, style, init="noise", seed=seed)
                for label, seed in noise.items()
            },
        }
    )
    panels.measure(fidelity, painting_ssim, total_loss)
    losses = panels.column("total_loss")
    middle = median(losses.values())
    pairs = {
        f"{one[-1]}/{other[-1]}": ssim(panels[one].picture.pixels, panels[other].picture.pixels)
        for one, other in combinations(noise, 2)
    }
    return studio.sheet(
        panels,
        grids=[panels.grid(wrap=3, lines=["SSIM to photograph {ssim:.3f}"])],
        claims=[
            studio.claim("bias", panels.column("ssim"), panels.column("ssim_to_painting")),
            studio.claim(
                "no-strong-effect", {label: loss / middle for label, loss in losses.items()}
            ),
            studio.claim("many", pairs),
        ],
    )
