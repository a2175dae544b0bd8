"""Feature visualisation: searches in three bases, receptive fields, crops that excite a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replicate.engine.preset import NetworkSpec
from replicate.images import Picture, folder_pictures
from replicate.measure.metrics import band_energy_share
from replicate.networks.layers import receptive_field
from replicate.storage.store import ResultStore
from replicate.visualisation import excerpts as excerpts_module
from replicate.visualisation import optimised as module
from replicate.visualisation.excerpts import Square, excerpts, leak, receptive_square, units_inside
from replicate.visualisation.optimised import (
    COLOUR_AXES,
    FOURIER,
    PIXELS,
    Channel,
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
def test_a_search_starts_from_almost_grey(basis: Any) -> None:
    picture = basis.picture(basis.start(64, generator()))
    assert picture.shape == (1, 3, 64, 64)
    assert float((picture - 0.5).abs().max()) < 0.1
    assert float(picture.std()) > 0


def test_the_fourier_basis_has_a_photographs_spectrum() -> None:
    """Parameters of equal size at all frequencies make amplitudes that fall as 1/f."""
    basis = Fourier()
    waves = torch.logit(basis.picture(30 * basis.start(64, generator()).double())).mean(dim=1)[0]
    power = torch.fft.rfft2(waves).abs().square()
    down, right = torch.fft.fftfreq(64), torch.fft.rfftfreq(64)
    frequency = torch.hypot(down[:, None], right[None, :])

    def energy(low: float, high: float) -> float:
        return float(power[(frequency >= low) & (frequency < high)].mean())

    assert energy(0.1, 0.12) / energy(0.2, 0.24) == pytest.approx(4, rel=0.3)
    assert energy(0.2, 0.24) / energy(0.4, 0.48) == pytest.approx(4, rel=0.3)


def test_the_first_colour_is_brightness() -> None:
    parameters = torch.zeros(1, 3, 16, 9, 2)
    parameters[:, 0, 0, 1, 0] = 1.0
    red, green, blue = Fourier().picture(parameters)[0]
    grey = torch.stack([red, green, blue]) - 0.5
    assert float(grey.abs().max()) > 0.01
    assert torch.equal(grey.sign()[0], grey.sign()[1]) and torch.equal(grey.sign()[1],
                                                                      grey.sign()[2])  # fmt: skip


def test_colour_axes_are_a_scaled_root_of_a_covariance() -> None:
    axes = np.array(COLOUR_AXES)
    products = axes.T @ axes
    assert products[0, 0] == pytest.approx(1, abs=0.002)
    assert np.diag(products).tolist() == sorted(np.diag(products).tolist(), reverse=True)
    assert np.abs(products - np.diag(np.diag(products))).max() < 0.002


# Transformations


def test_no_change_leaves_a_picture() -> None:
    pictures = torch.rand(2, 3, 20, 20, generator=generator())
    still = Transformations(0, (1.0,), 0, 0).drawn(20, generator())
    assert torch.allclose(transformed(pictures, still), pictures, atol=1e-5)


def test_jitter_moves_by_whole_pixels_and_fills_with_grey() -> None:
    pictures = torch.rand(1, 3, 20, 20, generator=generator())
    moved = set()
    for seed in range(20):
        seen = transformed(pictures, Transformations(2, (1.0,), 0, 0).drawn(20, generator(seed)))
        found = [
            (right, down)
            for right in range(-2, 3)
            for down in range(-2, 3)
            if torch.allclose(
                seen[:, :, 2:-2, 2:-2],
                pictures[:, :, 2 + down : 18 + down, 2 + right : 18 + right],
                atol=1e-4,
            )
        ]
        assert len(found) == 1
        moved.update(found)
        right, _ = found[0]
        if right == 2:
            assert torch.allclose(seen[:, :, :, -2:], torch.full((1, 3, 20, 2), 0.5), atol=1e-4)
    assert len(moved) > 8


def test_scale_and_turn() -> None:
    """A quarter of the plane, magnified about the middle, stays the same quarter."""
    pictures = torch.zeros(1, 3, 32, 32)
    pictures[:, :, 16:, 16:] = 1
    larger = Transformations(0, (1.5,), 0, 0).drawn(32, generator())
    assert torch.equal(transformed(pictures, larger)[0, 0] > 0.5, pictures[0, 0] > 0.5)
    edge = torch.zeros(1, 3, 32, 32)
    edge[:, :, :, 20:] = 1  # 4 px right of the middle, 6 px once it is magnified
    assert torch.equal(transformed(edge, larger)[0, 0, 16] > 0.5, torch.arange(32) >= 22)
    angles = {
        round(float(torch.rad2deg(torch.atan2(m[1, 0], m[0, 0]))))
        for m in (Transformations(0, (1.0,), 5, 0).drawn(32, generator(s)) for s in range(99))
    }
    assert angles == set(range(-5, 6))


# Searches


def test_every_recipe_excites_its_channel(tiny_engine: Callable[..., Any]) -> None:
    engine = tiny_engine()
    channels = [Channel("conv3_1", 1), Channel("conv2_1", 2), Channel("conv3_1", 4)]
    for recipe in (PIXELS, FOURIER):
        before = optimised(engine, SPEC, channels, recipe, size=48, steps=1)
        after = optimised(engine, SPEC, channels, recipe, size=48, steps=12)
        assert [each.channel for each in after] == channels
        assert [each.picture.size for each in after] == [(48, 48)] * 3
        for first, last in zip(before, after):
            assert last.mean > first.mean
            assert last.peak >= last.mean


def test_plain_pixels_end_in_finer_noise(tiny_engine: Callable[..., Any]) -> None:
    channels = [Channel("conv4_1", 0)]
    plain, fourier = (
        optimised(tiny_engine(), SPEC, channels, recipe, size=64, steps=24)[0]
        for recipe in (PIXELS, FOURIER)
    )
    share = band_energy_share(plain.picture.pixels)
    assert share > 3 * band_energy_share(fourier.picture.pixels)


def test_the_same_seed_gives_the_same_picture(tiny_engine: Callable[..., Any]) -> None:
    channel = [Channel("conv2_2", 3)]
    first, again = (optimised(tiny_engine(), SPEC, channel, FOURIER, **SMALL)[0] for _ in "ab")
    other = optimised(tiny_engine(), SPEC, channel, FOURIER, seed=1, **SMALL)[0]
    assert first.picture.sha256 == again.picture.sha256 != other.picture.sha256


def test_a_batch_changes_no_picture(tiny_engine: Callable[..., Any]) -> None:
    channels = [Channel("conv3_1", index) for index in range(3)]
    together = optimised(tiny_engine(), SPEC, channels, FOURIER, **SMALL)
    for channel, each in zip(channels, together):
        (alone,) = optimised(tiny_engine(), SPEC, [channel], FOURIER, **SMALL)
        apart = alone.picture.pixels.astype(int) - each.picture.pixels
        assert np.abs(apart).max() <= 2


def test_pictures_are_kept(
    tiny_engine: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny_engine(store=ResultStore(tmp_path))
    channels = [Channel("conv2_1", 0), Channel("conv2_1", 1)]
    first = optimised(engine, SPEC, channels[:1], PIXELS, **SMALL)
    both = optimised(engine, SPEC, channels, PIXELS, **SMALL)
    assert [each.cached for each in both] == [True, False]
    monkeypatch.setattr(module, "evaluate", None)  # whoever searches now fails
    again = optimised(engine, SPEC, channels, PIXELS, **SMALL)
    assert [each.picture.sha256 for each in again] == [each.picture.sha256 for each in both]
    assert again[0].picture.sha256 == first[0].picture.sha256
    assert (again[1].mean, again[1].peak) == (both[1].mean, both[1].peak)
    for changes in ({"size": 32}, {"steps": 7}, {"seed": 1}):
        with pytest.raises(TypeError):
            optimised(engine, SPEC, channels, PIXELS, **{**SMALL, **changes})
    with pytest.raises(TypeError):
        optimised(engine, SPEC, channels, FOURIER, **SMALL)


def test_a_channel_that_is_not_there(tiny_engine: Callable[..., Any]) -> None:
    with pytest.raises(IndexError, match="conv1_1 has 5 channels, not 64"):
        optimised(tiny_engine(), SPEC, [Channel("conv1_1", 64)], PIXELS, **SMALL)


# Robustness


def made(picture: Picture, mean: float = 1.0) -> Optimised:
    return Optimised(Channel("conv3_1", 0), PIXELS, picture, mean, peak=mean, steps=1)


def test_noise_made_for_its_place_does_not_survive_a_shift(
    tiny_engine: Callable[..., Any],
) -> None:
    engine = tiny_engine()
    plain, fourier = (
        optimised(engine, SPEC, [Channel("conv3_1", 1)], recipe, size=64, steps=24)
        for recipe in (PIXELS, FOURIER)
    )
    (kept,) = robustness(engine, SPEC, plain)
    assert 0 < kept < 0.8
    assert robustness(engine, SPEC, fourier)[0] > kept
    assert robustness(engine, SPEC, plain) == [kept]


def test_robustness_is_about_the_mean_in_place(tiny_engine: Callable[..., Any]) -> None:
    """Grey everywhere: shifts change nothing, so that only the stated mean counts."""
    engine, grey = tiny_engine(), Picture.from_array(np.full((48, 48, 3), 128 / 255))
    first, second = robustness(engine, SPEC, [made(grey, 2.0), made(grey, 4.0)])
    assert abs(first) > 0 and second == pytest.approx(first / 2)
    assert np.isnan(robustness(engine, SPEC, [made(grey, -1.0)])[0])


# Receptive fields


@pytest.mark.parametrize("layer", ["conv1_1", "conv1_2", "pool1", "conv2_1", "conv3_2", "conv4_1"])
def test_a_unit_sees_its_square_and_nothing_else(
    tiny_network: Callable[..., Any], layer: str
) -> None:
    network = tiny_network(pooling="average", dtype=torch.float64)
    side, stride = receptive_field(layer)
    row, column = (160 // stride) // 2, (160 // stride) // 2 + 1
    reached = np.zeros((160, 160))
    for seed in range(3):
        pixels = torch.rand(1, 3, 160, 160, generator=generator(seed), dtype=torch.float64)
        pixels.requires_grad_(True)
        unit = network(pixels, [layer])[layer].wide()[0, :, row, column].square().sum()
        reached += torch.autograd.grad(unit, pixels)[0][0].abs().sum(dim=0).numpy()
    rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
    square = receptive_square(layer, row, column)
    assert square.side == side
    assert (rows[0], rows[-1]) == (square.top, square.top + side - 1)
    assert (columns[0], columns[-1]) == (square.left, square.left + side - 1)


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_1", "conv3_1", "relu4_2", "conv5_1"])
@pytest.mark.parametrize("pixels", [100, 256, 257])
def test_units_whose_squares_lie_inside(layer: str, pixels: int) -> None:
    units = pixels // receptive_field(layer)[1]
    inside = [
        unit for unit in range(units) if receptive_square(layer, unit, unit).inside(pixels, pixels)
    ]
    assert list(units_inside(layer, pixels)) == inside


def test_the_square_of_a_deep_unit() -> None:
    # 68 px and stride 8 (see replicate.networks.layers): 30 px of padding before the first.
    assert receptive_square("conv4_1", 0, 5) == Square(left=10, top=-30, side=68)
    assert not Square(10, -30, 68).inside(500, 500)
    assert Square(0, 0, 10).inside(10, 10) and not Square(1, 0, 10).inside(10, 10)


def test_leak() -> None:
    gradient = np.zeros((6, 6), dtype=np.float32)
    gradient[2, 2] = 4
    assert leak(gradient, Square(1, 1, 3)) == 0
    gradient[0, 5] = 1
    assert leak(gradient, Square(1, 1, 3)) == 0.25
    assert np.isnan(leak(np.zeros((6, 6), dtype=np.float32), Square(1, 1, 3)))


# Crops


@pytest.fixture
def small_side(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(excerpts_module, "SHORT_SIDE", 96)
    return 96


def test_crops_are_what_excites_most(
    tiny_engine: Callable[..., Any], scene: Callable[..., Any], small_side: int
) -> None:
    engine = tiny_engine()
    pictures = [scene(120, small_side, seed) for seed in range(3)]
    channels = [Channel("conv2_1", 1), Channel("conv3_1", 2)]
    found = excerpts(engine, SPEC, channels, pictures, count=5)
    assert list(found) == channels
    for channel in channels:
        crops = found[channel].found
        activations = [crop.activation for crop in crops]
        assert len(crops) == 5 and activations == sorted(activations, reverse=True)
        inside = (
            np.s_[units_inside(channel.layer, small_side).start :
                  units_inside(channel.layer, small_side).stop],
            np.s_[units_inside(channel.layer, 120).start : units_inside(channel.layer, 120).stop],
        )  # fmt: skip
        largest = max(
            float(engine.features(each, [channel.layer], SPEC)[channel.layer]
                  .wide()[0, channel.index].numpy()[inside].max())
            for each in pictures
        )  # fmt: skip
        assert activations[0] == pytest.approx(largest, rel=1e-5)
        for crop in crops:
            source = next(each for each in pictures if each.name == crop.source)
            assert crop.square.side == receptive_field(channel.layer)[0]
            assert np.array_equal(crop.picture.pixels, crop.square.of(source.pixels))
        assert found[channel].leak == 0
        for index, one in enumerate(crops):
            for other in crops[index + 1 :]:
                distance = max(abs(one.square.left - other.square.left),
                               abs(one.square.top - other.square.top))  # fmt: skip
                assert one.source != other.source or 2 * distance >= one.square.side - 4


def test_crops_are_kept(
    tiny_engine: Callable[..., Any],
    scene: Callable[..., Any],
    small_side: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = tiny_engine(store=ResultStore(tmp_path))
    pictures, channels = [scene(96, 96, 1)], [Channel("conv2_1", 1)]
    first = excerpts(engine, SPEC, channels, pictures, count=3)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "features", None)
        again = excerpts(engine, SPEC, channels, pictures, count=3)
        with pytest.raises(TypeError):
            excerpts(engine, SPEC, channels, [scene(96, 96, 2)], count=3)
    one, other = first[channels[0]], again[channels[0]]
    assert one.leak == other.leak
    for before, after in zip(one.found, other.found):
        assert before.picture.sha256 == after.picture.sha256
        assert replace(before, picture=after.picture).__dict__ == after.__dict__


def test_a_field_larger_than_every_picture(
    tiny_engine: Callable[..., Any], scene: Callable[..., Any], small_side: int
) -> None:
    with pytest.raises(ValueError, match="No unit of conv5_1 sees a whole square"):
        excerpts(tiny_engine(), SPEC, [Channel("conv5_1", 0)], [scene(96, 96)])


# Folders of pictures


def test_pictures_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]
) -> None:
    assert folder_pictures("some", 5) == []
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path))
    assert folder_pictures("some", 5) == []
    for number in range(7):
        scene(20, 20, number).save(tmp_path / f"some/deeper/{number}.png")
    (tmp_path / "some/notes.txt").write_text("no picture")
    assert [each.name for each in folder_pictures("some", 10)] == list("0123456")
    assert [each.name for each in folder_pictures("some", 3)] == ["0", "2", "4"]
    (tmp_path / "some/deeper/0.png").write_bytes(b"damaged")
    assert [each.name for each in folder_pictures("some", 10)] == list("123456")
