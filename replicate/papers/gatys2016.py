"""Gatys, Ecker & Bethge, "Image Style Transfer Using CNNs" (CVPR 2016)."""

from __future__ import annotations

from itertools import combinations
from statistics import median

from ..figure.claims import at_least, at_most, largest, ordered, within
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
    first, *_, last = panels.column("edge_correlation").items()
    return studio.sheet(
        panels,
        grids=[
            panels.grid(
                lines=["SSIM {ssim:.2f}", "edges {edge_correlation:.2f}"], column_title="α/β"
            )
        ],
        claims=[
            studio.claim(
                "interpolation",
                *(
                    ordered(name, panels.column(name), "increasing")
                    for name in ("edge_correlation", "ssim", "psnr")
                ),
                measure="edge correlation, SSIM and PSNR to the photograph",
                note="Published panels: edges 0.10, 0.25, 0.32, 0.40; SSIM 0.09, 0.15, 0.20, 0.22.",
            ),
            studio.claim(
                "extremes",
                at_most(*first, 0.15),
                at_least(*last, 0.35),
                measure="edge correlation with the photograph (bounds: ours, beside the published "
                "0.10 and 0.40)",
            ),
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
                at_least("SSIM", panels.ratio("ssim", low, high), 1.5),
                at_least("edges", panels.ratio("edge_correlation", low, high), 1.5),
                measure=f"{low} over {high}: ratio of SSIM and of edge correlation to the "
                "photograph (published panels: 2.2 and 3.2)",
                note=f"SSIM {similarity[low]:.3f} against {similarity[high]:.3f}, edges "
                f"{edges[low]:.3f} against {edges[high]:.3f}. Colour does not tell the panels "
                f"apart (mean Lab shift {shift[low]:.1f} and {shift[high]:.1f}).",
            ),
            studio.claim(
                "style",
                within(
                    f"style loss of {low} over that of {high}",
                    panels.ratio("style_loss", low, high),
                    0.1,
                    10.0,
                    basis="our bound: one order of magnitude",
                ),
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
            studio.claim(
                "bias",
                largest("to the photograph", panels.column("ssim"), "A photograph"),
                largest("to the painting", panels.column("ssim_to_painting"), "B painting"),
                measure="SSIM to the photograph and to the painting",
            ),
            studio.claim(
                "no-strong-effect",
                within(
                    "total loss over the median of all starts",
                    {label: loss / middle for label, loss in losses.items()},
                    0.75,
                    1.25,
                    basis="our bound: 25 %",
                ),
            ),
            studio.claim(
                "many", at_most("SSIM between pairs of noise starts", pairs, 0.9, basis="our bound")
            ),
        ],
    )
