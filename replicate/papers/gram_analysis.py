"""The notebook of 2019 on representations: feature maps, Gram matrices, matched filters.

Nothing is drawn here but in :func:`artefact_size`; the other figures look at an input picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..config import FigureConfig, load_preset
from ..engine.job import Result
from ..engine.preset import Preset
from ..figure.claims import Claim
from ..figure.old_claims import all_of, at_least, at_most, largest, ordered
from ..figure.panels import Grid, Panel
from ..figure.plots import HeatMap, LinePlot, Series
from ..images import Picture
from ..measure.analysis import (
    Entry,
    Representation,
    cosine_gram,
    cosine_ranks,
    diagonal_ratio,
    diagonal_share,
    largest_entries,
    likeness_and_strength,
    matched_pairs,
    mean_map_correlation,
    outshone_diagonal,
    representations,
    shuffled_pieces,
    squared,
    standing_out,
    structure_size,
)
from ..measure.metrics import (
    COHERENCE_NOTE,
    coherence_length,
    correlation_length,
    relative_gram_distance,
)
from ..visualisation.maps import map_mosaic, map_picture, pair_picture
from .sheet import Metrics, Sheet, column, shown, source_panel
from .studio import Studio, figure_config, only

NOTEBOOK = "nongnoochr/dl_styletransfer_experiment (2019)"
GATYS = "Gatys et al. 2015, Results"

SHOWN = 8
"""Maps of a layer that are shown."""

STRONGEST = 64
"""Channels of a heat map or a sheet of maps: all of conv1_1's."""

LISTED = 20
"""Largest entries that are listed, as in the notebook."""

Seen = dict[str, Representation]
"""Label of a layer to what the network makes of the picture there."""


# ---------------------------------------------------------------------------- feature maps


def feature_maps(studio: Studio) -> Sheet:
    """The strongest maps of every style layer."""
    sheet, picture, seen, config = _read(studio, "gram_analysis/feature_maps", "style")
    sizes = {label: structure_size(each) for label, each in seen.items()}
    for label, each in seen.items():
        sheet.readings[label] = {
            "channels": float(len(each.maps)),
            "structure_size": sizes[label],
            "silent_share": each.silent_share,
        }
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    Panel(map_picture(each.maps[channel], picture.size), lines=(str(channel),))
                    for channel in each.strongest(SHOWN)
                ]
                for each in seen.values()
            ],
            rows=[f"{label}, {each.field}/{each.step} px" for label, each in seen.items()],
            row_title="layer, field/step",
            column_title="channels, the strongest first",
            inputs=(Panel(picture, label="style"),),
        )
    ]
    sheet.claims = [smaller_features(config.source, sizes)]
    return sheet


def smaller_features(source: str, sizes: Mapping[str, float]) -> Claim:
    """The notebook's sentence on depth, of the maps as it shows them; sizes by layer."""
    layers = list(sizes)
    smaller = [
        f"from {before} to {after}"
        for before, after in zip(layers, layers[1:])
        if sizes[after] < sizes[before]
    ]
    return ordered(
        "smaller",
        "The deeper the layer, the smaller the features that it brings out.",
        source,
        "correlation length of the strongest maps, in pixels of the painting",
        sizes,
        "decreasing",
        note=f"They shrink {' and '.join(smaller)}" if smaller else "They shrink nowhere",
    )


# ---------------------------------------------------------------------------- Gram matrices


def heat_maps(studio: Studio) -> Sheet:
    """Gram matrices as heat maps, raw and as cosines, and their largest entries in order."""
    sheet, picture, seen, config = _read(studio, "gram_analysis/heat_maps", "style")
    entries = {label: largest_entries(each.gram, LISTED) for label, each in seen.items()}
    for label, each in seen.items():
        sheet.readings[label] = {
            "diagonal_share_of_20": diagonal_share(each.gram, LISTED),
            "diagonal_over_rest": diagonal_ratio(each.gram),
            "standing_out": standing_out(each.gram),
            "outshone": outshone_diagonal(each.gram),
        }
    sheet.grids = [
        Grid.of_rows(
            [
                [Panel(_raw_heat_map(each)) for each in seen.values()],
                [Panel(_cosine_heat_map(each)) for each in seen.values()],
            ],
            rows=["G", "cosine"],
            columns=list(seen),
            inputs=(Panel(picture, label="style"),),
        ),
        Grid.of_rows(
            [
                [
                    Panel(_entry_plot(found), lines=(", ".join(entry.label for entry in found),))
                    for found in entries.values()
                ]
            ],
            rows=["largest"],
            columns=list(seen),
        ),
    ]
    sheet.claims = gram_claims(config.source, sheet.readings)
    return sheet


