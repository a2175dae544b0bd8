"""Feature visualisation: what single layers and channels see."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean

import numpy as np

from ..figure.claims import counted, format_number
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap, Scale
from ..images import Picture, find_image, folder_pictures
from ..measure import analysis, metrics, scale
from ..visualisation.channels import Channel
from ..visualisation.excerpts import SHORT_SIDE, Excerpts, excerpts, strongest_means
from ..visualisation.maps import contact_sheet, map_picture
from ..visualisation.optimised import (
    FOURIER,
    PIXELS,
    Optimised,
    optimised,
    robustness,
)
from .looks import Look
from .measures import unrelated
from .panels import Metrics
from .registry import figure_settings
from .sheet import Sheet
from .studio import Studio

LOOKED_THROUGH = 200
"""Pictures of a folder that are looked through for crops."""

TILE = 84
"""Pixels of a crop in the sheet of nine."""

SIDE = 128
"""Largest side of an optimised picture in pixels: the size at which lucid draws them."""

SMALLER, LONGER = 0.75, 2
"""Times a panel's size and its evaluations: a channel takes more steps than a transfer, so they are
taken on fewer pixels."""


def style_or_content(studio: Studio) -> Sheet:
    """Outlines show in every layer's maps; what the Gram keeps when pixels are shuffled."""
    photograph, sides = scale.squared(studio.picture("content").scaled_to(studio.profile.size))
    other = unrelated(studio.picture("content")).resized(*photograph.size)

    def measure(seen: analysis.Representation) -> Metrics:
        shuffled = analysis.shuffled_positions(seen.maps)
        outlines, others = (
            analysis.outline_correlations(seen.maps.mean(axis=0)[None], picture)[0]
            for picture in (photograph, other)
        )
        return {
            "field": float(seen.field),
            "step": float(seen.step),
            "silent_share": seen.silent_share,
            "outlines": outlines,
            "outlines_of_another": others,
            "shuffled_features": analysis.relative_distance(shuffled, seen.maps),
            "shuffled_gram": metrics.relative_gram_distance(
                analysis.gram_of(shuffled), analysis.gram_of(seen.maps)
            ),
        }

    look = Look(studio, photograph)
    look.measure(measure)
    cut = {side: scale.shuffled_pieces(photograph, side) for side in sides}
    features, grams = {}, {}
    for side, pieces in cut.items():
        mixed = Look(studio, pieces)
        features[side], grams[side] = mixed.feature_distances(look), mixed.gram_distances(look)
    most = max(sides)
    return look.sheet(
        [_outline_grid(look), _cut_grid(photograph, cut, len(look)), _moved_grid(features, grams)],
        [
            studio.claim(
                "outlines",
                {
                    "the photograph": mean(look.column("outlines").values()),
                    "another": mean(look.column("outlines_of_another").values()),
                },
            ),
            studio.claim("depth", grams[most]),
        ],
        readings={
            f"squares of {side} px": {
                **{f"features/{label}": value for label, value in features[side].items()},
                **{f"gram/{label}": value for label, value in grams[side].items()},
            }
            for side in sides
        },
        note="The photograph is read at {} × {} px, in whole squares.",
    )


def _outline_grid(look: Look) -> Grid:
    """For each layer the mean map, the map that shows the outlines best, and that one shuffled."""
    size = look.picture.size
    means, clearest, shuffled = [], [], []
    for label, seen in look.items():
        measured = look.metrics[label]
        channel, correlation = analysis.clearest_map(seen, look.picture)
        own = seen.maps[[channel]]
        moved = (
            f"features {measured['shuffled_features']:.2f}",
            f"Gram {format_number(measured['shuffled_gram'])}",
        )
        outlines = (f"outlines {measured['outlines']:.2f}",)
        means.append(Panel(map_picture(seen.maps.mean(axis=0), size), lines=outlines))
        named = (f"channel {channel}: {correlation:.2f}",)
        clearest.append(Panel(map_picture(own[0], size), lines=named))
        mixed = analysis.shuffled_positions(own)[0]
        shuffled.append(Panel(map_picture(mixed, size), lines=moved))
    return Grid(
        [means, clearest, shuffled],
        rows=["mean map", "clearest map", "shuffled"],
        columns=list(look),
        inputs=(look.panel("photograph"),),
    )


def _cut_grid(photograph: Picture, cut: Mapping[int, Picture], most: int) -> Grid:
    """The photograph in squares, the largest first."""
    shown = {f"{side} px": Panel(cut[side]) for side in sorted(cut, reverse=True)[: most - 1]}
    return Grid(
        [[Panel(photograph), *shown.values()]],
        rows=["squares"],
        columns=["photograph", *shown],
        heading="The photograph in squares that change places",
    )


