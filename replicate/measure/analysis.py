"""What a network makes of a picture: feature maps and Gram matrices, sorted and compared.

The walk of ``replicate/notebooks/analysis.ipynb`` and the figures ``gram_analysis/*`` are made of
these functions::

    layers = ["relu1_1", "relu4_2"]
    found = representations(Engine(), picture, layers, NetworkSpec())
    found["relu1_1"].maps.shape                                 # (64, 256, 256)
    largest_entries(found["relu1_1"].gram, 20)                  # the diagonal included
    matched_pairs(cosine_gram(found["relu1_1"].gram), 3)        # the most similar maps

Notation: N channels, a map of H rows and W columns, M = H W positions.  A Gram matrix is
G = F F^T / M (Gatys et al. 2016, eq. 3, divided by the positions), so that its diagonal holds the
mean square of each map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2gray
from skimage.filters import sobel

from ..engine.engine import Engine
from ..images import Picture
from ..networks.spec import NetworkSpec
from .metrics import correlation_length

Maps = NDArray[np.float32]
Matrix = NDArray[np.float64]

FAINT = 0.01
"""A channel whose mean square is under this fraction of its layer's average takes no part in
comparisons by cosine: a map that fires at a single position is "similar" to any other such map."""


@dataclass(frozen=True, eq=False)
class Representation:
    """A picture at one layer.

    Attributes:
        layer: canonical name.
        maps: (N, H, W), the features.
        gram: (N, N), divided by the positions M = H W.
        field: side of the square of the picture that a position sees, in pixels.
        step: distance of neighbouring positions in the picture, in pixels.
    """

    layer: str
    maps: Maps
    gram: Matrix
    field: int
    step: int

    @property
    def strengths(self) -> Matrix:
        """(N,) mean square of each channel: the diagonal of the Gram matrix."""
        return np.diag(self.gram).copy()

    @property
    def silent_share(self) -> float:
        """Share of activations that are not above zero, from 0 to 1."""
        return float(np.mean(self.maps <= 0))

    def strongest(self, count: int) -> list[int]:
        """The channels of the largest mean square, the strongest first."""
        order = np.argsort(-self.strengths, kind="stable")
        return [int(channel) for channel in order[:count]]


def representations(
    engine: Engine, picture: Picture, layers: Sequence[str], spec: NetworkSpec
) -> dict[str, Representation]:
    """A picture at several layers, at its own size; one pass through the network.

    Raises:
        LayerError: an unknown layer.
        WeightsError: the network is not on this machine.
    """
    network, found = engine.networks.network(spec), {}
    for layer, features in engine.reader.features(picture, layers, spec).items():
        field, step = network.field(layer) or max(picture.size), network.stride(layer)
        maps = features.wide()[0].float().cpu().numpy()
        gram = features.wide_gram()[0].double().cpu().numpy()
        found[layer] = Representation(layer, maps, gram, field, step)
    return found


def gram_of(maps: Maps) -> Matrix:
    """The Gram matrix (N, N) of maps (N, H, W), divided by H W."""
    rows = maps.reshape(len(maps), -1).astype(np.float64)
    return rows @ rows.T / rows.shape[1]


# ---------------------------------------------------------------- entries of Gram matrices

NEAR_ZERO = 1e-3
"""An entry below this share of the largest one counts as zero."""


def near_zero_share(gram: Matrix) -> float:
    """Share of entries below :data:`NEAR_ZERO` of the largest, whatever their sign."""
    sizes = np.abs(gram)
    return float(np.mean(sizes < NEAR_ZERO * sizes.max()))


@dataclass(frozen=True)
class Entry:
    """An entry of an (N, N) matrix over channels."""

    first: int
    second: int
    value: float

    @property
    def on_diagonal(self) -> bool:
        return self.first == self.second

    @property
    def label(self) -> str:
        """``46·61``; the channel alone on the diagonal."""
        return str(self.first) if self.on_diagonal else f"{self.first}·{self.second}"


def largest_entries(matrix: Matrix, count: int) -> list[Entry]:
    """The ``count`` largest entries of a symmetric matrix, the largest first.

    Both (i, j) and (j, i) are listed, as the notebook of 2019 does; entries that are not finite
    are left out.
    """
    values = np.where(np.isfinite(matrix), matrix, -np.inf)
    order = np.argsort(-values, axis=None, kind="stable")[:count]
    places = (divmod(int(place), len(matrix)) for place in order)
    return [Entry(*place, float(matrix[place])) for place in places if np.isfinite(matrix[place])]


def matched_pairs(matrix: Matrix, count: int) -> list[Entry]:
    """The ``count`` pairs of different channels with the largest entries, each pair once."""
    above = np.where(np.triu(np.ones(matrix.shape, dtype=bool), k=1), matrix, np.nan)
    return largest_entries(above, count)


def cosine_gram(gram: Matrix) -> Matrix:
    """Cosine of each pair of maps, G_ij / sqrt(G_ii G_jj): (N, N), 1 on the diagonal.

    A raw entry is large for two maps that are alike and also for two that are merely strong; the
    cosine is about likeness alone.  Rows and columns of faint channels (see :data:`FAINT`) are
    NaN.
    """
    strengths = np.diag(gram)
    norms = np.sqrt(np.where((strengths > 0) & _heard(strengths), strengths, np.nan))
    return gram / norms[:, None] / norms[None, :]


def _heard(strengths: Matrix) -> NDArray[np.bool_]:
    """(N,), whether each channel is not faint (see :data:`FAINT`)."""
    return np.asarray(strengths >= FAINT * strengths.mean())


def diagonal_share(gram: Matrix, count: int = 20) -> float:
    """Share of the ``count`` largest entries that lie on the diagonal, from 0 to 1."""
    return float(np.mean([entry.on_diagonal for entry in largest_entries(gram, count)]))


def diagonal_ratio(gram: Matrix) -> float:
    """Mean of the diagonal over the mean of the other entries; never under 1 if that is positive.

    That it is 1 or more says nothing about the picture: it holds for every Gram matrix.
    """
    channels, trace = len(gram), float(np.trace(gram))
    others = (float(gram.sum()) - trace) / (channels * (channels - 1))
    return trace / channels / others


def standing_out(gram: Matrix, share: float = 0.9) -> float:
    """Share of channels whose own entry is larger than ``share`` of its row, from 0 to 1.

    It is the row of a bright diagonal.  Unlike the largest entry of all, which lies on the
    diagonal of every Gram matrix, a row's may lie beside it: where a stronger channel fires at the
    same places.
    """
    under = (gram < np.diag(gram)[:, None]).sum(axis=1)
    return float(np.mean(under >= share * (len(gram) - 1)))


def cosine_ranks(gram: Matrix, pairs: Sequence[Entry]) -> list[float]:
    """For each pair, the share of all pairs that are less alike (by cosine), from 0 to 1.

    Pairs of which a channel is faint rank as NaN.
    """
    cosines = cosine_gram(gram)
    above = cosines[np.triu_indices(len(gram), k=1)]
    above = above[np.isfinite(above)]
    own = [cosines[pair.first, pair.second] for pair in pairs]
    return [float(np.mean(above < each)) if np.isfinite(each) else float("nan") for each in own]


def likeness_and_strength(gram: Matrix) -> tuple[float, float]:
    """How far the entries beside the diagonal follow the maps' likeness, and their strength.

    Spearman's rank correlation over all pairs of channels that are not faint: of G_ij with the
    cosine, and of G_ij with sqrt(G_ii G_jj).
    """
    above = np.triu_indices(len(gram), k=1)
    cosines = cosine_gram(gram)[above]
    heard = np.isfinite(cosines)
    norms = np.sqrt(np.diag(gram))
    entries, products = gram[above][heard], (norms[:, None] * norms[None, :])[above][heard]
    return _rank_correlation(entries, cosines[heard]), _rank_correlation(entries, products)


def _rank_correlation(first: Matrix, second: Matrix) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def mean_map_correlation(representation: Representation) -> float:
    """Mean absolute Pearson correlation of pairs of maps, from 0 to 1; faint channels left out.

    0 where every channel finds its own arrangement, 1 where all show the same.
    """
    heard = representation.maps[_heard(representation.strengths)]
    maps = heard.reshape(len(heard), -1).astype(np.float64)
    maps -= maps.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(maps, axis=1)
    maps = maps[norms > 0] / norms[norms > 0, None]
    correlations = np.abs(maps @ maps.T)[np.triu_indices(len(maps), k=1)]
    return float(correlations.mean()) if correlations.size else float("nan")


# ---------------------------------------------------------------- maps against the picture


def structure_size(representation: Representation) -> float:
    """Mean correlation length of the 16 strongest maps, in pixels of the picture.

    A map cannot show structures finer than its step.  Flat maps are left out.
    """
    lengths = [
        correlation_length(np.repeat(unit(representation.maps[channel])[:, :, None], 3, axis=2))
        for channel in representation.strongest(16)
    ]
    found = [length for length in lengths if np.isfinite(length)]
    return representation.step * float(np.mean(found)) if found else float("nan")


def unit(values: Maps) -> Maps:
    """The values from 0 to their largest, as 0 to 1; all 0 where none is positive."""
    largest = float(values.max())
    return np.clip(values, 0, None) / largest if largest > 0 else np.zeros_like(values)


def outline_correlations(maps: Maps, picture: Picture) -> list[float]:
    """Is a map bright where the picture has edges?  Pearson's r of the two, for each map (n, H, W).

    Edges are Sobel magnitudes of the grey picture, averaged over the square that falls to a
    position.  In [-1, 1]; NaN if either is flat.
    """
    _, height, width = maps.shape
    edges = Image.fromarray(sobel(rgb2gray(picture.pixels)).astype(np.float32))
    at_positions = np.asarray(edges.resize((width, height), Image.Resampling.BOX))
    return [
        float(np.corrcoef(values.ravel().astype(np.float64), at_positions.ravel())[0, 1])
        if np.ptp(values) > 0 and np.ptp(at_positions) > 0
        else float("nan")
        for values in maps
    ]


def clearest_map(representation: Representation, picture: Picture) -> tuple[int, float]:
    """The channel that shows the picture's outlines best, and its correlation with them.

    Of the stronger half of the channels.
    """
    channels = representation.strongest(len(representation.maps) // 2)
    correlations = outline_correlations(representation.maps[channels], picture)
    best = int(np.argmax(np.nan_to_num(correlations, nan=-1.0)))
    return channels[best], correlations[best]


def relative_distance(maps: Maps, target: Maps) -> float:
    """||F - P||^2 / ||P||^2 of features (N, H, W) of one shape: the content loss, made relative."""
    difference = maps.astype(np.float64) - target
    return float((difference**2).sum() / (target.astype(np.float64) ** 2).sum())


def shuffled_positions(maps: Maps, seed: int = 0) -> Maps:
    """The maps (N, H, W) with their positions in random order, the same for every channel."""
    channels, height, width = maps.shape
    order = np.random.default_rng(seed).permutation(height * width)
    return maps.reshape(channels, -1)[:, order].reshape(channels, height, width)