def gram_claims(source: str, numbers: Mapping[str, Metrics]) -> list[Claim]:
    """What the notebook says of its heat maps; metrics by layer."""
    shares = ", ".join(f"{each['diagonal_share_of_20']:.0%}" for each in numbers.values())
    ratios = ", ".join(f"{each['diagonal_over_rest']:.1f}" for each in numbers.values())
    return [
        at_least(
            "diagonal",
            "Most entries of the diagonal are bright.",
            source,
            "share of channels whose own entry is larger than nine tenths of its row",
            column(numbers, "standing_out"),
            0.5,
            basis="most; nine tenths is our bound",
            note=f"Mean of the diagonal over the mean of the rest: {ratios}, which is above 1 for "
            f"any Gram matrix. On the diagonal of the twenty largest: {shares}; in the "
            "notebook's list for conv1_1 40%.",
        ),
        at_least(
            "beside",
            "Beside the diagonal are entries larger than many of the diagonal.",
            source,
            "share of the diagonal that is under the largest entry off it",
            column(numbers, "outshone"),
            0.5,
            basis="our bound",
        ),
    ]


def _raw_heat_map(seen: Representation) -> HeatMap:
    chosen = seen.strongest(STRONGEST)
    gram = seen.gram[np.ix_(chosen, chosen)]
    return HeatMap(gram / gram.max())


def _cosine_heat_map(seen: Representation) -> HeatMap:
    chosen = seen.strongest(STRONGEST)
    return HeatMap(cosine_gram(seen.gram)[np.ix_(chosen, chosen)])


def _entry_plot(entries: Sequence[Entry]) -> LinePlot:
    """Entries over the largest by rank, those on the diagonal apart from the others."""

    def series(label: str, on_diagonal: bool) -> Series:
        ranks = [rank for rank, entry in enumerate(entries, 1) if entry.on_diagonal == on_diagonal]
        values = [entries[rank - 1].value / entries[0].value for rank in ranks]
        return Series(label, ranks, values, kind="points")

    both = [series("diagonal", True), series("pair", False)]
    return LinePlot([each for each in both if each.x], "rank", "entry / largest", aspect=0.8)


# ---------------------------------------------------------------------------- matched filters


def matched_filters(studio: Studio) -> Sheet:
    """The pairs of maps with the largest entries off the diagonal, raw and as cosines."""
    sheet, picture, seen, config = _read(studio, "gram_analysis/matched_filters", "style")
    rows: list[list[Panel | None]] = []
    for label, each in seen.items():
        cosines = cosine_gram(each.gram)
        raw, alike = matched_pairs(each.gram, 3), matched_pairs(cosines, 3)
        likeness, strength = likeness_and_strength(each.gram)
        sheet.readings[label] = {
            "lowest_cosine_rank": min(cosine_ranks(each.gram, raw)),
            "follows_likeness": likeness,
            "follows_strength": strength,
        }
        rows.append([_pair_panel(each, cosines, pair, picture.size) for pair in [*raw, *alike]])
    sheet.grids = [
        Grid.of_rows(
            rows,
            rows=list(seen),
            columns=[f"{kind} {n}" for kind in ("entry", "cosine") for n in (1, 2, 3)],
            column_title="the largest by entry, and by cosine",
            inputs=(Panel(picture, label="style"),),
        )
    ]
    sheet.claims = matching_claims(config.source, sheet.readings)
    return sheet


def matching_claims(source: str, numbers: Mapping[str, Metrics]) -> list[Claim]:
    """Whether bright entries mark similar maps; metrics by layer."""
    likeness, strength = column(numbers, "follows_likeness"), column(numbers, "follows_strength")
    return [
        at_least(
            "similar",
            "The brightest entries beside the diagonal mark pairs of very similar maps.",
            source,
            "share of all pairs that are less alike (by cosine) than the three brightest, lowest "
            "of the three",
            column(numbers, "lowest_cosine_rank"),
            0.9,
            basis="our bound: the top tenth",
        ),
        at_least(
            "likeness",
            "How bright an entry is tells of likeness more than of strength.",
            f"{source}, our reading",
            "rank correlation of all entries beside the diagonal with their cosines, less that "
            "with the product of the two maps' norms",
            {label: likeness[label] - strength[label] for label in numbers},
            0.0,
            note="With the cosines "
            + ", ".join(f"{each:.2f}" for each in likeness.values())
            + "; with the norms "
            + ", ".join(f"{each:.2f}" for each in strength.values()),
        ),
    ]


def _pair_panel(
    seen: Representation, cosines: np.ndarray, pair: Entry, size: tuple[int, int]
) -> Panel:
    cosine = cosines[pair.first, pair.second]
    return Panel(pair_picture(seen, pair, size), label=pair.label, lines=(f"cosine {cosine:.2f}",))


# ---------------------------------------------------------------------------- content


