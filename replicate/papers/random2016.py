"""He, Wang & Hopcroft 2016, "A Powerful Generative Model Using Random Weights" (1606.04801)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from statistics import mean

import numpy as np

from ..config import FigureConfig, load_preset
from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most
from ..figure.panels import Grid
from ..images import Picture
from ..method import NOISE
from ..networks.layers import steps
from ..networks.spec import NetworkSpec
from ..networks.weights import random_weights
from .sheet import Metrics, Sheet, fidelity, shown, source_panel
from .studio import Studio, figure_config, only

TRAINED, RANDOM = "trained", "random"
BALANCED, UNSCALED = "random, balanced", "random, unscaled"

Inversion = tuple[str, str, str]
"""Network, photograph, layer's label."""


def inversion(studio: Studio) -> Sheet:
    """Content and texture from random weights beside those from trained ones."""
    _, config, preset = figure_config("random2016/inversion")
    presets = _networks(studio, preset)
    photographs = {
        picture.name: picture for picture in (studio.picture(role) for role in ("first", "second"))
    }
    painting = studio.picture("style")
    contents = {
        (network, name, label): studio.job(
            only(on_network, "content", layers), picture, label=f"{network}, {name}, {label}"
        )
        for network, on_network in presets.items()
        for name, picture in photographs.items()
        for label, layers in config.content_sets.items()
    }
    textures = _texture_jobs(studio, config, presets, painting)
    drawn = studio.draw({**contents, **textures})
    inverted = {key: drawn[key] for key in contents}
    painted = {label: drawn[label] for label in textures}

    sheet = Sheet()
    kept = {key: fidelity(result) for key, result in inverted.items()}
    for key, result in inverted.items():
        sheet.add(result.job.label, result, kept[key])
    judges = {network: on_network.network for network, on_network in presets.items()}
    distances = {
        label: {judge: _distances(studio, result, painting, spec) for judge, spec in judges.items()}
        for label, result in painted.items()
    }
    for label, result in painted.items():
        sheet.add(result.job.label, result, _named(distances[label]))
    labels = list(config.content_sets)
    sheet.grids = [
        _inversion_grid(photographs, list(presets), labels, inverted, kept),
        _texture_grid(painting, painted, distances),
    ]
    own = {label: distances[label][RANDOM] for label in (BALANCED, UNSCALED)}
    sheet.claims = [scale(config.source, own[BALANCED], own[UNSCALED])]
    if TRAINED not in presets:
        sheet.note = (
            "Random weights could not be compared with trained ones: no trained network is on "
            "this machine."
        )
        return sheet
    noise = _noise_distances(studio, painted[BALANCED], painting, judges[TRAINED])
    sheet.claims += [
        better_inversion(config.source, differences(kept, labels)),
        scaled_texture(
            config.source, noise, {label: distances[label][TRAINED] for label in painted}
        ),
    ]
    return sheet


def _networks(studio: Studio, preset: Preset) -> dict[str, Preset]:
    """The preset on each network to compare: Gatys' trained one if there is one here."""
    gatys = load_preset("gatys2016").network
    trained = not studio.engine.networks.resolve(gatys).entry.random
    return {**({TRAINED: preset.with_(network=gatys)} if trained else {}), RANDOM: preset}


def _texture_jobs(
    studio: Studio, config: FigureConfig, presets: Mapping[str, Preset], painting: Picture
) -> dict[str, Job]:
    jobs = {
        network: studio.job(only(on_network, "style", list(on_network.style_layers)),
                            style=painting, label=f"{network} texture")
        for network, on_network in presets.items()
    }  # fmt: skip
    equal = jobs.pop(RANDOM)
    assert config.kernel_spread is not None
    factors = loss_factors(equal.preset.style_layers, config.kernel_spread, equal.preset.network)
    unscaled = {name: w * factors[name] for name, w in equal.preset.style_layers.items()}
    return {
        **jobs,
        BALANCED: replace(equal, preset=studio.engine.reader.balanced(equal), label=BALANCED),
        UNSCALED: replace(equal, preset=equal.preset.with_(style_layers=unscaled), label=UNSCALED),
    }


def loss_factors(
    layers: Sequence[str] | Mapping[str, float], spread: float, spec: NetworkSpec
) -> dict[str, float]:
    """What plain Gaussian kernels would make of each layer's style loss, the first layer's as 1.

    Our random network is the same one with its kernels rescaled, and its biases are zero.  So the
    plain network's features at a layer are ours times the product of ``spread`` over our kernels'
    standard deviation, over all convolutions up to there; and the loss goes with the fourth power.
    """
    tensors = random_weights(spec.architecture, pooling=spec.pooling).tensors
    factor, found = 1.0, {}
    for step in steps(spec.architecture):
        if step.kind == "conv":
            factor *= spread / float(tensors[f"features.{step.index}.weight"].std())
        if step.name in layers:
            found[step.name] = factor**4
    first = next(iter(found.values()))
    return {layer: value / first for layer, value in found.items()}


def differences(kept: Mapping[Inversion, Metrics], labels: Sequence[str]) -> dict[str, list[float]]:
    """PSNR from random weights minus that from trained ones, by layer, a value a photograph."""
    photographs = list(dict.fromkeys(photograph for _, photograph, _ in kept))
    return {
        label: [
            kept[RANDOM, photograph, label]["psnr"] - kept[TRAINED, photograph, label]["psnr"]
            for photograph in photographs
        ]
        for label in labels
    }


