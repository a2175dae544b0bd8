"""The metrics against hand computation, cases with a known answer, and second implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage, stats
from skimage import color, data

from replicate.measure import metrics

PAIRWISE = [metrics.psnr, metrics.ssim, metrics.edge_correlation, metrics.lab_distance]
COLOURS = [metrics.mean_lab_shift, metrics.sliced_wasserstein_rgb]
SINGLE = [
    metrics.correlation_length,
    metrics.band_energy_share,
]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return data.astronaut()[100:228, 150:310]


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    return data.coffee()[100:228, 150:310]


def noise(seed: int = 0, shape: tuple[int, ...] = (64, 80, 3)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


def flat(*colour: float, shape: tuple[int, int] = (16, 20)) -> np.ndarray:
    return np.broadcast_to(np.array(colour, dtype=float), (*shape, 3)).copy()


def shuffled(picture: np.ndarray, seed: int = 0) -> np.ndarray:
    pixels = picture.reshape(-1, 3)
    return np.random.default_rng(seed).permutation(pixels).reshape(picture.shape)


# Equal pictures and types


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        (metrics.psnr, math.inf),
        (metrics.ssim, 1),
        (metrics.edge_correlation, 1),
        (metrics.lab_distance, 0),
        (metrics.mean_lab_shift, 0),
        (metrics.sliced_wasserstein_rgb, 0),
    ],
)
def test_equal_pictures(metric, best, photo):
    assert metric(photo, photo) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("metric", PAIRWISE + COLOURS + SINGLE)
def test_bytes_and_floats_agree(metric, photo, other):
    pictures = (photo,) if metric in SINGLE else (photo, other)
    in_bytes = metric(*pictures)
    assert isinstance(in_bytes, float)
    in_floats = metric(*((each / 255).astype(np.float32) for each in pictures))
    assert in_floats == pytest.approx(in_bytes, rel=0.01)


@pytest.mark.parametrize(
    "metric", [metrics.psnr, metrics.ssim, metrics.edge_correlation, metrics.lab_distance, *COLOURS]
)
def test_symmetric(metric, photo, other):
    assert metric(photo, other) == pytest.approx(metric(other, photo), rel=1e-9)


# PSNR


def test_psnr_by_hand():
    # An error of .1 everywhere: 10 log10(1 / .01) = 20 dB.
    assert metrics.psnr(flat(0.5, 0.5, 0.5), flat(0.6, 0.6, 0.6)) == pytest.approx(20)
    # The same error in one channel of three: 10 log10(3 / .01).
    assert metrics.psnr(flat(0.5, 0.5, 0.5), flat(0.5, 0.6, 0.5)) == pytest.approx(24.771, abs=1e-3)


# SSIM


def test_ssim_second_implementation(photo, other):
    """Wang et al.'s formula with a 7 × 7 uniform window, sample covariance, borders cut."""
    x, y = photo / 255, other / 255

    def mean(values: np.ndarray) -> np.ndarray:
        return ndimage.uniform_filter(values, (7, 7, 1))

    sample = 49 / 48
    ux, uy = mean(x), mean(y)
    vx, vy = sample * (mean(x * x) - ux * ux), sample * (mean(y * y) - uy * uy)
    vxy = sample * (mean(x * y) - ux * uy)
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * ux * uy + c1) * (2 * vxy + c2)
    similarity /= (ux**2 + uy**2 + c1) * (vx + vy + c2)
    assert metrics.ssim(photo, other) == pytest.approx(similarity[3:-3, 3:-3].mean(), abs=1e-9)


def test_ssim_too_small():
    with pytest.raises(ValueError, match="7 or more"):
        metrics.ssim(noise(shape=(6, 20, 3)), noise(shape=(6, 20, 3)))


# Edge correlation


def sobel_by_hand(pixels: np.ndarray) -> np.ndarray:
    values = color.rgb2gray(pixels)
    gradients = [ndimage.sobel(values, axis=axis, mode="reflect") for axis in (0, 1)]
    return np.hypot(*gradients)


def test_edge_correlation_second_implementation(photo, other):
    expected = stats.pearsonr(sobel_by_hand(photo).ravel(), sobel_by_hand(other).ravel()).statistic
    assert metrics.edge_correlation(photo, other) == pytest.approx(expected, abs=1e-9)


def test_edge_correlation_ignores_contrast_and_inversion(photo):
    assert metrics.edge_correlation(0.3 + 0.4 * photo / 255, photo) == pytest.approx(1)
    assert metrics.edge_correlation(1 - photo / 255, photo) == pytest.approx(1)


def test_blur_keeps_only_coarse_edges(photo):
    grain = np.random.default_rng(0).normal(0, 0.4, photo.shape)
    noisy = np.clip(photo / 255 + grain, 0, 1)
    assert metrics.edge_correlation(noisy, photo) < 0.5
    assert metrics.edge_correlation(noisy, photo, blur=6) > 0.8


