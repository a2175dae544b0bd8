"""He, Wang & Hopcroft 2016, "A Powerful Generative Model Using Random Weights" (1606.04801)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

import numpy as np
from scipy.stats import permutation_test

from ..config import load_preset
from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.panels import Grid
from ..images import Picture
from ..measure.kernels import loss_factors
from ..networks.spec import NetworkSpec
from .measures import fidelity, start_distance
from .panels import Measure, Metrics, Panels, source_panel
from .sheet import Sheet
from .studio import Studio, only

TRAINED, RANDOM = "trained", "random"
BALANCED, UNSCALED = "random, balanced", "random, unscaled"
TEXTURES = {TRAINED: "trained texture", BALANCED: BALANCED, UNSCALED: UNSCALED}
"""Column to the panel's name."""


def inversion(studio: Studio) -> Sheet:
    """Content and texture from random weights beside those from trained ones."""
    presets = _on_networks(studio)
    photographs = {
        picture.name: picture for picture in (studio.picture(role) for role in ("first", "second"))
    }
    inversions = studio.panels(
        {
            (network, name, label): studio.job(only(preset, "content", layers), picture)
            for network, preset in presets.items()
            for name, picture in photographs.items()
            for label, layers in studio.config.content_sets.items()
        }
    )
    inversions.measure(fidelity)
    textures = studio.panels(_texture_jobs(studio, presets), TEXTURES.__getitem__)
    textures.measure(distances_by({name: preset.network for name, preset in presets.items()}))
    claims, note = [_scale(studio, textures)], ""
    if TRAINED in presets:
        claims += [_better_inversion(studio, inversions), _scaled_texture(studio, textures)]
    else:
        note = "Random weights could not be compared with trained ones: no trained network is on "
        note += "this machine."
    grids = [_inversion_grid(inversions, photographs), _texture_grid(textures)]
    return studio.sheet([inversions, textures], grids, claims, note=note)


def _on_networks(studio: Studio) -> dict[str, Preset]:
    """The preset on each network to compare: Gatys' trained one if there is one here."""
    gatys = load_preset("gatys2016").network
    found = {RANDOM: studio.preset}
    if studio.engine.networks.resolve(gatys).entry.random:
        return found
    return {TRAINED: studio.preset.with_(network=gatys), **found}


def _texture_jobs(studio: Studio, presets: Mapping[str, Preset]) -> dict[str, Job]:
    painting = studio.picture("style")
    jobs = {
        network: studio.job(only(preset, "style", list(preset.style_layers)), style=painting)
        for network, preset in presets.items()
    }
    equal = jobs.pop(RANDOM)
    weights, spread = equal.preset.style_layers, studio.config.kernel_spread
    assert spread is not None
    factors = loss_factors(weights, spread, equal.preset.network)
    unscaled = {layer: weight * factors[layer] for layer, weight in weights.items()}
    return {
        **jobs,
        BALANCED: replace(equal, preset=studio.engine.reader.balanced(equal)),
        UNSCALED: replace(equal, preset=equal.preset.with_(style_layers=unscaled)),
    }


def distances_by(judges: Mapping[str, NetworkSpec]) -> Measure:
    """``gram_distance/<judge>/<layer>``: to the painting, as each of these networks sees it."""

    def measure(studio: Studio, result: Result) -> Metrics:
        layers, painting = list(result.job.style_layers), result.job.style_on_canvas
        return {
            f"gram_distance/{name}/{layer}": distance
            for name, spec in judges.items()
            for layer, distance in studio.engine.reader.style_distances(
                result.picture, painting, layers, spec
            ).items()
        }

    return measure


def _mean_distance(textures: Panels, texture: str, judge: str) -> float:
    start = f"gram_distance/{judge}/"
    return mean(each for name, each in textures.metrics[texture].items() if name.startswith(start))


# ---------------------------------------------------------------------------- claims


def _scale(studio: Studio, textures: Panels) -> Claim:
    """Textures as the random network itself sees them, at its deepest layer."""
    deepest = list(textures[BALANCED].job.style_layers)[-1]
    name = f"gram_distance/{RANDOM}/{deepest}"
    balanced, unscaled = (textures.metrics[each][name] for each in (BALANCED, UNSCALED))
    note = f"{unscaled:.3g} over {balanced:.3g}."
    return studio.claim("scale", unscaled / balanced, note=note)


def _better_inversion(studio: Studio, inversions: Panels) -> Claim:
    """PSNR of inversions, random over trained."""
    psnr = {key: metrics["psnr"] for key, metrics in inversions.metrics.items()}
    gains: dict[str, list[float]] = {}
    for network, name, label in psnr:
        if network == RANDOM:
            gain = psnr[RANDOM, name, label] - psnr[TRAINED, name, label]
            gains.setdefault(label, []).append(gain)
    pairs = [gain for values in gains.values() for gain in values]
    means = {label: mean(values) for label, values in gains.items()}
    return studio.claim("inversion", means, paired_p(pairs))


def paired_p(values: Sequence[float]) -> float:
    """Exact one-sided permutation test of paired differences.

    The share of all choices of signs whose sum is at least that of the values: small if the
    differences are above zero by more than chance.
    """
    found = permutation_test(
        [np.asarray(values, dtype=float)],
        np.sum,
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    return float(found.pvalue)


def _scaled_texture(studio: Studio, textures: Panels) -> Claim:
    """Textures as the trained network sees them, against the noise that they started from."""
    noise = start_distance(studio, textures[TRAINED].job)
    falls = {name: noise / _mean_distance(textures, name, TRAINED) for name in textures}
    note = f"By the trained network itself: {falls[TRAINED]:.3g}."
    return studio.claim("texture", falls[BALANCED], falls[UNSCALED], note=note)


# ---------------------------------------------------------------------------- grids


def _inversion_grid(inversions: Panels, photographs: Mapping[str, Picture]) -> Grid:
    networks = dict.fromkeys(network for network, _, _ in inversions)
    sizes = {name: drawn.picture.size for (_, name, _), drawn in inversions.items()}
    rows = {f"{network} {name}": (network, name) for name in photographs for network in networks}
    sources = {row: source_panel(photographs[name], sizes[name]) for row, (_, name) in rows.items()}
    return inversions.grid(
        rows={row: network for row, (network, _) in rows.items()},
        before={"photograph": sources},
        lines=["PSNR {psnr:.1f} dB", "SSIM {ssim:.2f}"],
        inputs=(),
        heading="Content reconstructions",
    )


def _texture_grid(textures: Panels) -> Grid:
    judge = TRAINED if TRAINED in textures else RANDOM
    painting = textures[BALANCED].job.style_on_canvas
    return textures.select({name: name for name in textures}).grid(
        before={"painting": source_panel(painting, painting.size)},
        lines=lambda name: [f"Gram distance {_mean_distance(textures, name, judge):.2g}"],
        inputs=(),
        heading=f"Textures, and how far they are from the painting for the {judge} network",
    )