def content_maps(studio: Studio) -> Sheet:
    """The strongest maps of the content layer beside those of the first."""
    sheet, picture, seen, config = _read(studio, "gram_analysis/content_maps", "content")
    tile = max(1, picture.size[0] // 2), max(1, picture.size[1] // 2)
    for label, each in seen.items():
        sheet.readings[label] = {
            "map_correlation": mean_map_correlation(each),
            "silent_share": each.silent_share,
        }
    sheet.grids = [
        Grid.of_rows(
            [
                [
                    Panel(
                        map_mosaic(each.maps[each.strongest(STRONGEST)], SHOWN, tile),
                        lines=(_shape_line(each),),
                    )
                    for each in seen.values()
                ]
            ],
            columns=list(seen),
            inputs=(Panel(picture, label="content"),),
        )
    ]
    sheet.claims = [own_arrangements(config.source, sheet.readings)]
    return sheet


def _shape_line(seen: Representation) -> str:
    channels, height, width = seen.maps.shape
    return f"{channels} maps of {width} × {height}"


def own_arrangements(source: str, numbers: Mapping[str, Metrics]) -> Claim:
    """Whether the deep layer's maps differ; metrics by layer, the content layer last."""
    correlations = column(numbers, "map_correlation")
    content = list(numbers)[-1]
    return all_of(
        "own",
        "Each filter of the content layer finds a different arrangement of objects and shapes.",
        source,
        [
            at_most("few", "", "", content, correlations[content], 0.2, basis="our bound"),
            ordered("fewer", "", "", "with depth", correlations, "decreasing"),
        ],
        measure="mean absolute correlation of pairs of maps",
    )


# ---------------------------------------------------------------------------- size of artefacts

EARLY, LATE = "early layers", "late layers"


def artefact_size(studio: Studio) -> Sheet:
    """Single-layer style reconstructions, and transfers that favour early or late layers."""
    _, config, preset = figure_config("gram_analysis/artefact_size")
    content = studio.picture("content")
    styles = {picture.name: picture for picture in
              (studio.picture(role) for role in ("style", "second"))}  # fmt: skip
    single = {
        (name, label): studio.job(
            only(preset, "style", layers), style=style, label=f"{name}, {label}"
        )
        for name, style in styles.items()
        for label, layers in config.style_sets.items()
    }
    style = next(iter(styles.values()))
    transfers = {
        (label, ""): studio.job(
            preset.with_(style_layers=weights), content, style, label=label, init="content"
        )
        for label, weights in favoured(load_preset("udacity")).items()
    }
    drawn = studio.draw({**single, **transfers})
    sheet = Sheet()
    sizes: dict[str, dict[str, float]] = {name: {} for name in styles}
    for name, label in single:
        result = drawn[name, label]
        (layer,) = config.style_sets[label]
        distance = studio.style_distances(result, styles[name], [layer])[layer]
        sizes[name][label] = coherence_length(result.picture.pixels)
        sheet.add(
            result.job.label,
            result,
            {"coherence_length": sizes[name][label], "gram_distance": distance},
        )
    changes = {label: change_metrics(drawn[label, ""], content) for label, _ in transfers}
    for label, metrics in changes.items():
        sheet.add(label, drawn[label, ""], metrics)
    sheet.grids = [
        _single_grid(config, styles, drawn, sizes),
        _transfer_grid(content, style, {label: drawn[label, ""] for label in changes}, changes),
    ]
    arrangements = {
        name: arrangement_known(studio, preset, style, config.style_sets)
        for name, style in styles.items()
    }
    for name, distances in arrangements.items():
        sheet.readings[f"{name}, squares"] = distances
    sheet.claims = artefact_claims(sizes, arrangements, changes)
    return sheet


def arrangement_known(
    studio: Studio, preset: Preset, style: Picture, sets: Mapping[str, Sequence[str]]
) -> Metrics:
    """How far each layer's Gram matrix moves when squares of the painting change places.

    The squares have a quarter of its shorter side or a little less; what a Gram matrix knows of
    the arrangement within them is kept.  Relative squared distances by label of the layer.
    """
    whole, sides = squared(style.scaled_to(studio.profile.size))
    layers = {label: layer for label, (layer,) in sets.items()}
    before, after = (
        studio.engine.grams(picture, list(layers.values()), preset.network)
        for picture in (whole, shuffled_pieces(whole, sides[-1]))
    )
    return {
        label: relative_gram_distance(after[layer], before[layer])
        for label, layer in layers.items()
    }


def favoured(preset: Preset) -> dict[str, dict[str, float]]:
    """The preset's style weights, which fall with depth, and the same in reverse; sums of 1."""
    layers, weights = list(preset.style_layers), list(preset.style_layers.values())
    total = sum(weights)
    return {
        EARLY: {layer: weight / total for layer, weight in zip(layers, weights)},
        LATE: {layer: weight / total for layer, weight in zip(layers, reversed(weights))},
    }


def change_metrics(result: Result, content: Picture) -> Metrics:
    """Size and strength of what a transfer changed in the photograph.

    ``change_length`` is the correlation length of the difference in pixels, ``change_energy`` its
    mean square over the photograph's variance.
    """
    photograph = content.resized(*result.picture.size).pixels / 255
    change = result.picture.pixels / 255 - photograph
    return {
        "change_length": correlation_length(0.5 + change / 2),
        "change_energy": float((change**2).mean() / photograph.var()),
    }


def artefact_claims(
    sizes: Mapping[str, Metrics],
    arrangements: Mapping[str, Metrics],
    changes: Mapping[str, Metrics],
) -> list[Claim]:
    """The notebook against Gatys.

    Args:
        sizes: painting, then layer, to the coherence length of the reconstruction.
        arrangements: the same to the Gram matrix's distance once squares have changed places.
        changes: of both transfers.
    """
    means = _means(sizes)
    measure = "coherence length of single-layer style reconstructions in pixels, mean of the "
    measure += "paintings"
    return [
        ordered(
            "larger",
            "Earlier layers give larger artefacts, deeper layers smaller features.",
            f"{NOTEBOOK}, after the Udacity exercise",
            measure,
            means,
            "decreasing",
            note=COHERENCE_NOTE,
        ),
        ordered(
            "grow",
            "Local structures grow with the depth of the layer.",
            GATYS,
            measure,
            means,
            "increasing",
            note=f"{COHERENCE_NOTE} Gatys' figure has nested sets; a deep layer alone leaves fine "
            "noise, which shortens it.",
        ),
        ordered(
            "statistics",
            "The statistics of deeper layers hold larger structures.",
            GATYS,
            "relative distance of the Gram matrix once squares of the painting, a quarter of it "
            "wide, have changed places, mean of the paintings",
            _means(arrangements),
            "increasing",
        ),
        largest(
            "weighting",
            "Weighting earlier layers more gives larger artefacts in a transfer.",
            "Udacity exercise, comment on its layer weights",
            "correlation length in pixels of what the transfer changed in the photograph",
            column(changes, "change_length"),
            EARLY,
        ),
        largest(
            "stronger",
            "Weighting earlier layers more changes the photograph more, whatever the size.",
            "a reading of ours in the exercise's favour",
            "mean square of the change over the photograph's variance",
            column(changes, "change_energy"),
            EARLY,
        ),
    ]


def _means(by_painting: Mapping[str, Metrics]) -> Metrics:
    """The mean of the paintings, by layer."""
    layers = next(iter(by_painting.values()))
    return {
        layer: float(np.mean([each[layer] for each in by_painting.values()])) for layer in layers
    }


def _single_grid(
    config: FigureConfig,
    styles: Mapping[str, Picture],
    drawn: Mapping[tuple[str, str], Result],
    sizes: Mapping[str, Mapping[str, float]],
) -> Grid:
    labels = list(config.style_sets)
    return Grid.of_rows(
        [
            [
                source_panel(style, drawn[name, labels[0]].picture.size, ""),
                *[
                    shown(drawn[name, label], [f"structures {sizes[name][label]:.1f} px"])
                    for label in labels
                ],
            ]
            for name, style in styles.items()
        ],
        rows=list(styles),
        columns=["painting", *labels],
        heading="Style reconstructions from a single layer",
    )


def _transfer_grid(
    content: Picture,
    style: Picture,
    results: Mapping[str, Result],
    changes: Mapping[str, Metrics],
) -> Grid:
    size = next(iter(results.values())).picture.size
    return Grid.of_rows(
        [
            [
                source_panel(content, size, ""),
                *[
                    shown(
                        result,
                        [
                            f"change {changes[label]['change_length']:.1f} px",
                            f"strength {changes[label]['change_energy']:.2f}",
                        ],
                    )
                    for label, result in results.items()
                ],
            ]
        ],
        columns=["photograph", *results],
        heading=f"Transfers of {style.name} with weight on early or on late layers",
    )


# ---------------------------------------------------------------------------- reading


def _read(studio: Studio, figure_id: str, role: str) -> tuple[Sheet, Picture, Seen, FigureConfig]:
    """A sheet to fill, the picture at the profile's size, and it at the figure's layers."""
    _, config, preset = figure_config(figure_id)
    sets = config.style_sets if role == "style" else config.content_sets
    picture = studio.picture(role).scaled_to(studio.profile.size)
    layers = {label: layer for label, (layer,) in sets.items()}
    found = representations(studio.engine, picture, list(layers.values()), preset.network)
    width, height = picture.size
    sheet = Sheet(networks=[studio.info(preset.network)])
    sheet.note = f"The picture is read at {width} × {height} px."
    return sheet, picture, {label: found[layer] for label, layer in layers.items()}, config
