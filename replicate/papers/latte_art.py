"""Chelsea Troy, "Neural Style Transfer with Latte Art, Part 1: Layer Depth" (2019)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..config import load_preset
from ..engine.job import fit
from ..figure.claims import Claim
from ..figure.old_claims import all_of, ordered, smallest
from ..figure.panels import Grid
from ..images import Picture
from ..measure.metrics import hue_entropy, mid_band_energy
from ..networks.vgg import CAFFE_MEAN
from .sheet import Metrics, Sheet, column, fidelity, shown, source_panel
from .studio import Studio

WEIGHTINGS = {"A even": "latte-even", "B early": "latte-early", "C late": "latte-late"}
EVEN, EARLY, LATE = WEIGHTINGS
PAIRS = {"latte art": ("content", "style"), "more colour": ("content_2", "style_2")}

NOISE_SHARE = 0.6
NOISE_LEVELS = 20.0
"""The exercise's start: this share of noise, uniform within so many grey levels of 255."""


def weights(studio: Studio) -> Sheet:
    """Even, early and late layer weights, on latte art and on a painting with more colour."""
    pictures = {
        pair: (studio.picture(content), studio.picture(style))
        for pair, (content, style) in PAIRS.items()
    }
    jobs = {
        (pair, label): studio.job(
            load_preset(preset),
            content,
            style,
            label=f"{pair}, {label}",
            start=blended_with_noise(content, studio.profile.size),
        )
        for pair, (content, style) in pictures.items()
        for label, preset in WEIGHTINGS.items()
    }
    results = studio.draw(jobs)
    sheet = Sheet()
    metrics: dict[tuple[str, str], Metrics] = {}
    for key, result in results.items():
        drawn = result.picture.pixels
        metrics[key] = {
            **fidelity(result),
            "mid_band_energy": mid_band_energy(drawn),
            "hue_entropy": hue_entropy(drawn),
        }
        sheet.add(jobs[key].label, result, metrics[key])
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    source_panel(content, jobs[pair, EVEN].canvas, ""),
                    source_panel(style, jobs[pair, EVEN].style_size, ""),
                    *[
                        shown(results[pair, label], _lines(metrics[pair, label]))
                        for label in WEIGHTINGS
                    ],
                ]
            ],
            columns=["content", "style", *WEIGHTINGS],
            heading=pair.capitalize(),
        )
        for pair, (content, style) in pictures.items()
    ]
    sheet.claims = [
        claim
        for pair in PAIRS
        for claim in depth_claims(pair, {label: metrics[pair, label] for label in WEIGHTINGS})
    ]
    return sheet


def blended_with_noise(content: Picture, longest: int, seed: int = 0) -> Picture:
    """The picture that the Coursera exercise starts from, its longest side so many pixels.

    There the network's mean is subtracted from the content; 0.4 of that and 0.6 of uniform noise
    in -20 to 20 are added up.  So the content fades towards the mean, not towards black.
    """
    pixels = content.resized(*fit(content.size, longest)).pixels - np.array(CAFFE_MEAN)
    noise = np.random.default_rng(seed).uniform(-NOISE_LEVELS, NOISE_LEVELS, pixels.shape)
    blend = NOISE_SHARE * noise + (1 - NOISE_SHARE) * pixels
    return Picture.from_array((blend + CAFFE_MEAN) / 255, f"{content.name} blended with noise")


def _lines(metrics: Metrics) -> list[str]:
    return [
        f"SSIM {metrics['ssim']:.2f}, edges {metrics['edge_correlation']:.2f}",
        f"texture {1e3 * metrics['mid_band_energy']:.2f}, hues {metrics['hue_entropy']:.1f} bit",
    ]


def depth_claims(pair: str, metrics: Mapping[str, Metrics]) -> list[Claim]:
    """What the post says of early and late layers, measured on one pair of pictures.

    Args:
        metrics: by label, A, B and C.
    """
    place = pair.replace(" ", "-")
    on = f"({pair})"
    source = "chelseatroy.com 2019, Part 1" + ("" if pair == "latte art" else ", said of latte art")
    by_truth = {label: metrics[label] for label in (EARLY, EVEN, LATE)}
    return [
        all_of(
            f"true-{place}",
            f"Early layers leave the picture truer to the content, late ones less true {on}.",
            source,
            [
                ordered("SSIM", "", "", "SSIM", column(by_truth, "ssim")),
                ordered("edges", "", "", "edges", column(by_truth, "edge_correlation")),
            ],
            measure="SSIM and edge correlation to the content picture",
        ),
        smallest(
            f"flat-{place}",
            f"Early layers make it flatter, with less texture {on}.",
            source,
            "variance of grey between 0.05 and 0.25 cycles per pixel",
            column(metrics, "mid_band_energy"),
            EARLY,
        ),
        smallest(
            f"colours-{place}",
            f"Early layers bring fewer colours {on}.",
            source,
            "entropy of the hues, in bits",
            column(metrics, "hue_entropy"),
            EARLY,
        ),
    ]
