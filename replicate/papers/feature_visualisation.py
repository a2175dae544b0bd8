"""Feature visualisation: what single layers and channels see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean, median

import numpy as np

from ..config import FigureConfig, Inputs
from ..figure.claims import Claim, counted, format_number
from ..figure.old_claims import all_of, at_least, at_most, ordered
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap, Scale
from ..images import Picture, find_image, folder_pictures
from ..measure.analysis import (
    Maps,
    Representation,
    gram_of,
    outline_correlations,
    relative_distance,
    representations,
    shuffled_pieces,
    shuffled_positions,
    squared,
)
from ..measure.metrics import (
    COHERENCE_NOTE,
    band_energy_share,
    coherence_length,
    relative_gram_distance,
)
from ..networks.spec import NetworkSpec
from ..visualisation.channels import Channel
from ..visualisation.excerpts import SHORT_SIDE, Excerpts, excerpts
from ..visualisation.maps import contact_sheet, map_picture
from ..visualisation.optimised import FOURIER, PIXELS, Optimised, optimised, robustness
from .sheet import Metrics, Sheet
from .studio import Studio, figure_config


def style_or_content(studio: Studio) -> Sheet:
    """Outlines show in every layer's maps; what the Gram keeps when pixels are shuffled."""
    _, config, preset = figure_config("feature_visualisation/style_or_content")
    layers = {label: layer for label, (layer,) in config.content_sets.items()}

    def read(picture: Picture) -> Seen:
        found = representations(studio.engine, picture, list(layers.values()), preset.network)
        return {label: found[layer] for label, layer in layers.items()}

    photograph, sides = squared(studio.picture("content").scaled_to(studio.profile.size))
    other = studio.picture("other").resized(*photograph.size)
    seen = read(photograph)
    cut = {side: shuffled_pieces(photograph, side) for side in sides}
    moved = {side: _distances(read(picture), seen) for side, picture in cut.items()}
    shuffled = {label: shuffled_positions(each.maps) for label, each in seen.items()}
    outlines = {label: _mean_outlines(each, photograph) for label, each in seen.items()}
    width, height = photograph.size
    sheet = Sheet(networks=[studio.info(preset.network)])
    sheet.note = f"The photograph is read at {width} × {height} px, in whole squares."
    for label, each in seen.items():
        sheet.readings[label] = {
            "field": float(each.field),
            "step": float(each.step),
            "silent_share": each.silent_share,
            "outlines": outlines[label],
            "outlines_of_another": _mean_outlines(each, other),
            "shuffled_features": relative_distance(shuffled[label], each.maps),
            "shuffled_gram": relative_gram_distance(gram_of(shuffled[label]), gram_of(each.maps)),
        }
    for side, (features, grams) in moved.items():
        sheet.readings[f"squares of {side} px"] = {
            **{f"features/{label}": value for label, value in features.items()},
            **{f"gram/{label}": value for label, value in grams.items()},
        }
    sheet.grids = [
        _outline_grid(photograph, seen, shuffled, sheet.readings),
        _cut_grid(photograph, cut, len(layers)),
        _moved_grid(moved),
    ]
    numbers = {label: sheet.readings[label] for label in layers}
    sheet.claims = style_or_content_claims(config.source, numbers, sides[-1], *moved[sides[-1]])
    return sheet


Seen = dict[str, Representation]
"""Label of a layer to what the network makes of a picture there."""

Distances = dict[str, float]


def _mean_outlines(seen: Representation, picture: Picture) -> float:
    (correlation,) = outline_correlations(seen.maps.mean(axis=0)[None], picture)
    return correlation


