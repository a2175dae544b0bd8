"""What papers measure of their panels, by name, and checks that several papers make.

A measure is a function of the studio and a result; it gives numbers by name.  Those that need to
know more are made by a function: ``gram_distances(layers)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import log
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage import color

from ..engine.job import Job, Result
from ..engine.preset import Preset
from ..engine.reader import Reader
from ..figure.plots import HeatMap
from ..images import Picture, bundled
from ..images.colour import chroma_distance
from ..measure import metrics as metric
from ..measure import patches, style
from ..measure.scale import Apart, Ruler, patches_apart, statistics_apart
from ..method import NOISE
from ..networks.spec import NetworkSpec
from .panels import Key, Measure, Metrics, Panels

if TYPE_CHECKING:
    from .studio import Studio

Pixels = np.ndarray[Any, Any]
"""(H, W, 3) of uint8."""


def photograph(result: Result) -> Pixels:
    """The content picture at the result's size."""
    return result.job.content_on_canvas.pixels


def painting(result: Result) -> Pixels:
    """The style picture stretched to the result's size."""
    return result.job.given("style").resized(*result.picture.size).pixels


def unrelated(content: Picture) -> Picture:
    """Another photograph than this one, for comparison."""
    return bundled("coffee" if content.name != "coffee" else "chelsea")


# ---------------------------------------------------------------------------- likeness


def fidelity(studio: Studio, result: Result) -> Metrics:
    """How much of the content picture is left: ``psnr`` in dB, ``ssim``, ``edge_correlation``."""
    drawn, reference = result.picture.pixels, photograph(result)
    return {
        "psnr": metric.psnr(drawn, reference),
        "ssim": metric.ssim(drawn, reference),
        "edge_correlation": metric.edge_correlation(drawn, reference),
    }


def painting_ssim(studio: Studio, result: Result) -> Metrics:
    """``ssim_to_painting``."""
    return {"ssim_to_painting": metric.ssim(result.picture.pixels, painting(result))}


def mean_lab_shift(studio: Studio, result: Result) -> Metrics:
    """``mean_lab_shift``: Delta E between the mean colours of the result and the photograph."""
    return {"mean_lab_shift": metric.mean_lab_shift(result.picture.pixels, photograph(result))}


def colour_distance(studio: Studio, result: Result) -> Metrics:
    """``colour_distance``: mean Delta E to the photograph, place by place."""
    return {"colour_distance": metric.lab_distance(result.picture.pixels, photograph(result))}


def painting_palette(studio: Studio, result: Result) -> Metrics:
    """``palette_distance``: sliced Wasserstein distance of RGB to the painting."""
    drawn = result.picture.pixels
    return {"palette_distance": metric.sliced_wasserstein_rgb(drawn, painting(result))}


def structures(studio: Studio, result: Result) -> Metrics:
    """``structure_size`` in pixels: how large the structures are that are the painting's."""
    return {"structure_size": ruler(result.job.style_on_canvas).side(result.picture)}


def ruler(painting: Picture) -> Ruler:
    """The painting's ruler of patches, made once."""
    return _ruler(painting, None, lambda: patches_apart(painting))


def structures_seen(studio: Studio, result: Result) -> Metrics:
    """``structure_size`` as :data:`UNMATCHED` sees it, for a picture that matches one layer."""
    painting, engine = result.job.style_on_canvas, studio.engine
    spec = engine.networks.resolve(result.job.preset.network)
    found = _ruler(
        painting,
        (engine.reader, spec),
        lambda: statistics_apart(painting, engine.reader, UNMATCHED, spec),
    )
    return {"structure_size": found.side(result.picture)}


def _ruler(
    painting: Picture, seen_by: tuple[Reader, NetworkSpec] | None, apart: Callable[[], Apart]
) -> Ruler:
    key = painting.sha256, seen_by
    if key not in _RULERS:
        _RULERS[key] = Ruler.of(painting, apart())
    return _RULERS[key]


UNMATCHED = "relu5_3"
"""The deepest layer that both VGG-16 and VGG-19 have; none of the panels that it reads match it."""

_RULERS: dict[tuple[str, tuple[Reader, NetworkSpec] | None], Ruler] = {}


def colours_apart(picture: Picture, reference: Picture) -> Metrics:
    """How far a picture's colours are from another's: as a whole, and place by place."""
    ours, theirs = picture.pixels, reference.pixels
    return {
        "palette_distance": metric.sliced_wasserstein_rgb(ours, theirs),
        "chroma_distance": chroma_distance(picture, reference),
        "ssim": metric.ssim(ours, theirs),
        "edge_correlation": metric.edge_correlation(ours, theirs),
    }


