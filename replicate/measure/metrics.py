"""Numbers that say what a figure shows: distances between pictures, and properties of one.

A picture is an (H, W, 3) sRGB array, uint8 or float in [0, 1]. Grey means luma: the gamma-encoded
channels weighted .2125, .7154, .0721, in [0, 1]. Every function raises ValueError for an array of
another shape, type or range and, where two pictures are compared pixel by pixel, for two sizes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage import color, filters
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

Image = NDArray[np.uint8] | NDArray[np.floating]
Array = NDArray[np.float64]

SSIM_WINDOW = 7  # scikit-image's default


def psnr(image: Image, reference: Image) -> float:
    """Peak signal-to-noise ratio, 10 log10(1 / mean squared error) over all RGB values.

    In dB; larger is closer, infinite for equal pictures, about 8 for unrelated ones.
    Source: as in scikit-image.
    """
    image, reference = _pair(image, reference)
    if np.array_equal(image, reference):
        return float("inf")
    return float(peak_signal_noise_ratio(reference, image, data_range=1.0))


def ssim(image: Image, reference: Image) -> float:
    """Mean structural similarity of the RGB channels with a uniform 7 × 7 window.

    In [-1, 1]; 1 for equal pictures, near 0 for unrelated ones.
    Source: Wang et al. 2004, as in scikit-image with its defaults.

    Raises:
        ValueError: also for a side under 7 pixels.
    """
    image, reference = _pair(image, reference)
    if min(image.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs {SSIM_WINDOW} or more pixels a side, got {image.shape}.")
    return float(structural_similarity(reference, image, data_range=1.0, channel_axis=-1))


def edge_correlation(image: Image, reference: Image, blur: float = 0.0) -> float:
    """Pearson's r between the grey pictures' Sobel magnitudes: do edges lie in the same places?

    In [-1, 1]; 1 for equal edges, 0 for unrelated ones, NaN if a picture has no edge at all.
    Contrast does not change it, and colour only by its grey. A ``blur`` (standard deviation of a
    Gaussian, in pixels) before the Sobel filter leaves the coarse structure.
    """
    image, reference = _pair(image, reference)
    ours, theirs = (_edges(each, blur).ravel() for each in (image, reference))
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    norm = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    # A flat picture has no variance but rounding.
    return float(ours @ theirs) / norm if norm > 1e-9 * ours.size else float("nan")


def correlation_length(image: Image) -> float:
    """Radius at which the grey picture's autocorrelation, averaged over angles, is below 1/e.

    In pixels: the size of blobs, as in a feature map or a difference of pictures; thin strokes
    have their width, whatever their length. The mean is
    removed; the transform is zero-padded so that opposite borders do not meet, and each lag is
    divided by the number of pixel pairs that have it; rings one pixel wide are averaged and
    interpolated linearly. Gaussian-filtered white noise of standard deviation s has length 2 s.
    Rings reach to half the shorter side; if the curve never falls so far, the shorter side is
    returned, and NaN for a flat picture.
    """
    grey = _grey(_checked(image))
    grey = grey - grey.mean()
    side = min(grey.shape)
    if np.mean(grey**2) < 1e-12:
        return float("nan")
    radii, curve = _radial_autocorrelation(grey, side // 2)
    found = _crossing(radii, curve)
    return float(side) if found is None else found


def relative_gram_distance(gram: ArrayLike, target: ArrayLike) -> float:
    """Squared Frobenius distance of two Gram matrices over the target's squared norm.

    ||G - A||² / ||A||² for (N, N) matrices normalised alike; no unit, 0 for equal matrices, 1 for
    G = 0. Infinite if only the target is zero, NaN if both are.
    """
    ours, theirs = (np.asarray(each, dtype=np.float64) for each in (gram, target))
    if ours.shape != theirs.shape or ours.ndim != 2:
        raise ValueError(f"Gram matrices of shapes {ours.shape} and {theirs.shape} do not compare.")
    distance, norm = float(np.sum((ours - theirs) ** 2)), float(np.sum(theirs**2))
    if norm == 0:
        return float("inf") if distance > 0 else float("nan")
    return distance / norm


def lab_distance(image: Image, reference: Image) -> float:
    """Mean colour difference ΔE*ab of corresponding pixels.

    CIE 1976: Euclidean distance in CIELAB under D65, where a just noticeable difference is about
    2.3 and black to white is 100.
    """
    image, reference = _pair(image, reference)
    return float(color.deltaE_cie76(color.rgb2lab(reference), color.rgb2lab(image)).mean())


def mean_lab_shift(image: Image, reference: Image) -> float:
    """Distance ΔE*ab (CIE 1976) between the two pictures' mean colours; sizes may differ."""
    ours, theirs = (
        color.rgb2lab(_checked(each)).reshape(-1, 3).mean(axis=0) for each in (image, reference)
    )
    return float(np.linalg.norm(ours - theirs))


def sliced_wasserstein_rgb(
    image: Image, reference: Image, projections: int = 32, seed: int = 0
) -> float:
    """Sliced 1-Wasserstein distance of the two pictures' colours, whatever their places.

    RGB in [0, 1], so 0 to √3, about |v| / 2 for a shift of all colours by v. Sizes may differ.
    See ``sliced_wasserstein``.
    """
    ours, theirs = (_checked(each).reshape(-1, 3) for each in (image, reference))
    return sliced_wasserstein(ours, theirs, projections, seed)


