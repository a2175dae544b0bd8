"""The compact network in training: shapes, folding, resuming, heads, data."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from replicate.compact import losses, model, train
from replicate.compact.export import Heads, Moments, in_teacher_units, read_making, to_file
from replicate.compact.muon import Muon, orthogonalised
from replicate.compact.pictures import Mixture, Sampler, TransferPool
from replicate.compact.transfers import relative
from replicate.photographs import held_out_and_rest, is_held_out, load_shrunk
from replicate.training import rate_factor

NARROW = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 10, 10, 10, 10)
WIDE = (8, 8, 10, 10, 12, 12, 12, 12, 16, 16, 16, 16, 16, 16, 16, 16)


def random_teacher(widths: tuple[int, ...] = WIDE, seed: int = 0) -> model.Plain:
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    before = 3
    for index, width in zip(model.FEATURE_INDICES, widths, strict=True):
        spread = (2 / (9 * before)) ** 0.5
        kernel = torch.randn(width, before, 3, 3, generator=generator) * spread
        tensors[f"features.{index}.weight"] = kernel
        tensors[f"features.{index}.bias"] = torch.randn(width, generator=generator) * 0.1
        before = width
    return model.Plain(tensors)


def random_pictures(count: int = 4, side: int = 48) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (side, side + 8, 3), dtype=np.uint8) for _ in range(count)]


def tiny_trainer(channels: list[losses.Channels] | None = None, **changes: object) -> train.Trainer:
    recipe = train.Recipe(
        steps=4, seed=3, widths=NARROW, pixels=2048, sizes=(32,), practise_every=2,
        practise_size=16,
        practise_after=0.0, frozen_after=0.5,
    )  # fmt: skip
    recipe = dataclasses.replace(recipe, **changes)  # type: ignore[arg-type]
    return train.Trainer(recipe, random_teacher(), random_pictures(), "cpu", channels)


# Shapes and names


@pytest.mark.parametrize("pooling", model.POOLINGS)
def test_maps_have_vgg19_resolutions_and_the_widths_asked_for(student, pooling):
    maps = student(torch.zeros(1, 3, 64, 96), pooling)
    for name, width, layer in zip(model.CONVOLUTIONS, NARROW, maps, strict=True):
        halvings = int(name[0]) - 1
        assert layer.shape == (1, width, 64 >> halvings, 96 >> halvings), name
        assert layer.min() >= 0, name
    assert len(student(torch.zeros(1, 3, 32, 32), depth=5)) == 5


# Folding and scaling


@pytest.mark.parametrize("pooling", model.POOLINGS)
def test_rescaling_divides_every_channel(pooling):
    teacher, scaled = random_teacher(), random_teacher()
    scales = [torch.rand(width) + 0.5 for width in teacher.widths]
    scaled.rescale(scales)
    pixels = torch.randn(1, 3, 32, 32)
    plain, divided = teacher(pixels, pooling).raw, scaled(pixels, pooling).raw
    for before, after, scale in zip(plain, divided, scales, strict=True):
        torch.testing.assert_close(after * scale.view(1, -1, 1, 1), before, rtol=1e-4, atol=1e-4)


# Heads


def test_head_refit_equals_least_squares():
    torch.manual_seed(1)
    narrow, wide = torch.rand(1, 5, 8, 8), torch.randn(1, 7, 8, 8)
    moments = Moments(5, 7)
    moments.add(narrow, wide)
    weight, bias = moments.solve(ridge=0.0)
    design = torch.cat([narrow[0].flatten(1), torch.ones(1, 64)]).T.double()
    expected = torch.linalg.lstsq(design, wide[0].flatten(1).T.double()).solution.float()
    torch.testing.assert_close(weight, expected[:-1].T, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(bias, expected[-1], rtol=1e-3, atol=1e-4)


def test_head_refit_weighs_crops_by_their_inverse_energy():
    """A crop a hundred times as strong must not drown another that it contradicts."""
    narrow = torch.ones(2, 1, 2, 2)
    wide = torch.stack([torch.full((1, 2, 2), 1.0), torch.full((1, 2, 2), 100.0)])
    moments = Moments(1, 1)
    moments.add(narrow, wide)
    weight, bias = moments.solve(ridge=1e-9)
    assert float(weight.sum() + bias) < 3


def test_ridge_shrinks_a_head_but_not_its_bias():
    narrow = torch.randn(1, 3, 8, 8)
    wide = 2 * narrow[:, :1] + 5
    moments = Moments(3, 1)
    moments.add(narrow, wide)
    free, held = moments.solve(0.0)[0], moments.solve(10.0)
    assert held[0].norm() < 0.3 * free.norm()
    assert abs(float(held[1]) - 5) < 0.8


def test_heads_return_to_the_teachers_units():
    trainer = tiny_trainer()
    weights = {f"{k}{n}": torch.ones(w, 2) for k in ("relu", "conv")
               for n, w in zip(model.CONVOLUTIONS, WIDE, strict=True)}  # fmt: skip
    heads = Heads(weights, {name: weight[:, 0] for name, weight in weights.items()})
    back = in_teacher_units(heads, trainer.scales)
    torch.testing.assert_close(back.weights["relu3_1"][:, 0], trainer.scales[4])
    torch.testing.assert_close(back.biases["conv3_1"], trainer.scales[4])


def test_what_float16_cannot_hold_is_refused():
    heads = Heads({"relu1_1": torch.full((2, 2), 1e6)}, {"relu1_1": torch.zeros(2)})
    with pytest.raises(OverflowError, match=r"heads\.relu1_1\.weight"):
        to_file({}, heads, {})


# Training


def states_equal(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            states_equal(first[key], second[key]) for key in first
        )
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(states_equal, first, second))
    return first == second


def without_clock(state: dict) -> dict:
    return {**state, "progress": state["progress"]["step"]}


def test_a_resumed_run_equals_an_unbroken_one(tmp_path):
    unbroken = tiny_trainer()
    unbroken.step()
    train.save_checkpoint(unbroken, tmp_path / "checkpoint.pt")
    unbroken.step()

    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    resumed = tiny_trainer([losses.Channels(**layer) for layer in state["channels"]])
    resumed.restore(state)
    resumed.step()
    assert resumed.progress.step == 2
    assert states_equal(without_clock(unbroken.state()), without_clock(resumed.state()))


def test_training_lowers_the_loss():
    trainer = tiny_trainer(steps=40, practise_after=2.0, frozen_after=2.0)
    errors = [float(trainer.step().features.sum()) for _ in range(40)]
    assert np.mean(errors[-5:]) < 0.8 * np.mean(errors[:5])


def test_batch_norm_stands_still_in_the_last_part():
    trainer = tiny_trainer(frozen_after=0.0, practise_after=2.0)
    before = trainer.student.layers()[3].norm.state_dict()["running_mean"].clone()
    trainer.step()
    assert torch.equal(before, trainer.student.layers()[3].norm.state_dict()["running_mean"])


def test_practice_fills_the_pool():
    trainer = tiny_trainer()
    trainer.step()
    assert not trainer.pool.pictures
    trainer.step()
    assert trainer.pool.pictures


def test_the_command_trains_polishes_and_resumes(tmp_path, monkeypatch):
    Image.fromarray(random_pictures(1)[0]).save(tmp_path / "picture.png")
    tensors = {}
    for index, (weight, bias) in enumerate(zip(random_teacher().weights, random_teacher().biases)):
        number = model.FEATURE_INDICES[index]
        tensors[f"features.{number}.weight"] = weight.data
        tensors[f"features.{number}.bias"] = bias.data
    save_file(tensors, tmp_path / "vgg19-tiny.safetensors")
    small = {"widths": NARROW, "pixels": 2 * 32 * 32, "sizes": (32,), "practise_size": 32}
    monkeypatch.setattr(train, "Recipe", functools.partial(train.Recipe, **small))
    monkeypatch.setattr(train, "POLISH", train.Recipe(steps=9, kernel_rate=1e-3, transfers=0.5))
    monkeypatch.setattr(train, "export", functools.partial(train.export, batches=2, crops=4))
    run, out = tmp_path / "run", tmp_path / "out.safetensors"
    words = ["--pictures", str(tmp_path), "--teacher", str(tmp_path / "vgg19-tiny.safetensors")]
    words += ["--run", str(run), "--out", str(out), "--device", "cpu", "--steps", "2"]
    train.main([*words, "--polish", "1"])
    made, stored = read_making(out), load_file(out)
    assert (made["teacher"], made["pictures"]) == ("vgg19-tiny", 1)
    for name, index, narrow, wide in zip(
        model.CONVOLUTIONS, model.FEATURE_INDICES, NARROW, WIDE, strict=True
    ):
        assert stored[f"features.{index}.weight"].shape[0] == narrow
        assert stored[f"heads.conv{name}.weight"].shape == (wide, narrow)
        assert stored[f"heads.relu{name}.weight"].dtype == torch.float16
        assert (
            stored[f"means.relu{name}"].shape == stored[f"heads.relu{name}.bias"].shape == (wide,)
        )
        assert stored[f"means.relu{name}"].dtype == torch.float32
    assert "held-out" in (run / "log.txt").read_text()
    first, second = made["runs"]
    assert first["recipe"]["widths"] == list(NARROW)
    assert (first["steps"], second["steps"]) == (2, 1)
    assert (first["recipe"]["transfers"], second["recipe"]["transfers"]) == (0.2, 0.5)

    begun = train.read_checkpoint(run)
    assert begun is not None
    (run / "polish" / train.CHECKPOINT).unlink()
    train.main([*words, "--polish", "3", "--resume"])
    again = train.read_checkpoint(run)
    assert again is not None and again["progress"] == begun["progress"]
    assert [made["steps"] for made in read_making(out)["runs"]] == [2, 3]


def test_losses_of_practice_are_relative():
    target = torch.rand(2, 4, 4) + torch.arange(2.0).view(2, 1, 1)
    assert float(relative(torch.zeros_like(target), target)) == pytest.approx(2)
    assert float(relative(3 * target, target)) == pytest.approx(8)


def test_polishing_begins_from_the_averaged_weights():
    first, second = tiny_trainer(steps=3), tiny_trainer(seed=9)
    for _ in range(3):
        first.step()
    second.begin_from(first.state())
    for student in (second.student, second.average.student):
        for name, value in first.average.student.state_dict().items():
            torch.testing.assert_close(student.state_dict()[name], value)
    assert len(second.pool.pictures) == len(first.pool.pictures)
    assert second.progress.step == 0


@pytest.mark.parametrize(("share", "factor"), [(0.0, 0.02), (0.005, 0.5), (0.01, 1.0), (1.0, 0.0)])
def test_rate_rises_then_falls(share, factor):
    assert rate_factor(share, 0.01) == pytest.approx(factor, abs=2e-3)


def test_gram_distance_is_zero_for_equals_and_one_against_nothing():
    matrices = torch.rand(2, 4, 4)
    assert float(losses.gram_distance(matrices, matrices)) == pytest.approx(1e-3, rel=1e-3)
    nothing = torch.zeros_like(matrices)
    assert float(losses.gram_distance(nothing, matrices)) == pytest.approx(1.0, rel=1e-3)


def test_units_weigh_channels_as_the_two_networks_do():
    layer = losses.Channels(rms=torch.tensor([1.0, 2.0, 2.0]), mean=torch.tensor([0.5, 1.0, 0.5]))
    for kind, ratios in (("even", (1, 1, 1)), ("raw", (1, 2, 2)), ("normalised", (2, 2, 4))):
        expected = torch.tensor(ratios, dtype=torch.float32)
        units = layer.units(kind)
        torch.testing.assert_close(units / units[0], expected / expected[0])
        assert float(units.square().mean()) == pytest.approx(1.0)


def test_a_channel_that_is_hardly_ever_active_does_not_drown_the_others():
    layer = losses.Channels(rms=torch.ones(5), mean=torch.tensor([1.0, 1.0, 1.0, 1.0, 1e-6]))
    units = layer.units("normalised")
    assert float(units[4] / units[0]) == pytest.approx(4.0)


def test_errors_weigh_channels_by_their_units(student):
    """An error in one channel counts by the square of its unit; no error counts nothing."""
    pixels = torch.randn(1, 3, 48, 48) * 60
    targets = [
        torch.nn.functional.conv2d(maps, layer.head.weight[:, :, None, None], layer.head.bias)
        for maps, layer in zip(student(pixels), student.layers(), strict=True)
    ]
    targets = [target.detach() for target in targets]
    plain = [torch.ones(width) for width in model.VGG_WIDTHS]
    with torch.no_grad():
        same = losses.layer_errors(student, plain, pixels, targets, "max")
        targets[4][:, 0] += 1.0
        found = []
        for loud in (1.0, 3.0):
            units = [torch.ones(width) for width in model.VGG_WIDTHS]
            units[4][0] = loud
            weighed = (targets[4] * units[4][:, None, None]).square().sum()
            expected = loud**2 * targets[4][:, 0].numel() / float(weighed)
            errors = losses.layer_errors(student, units, pixels, targets, "max")
            assert float(errors.features[4]) == pytest.approx(expected, rel=1e-4)
            found.append(float(errors.features[4]))
    assert float(same.features.max()) < 1e-9
    assert found[0] != pytest.approx(found[1], rel=0.05)


def test_muon_makes_steps_orthogonal():
    torch.manual_seed(0)
    made = orthogonalised(torch.randn(16, 90))
    singular = torch.linalg.svdvals(made)
    assert 0.6 < float(singular.min()) <= float(singular.max()) < 1.3


def test_muon_steps_have_one_size_whatever_the_gradient():
    for scale in (1e-4, 1e4):
        kernel = torch.nn.Parameter(torch.zeros(16, 10, 3, 3))
        optimizer = Muon([kernel], lr=0.02)
        torch.manual_seed(0)
        kernel.grad = torch.randn(16, 10, 3, 3) * scale
        optimizer.step()
        assert float(kernel.detach().square().mean().sqrt()) == pytest.approx(0.004, rel=0.3)


# Pictures


def test_held_out_pictures_are_fixed_by_name_alone():
    assert is_held_out(Path("a/vangogh_bedroom_in_arles.jpg")) is is_held_out(
        Path("elsewhere/VanGogh_Bedroom_in_Arles.png")
    )
    names = [Path(f"photos/{index}.jpg") for index in range(2000)]
    assert 40 < sum(map(is_held_out, names)) < 130
    paintings = [Path(f"paintings/{index}.jpg") for index in range(400)]
    assert 60 < sum(map(is_held_out, paintings)) < 140


def test_held_out_and_rest_part_the_folder(tmp_path):
    (tmp_path / "deep" / "paintings").mkdir(parents=True)
    for index in range(60):
        folder = tmp_path / "deep" / "paintings" if index % 2 else tmp_path
        (folder / f"{index}.jpg").touch()
    (tmp_path / "notes.txt").touch()
    held, rest = held_out_and_rest(tmp_path)
    assert held and rest
    assert len(held) + len(rest) == 60
    assert not set(held) & set(rest)


def test_pictures_are_kept_shrunk(tmp_path):
    Image.new("L", (900, 300), 128).save(tmp_path / "long.png")
    assert load_shrunk(tmp_path / "long.png", 300).shape == (100, 300, 3)


ONE_KIND = {
    "plain": Mixture(0, 0, 0, 0, 0),
    "transfers": Mixture(1, 0, 0, 0, 0),
    "spectra": Mixture(0, 1, 0, 0, 0),
    "blends": Mixture(0, 0, 1, 0, 0),
    "noisy": Mixture(0, 0, 0, 1, 0),
    "recoloured": Mixture(0, 0, 0, 0, 1),
}


@pytest.mark.parametrize("kind", ONE_KIND)
def test_every_kind_of_sample_has_the_size_asked_for(kind):
    pool = TransferPool()
    pool.add(np.full((20, 30, 3), 300.0))
    sampler = Sampler(random_pictures(), np.random.default_rng(0), ONE_KIND[kind], pool)
    batch = sampler.batch(2, 40)
    assert batch.shape == (2, 3, 40, 40)
    assert batch.dtype == np.float32
    assert np.isfinite(batch).all()


def test_batches_repeat_with_the_seed():
    batches = [Sampler(random_pictures(), np.random.default_rng(4)).batch(4, 32) for _ in range(2)]
    assert np.array_equal(*batches)


def test_plain_samples_are_centred():
    grey = [np.full((40, 40, 3), 128, np.uint8)]
    batch = Sampler(grey, np.random.default_rng(0), ONE_KIND["plain"]).batch(1, 16)
    expected = 128 - np.asarray(model.MEAN)
    np.testing.assert_allclose(batch.mean((0, 2, 3)), expected, atol=1e-3)


def test_the_pool_forgets_the_oldest():
    pool = TransferPool(capacity=2)
    for value in (1.0, 2.0, 3.0):
        pool.add(np.full((2, 2, 3), value))
    assert [float(picture[0, 0, 0]) for picture in pool.pictures] == [2.0, 3.0]


def test_no_pictures_is_an_error():
    with pytest.raises(ValueError, match="no pictures"):
        Sampler([], np.random.default_rng(0))
