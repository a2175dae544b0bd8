"""Crops that excite a channel: receptive fields, the search, and what is kept."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from replicate.images import Picture, folder_pictures
from replicate.networks.layers import receptive_field
from replicate.networks.spec import NetworkSpec
from replicate.storage.store import ResultStore
from replicate.visualisation import excerpts as module
from replicate.visualisation.channels import Channel
from replicate.visualisation.excerpts import Field, Square, excerpts, leak, strongest_means

SPEC = NetworkSpec()


@pytest.mark.parametrize("layer", ["conv1_1", "conv1_2", "pool1", "conv2_1", "conv3_2", "conv4_1"])
def test_a_unit_sees_its_square_and_nothing_else(tiny_network, layer):
    network = tiny_network(pooling="average", dtype=torch.float64)
    field = Field(*receptive_field(layer))
    row, column = (160 // field.stride) // 2, (160 // field.stride) // 2 + 1
    reached = np.zeros((160, 160))
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        pixels = torch.rand(1, 3, 160, 160, generator=generator, dtype=torch.float64)
        pixels.requires_grad_(True)
        unit = network(pixels, [layer])[layer].wide()[0, :, row, column].square().sum()
        reached += torch.autograd.grad(unit, pixels)[0][0].abs().sum(dim=0).numpy()
    rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
    square = field.square(row, column)
    assert (rows[0], rows[-1]) == (square.top, square.top + field.side - 1)
    assert (columns[0], columns[-1]) == (square.left, square.left + field.side - 1)


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_1", "conv3_1", "relu4_2", "conv5_1"])
@pytest.mark.parametrize("pixels", [100, 256, 257])
def test_units_whose_squares_lie_inside(layer, pixels):
    field = Field(*receptive_field(layer))
    starts = [field.square(unit, 0).top for unit in range(pixels // field.stride)]
    inside = [unit for unit, top in enumerate(starts) if 0 <= top <= pixels - field.side]
    assert list(field.units_inside(pixels)) == inside


def test_leak():
    gradient = np.zeros((6, 6), dtype=np.float32)
    assert np.isnan(leak(gradient, Square(1, 1, 3)))
    gradient[2, 2] = 4
    assert leak(gradient, Square(1, 1, 3)) == 0
    gradient[0, 5] = 1
    assert leak(gradient, Square(1, 1, 3)) == 0.25


@pytest.fixture
def small_side(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(module, "SHORT_SIDE", 96)
    return 96


def test_crops_are_what_excites_most(tiny_engine, scene, small_side):
    engine = tiny_engine()
    pictures = {f"scene {seed}": scene(120, small_side, seed) for seed in range(3)}
    channels = [Channel("conv2_1", 1), Channel("conv3_1", 2)]
    found = excerpts(engine, SPEC, channels, list(pictures.values()), count=5)
    assert list(found) == channels
    for channel in channels:
        crops, layer = found[channel].found, channel.layer
        side, stride = receptive_field(layer)
        rows, columns = (Field(side, stride).units_inside(length) for length in (small_side, 120))
        maps = (engine.reader.features(each, [layer], SPEC)[layer] for each in pictures.values())
        largest = max(float(each.wide()[0, channel.index][rows][:, columns].max()) for each in maps)
        activations = [crop.activation for crop in crops]
        assert len(crops) == 5 and activations == sorted(activations, reverse=True)
        assert activations[0] == pytest.approx(largest, rel=1e-5)
        assert found[channel].leak == 0
        for crop in crops:
            assert crop.square.side == side
            source = pictures[crop.picture.name]
            assert np.array_equal(crop.picture.pixels, crop.square.of(source.pixels))
        for one, other in combinations(crops, 2):
            if one.picture.name == other.picture.name:
                apart = np.subtract(
                    (one.square.left, one.square.top), (other.square.left, other.square.top)
                )
                assert 2 * np.abs(apart).max() >= side - 4


def test_crops_are_kept(tiny_engine, scene, small_side, tmp_path, monkeypatch):
    engine = tiny_engine(store=ResultStore(tmp_path))
    pictures, channel = [scene(96, 96, 1)], Channel("conv2_1", 1)
    first = excerpts(engine, SPEC, [channel], pictures, count=3)[channel]
    monkeypatch.setattr(engine.reader, "features", None)  # whoever searches now fails
    again = excerpts(engine, SPEC, [channel], pictures, count=3)[channel]
    with pytest.raises(TypeError):
        excerpts(engine, SPEC, [channel], [scene(96, 96, 2)], count=3)
    assert first.leak == again.leak
    for before, after in zip(first.found, again.found, strict=True):
        assert before.picture.sha256 == after.picture.sha256
        assert before.picture.name == after.picture.name
        assert (before.activation, before.square) == (after.activation, after.square)


def test_a_field_larger_than_every_picture(tiny_engine, scene, small_side):
    with pytest.raises(ValueError, match="No unit of conv5_1 sees a whole square"):
        excerpts(tiny_engine(), SPEC, [Channel("conv5_1", 0)], [scene(96, 96)])


def test_pictures_of_a_folder(tmp_path, monkeypatch, scene):
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


def test_the_best_square_of_some_pictures_is_judged_as_if_it_stood_alone(
    tiny_engine, scene, monkeypatch
):
    monkeypatch.setattr(module, "SHORT_SIDE", 32)
    engine, channels = tiny_engine(), [Channel("conv3_1", 1), Channel("conv2_1", 0)]
    wide, other = scene(64, 32, 1), scene(32, 32, 2)
    squares = [wide.pixels[:, left : left + 32] for left in (0, 16, 32)] + [other.pixels]
    alone = [Picture.from_array(each / 255) for each in squares]
    expected = {
        channel: max(
            float(
                engine.reader.features(square, [channel.layer], SPEC)[channel.layer]
                .wide()[0, channel.index]
                .mean()
            )
            for square in alone
        )
        for channel in channels
    }
    found = strongest_means(engine, SPEC, channels, [wide, other], 32)
    assert found == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="too few for 33 px"):
        strongest_means(engine, SPEC, channels, [wide], 33)
