"""Chelsea Troy, "Neural Style Transfer with Latte Art, Part 1: Layer Depth" (2019)."""

from __future__ import annotations

import numpy as np

from ..config import load_preset
from ..engine.plan import fit
from ..figure.panels import Grid, Panel
from ..images import Picture
from ..networks.table import network_entry
from .measures import fidelity, flat_texture
from .panels import Panels
from .sheet import Sheet
from .studio import Studio

WEIGHTINGS = {"A even": "latte-even", "B early": "latte-early", "C late": "latte-late"}
EVEN, EARLY, LATE = WEIGHTINGS
PAIRS = "latte art", "more colour"

NOISE_SHARE = 0.6
NOISE_LEVELS = 20.0
"""The exercise's start: this share of noise, uniform within so many grey levels of 255."""


def weights(studio: Studio) -> Sheet:
    """Even, early and late layer weights, on latte art and on a painting with more colour."""
    jobs = {}
    for pair, content, style in zip(PAIRS, studio.photographs, studio.artworks):
        start = blended_with_noise(content, studio.profile.size)
        for label, preset in WEIGHTINGS.items():
            jobs[pair, label] = studio.job(load_preset(preset), content, style, start=start)
    panels = studio.panels(jobs).measure(fidelity, flat_texture)
    rows = panels.by_row()
    art = rows[PAIRS[0]]
    return studio.sheet(
        panels,
        grids=[_grid(pair, row) for pair, row in rows.items()],
        claims=[
            studio.claim("true", art.column("edge_correlation", [EARLY, EVEN, LATE])),
            studio.claim("flat", art.column("flat_texture")),
        ],
    )


def _grid(pair: str, row: Panels) -> Grid:
    job = row[EVEN].job

    return row.grid(
        lines=[
            "SSIM {ssim:.2f}, edges {edge_correlation:z.2f}",
            "texture in flat parts {flat_texture:.3f}",
        ],
        before={
            "content": Panel(job.content_on_canvas),
            "style": Panel(job.style_on_canvas),
        },
        inputs=(),
        heading=pair.capitalize(),
    )


def blended_with_noise(content: Picture, longest: int, seed: int = 0) -> Picture:
    """The picture that the Coursera exercise starts from, its longest side so many pixels.

    There the network's mean is subtracted from the content; 0.4 of that and 0.6 of uniform noise
    in -20 to 20 are added up.  So the content fades towards the mean, not towards black.
    """
    mean = np.array(network_entry("vgg19-caffe").preprocessing.mean)
    pixels = content.resized(*fit(content.size, longest)).pixels - mean
    noise = np.random.default_rng(seed).uniform(-NOISE_LEVELS, NOISE_LEVELS, pixels.shape)
    blend = NOISE_SHARE * noise + (1 - NOISE_SHARE) * pixels
    return Picture.from_array((blend + mean) / 255, f"{content.name} blended with noise")