def sliced_wasserstein(
    points: ArrayLike, reference: ArrayLike, projections: int = 32, seed: int = 0
) -> float:
    """Sliced 1-Wasserstein distance of two clouds of points, (M, d) and (K, d).

    Mean over ``projections`` random directions of the mean absolute difference of the projections'
    quantiles, in the points' unit; 0 for equal clouds. Points of float32 are compared in float32.
    The directions follow from ``seed``. Source: Rabin et al. 2011.
    """
    dtype = np.result_type(np.float32, *map(np.asarray, (points, reference)))
    ours, theirs = (np.asarray(each, dtype=dtype) for each in (points, reference))
    if ours.ndim != 2 or ours.shape[1:] != theirs.shape[1:] or not (ours.size and theirs.size):
        raise ValueError(f"Clouds of shapes {ours.shape} and {theirs.shape} do not compare.")
    if projections < 1:
        raise ValueError(f"Needs one projection or more, got {projections}.")
    directions = np.random.default_rng(seed).standard_normal((projections, ours.shape[1]))
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(dtype)
    count = max(len(ours), len(theirs))
    one, other = (_quantiles(directions @ each.T, count) for each in (ours, theirs))
    return float(np.abs(one - other).mean(dtype=np.float64))


def band_energy_share(image: Image, low: float = 0.25, high: float = 1.0) -> float:
    """Share of the grey picture's variance between ``low`` and ``high`` cycles per pixel, 0 to 1.

    Of the windowed picture less its mean; NaN for a flat one.
    """
    frequency, power = _spectrum(_checked(image))
    inside, total = float(power[_band(frequency, low, high)].sum()), float(power.sum())
    return inside / total if total > 1e-12 else float("nan")


def _checked(image: Image) -> Array:
    """The picture as float64 in [0, 1]."""
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"A picture has shape (H, W, 3), not {pixels.shape}.")
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float64) / 255
    if not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(f"A picture is uint8 or float, not {pixels.dtype}.")
    if not (pixels.min() >= -1e-6 and pixels.max() <= 1 + 1e-6):  # NaN fails too
        raise ValueError("A float picture has values from 0 to 1.")
    return np.clip(pixels.astype(np.float64), 0, 1)


def _pair(image: Image, reference: Image) -> tuple[Array, Array]:
    ours, theirs = _checked(image), _checked(reference)
    if ours.shape != theirs.shape:
        raise ValueError(f"Pictures of shapes {ours.shape} and {theirs.shape} do not compare.")
    return ours, theirs


def _grey(pixels: Array) -> Array:
    return np.asarray(color.rgb2gray(pixels), dtype=np.float64)


def _edges(pixels: Array, blur: float) -> Array:
    grey = _grey(pixels)
    if blur > 0:
        grey = filters.gaussian(grey, sigma=blur, mode="reflect")
    return np.asarray(filters.sobel(grey), dtype=np.float64)


def _radial_autocorrelation(grey: Array, longest: int) -> tuple[Array, Array]:
    """Mean radius and mean autocorrelation of the rings 0, 1, … ``longest``; it begins at 1."""
    height, width = grey.shape
    padded = (2 * height, 2 * width)
    products = np.fft.irfft2(np.abs(np.fft.rfft2(grey, padded)) ** 2, padded)
    down, right = np.ogrid[-longest : longest + 1, -longest : longest + 1]
    pairs = (height - np.abs(down)) * (width - np.abs(right))
    correlation = products[down, right] / pairs
    radius = np.hypot(down, right)
    ring = np.rint(radius).astype(int)
    inside = ring <= longest
    count = np.bincount(ring[inside])
    curve = np.bincount(ring[inside], weights=correlation[inside]) / count
    return np.bincount(ring[inside], weights=radius[inside]) / count, curve / curve[0]


def _crossing(places: ArrayLike, curve: ArrayLike) -> float | None:
    """Where a curve that begins at 1 first falls below 1/e, between two points; None if never."""
    at, values = np.asarray(places), np.asarray(curve)
    below = np.flatnonzero(values < 1 / np.e)
    if below.size == 0:
        return None
    last = int(below[0])
    share = (values[last - 1] - 1 / np.e) / (values[last - 1] - values[last])
    return float(at[last - 1] + share * (at[last] - at[last - 1]))


def _quantiles(samples: Array, count: int) -> Array:
    """The inverse distribution functions of samples (S, M), which are sorted in place, at the
    midpoints of ``count`` steps."""
    samples.sort(axis=1)
    if samples.shape[1] == count:
        return samples
    places = (np.arange(count) + 0.5) / count * samples.shape[1]
    return np.take(samples, places.astype(int), axis=1)


def _spectrum(pixels: Array) -> tuple[Array, Array]:
    """Frequency of each coefficient, in cycles per pixel, and its share of the variance."""
    grey = _grey(pixels)
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in grey.shape))
    mean = (grey * window).sum() / window.sum()
    power = np.abs(np.fft.fft2((grey - mean) * window)) ** 2 / (grey.size * (window**2).sum())
    down, right = (np.fft.fftfreq(side) for side in grey.shape)
    frequency = np.hypot(down[:, None], right[None, :])
    return np.asarray(frequency, dtype=np.float64), power


def _band(frequency: Array, low: float, high: float) -> NDArray[np.bool_]:
    if not 0 <= low < high:
        raise ValueError(f"A band runs from low to high frequencies, not {low} to {high}.")
    return (frequency >= low) & (frequency < high)
