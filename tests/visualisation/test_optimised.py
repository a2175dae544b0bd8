"""Feature visualisation: pictures that are made to excite a channel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replicate.images import Picture
from replicate.measure.metrics import band_energy_share
from replicate.networks.spec import NetworkSpec
from replicate.storage.store import ResultStore
from replicate.visualisation import optimised as module
from replicate.visualisation.channels import Channel
from replicate.visualisation.optimised import (
    COLOUR_AXES,
    FOURIER,
    PIXELS,
    Fourier,
    Optimised,
    Pixels,
    Transformations,
    optimised,
    robustness,
    transformed,
)

SPEC = NetworkSpec()
SMALL = {"size": 48, "steps": 8}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Bases


@pytest.mark.parametrize("basis", [Pixels(), Fourier()])
def test_a_search_starts_from_almost_grey(basis):
    picture = basis.picture(basis.start(64, generator()))
    assert picture.shape == (1, 3, 64, 64)
    assert float((picture - 0.5).abs().max()) < 0.1
    assert float(picture.std()) > 0


def test_the_fourier_basis_has_a_photographs_spectrum():
    """Parameters of equal size at all frequencies make amplitudes that fall as 1/f."""
    basis = Fourier()
    waves = torch.logit(basis.picture(30 * basis.start(64, generator()).double())).mean(dim=1)[0]
    power = torch.fft.rfft2(waves).abs().square()
    frequency = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64)[None, :])

    def energy(low: float, high: float) -> float:
        return float(power[(frequency >= low) & (frequency < high)].mean())

    assert energy(0.1, 0.12) / energy(0.2, 0.24) == pytest.approx(4, rel=0.3)
    assert energy(0.2, 0.24) / energy(0.4, 0.48) == pytest.approx(4, rel=0.3)


def test_colours_are_those_of_photographs_brightness_first():
    axes = np.array(COLOUR_AXES)
    products = axes.T @ axes  # a scaled root of a covariance
    assert products[0, 0] == pytest.approx(1, abs=0.002)
    assert np.diag(products).tolist() == sorted(np.diag(products).tolist(), reverse=True)
    assert np.abs(products - np.diag(np.diag(products))).max() < 0.002
    parameters = torch.zeros(1, 3, 16, 9, 2)
    parameters[:, 0, 0, 1, 0] = 1.0
    red, green, blue = (Fourier().picture(parameters)[0] - 0.5).sign()
    assert red.any() and torch.equal(red, green) and torch.equal(green, blue)


# Transformations


def test_jitter_moves_by_whole_pixels_and_fills_with_grey():
    pictures = torch.rand(1, 3, 20, 20, generator=generator())
    moved = set()
    for seed in range(20):
        seen = transformed(pictures, Transformations(2, (1.0,), 0, 0).drawn(20, generator(seed)))
        (shift,) = (
            (right, down)
            for right in range(-2, 3)
            for down in range(-2, 3)
            if torch.allclose(
                seen[:, :, 2:-2, 2:-2],
                pictures[:, :, 2 + down : 18 + down, 2 + right : 18 + right],
                atol=1e-4,
            )
        )
        moved.add(shift)
        if shift[0] == 2:
            assert torch.allclose(seen[:, :, :, -2:], torch.full((1, 3, 20, 2), 0.5), atol=1e-4)
    assert len(moved) > 8


def test_scale_and_turn():
    larger = Transformations(0, (1.5,), 0, 0).drawn(32, generator())
    edge = torch.zeros(1, 3, 32, 32)
    edge[:, :, :, 20:] = 1  # 4 px right of the middle, 6 px once it is magnified
    assert torch.equal(transformed(edge, larger)[0, 0, 16] > 0.5, torch.arange(32) >= 22)
    turns = (Transformations(0, (1.0,), 5, 0).drawn(32, generator(seed)) for seed in range(99))
    angles = {round(float(torch.rad2deg(torch.atan2(turn[1, 0], turn[0, 0])))) for turn in turns}
    assert angles == set(range(-5, 6))


# Searches


def test_every_recipe_excites_its_channel(tiny_engine):
    engine = tiny_engine()
    channels = [Channel("conv3_1", 1), Channel("conv2_1", 2), Channel("conv3_1", 4)]
    for recipe in (PIXELS, FOURIER):
        before = optimised(engine, SPEC, channels, recipe, size=48, steps=1)
        after = optimised(engine, SPEC, channels, recipe, size=48, steps=12)
        assert [each.channel for each in after] == channels
        assert [each.picture.size for each in after] == [(48, 48)] * 3
        for first, last in zip(before, after):
            assert last.peak >= last.mean > first.mean


def test_plain_pixels_end_in_noise_that_does_not_survive_a_shift(tiny_engine):
    engine = tiny_engine()
    plain, fourier = (
        optimised(engine, SPEC, [Channel("conv3_1", 1)], recipe, size=64, steps=24)
        for recipe in (PIXELS, FOURIER)
    )
    share = band_energy_share(plain[0].picture.pixels)
    assert share > 3 * band_energy_share(fourier[0].picture.pixels)
    (kept,) = robustness(engine, SPEC, plain)
    assert 0 < kept < 0.8
    assert robustness(engine, SPEC, fourier)[0] > kept
    assert robustness(engine, SPEC, plain) == [kept]


def test_pictures_follow_from_the_seed_and_not_from_the_batch(tiny_engine):
    channels = [Channel("conv3_1", index) for index in range(3)]
    together = optimised(tiny_engine(), SPEC, channels, FOURIER, **SMALL)
    for channel, each in zip(channels, together):
        (alone,) = optimised(tiny_engine(), SPEC, [channel], FOURIER, **SMALL)
        apart = alone.picture.pixels.astype(int) - each.picture.pixels
        assert np.abs(apart).max() <= 2
    again = optimised(tiny_engine(), SPEC, channels, FOURIER, **SMALL)
    assert again[0].picture.sha256 == together[0].picture.sha256
    (other,) = optimised(tiny_engine(), SPEC, channels[:1], FOURIER, seed=1, **SMALL)
    assert other.picture.sha256 != together[0].picture.sha256


def test_pictures_are_kept(tiny_engine, tmp_path, monkeypatch):
    engine = tiny_engine(store=ResultStore(tmp_path))
    channels = [Channel("conv2_1", 0), Channel("conv2_1", 1)]
    optimised(engine, SPEC, channels[:1], PIXELS, **SMALL)
    both = optimised(engine, SPEC, channels, PIXELS, **SMALL)
    monkeypatch.setattr(module, "evaluate", None)  # whoever searches now fails
    again = optimised(engine, SPEC, channels, PIXELS, **SMALL)
    assert [(each.picture.sha256, each.mean, each.peak) for each in again] == [
        (each.picture.sha256, each.mean, each.peak) for each in both
    ]
    for changes in ({"size": 32}, {"steps": 7}, {"seed": 1}, {"recipe": FOURIER}):
        with pytest.raises(TypeError):
            optimised(engine, SPEC, channels, **{"recipe": PIXELS, **SMALL, **changes})


def test_a_channel_that_is_not_there(tiny_engine):
    with pytest.raises(IndexError, match="conv1_1 has 5 channels, not 64"):
        optimised(tiny_engine(), SPEC, [Channel("conv1_1", 64)], PIXELS, **SMALL)


def test_robustness_is_about_the_mean_in_place(tiny_engine):
    """Grey everywhere: shifts change nothing, so that only the stated mean counts."""
    grey = Picture.from_array(np.full((48, 48, 3), 128 / 255))
    made = [Optimised(Channel("conv3_1", 0), grey, mean, peak=mean) for mean in (2.0, 4.0, -1.0)]
    first, second, silent = robustness(tiny_engine(), SPEC, made)
    assert abs(first) > 0 and second == pytest.approx(first / 2)
    assert np.isnan(silent)
