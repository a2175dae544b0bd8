"""Keeping a photograph's colours under the style of another picture.

Gatys, Bethge, Hertzmann & Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer"
(arXiv 1606.05897), give two ways:

* before the transfer the style picture takes on the photograph's colours, by the affine map that
  gives it the photograph's mean and covariance of colour: ``matched_colours``;
* the transfer is done on luminance alone, and the photograph's colours are put back afterwards:
  ``grey`` and ``matched_luminance`` before it, ``with_luminance_of`` after it.

All is computed in float64 on gamma-encoded RGB in [0, 1], as the authors' published code does.
Luminance is Y = 0.299 R + 0.587 G + 0.114 B, chroma are U = 0.492 (B - Y) and
V = 0.877 (R - Y) (ITU-R BT.601).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import Picture

Array = NDArray[np.float64]
Root = Literal["cholesky", "symmetric"]

LUMA = np.array([0.299, 0.587, 0.114])
RIDGE = 1e-5
"""Added to the variances before a covariance is inverted (the authors' code): a picture in shades
of one colour has none in two directions."""


# ---------------------------------------------------------------------------- luminance and chroma


def luminance(pixels: Array) -> Array:
    """Luminance Y of (H, W, 3) pixels in [0, 1]: (H, W)."""
    return np.asarray(pixels @ LUMA)


def chroma(pixels: Array) -> Array:
    """U and V of (H, W, 3) pixels in [0, 1]: (H, W, 2), zero for grey."""
    level = luminance(pixels)
    return np.stack([0.492 * (pixels[..., 2] - level), 0.877 * (pixels[..., 0] - level)], axis=-1)


def with_luminance(pixels: Array, level: Array) -> Array:
    """(H, W, 3) pixels of the same chroma and of luminance ``level`` (H, W); not clipped.

    The same number is added to R, G and B, which moves Y by that number and leaves U and V exactly
    as they are.  Values outside [0, 1] are colours that RGB cannot show.
    """
    return np.asarray(pixels + (level - luminance(pixels))[..., None])


def grey(picture: Picture) -> Picture:
    """The picture's luminance in all three channels."""
    return _like(picture, luminance(as_floats(picture)), f"{picture.name} in grey")


def matched_luminance(picture: Picture, like: Picture) -> Picture:
    """The picture in grey, with the mean and the standard deviation of the other's luminance.

    Y' = (s_c / s_s) (Y - m_s) + m_c, with m_s, s_s of ``picture`` and m_c, s_c of ``like``
    (arXiv 1606.05897, luminance-only transfer).  A picture of one luminance only gets the mean.
    """
    ours, theirs = luminance(as_floats(picture)), luminance(as_floats(like))
    spread = float(ours.std())
    # A flat picture has no spread but rounding.
    factor = float(theirs.std()) / spread if spread > 1e-9 else 0.0
    matched = factor * (ours - ours.mean()) + theirs.mean()
    return _like(picture, matched, f"{picture.name} in the grey of {like.name}")


def with_luminance_of(colours: Picture, drawn: Picture) -> Picture:
    """The luminance of ``drawn`` with the chroma of ``colours``, clipped to what RGB can show.

    Args:
        colours: of any size; it is resized to that of ``drawn``.
    """
    pixels = as_floats(colours.resized(*drawn.size))
    return _like(drawn, with_luminance(pixels, luminance(as_floats(drawn))), drawn.name)


def chroma_distance(one: Picture, other: Picture) -> float:
    """Mean distance of U and V, place by place, of two pictures of one size."""
    apart = chroma(as_floats(one)) - chroma(as_floats(other))
    return float(np.linalg.norm(apart, axis=-1).mean())


def kept_chroma(colours: Picture, drawn: Picture) -> tuple[float, float]:
    """How exactly ``with_luminance_of`` keeps the chroma of ``colours``, of the size of ``drawn``.

    Returns:
        The largest difference of U or V in the 8-bit picture, where RGB can show the colour; and
        on what share of the picture it can.
    """
    pixels = as_floats(colours)
    exact = with_luminance(pixels, luminance(as_floats(drawn)))
    possible = ((exact >= 0) & (exact <= 1)).all(axis=-1)
    apart = chroma(as_floats(with_luminance_of(colours, drawn))) - chroma(pixels)
    return float(np.abs(apart[possible]).max(initial=0)), float(possible.mean())


# ---------------------------------------------------------------------------- colour statistics


@dataclass(frozen=True)
class ColourMap:
    """The affine map x -> A (x - m_s) + m_c of colours.

    Attributes:
        matrix: A, (3, 3).
        source_mean, target_mean: m_s and m_c, (3,).
    """

    matrix: Array
    source_mean: Array
    target_mean: Array

    def __call__(self, pixels: Array) -> Array:
        """The mapped pixels, (..., 3); not clipped."""
        return np.asarray((pixels - self.source_mean) @ self.matrix.T + self.target_mean)


def colour_statistics(pixels: Array) -> tuple[Array, Array]:
    """Mean (3,) and covariance (3, 3) of the colours of (..., 3) pixels, over all of them."""
    colours = pixels.reshape(-1, 3)
    mean = colours.mean(axis=0)
    centred = colours - mean
    return mean, centred.T @ centred / len(colours)


def colour_map(source: Array, target: Array, root: Root = "cholesky") -> ColourMap:
    """The map that gives ``source`` the mean and the covariance of colour of ``target``.

    A S_s A^T = S_c has as many solutions as S has square roots (arXiv 1606.05897):

    * ``cholesky``: A = L_c L_s^-1 with S = L L^T, L lower triangular;
    * ``symmetric``: A = S_c^1/2 S_s^-1/2 with the symmetric roots, which is the colour transfer
      of Hertzmann et al.'s Image Analogies (2001).

    Args:
        source, target: (..., 3) pixels in [0, 1].

    Returns:
        The map.  With the ridge r its covariance is S_c + r (I - A A^T): right to a few r unless
        ``source`` has next to no colour in some direction, where no linear map can make any.
    """
    source_mean, source_covariance = colour_statistics(source)
    target_mean, target_covariance = colour_statistics(target)
    ours, theirs = _root(source_covariance, root), _root(target_covariance, root)
    return ColourMap(theirs @ np.linalg.inv(ours), source_mean, target_mean)


def matched_colours(picture: Picture, like: Picture, root: Root = "cholesky") -> Picture:
    """The picture in the other's colours (see ``colour_map``), clipped to what RGB can show."""
    pixels = as_floats(picture)
    mapped = colour_map(pixels, as_floats(like), root)(pixels)
    return _like(picture, mapped, f"{picture.name} in the colours of {like.name}")


def as_floats(picture: Picture) -> Array:
    """(H, W, 3) float64 in [0, 1]."""
    return picture.pixels.astype(np.float64) / 255


def _root(covariance: Array, root: Root) -> Array:
    """A square root of the covariance with ``RIDGE`` added: (3, 3)."""
    ridged = covariance + RIDGE * np.eye(3)
    if root == "cholesky":
        return np.asarray(np.linalg.cholesky(ridged))
    values, vectors = np.linalg.eigh(ridged)
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)


def _like(picture: Picture, pixels: Array, name: str) -> Picture:
    """The pixels as a picture with the other's credit."""
    return replace(Picture.from_array(pixels, name), credit=picture.credit)