def border_colours(studio: Studio, result: Result) -> Metrics:
    """``border_colours``: sliced Wasserstein distance of RGB between the outermost thirty-second of
    the width and what it surrounds."""
    pixels = result.picture.pixels
    inside = np.zeros(pixels.shape[:2], dtype=bool)
    width = max(1, pixels.shape[1] // 32)
    inside[width:-width, width:-width] = True
    around, within = (pixels[place][None] for place in (~inside, inside))
    return {"border_colours": metric.sliced_wasserstein_rgb(around, within)}


def difference_from(picture: Picture) -> Measure:
    """``largest_difference``, ``rms_difference`` of any pixel, in grey levels of 255."""

    def measure(studio: Studio, result: Result) -> Metrics:
        apart = result.picture.pixels.astype(float) - picture.pixels
        return {
            "largest_difference": float(np.abs(apart).max()),
            "rms_difference": float(np.sqrt(np.mean(apart**2))),
        }

    return measure


def flat_texture(studio: Studio, result: Result) -> Metrics:
    """``flat_texture``: standard deviation of fine grey where the photograph is flattest.

    Grey less its blur over a fiftieth of the width, in that quarter of the pixels where the
    photograph's own is smallest.
    """
    spread = result.picture.size[0] / 50

    def detail(pixels: Pixels) -> Pixels:
        grey = color.rgb2gray(pixels)
        return grey - ndimage.gaussian_filter(grey, spread)

    busy = ndimage.gaussian_filter(detail(photograph(result)) ** 2, spread)
    flat = busy <= np.quantile(busy, 0.25)
    return {"flat_texture": float(detail(result.picture.pixels)[flat].std())}


# ---------------------------------------------------------------------------- losses


def loss_of(result: Result, kind: str) -> float:
    """Sum of the losses of a kind, ``content`` or ``style``, over its layers, unweighted."""
    return sum(value for name, value in result.losses.items() if name.startswith(f"{kind}/"))


def content_loss(studio: Studio, result: Result) -> Metrics:
    return {"content_loss": loss_of(result, "content")}


def total_loss(studio: Studio, result: Result) -> Metrics:
    """``total_loss``, weighted."""
    return {"total_loss": result.loss}


# ---------------------------------------------------------------------------- style distances


def style_distances(studio: Studio, result: Result, layers: Sequence[str]) -> Metrics:
    """Relative Gram distance to the result's style picture by layer, as the job's network sees it.

    The style picture is read at the size at which the job read it.
    """
    job = result.job
    target, spec = job.style_on_canvas, job.preset.network
    return studio.engine.reader.style_distances(result.picture, target, layers, spec)


def mean_distance(studio: Studio, picture: Picture, style: Picture, preset: Preset) -> float:
    """Relative Gram distance of two pictures, mean of the preset's style layers."""
    layers, spec = list(preset.style_layers), preset.network
    return mean(studio.engine.reader.style_distances(picture, style, layers, spec).values())


def gram_distances(layers: Sequence[str]) -> Measure:
    """``gram_distance/<layer>`` for each layer."""

    def measure(studio: Studio, result: Result) -> Metrics:
        distances = style_distances(studio, result, layers)
        return {f"gram_distance/{layer}": value for layer, value in distances.items()}

    return measure


def mean_gram_distance(layers: Sequence[str] | None = None, name: str = "gram_distance") -> Measure:
    """The mean over the layers, under a name; over the job's own style layers unless given."""

    def measure(studio: Studio, result: Result) -> Metrics:
        chosen = list(result.job.style_layers) if layers is None else layers
        return {name: mean(style_distances(studio, result, chosen).values())}

    return measure


def unevenness(layer: str) -> Measure:
    """``unevenness`` of the style over the picture, at a layer."""

    def measure(studio: Studio, result: Result) -> Metrics:
        return {"unevenness": style.unevenness(studio.engine, result.job, result.picture, layer)}

    return measure


STYLE_LEFT = """Style distance left: by patches of pixels at three sizes (sliced Wasserstein), \
of what the photograph has."""
"""What a caption says of :func:`style_left`."""


def style_left(studio: Studio, result: Result) -> Metrics:
    """``style_left``: distance to the style by patches, of what the photograph has."""
    job = result.job
    left = patches.style_left(result.picture, job.content_on_canvas, job.style_on_canvas)
    return {"style_left": left}


def mean_distances(panels: Panels, keys: Iterable[Key], layers: Iterable[str]) -> dict[str, float]:
    """Layer to its ``gram_distance``, mean over some panels."""
    numbers = [panels.metrics[key] for key in keys]
    return {
        layer: float(np.mean([each[f"gram_distance/{layer}"] for each in numbers]))
        for layer in layers
    }


def start_distance(studio: Studio, job: Job) -> float:
    """Mean relative Gram distance of noise like that which the job starts from."""
    width, height = job.canvas
    noise = np.random.default_rng(job.seed).normal(0.5, NOISE, (height, width, 3))
    return mean_distance(studio, Picture.from_array(noise), job.style_on_canvas, job.preset)


def layer_map(rows: Mapping[str, Mapping[str, float]]) -> HeatMap:
    """Relative Gram distances by row and layer."""
    table = {
        row: {layer.removeprefix("relu"): value for layer, value in values.items()}
        for row, values in rows.items()
    }
    return HeatMap.of_table(
        table, column_title="layer", value_label="relative Gram distance", value_scale="log"
    )


# ---------------------------------------------------------------------------- for claims


def falls_when_added(panels: Panels, sets: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """By what factor the relative Gram distance at a layer falls once the layer is matched.

    Args:
        panels: of nested sets, by the sets' labels, with :func:`gram_distances`.
        sets: label to style layers; each has one layer more than the one before it.
    """
    falls = {}
    for before, after in pairwise(sets):
        (added,) = (layer for layer in sets[after] if layer not in sets[before])
        falls[added] = panels.ratio(f"gram_distance/{added}", before, after)
    return falls


def by_column(panels: Panels, name: str) -> dict[str, float]:
    """A table's columns, each with the mean of a metric over its rows."""
    found: dict[str, list[float]] = {}
    for row in panels.by_row().values():
        for column, number in row.column(name).items():
            found.setdefault(column, []).append(number)
    return {column: mean(numbers) for column, numbers in found.items()}


def apart_by_more(studio: Studio, ratios: Mapping[str, float]) -> str:
    """Why pictures that should match in a number do not; empty if these ratios are all near 1."""
    tolerance = studio.profile.matched
    label = max(ratios, key=lambda each: abs(log(ratios[each])))
    if abs(log(ratios[label])) <= log(1 + tolerance):
        return ""
    return f"no weight was found that matches within {tolerance:.0%}"