def _moved_grid(features: Mapping[int, Metrics], grams: Mapping[int, Metrics]) -> Grid:
    """Distances by side of the squares and by layer."""

    def plot(moved: Mapping[int, Metrics], name: str, scale: Scale) -> Panel:
        table = {f"{side} px": moved[side] for side in sorted(moved, reverse=True)}
        return Panel(HeatMap.of_table(table, value_label=name, value_scale=scale))

    plots = [
        plot(features, "distance of the features", "linear"),
        plot(grams, "distance of the Gram matrix", "log"),
    ]
    return Grid(
        [plots],
        columns=["features", "Gram matrix"],
        heading="How far the squares move features and Gram matrices (relative squared distance)",
    )


def channels(studio: Studio) -> Sheet:
    """Pictures optimised for a channel in three ways, and the crops that excite it most."""
    spec, engine = studio.preset.network, studio.engine
    layers = [layer for (layer,) in studio.config.content_sets.values()]
    others = studio.budget["seed"]  # a run over many draws looks at other channels each time
    seen = [Channel(layer, index + others) for layer in layers for index in studio.config.channels]
    size = min(SIDE, round(SMALLER * studio.profile.size))
    steps = LONGER * studio.profile.evaluations
    drawn: dict[str, list[Optimised]] = {}
    numbers: dict[str, dict[Channel, Metrics]] = {}
    for recipe in (FOURIER, PIXELS):
        found = drawn[recipe.name] = optimised(engine, spec, seen, recipe, size, steps)
        numbers[recipe.name] = {
            made.channel: {
                "mean": made.mean,
                "peak": made.peak,
                "high_frequencies": metrics.band_energy_share(made.picture.pixels),
                "robustness": remaining,
            }
            for made, remaining in zip(found, robustness(engine, spec, found))
        }
    pictures, origin = _collection(studio)
    crops = excerpts(engine, spec, seen, pictures)
    squares = strongest_means(engine, spec, seen, pictures, size)
    readings = {
        f"{channel.label}, {name}": each
        for name, by_channel in numbers.items()
        for channel, each in by_channel.items()
    }
    for channel, own in crops.items():
        readings[f"{channel.label}, crops"] = {
            "strongest": own.strongest.activation,
            "weakest": own.found[-1].activation,
            "side": float(own.strongest.square.side),
            "leak": own.leak,
            "mean": squares[channel],
        }

    fourier = numbers[FOURIER.name]
    stronger = mean(float(fourier[each]["mean"] > squares[each]) for each in seen)
    fine, kept = (
        {name: _middle(each[what] for each in by.values()) for name, by in numbers.items()}
        for what in ("high_frequencies", "robustness")
    )
    return studio.sheet(
        [],
        [_channel_grid(seen, drawn, numbers, crops, squares)],
        [
            studio.claim("stronger", stronger),
            studio.claim("noise", fine),
            studio.claim("robust", kept),
        ],
        readings=readings,
        networks=[studio.engine.networks.info(spec)],
        optimised=True,
        note=f"Optimised pictures of {size} px after {steps} steps, all from one seeded start. "
        f"Crops from {origin}, at {SHORT_SIDE} px on the shorter side.",
    )


def _middle(values: Iterable[float]) -> float:
    """Their median, but for those that are not defined."""
    return float(np.nanmedian(list(values)))


def _collection(studio: Studio) -> tuple[Sequence[Picture], str]:
    """The pictures that are looked through, and what they are."""
    folder = figure_settings(studio.figure_id).folders.get(studio.inputs, "")
    pictures = folder_pictures(folder, LOOKED_THROUGH) if folder else []
    if pictures:
        return pictures, f"{counted(len(pictures), 'picture')} of the folder {folder}"
    names = studio.config.images[studio.inputs].values()
    return [find_image(name) for name in names], counted(len(names), "bundled picture")


def _channel_grid(
    seen: Sequence[Channel],
    drawn: Mapping[str, Iterable[Optimised]],
    numbers: Mapping[str, Mapping[Channel, Metrics]],
    crops: Mapping[Channel, Excerpts],
    squares: Mapping[Channel, float],
) -> Grid:
    def panel(name: str, made: Optimised) -> Panel:
        measured = numbers[name][made.channel]
        kept = ""
        if math.isfinite(measured["robustness"]):
            kept = f"{measured['robustness']:.0%} kept"
        return Panel(made.picture, lines=(f"mean {format_number(measured['mean'])}", kept))

    rows = [[panel(name, made) for made in found] for name, found in drawn.items()]
    sheets = [
        Panel(
            contact_sheet([each.picture for each in crops[channel].found], TILE),
            lines=(
                f"{crops[channel].strongest.square.side} px each",
                f"best square: mean {format_number(squares[channel])}",
            ),
        )
        for channel in seen
    ]
    return Grid(
        [*rows, sheets],
        rows=[*drawn, "strongest crops"],
        columns=[channel.label for channel in seen],
        column_title="layer · channel",
    )
