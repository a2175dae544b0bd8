"""Pictures as tensors, and the channels' mean activations of Gatys' normalised network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replicate.images import Picture
from replicate.networks import means as normalisation
from replicate.networks.means import channel_means, measure_means
from replicate.networks.pixels import to_picture, to_tensor
from replicate.networks.spec import NetworkSpec
from replicate.networks.stored import Weights
from replicate.networks.vgg import VGG

Scene = Callable[..., Picture]
ZEROS = "0" * 64


def test_pictures_to_tensors_and_back():
    values = np.arange(256, dtype=np.uint8)
    pixels = np.stack([values, values[::-1], np.roll(values, 7)], axis=-1).reshape(16, 16, 3)
    tensor = to_tensor(Picture(pixels))
    assert tensor.shape == (1, 3, 16, 16)
    assert tensor[0, 1, 0, 0] == 1 and tensor[0, 0, 0, 0] == 0
    assert np.array_equal(to_picture(tensor).pixels, pixels)
    assert np.array_equal(
        to_picture(tensor[0].bfloat16() * 0 + 2).pixels, np.full((16, 16, 3), 255)
    )
    assert np.array_equal(to_picture(tensor - 9).pixels, np.zeros((16, 16, 3)))


# Gatys' normalised network


@pytest.fixture
def photographs(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Picture]:
    """A few small scenes in the place of the bundled photographs, and no packaged means."""
    pictures = [scene(40, 32, seed=seed) for seed in range(3)]
    monkeypatch.setattr(normalisation, "PHOTOGRAPHS", ("0", "1", "2"))
    monkeypatch.setattr(normalisation, "bundled", lambda name: pictures[int(name)])
    monkeypatch.setattr(normalisation, "MEANS", tmp_path / "none.npz")
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(normalisation, "SIDE", 40)
    return pictures


def test_means_are_over_pictures_and_positions(photographs, scene, tiny_network):
    network = tiny_network()
    pictures = [*photographs, scene(20, 40, seed=4)]  # of different sizes: positions count alike
    found = measure_means(network, pictures)
    maps = [network(to_tensor(p.scaled_to(40)), ["relu2_1"])["relu2_1"].map for p in pictures]
    rows = torch.cat([m[0].flatten(1) for m in maps], dim=1)
    torch.testing.assert_close(found["relu2_1"], rows.mean(1), rtol=1e-5, atol=1e-7)
    assert len(found) == 16


def test_normalised_engine_network_has_means_of_one(photographs, tiny_engine):
    engine = tiny_engine()
    specs = NetworkSpec(), NetworkSpec(normalised=True)
    before, after = (measure_means(engine.networks.network(spec), photographs) for spec in specs)
    for layer, means in after.items():
        alive = before[layer] > normalisation.FLOOR * before[layer].mean()
        torch.testing.assert_close(means[alive], torch.ones(int(alive.sum())), atol=1e-3, rtol=0)
        assert (means[~alive] <= 1).all()
    assert not torch.allclose(before["relu3_1"], torch.ones(7), atol=0.05)


def test_means_may_be_those_of_the_other_pooling(photographs, tiny_engine):
    networks = tiny_engine().networks
    swapped = NetworkSpec(pooling="average", normalised=True, means="max")
    picture = to_tensor(photographs[0])
    layers = ["relu1_1", "relu3_1", "conv4_2"]
    found = networks.network(swapped)(picture, layers)
    plain = networks.network(NetworkSpec(pooling="average"))(picture, layers)
    means = measure_means(networks.network(NetworkSpec(pooling="max")), photographs)
    for layer in layers:
        divisor = means[layer.replace("conv", "relu")]
        floor = normalisation.FLOOR * divisor.mean()
        expected = plain[layer].wide() / divisor.clamp(min=float(floor)).view(1, -1, 1, 1)
        torch.testing.assert_close(found[layer].wide(), expected)
    assert swapped.label.endswith("normalised under max pooling")
    assert "means" not in NetworkSpec(normalised=True).description()  # keys of results stay
    assert swapped.description()["means"] == "max"


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_means_that_say_nothing_are_left_out(pooling):
    """Or equal networks would be built, and stored, twice."""
    swapped = NetworkSpec(pooling="average", normalised=True, means="max")
    assert swapped.changed(pooling="max") == NetworkSpec(normalised=True)
    assert swapped.changed(normalised=False) == NetworkSpec(pooling="average")
    own = NetworkSpec(pooling=pooling, normalised=True, means=pooling)
    assert own == NetworkSpec(pooling=pooling, normalised=True) and own.means is None


def test_channels_that_hardly_fire_are_not_blown_up(photographs, tiny_tensors):
    tensors = dict(tiny_tensors())
    tensors["features.0.bias"] = tensors["features.0.bias"].clone()
    tensors["features.0.bias"][2] = -1e6  # silent
    network = VGG(tensors)
    silent = measure_means(network, photographs)["relu1_1"]
    assert silent[2] == 0
    means = channel_means(network, "vgg19-caffe", Weights({}, ZEROS))["relu1_1"]
    assert float(means[2]) == pytest.approx(0.01 * float(silent.mean()))
    torch.testing.assert_close(means[:2], silent[:2])


def measured_anew(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one each time the means are measured."""
    counted: list[int] = []
    original = normalisation.measure_means

    def measure(*arguments: Any) -> Any:
        counted.append(1)
        return original(*arguments)

    monkeypatch.setattr(normalisation, "measure_means", measure)
    return counted