def _clearest(seen: Representation, picture: Picture) -> tuple[int, float]:
    """The channel that shows the picture's outlines best, and how well; faint ones left out."""
    heard = seen.strongest(len(seen.maps) // 2)
    correlations = outline_correlations(seen.maps[heard], picture)
    best = int(np.argmax(np.nan_to_num(correlations, nan=-1.0)))
    return heard[best], correlations[best]


def _distances(seen: Seen, original: Seen) -> tuple[Distances, Distances]:
    """Relative distances of features and of Gram matrices, by layer."""
    features = {
        label: relative_distance(each.maps, original[label].maps) for label, each in seen.items()
    }
    grams = {
        label: relative_gram_distance(each.gram, original[label].gram)
        for label, each in seen.items()
    }
    return features, grams


def style_or_content_claims(
    source: str,
    numbers: Mapping[str, Metrics],
    side: int,
    features: Mapping[str, float],
    grams: Mapping[str, float],
) -> list[Claim]:
    """What the forum saw, and what the Gram matrix makes of it.

    Args:
        numbers: metrics by layer, from shallow to deep.
        side: of the largest squares, in pixels.
        features, grams: relative distances, by layer, once these squares have changed places.
    """
    others = max(abs(each["outlines_of_another"]) for each in numbers.values())
    return [
        at_least(
            "outlines",
            "Outlines of the objects can be seen in the maps of style and content layers alike.",
            source,
            "correlation of the mean map with the photograph's edges at the map's resolution",
            {label: each["outlines"] for label, each in numbers.items()},
            0.2,
            basis="our bound",
            note=f"With another photograph's edges at most {others:.2f}.",
        ),
        all_of(
            "positions",
            "A Gram matrix does not know where: positions can be shuffled, and it stays.",
            "Gatys et al. 2015, Methods",
            [
                at_most("gram", "", "", "Gram matrix",
                        {label: each["shuffled_gram"] for label, each in numbers.items()},
                        1e-6, basis="rounding"),
                at_least("features", "", "", "features",
                         {label: each["shuffled_features"] for label, each in numbers.items()},
                         0.5, basis="our bound"),
            ],
            measure="relative squared distance once the positions of the maps are shuffled",
        ),
        at_least(
            "squares",
            "A photograph in pieces keeps more of its style than of its content.",
            "our test of Gatys et al. 2015",
            f"distance of the features over that of the Gram matrix, squares of {side} px",
            {label: features[label] / grams[label] for label in grams},
            1.0,
        ),
        ordered(
            "depth",
            "The deeper the layer, the larger the arrangements that its Gram matrix knows.",
            "Gatys et al. 2015, Results",
            f"relative squared distance of the Gram matrix, squares of {side} px",
            grams,
            "increasing",
        ),
    ]  # fmt: skip


def _outline_grid(
    photograph: Picture,
    seen: Seen,
    shuffled: Mapping[str, Maps],
    numbers: Mapping[str, Metrics],
) -> Grid:
    size = photograph.size
    clearest = {label: _clearest(each, photograph) for label, each in seen.items()}
    return Grid.of_rows(
        [
            [
                Panel(
                    map_picture(each.maps.mean(axis=0), size),
                    lines=(f"outlines {numbers[label]['outlines']:.2f}",),
                )
                for label, each in seen.items()
            ],
            [
                Panel(
                    map_picture(each.maps[clearest[label][0]], size),
                    lines=(f"channel {clearest[label][0]}: {clearest[label][1]:.2f}",),
                )
                for label, each in seen.items()
            ],
            [
                Panel(
                    map_picture(shuffled[label][clearest[label][0]], size),
                    lines=(
                        f"features {numbers[label]['shuffled_features']:.2f}",
                        f"Gram {format_number(numbers[label]['shuffled_gram'])}",
                    ),
                )
                for label in seen
            ],
        ],
        rows=["mean map", "clearest map", "shuffled"],
        columns=list(seen),
        inputs=(Panel(photograph, label="photograph"),),
    )


def _cut_grid(photograph: Picture, cut: Mapping[int, Picture], most: int) -> Grid:
    sides = sorted(cut, reverse=True)[: most - 1]
    return Grid.of_rows(
        [[Panel(photograph), *[Panel(cut[side]) for side in sides]]],
        rows=["squares"],
        columns=["photograph", *[f"{side} px" for side in sides]],
        heading="The photograph in squares that change places",
    )


def _moved_grid(moved: Mapping[int, tuple[Distances, Distances]]) -> Grid:
    sides = sorted(moved, reverse=True)

    def plot(which: int, label: str, scale: Scale) -> Panel:
        values = np.array([list(moved[side][which].values()) for side in sides])
        return Panel(
            HeatMap(
                values,
                rows=[f"{side} px" for side in sides],
                columns=list(moved[sides[0]][which]),
                value_label=label,
                value_scale=scale,
            )
        )

    return Grid.of_rows(
        [
            [
                plot(0, "distance of the features", "linear"),
                plot(1, "distance of the Gram matrix", "log"),
            ]
        ],
        columns=["features", "Gram matrix"],
        heading="How far the squares move features and Gram matrices (relative squared distance)",
    )


LOOKED_THROUGH = 200
"""Pictures of a folder that are looked through for crops."""

TILE = 84
"""Pixels of a crop in the sheet of nine."""

SIDE = 128
"""Largest side of an optimised picture in pixels: the size at which lucid draws them."""

SMALLER, LONGER = 0.75, 2
"""Times a panel's size and its evaluations: a channel takes more steps than a transfer, so they are
taken on fewer pixels."""

RECIPES = (FOURIER, PIXELS)


def channels(studio: Studio) -> Sheet:
    """Pictures optimised for a channel in three ways, and the crops that excite it most."""
    _, config, preset = figure_config("feature_visualisation/channels")
    spec = preset.network
    layers = [layer for (layer,) in config.content_sets.values()]
    seen = [Channel(layer, index) for layer in layers for index in config.channels]
    size = min(SIDE, round(SMALLER * studio.profile.size))
    steps = LONGER * studio.profile.evaluations
    drawn = {
        recipe.name: dict(zip(seen, optimised(studio.engine, spec, seen, recipe, size, steps)))
        for recipe in RECIPES
    }
    pictures, origin = _collection(config, studio.inputs)
    crops = excerpts(studio.engine, spec, seen, pictures)
    sheet = Sheet(networks=[studio.info(spec)])
    sheet.note = (
        f"Optimised pictures of {size} px after {steps} steps, all from one seeded start. Crops "
        f"from {origin}, at {SHORT_SIDE} px on the shorter side."
    )
    numbers = {name: _numbers(studio, spec, found) for name, found in drawn.items()}
    for name, by_channel in numbers.items():
        for channel, metrics in by_channel.items():
            sheet.readings[f"{channel.label}, {name}"] = metrics
    for channel, found in crops.items():
        sheet.readings[f"{channel.label}, crops"] = {
            "strongest": found.strongest.activation,
            "weakest": found.found[-1].activation,
            "side": float(found.strongest.square.side),
            "leak": found.leak,
        }
    sheet.grids = [_channel_grid(seen, drawn, numbers, crops)]
    best = {channel: found.strongest.activation for channel, found in crops.items()}
    fourier, pixels = numbers[FOURIER.name], numbers[PIXELS.name]
    sheet.claims = [
        stronger(config.source, numbers, best),
        less_noise(config.source, numbers),
        robust(config.source, fourier, pixels),
        confined(config.source, {c: found.leak for c, found in crops.items()}),
        growing(config.source, {c: fourier[c]["coherence_length"] for c in seen}),
    ]
    return sheet


def stronger(
    source: str, numbers: Mapping[str, Mapping[Channel, Metrics]], best: Mapping[Channel, float]
) -> Claim:
    """Peaks of the optimised pictures against the strongest crop's activation."""

    def share(name: str) -> float:
        above = [numbers[name][channel]["peak"] >= best[channel] for channel in best]
        return sum(above) / len(above)

    return at_least(
        "stronger",
        "Optimisation finds pictures that excite a channel more than any picture of a collection.",
        source,
        f"share of channels for which the picture of the {FOURIER.name} peaks above the strongest "
        "crop",
        share(FOURIER.name),
        0.9,
        basis="our bound",
        note=f"The {PIXELS.name}, which need not survive a shift: {share(PIXELS.name):.2f}.",
    )


def less_noise(source: str, numbers: Mapping[str, Mapping[Channel, Metrics]]) -> Claim:
    """Energy at high frequencies, plain pixels over the Fourier basis."""
    plain, fourier = (
        median([metrics["high_frequencies"] for metrics in numbers[name].values()])
        for name in (PIXELS.name, FOURIER.name)
    )
    return at_least(
        "noise",
        "Climbing pixel by pixel ends in noise of high frequency; the Fourier basis and random "
        "transformations avoid it.",
        source,
        "share of energy above 0.25 cycles per pixel, median of the channels: plain pixels over "
        "Fourier basis",
        plain / fourier,
        3.0,
        basis="our bound",
        note=f"{plain:.3f} over {fourier:.3f}.",
    )


def robust(
    source: str, fourier: Mapping[Channel, Metrics], pixels: Mapping[Channel, Metrics]
) -> Claim:
    """What is left of the activation when the picture is shifted, by layer."""
    kept, plain = _by_layer(fourier, "robustness"), _by_layer(pixels, "robustness")
    gains = {layer: kept[layer] - plain[layer] for layer in kept}
    return all_of(
        "robust",
        "What was optimised under random transformations survives a shift of a few pixels, plain "
        "pixels do so less.",
        source,
        [
            at_least("kept", "", "", "kept", kept, 0.7, basis="our bound"),
            at_least("more", "", "", "more than plain pixels by", gains, 0.0),
        ],
        measure="mean activation of the picture shifted by up to 8 px over that of the picture in "
        "its place, mean of each layer's channels",
    )


def confined(source: str, leaks: Mapping[Channel, float]) -> Claim:
    """Gradients of the units outside of their crops."""
    largest = {layer: max(value for channel, value in leaks.items() if channel.layer == layer)
               for layer in dict.fromkeys(channel.layer for channel in leaks)}  # fmt: skip
    return at_most(
        "crop",
        "A crop holds all that its unit saw: no pixel outside of the receptive field matters.",
        source,
        "largest gradient of the unit by a pixel outside of the crop over the largest inside",
        largest,
        1e-6,
        basis="rounding",
    )


def growing(source: str, lengths: Mapping[Channel, float]) -> Claim:
    """Structures of the optimised pictures by layer."""
    by_layer: dict[str, list[float]] = {}
    for channel, length in lengths.items():
        by_layer.setdefault(channel.layer, []).append(length)
    return ordered(
        "growing",
        "Deeper layers look for larger structures.",
        source,
        "coherence length in pixels, mean of each layer's optimised pictures",
        {layer: mean(found) for layer, found in by_layer.items()},
        "increasing",
        note=f"{COHERENCE_NOTE} A channel that looks for a colour is content with a flat field, "
        "whose faint gradients say little.",
    )


def _numbers(
    studio: Studio, spec: NetworkSpec, drawn: Mapping[Channel, Optimised]
) -> dict[Channel, Metrics]:
    """What is measured of each optimised picture."""
    kept: dict[Channel, float] = {}
    for layer in dict.fromkeys(channel.layer for channel in drawn):
        found = [each for channel, each in drawn.items() if channel.layer == layer]
        ratios = robustness(studio.engine, spec, found)
        kept.update(zip((each.channel for each in found), ratios))
    return {
        channel: {
            "mean": each.mean,
            "peak": each.peak,
            "high_frequencies": band_energy_share(each.picture.pixels),
            "coherence_length": coherence_length(each.picture.pixels),
            "robustness": kept[channel],
        }
        for channel, each in drawn.items()
    }


def _collection(config: FigureConfig, inputs: Inputs) -> tuple[list[Picture], str]:
    """The pictures that are looked through, and what they are."""
    folder = config.folders.get(inputs, "")
    pictures = folder_pictures(folder, LOOKED_THROUGH) if folder else []
    if pictures:
        return pictures, f"{counted(len(pictures), 'picture')} of the folder {folder}"
    names = config.images[inputs].values()
    return [find_image(name) for name in names], counted(len(names), "bundled picture")


def _channel_grid(
    seen: Sequence[Channel],
    drawn: Mapping[str, Mapping[Channel, Optimised]],
    numbers: Mapping[str, Mapping[Channel, Metrics]],
    crops: Mapping[Channel, Excerpts],
) -> Grid:
    best = {channel: found.strongest.activation for channel, found in crops.items()}

    def panel(name: str, channel: Channel) -> Panel:
        metrics = numbers[name][channel]
        kept = metrics["robustness"]
        lines = (
            f"{metrics['peak'] / best[channel]:.1f} × crop",
            f"{kept:.0%} kept" if math.isfinite(kept) else "",
        )
        return Panel(drawn[name][channel].picture, lines=lines)

    sheets = [
        Panel(contact_sheet([each.picture for each in crops[channel].found], TILE),
              lines=(f"{crops[channel].strongest.square.side} px each",))
        for channel in seen
    ]  # fmt: skip
    return Grid.of_rows(
        [*([panel(name, channel) for channel in seen] for name in drawn), sheets],
        rows=[*drawn, "strongest crops"],
        columns=[channel.label for channel in seen],
        column_title="layer · channel",
    )


def _by_layer(numbers: Mapping[Channel, Metrics], name: str) -> dict[str, float]:
    """The mean of a metric over the channels of each layer."""
    values: dict[str, list[float]] = {}
    for channel, metrics in numbers.items():
        values.setdefault(channel.layer, []).append(metrics[name])
    return {layer: mean(found) for layer, found in values.items()}