def better_inversion(source: str, gains: Mapping[str, Sequence[float]]) -> Claim:
    """PSNR of inversions, random over trained."""
    pairs = [gain for values in gains.values() for gain in values]
    return all_of(
        "inversion",
        "Inversions of random weights are closer to the photograph than those of trained weights.",
        source,
        [
            at_least(
                "gain", "", "", "gain", {label: mean(values) for label, values in gains.items()}, 0
            ),
            at_most("chance", "", "", "p", paired_p(pairs), 0.05, basis="our bound"),
        ],
        measure="PSNR (dB) from random weights minus that from trained ones, mean of the "
        f"photographs, and the p-value of all {len(pairs)} pairs",
        note="One-sided exact test of paired differences, by changing signs.",
    )


def paired_p(values: Sequence[float]) -> float:
    """Exact one-sided permutation test of paired differences.

    The share of all choices of signs whose sum is at least that of the values: small if the
    differences are above zero by more than chance.
    """
    size = np.abs(np.asarray(values, dtype=float))
    signs = np.array(list(product((1, -1), repeat=len(size))))
    return float(np.mean(signs @ size >= np.sum(values) - 1e-9 * size.sum()))


def scaled_texture(
    source: str, noise: Mapping[str, float], distances: Mapping[str, Mapping[str, float]]
) -> Claim:
    """Textures as the trained network sees them, against the noise that they started from."""
    falls = {
        label: mean(noise.values()) / mean(found.values()) for label, found in distances.items()
    }
    return all_of(
        "texture",
        "With balanced layer losses random weights make the texture; without, they do not.",
        source,
        [
            at_least("balanced", "", "", "balanced", falls[BALANCED], 5, basis="our bound"),
            at_most("unscaled", "", "", "unscaled", falls[UNSCALED], 5, basis="our bound"),
        ],
        measure="fall, from noise, of the mean relative Gram distance over the trained network's "
        "layers",
        note=f"By the trained network itself: {falls[TRAINED]:.3g}.",
    )


def scale(source: str, balanced: Mapping[str, float], unscaled: Mapping[str, float]) -> Claim:
    """Textures as the random network itself sees them, at its deepest layer."""
    deepest = list(balanced)[-1]
    return at_least(
        "scale",
        "Random weights only need the layers' losses on one scale: otherwise deep layers are not "
        "matched.",
        source,
        f"relative Gram distance at the random network's {deepest}, unscaled over balanced",
        unscaled[deepest] / balanced[deepest],
        5,
        basis="our bound",
        note=f"{unscaled[deepest]:.3g} over {balanced[deepest]:.3g}.",
    )


def _distances(
    studio: Studio, result: Result, painting: Picture, judge: NetworkSpec
) -> dict[str, float]:
    """Relative Gram distance to the painting by style layer, as ``judge`` sees it."""
    layers = list(result.job.style_layers)
    at_size = painting.resized(*result.job.style_size)
    return studio.engine.reader.style_distances(result.picture, at_size, layers, judge)


def _noise_distances(
    studio: Studio, result: Result, painting: Picture, judge: NetworkSpec
) -> dict[str, float]:
    """The same of noise such as the texture started from."""
    width, height = result.picture.size
    noise = np.random.default_rng(0).normal(0.5, NOISE, (height, width, 3))
    return _distances(studio, replace(result, picture=Picture.from_array(noise)), painting, judge)


def _named(distances: Mapping[str, Mapping[str, float]]) -> Metrics:
    return {
        f"gram_distance/{judge}/{layer}": value
        for judge, by_layer in distances.items()
        for layer, value in by_layer.items()
    }


def _inversion_grid(
    photographs: Mapping[str, Picture],
    networks: Sequence[str],
    labels: Sequence[str],
    drawn: Mapping[Inversion, Result],
    kept: Mapping[Inversion, Metrics],
) -> Grid:
    def lines(key: Inversion) -> list[str]:
        return [f"PSNR {kept[key]['psnr']:.1f} dB", f"SSIM {kept[key]['ssim']:.2f}"]

    rows = [(network, name) for name in photographs for network in networks]
    return Grid.of_rows(
        [
            [
                source_panel(photographs[name], drawn[network, name, labels[0]].picture.size, ""),
                *(
                    shown(drawn[key], lines(key))
                    for key in ((network, name, each) for each in labels)
                ),
            ]
            for network, name in rows
        ],
        rows=[network for network, _ in rows],
        columns=["photograph", *labels],
        heading="Content reconstructions",
    )


def _texture_grid(
    painting: Picture,
    drawn: Mapping[str, Result],
    distances: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> Grid:
    judge = TRAINED if TRAINED in drawn else RANDOM
    size = next(iter(drawn.values())).job.style_size
    return Grid.of_rows(
        [
            [
                source_panel(painting, size, ""),
                *(
                    shown(result, [f"Gram distance {mean(distances[label][judge].values()):.2g}"])
                    for label, result in drawn.items()
                ),
            ]
        ],
        columns=["painting", *drawn],
        heading=f"Textures, and how far they are from the painting for the {judge} network",
    )