def test_edge_correlation_without_edges_is_undefined(photo):
    assert math.isnan(metrics.edge_correlation(flat(0.5, 0.4, 0.3, shape=photo.shape[:2]), photo))


# Correlation length


def filtered_noise(sigma: float, size: int = 256, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((size, size))
    values = ndimage.gaussian_filter(values, sigma, mode="wrap")
    return grey((values - values.min()) / np.ptp(values))


@pytest.mark.parametrize("sigma", [1.5, 3, 5])
def test_correlation_length_of_filtered_noise(sigma):
    # A Gaussian kernel's autocorrelation is exp(-r² / 4s²): 1/e at r = 2s.
    lengths = [metrics.correlation_length(filtered_noise(sigma, seed=seed)) for seed in range(4)]
    assert np.mean(lengths) == pytest.approx(2 * sigma, rel=0.05)


def test_correlation_length_second_implementation():
    """Pixel pairs counted one lag at a time."""
    values = np.random.default_rng(2).random((24, 30))
    values = ndimage.gaussian_filter(values, 1.5)
    values = (values - values.min()) / np.ptp(values)
    centred = values - values.mean()
    rings: dict[int, list[tuple[float, float]]] = {}
    for down in range(-23, 24):
        for right in range(-29, 30):
            radius = math.hypot(down, right)
            top, left = max(0, -down), max(0, -right)
            bottom, end = 24 - max(0, down), 30 - max(0, right)
            here = centred[top:bottom, left:end]
            there = centred[top + down : bottom + down, left + right : end + right]
            rings.setdefault(round(radius), []).append((radius, float((here * there).mean())))
    curve = [np.mean(rings[ring], axis=0) for ring in range(13)]
    level = curve[0][1] / np.e
    after = next(place for place, (_, value) in enumerate(curve) if value < level)
    (r0, v0), (r1, v1) = curve[after - 1], curve[after]
    expected = r0 + (v0 - level) / (v0 - v1) * (r1 - r0)
    assert metrics.correlation_length(grey(values)) == pytest.approx(expected, rel=1e-9)


def test_correlation_length_limits():
    assert math.isnan(metrics.correlation_length(flat(0.5, 0.5, 0.5)))
    # Too narrow for the curve to fall within half the shorter side.
    ramp = grey(np.tile(np.linspace(0, 1, 200), (16, 1)))
    assert metrics.correlation_length(ramp) == 16


def test_relative_gram_distance_by_hand():
    target = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert metrics.relative_gram_distance(target, target) == 0
    assert metrics.relative_gram_distance(np.zeros((2, 2)), target) == 1
    # ||[[0, 1], [1, 0]]||² / 25
    assert metrics.relative_gram_distance(target + np.eye(2)[::-1], target) == pytest.approx(0.08)
    assert metrics.relative_gram_distance(2 * target, target) == pytest.approx(1)


def test_relative_gram_distance_of_a_zero_target():
    assert metrics.relative_gram_distance(np.eye(3), np.zeros((3, 3))) == math.inf
    assert math.isnan(metrics.relative_gram_distance(np.zeros((3, 3)), np.zeros((3, 3))))


@pytest.mark.parametrize(
    ("gram", "target"), [(np.eye(2), np.eye(3)), (np.ones(4), np.ones(4)), (np.eye(2), [[1.0]])]
)
def test_relative_gram_distance_bad_shapes(gram, target):
    with pytest.raises(ValueError, match="do not compare"):
        metrics.relative_gram_distance(gram, target)


# Colour


def test_lab_distance_by_hand():
    assert metrics.lab_distance(flat(0, 0, 0), flat(1, 1, 1)) == pytest.approx(100, abs=0.01)
    # sRGB red is L* 53.24, a* 80.09, b* 67.20 (Lindbloom).
    red = math.sqrt(53.24**2 + 80.09**2 + 67.20**2)
    assert metrics.lab_distance(flat(1, 0, 0), flat(0, 0, 0)) == pytest.approx(red, abs=0.1)


def test_lab_distance_is_the_mean_over_pixels():
    half = flat(0, 0, 0)
    half[:, :10] = 1
    assert metrics.lab_distance(half, flat(0, 0, 0)) == pytest.approx(50, abs=0.01)
    assert metrics.mean_lab_shift(half, flat(0, 0, 0)) == pytest.approx(50, abs=0.01)


def test_mean_lab_shift_sees_colours_not_places(photo):
    assert metrics.mean_lab_shift(shuffled(photo), photo) == pytest.approx(0, abs=1e-9)
    assert metrics.mean_lab_shift(photo[::2, ::2], photo) < 1
    assert metrics.lab_distance(shuffled(photo), photo) > 10


def test_sliced_wasserstein_of_a_shift():
    # |v · θ| averaged over the sphere is |v| / 2.
    pixels = 0.5 * noise(shape=(32, 32, 3))
    distance = metrics.sliced_wasserstein_rgb(
        pixels + np.array([0.3, 0.1, 0.2]), pixels, projections=2000
    )
    assert distance == pytest.approx(math.sqrt(0.14) / 2, rel=0.04)


def test_sliced_wasserstein_second_implementation(photo, other):
    small = other[::2, ::2]
    directions = np.random.default_rng(5).standard_normal((8, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = np.mean(
        [
            stats.wasserstein_distance(
                (photo.reshape(-1, 3) / 255) @ each, (small.reshape(-1, 3) / 255) @ each
            )
            for each in directions
        ]
    )
    got = metrics.sliced_wasserstein_rgb(photo, small, projections=8, seed=5)
    assert got == pytest.approx(expected, rel=1e-9)


def test_sliced_wasserstein_is_seeded(photo, other):
    first = metrics.sliced_wasserstein_rgb(photo, other)
    assert metrics.sliced_wasserstein_rgb(photo, other) == first
    assert metrics.sliced_wasserstein_rgb(photo, other, seed=1) != first


def test_sliced_wasserstein_of_clouds():
    # In one dimension the only directions are 1 and -1: the mean distance of sorted values.
    ours, theirs = np.array([[3.0], [1.0]]), np.array([[2.0], [6.0]])
    assert metrics.sliced_wasserstein(ours, theirs) == pytest.approx((1 + 3) / 2)
    assert metrics.sliced_wasserstein(ours, ours[::-1]) == 0


@pytest.mark.parametrize("shape", [(4, 2), (4,), (0, 3)])
def test_clouds_that_do_not_compare(shape):
    with pytest.raises(ValueError, match="do not compare"):
        metrics.sliced_wasserstein(np.zeros(shape), np.zeros((4, 3)))


# Spectrum


@pytest.mark.parametrize("frequency", [0.02, 0.1, 0.2, 0.3])
def test_energy_of_a_sine_lies_in_its_band(frequency):
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * frequency * np.arange(256))
    picture = grey(np.tile(wave, (256, 1)))
    inside = 0.05 <= frequency < 0.25
    share = metrics.band_energy_share(picture, 0.05, 0.25)
    assert share == pytest.approx(1 if inside else 0, abs=0.01)


def test_energy_of_white_noise_is_its_variance_spread_evenly():
    values = np.random.default_rng(0).normal(0.5, 0.1, (256, 256)).clip(0, 1)
    ring = np.pi * (0.25**2 - 0.05**2)  # the band's area in a plane of one
    assert metrics.band_energy_share(grey(values), 0.05, 0.25) == pytest.approx(ring, rel=0.05)


def test_flat_pictures_have_no_energy():
    assert math.isnan(metrics.band_energy_share(flat(0.5, 0.5, 0.5)))


# Bad input

NOT_PICTURES = [
    pytest.param(np.zeros((8, 8)), id="grey"),
    pytest.param(np.zeros((8, 8, 4)), id="rgba"),
    pytest.param(np.zeros((3, 8, 8)), id="channels first"),
    pytest.param(np.zeros((1, 8, 8, 3)), id="batch"),
    pytest.param(np.zeros((0, 8, 3)), id="empty"),
    pytest.param(np.zeros((8, 8, 3), dtype=np.int64), id="integers"),
    pytest.param(np.zeros((8, 8, 3), dtype=bool), id="booleans"),
    pytest.param(np.full((8, 8, 3), 128.0), id="floats to 255"),
    pytest.param(np.full((8, 8, 3), -0.5), id="negative"),
    pytest.param(np.full((8, 8, 3), np.nan), id="nan"),
]


@pytest.mark.parametrize("bad", NOT_PICTURES)
@pytest.mark.parametrize("metric", PAIRWISE + COLOURS + SINGLE)
def test_what_is_no_picture_is_rejected(metric, bad):
    good = noise(shape=(8, 8, 3))
    for pictures in [(bad,)] if metric in SINGLE else [(bad, good), (good, bad)]:
        with pytest.raises(ValueError):
            metric(*pictures)


@pytest.mark.parametrize("metric", PAIRWISE + COLOURS)
def test_sizes_may_differ_for_colours_alone(metric):
    pictures = noise(shape=(16, 20, 3)), noise(shape=(20, 16, 3))
    if metric in COLOURS:
        assert metric(*pictures) >= 0
    else:
        with pytest.raises(ValueError, match="do not compare"):
            metric(*pictures)


@pytest.mark.parametrize(
    "call",
    [
        lambda image: metrics.sliced_wasserstein_rgb(image, image, projections=0),
        lambda image: metrics.band_energy_share(image, 0.3, 0.1),
        lambda image: metrics.band_energy_share(image, -0.1, 0.1),
    ],
)
def test_senseless_settings(call):
    with pytest.raises(ValueError):
        call(noise())