@pytest.mark.parametrize(("pooling", "value"), [("max", 3.0), ("average", 4.0)])
def test_the_files_means_go_before_packaged_ones_and_these_before_measured_ones(
    pooling, value, photographs, tiny_network, tmp_path, monkeypatch
):
    counted, network = measured_anew(monkeypatch), tiny_network(pooling=pooling)
    keys = (f"vgg19-caffe/{which}/relu1_1" for which in ("max", "average"))
    table = dict(zip(keys, (np.full(5, 30.0), np.full(5, 40.0))))
    np.savez(tmp_path / "means.npz", **table)
    monkeypatch.setattr(normalisation, "MEANS", tmp_path / "means.npz")
    stored = {"means.relu1_1": torch.tensor([3.0] * 4 + [0.0])}
    stored["means_average.relu1_1"] = torch.tensor([4.0] * 4 + [0.0])
    of_file = channel_means(network, "vgg19-caffe", Weights(stored, ZEROS))
    packaged = channel_means(network, "vgg19-caffe", Weights({}, ZEROS))
    floor = 0.01 * value * 4 / 5
    assert of_file["relu1_1"].tolist() == pytest.approx([value] * 4 + [floor])
    assert packaged["relu1_1"].tolist() == [10 * value] * 5
    assert of_file.keys() == packaged.keys() == {"relu1_1"} and not counted
    assert len(channel_means(tiny_network("vgg16"), "vgg16-caffe", Weights({}, ZEROS))) == 13


def test_measured_means_are_kept(photographs, tiny_network, monkeypatch):
    counted = measured_anew(monkeypatch)
    first = channel_means(tiny_network(), "vgg19-random", Weights({}, "a" * 64))
    again = channel_means(tiny_network(), "vgg19-random", Weights({}, "a" * 64))
    assert len(counted) == 1
    assert first.keys() == again.keys()
    assert all(torch.equal(first[layer], again[layer]) for layer in first)
    for network, sha256 in [
        (tiny_network(), "b" * 64),
        (tiny_network(pooling="average"), "a" * 64),
        (tiny_network(dtype=torch.bfloat16), "a" * 64),  # else exact runs would depend on it
    ]:
        channel_means(network, "vgg19-random", Weights({}, sha256))
    assert len(counted) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + bytes(b ^ 255 for b in data[200:240]) + data[240:],
        lambda data: b"\x80\x04" + data,  # looks like a pickle
    ],
)
def test_damaged_means_are_measured_anew(damage, photographs, tiny_network, monkeypatch, tmp_path):
    counted = measured_anew(monkeypatch)
    first = channel_means(tiny_network(), "vgg19-random", Weights({}, "a" * 64))
    (kept,) = (tmp_path / "cache" / "means").iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    again = channel_means(tiny_network(), "vgg19-random", Weights({}, "a" * 64))
    assert len(counted) == 2
    assert all(torch.equal(first[layer], again[layer]) for layer in first)
    channel_means(tiny_network(), "vgg19-random", Weights({}, "a" * 64))
    assert len(counted) == 2  # and put right
