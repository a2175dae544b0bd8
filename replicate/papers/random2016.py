"""He, Wang & Hopcroft 2016, "A Powerful Generative Model Using Random Weights" (1606.04801)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import mean

from ..config import load_preset
from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.panels import Grid
from ..images import Picture
from ..measure.kernels import loss_factors
from ..networks.spec import NetworkSpec
from .measures import fidelity
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
    photographs = {picture.name: picture for picture in studio.photographs}
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
        claims.append(_better_inversion(studio, inversions))
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
    (painting,) = studio.artworks
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
    found = {each: textures.metrics[each][name] for each in (UNSCALED, BALANCED)}
    return studio.claim("scale", found, of=textures.values())


def _better_inversion(studio: Studio, inversions: Panels) -> Claim:
    """PSNR of inversions by either network, mean of layers and photographs."""
    found = {
        kind: mean(
            each["psnr"] for (network, *_), each in inversions.metrics.items() if network == kind
        )
        for kind in (RANDOM, TRAINED)
    }
    return studio.claim("inversion", found, of=inversions.values())


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
