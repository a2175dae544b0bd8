"""Fast networks: the network, its goal, training, use."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from replicate.cli import main
from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.engine.terms import objective_of
from replicate.errors import ReplicateError, WeightsError
from replicate.fast.goal import MIXER, MixerGoal, SingleGoal
from replicate.fast.network import TransformationNetwork, _InstanceNorm
from replicate.fast.setting import Setting, conditions, drawn, length
from replicate.fast.train import CPU, LOG, SAMPLE, Trainer, train
from replicate.fast.use import Fast, write
from replicate.images import Picture, load_image
from replicate.method import evaluate
from replicate.networks.networks import Networks
from replicate.networks.pixels import to_tensor
from replicate.networks.spec import NetworkInfo
from replicate.storage.files import file_digest

SMALL = replace(CPU, steps=4, minutes=0.0, size=32, width=4, style_size=32)
WISH = Setting("two", {"relu2_1": 0.5, "relu4_1": 1.0}, "relu3_3", 3.0)


def picture(seed: int, side: int = 48) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


@pytest.fixture(scope="session")
def network():
    networks = Networks(torch.device("cpu"), torch.float32, "vgg19-random")
    return networks.network(MIXER.network)


@pytest.fixture
def goal(network):
    return MixerGoal(MIXER, network, {"one": picture(1), "two": picture(2)}, SMALL.style_size)


@pytest.fixture
def trainer(goal):
    return Trainer(SMALL, goal, [picture(seed).pixels for seed in range(3, 6)])


def parameters(trainer):
    return torch.cat([value.flatten() for value in trainer.average.parameters()])


# ---- the network


def test_the_normalisation_is_pytorch_s_with_its_gradients():
    tensors = [torch.randn(2, 3, *side, requires_grad=True) for side in ((5, 7), (1, 1), (1, 1))]
    gradient = torch.randn(2, 3, 5, 7)
    x, scale, shift = tensors
    ours, theirs = _InstanceNorm.apply(*tensors), F.instance_norm(x) * scale + shift
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        torch.autograd.grad(ours, tensors, gradient), torch.autograd.grad(theirs, tensors, gradient)
    )


@pytest.mark.parametrize("side", [(16, 16), (33, 50), (64, 19)])
def test_pictures_keep_their_size_and_range(side):
    drawn = TransformationNetwork(4)(torch.rand(2, 3, *side))
    assert drawn.shape == (2, 3, *side)
    assert 0 <= drawn.min() < drawn.max() <= 1


def test_a_picture_in_a_batch_is_the_picture_alone():
    network, pictures = TransformationNetwork(4, 3), torch.rand(2, 3, 24, 24)
    wishes = torch.rand(2, 3)
    alone = [network(pictures[i : i + 1], wishes[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(network(pictures, wishes), torch.cat(alone))
    assert not torch.allclose(*network(pictures[:1].expand(2, -1, -1, -1), wishes))
    with pytest.raises(ValueError, match="conditions"):
        network(pictures)


# ---- settings and goals


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"style": "wav"}, "no style 'wav'; did you mean 'wave'"),
        ({"layers": {"relu1_2": 1}}, "no style layer 'relu1_2'"),
        ({"layers": {"relu1_1": 1.5}}, "weight of relu1_1 is from 0 to 1"),
        ({"layers": {"relu1_1": float("nan")}}, "weight of relu1_1 is from 0 to 1"),
        ({"layers": {"relu1_1": 0}}, "Every layer's weight is zero"),
        ({"content": "relu4_1"}, "no content layer 'relu4_1'"),
        ({"ratio": 0.0}, "ratio is from 0.03 to 3"),
    ],
)
def test_wrong_settings_are_one_sentence(change, sentence):
    with pytest.raises(ReplicateError, match=sentence):
        replace(Setting("wave"), **change).checked(["wave", "mosaic"])


def test_conditions_tell_settings_apart_and_stay_small():
    rng = np.random.default_rng(0)
    wishes = [drawn(rng, ["one", "two"]).checked(["one", "two"]) for _ in range(200)]
    rows = conditions(wishes, ["one", "two"])
    assert rows.shape == (200, length(["one", "two"]))
    assert rows.abs().max() <= 1
    assert len(rows.unique(dim=0)) == 200


def test_a_mixer_s_objective_is_the_engine_s_with_the_preset_of_that_setting(trainer, network):
    goal, photograph = trainer.goal, picture(9, 32)
    batch = goal.asked(to_tensor(photograph).repeat(2, 1, 1, 1), [Setting("one"), WISH])
    preset = goal.units.preset(WISH).with_(size=32)
    job = Job(preset, photograph, picture(2).scaled_to(32), size=32)
    meant = objective_of([job], job.levels(), network)
    there = torch.rand(1, 3, 32, 32)
    total = evaluate(meant, network, there).total[0]
    assert total == pytest.approx(
        float(evaluate(batch.objective, network, there.repeat(2, 1, 1, 1)).total[1]), rel=1e-4
    )


def test_units_bring_untouched_photographs_to_one(goal):
    pictures = torch.cat([to_tensor(picture(seed, 32)) for seed in range(4)])
    goal.prepare([pictures])
    wish = Setting("one", {"relu3_1": 1.0}, ratio=0.1)
    losses = evaluate(goal.asked(pictures, [wish] * 4).objective, goal.network, pictures).total
    assert float(losses.mean()) == pytest.approx(1, rel=1e-4)


def test_a_balanced_preset_weighs_layers_as_if_their_losses_began_alike(network):
    layers = {"relu1_1": 1.0, "relu3_1": 3.0}
    preset = MIXER.with_(content_layers={"relu2_2": 2.0}, style_layers=layers, tv_weight=1.0)
    pictures = torch.cat([to_tensor(picture(seed, 32)) for seed in range(4)])
    goal = SingleGoal(preset, network, {"one": picture(1)}, 32, balanced=True)
    goal.prepare([pictures])
    rng = np.random.default_rng(0)
    untouched = evaluate(goal.batch(pictures, rng).objective, network, pictures)
    style = sum(goal.preset.style_layers[name.split("/")[1]] * loss.mean()
                for name, loss in untouched.losses.items() if "style" in name)  # fmt: skip
    assert float(style) == pytest.approx(1 + 3, rel=1e-3)
    turned = evaluate(goal.batch(pictures, rng).objective, network, pictures.roll(1, 0))
    content = goal.preset.content_layers["relu2_2"] * turned.losses["content/relu2_2"].mean()
    assert float(content) == pytest.approx(2, rel=1e-3)
    assert goal.preset.tv_weight == 0


# ---- training


def test_a_single_network_learns_its_preset(network):
    preset = load_preset("johnson2016").with_(style_layers={"relu2_1": 1.0})
    goal = SingleGoal(preset, network, {"one": picture(1)}, 32)
    trainer = Trainer(replace(SMALL, steps=40), goal, [picture(seed).pixels for seed in range(3)])
    batch = goal.batch(trainer.photographs(), trainer.rng)

    def loss():
        pictures = trainer.network(batch.pictures).detach()
        return float(evaluate(batch.objective, network, pictures).total.mean())

    before = loss()
    for _ in range(40):
        trainer.step()
    assert loss() < 0.5 * before


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(goal, tmp_path):
    pictures = [picture(seed).pixels for seed in range(3, 6)]
    whole, begun, rest = (Trainer(SMALL, goal, pictures) for _ in range(3))
    train(whole, tmp_path / "whole", picture(7), lambda text: None)
    train(begun, tmp_path / "part", picture(7), lambda text: None, lambda: begun.progress.step > 1)
    assert begun.progress.step == 2
    said = []
    train(rest, tmp_path / "part", picture(7), said.append)
    assert said[0] == "going on from step 2"
    assert torch.equal(parameters(whole), parameters(rest))
    lines = (tmp_path / "part" / LOG).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4]
    assert load_image(tmp_path / "part" / SAMPLE).size == (6 * 48, 2 * 48)


def test_a_single_network_goes_on_with_the_weights_that_it_began_with(network, tmp_path):
    """Balanced by other photographs they would be others; a file says them as well."""
    preset = MIXER.with_(content_layers={"relu2_2": 1.0}, style_layers={"relu3_1": 1.0})
    begun, rest = (
        Trainer(
            SMALL,
            SingleGoal(preset, network, {"one": picture(1)}, 32, balanced=True),
            [picture(seed).pixels for seed in seeds],
        )
        for seeds in (range(3, 6), range(6, 9))
    )
    weighed = begun.goal.preset
    assert weighed != rest.goal.preset
    train(begun, tmp_path, picture(7), lambda text: None, lambda: begun.progress.step > 1)
    train(rest, tmp_path, picture(7), lambda text: None)
    assert rest.goal.preset == weighed
    judge = NetworkInfo(name="vgg19-random", sha256="")
    file = write(tmp_path / "one.safetensors", rest.average, rest.record(judge))
    assert Fast.load(file, "cpu").preset == weighed
    assert load_image(tmp_path / SAMPLE).size == (48, 48)


def test_a_mixer_s_older_checkpoint_holds_a_preset_too(trainer, network):
    state = trainer.state()
    state["preset"] = MIXER.model_dump(mode="json", exclude_defaults=True)
    state["units"]["content"]["relu2_2"] = 5.0
    trainer.restore(state)
    assert trainer.goal.units.content["relu2_2"] == 5
    assert trainer.record(NetworkInfo(name="vgg19-random", sha256=""))["preset"] is None


def test_a_crop_of_one_colour_does_no_harm(trainer, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "photographs", lambda: torch.full((2, 3, 32, 32), 0.7))
        trainer.step()
    before = parameters(trainer)
    assert before.isfinite().all()
    trainer.step()
    assert not torch.equal(parameters(trainer), before)


def test_another_recipe_does_not_go_on(trainer, goal, tmp_path):
    train(trainer, tmp_path, picture(7), lambda text: None)
    other = Trainer(replace(SMALL, size=24), goal, [picture(3).pixels])
    with pytest.raises(ReplicateError, match="another size"):
        train(other, tmp_path, picture(7), lambda text: None)


# ---- use


@pytest.fixture
def file(trainer, tmp_path):
    judge = NetworkInfo(name="vgg19-random", sha256="")
    return write(tmp_path / "mixer.safetensors", trainer.average, trainer.record(judge))


def test_a_file_holds_network_and_record(file, trainer):
    fast = Fast.load(file, device="cpu")
    assert fast.styles == ("one", "two")
    assert fast.units == trainer.goal.units
    slow = trainer.goal.units.preset(WISH).with_(network={"name": "vgg19-random"})
    assert fast.slow(WISH) == slow  # on the network that judged the training
    assert (fast.sha256, fast.style_size) == (file_digest(file), SMALL.style_size)
    drawn = fast(picture(8, 40), "two", layers={"relu4_1": 1.0}, content="relu2_2", ratio=3.0)
    assert drawn.size == (40, 40)
    assert fast(picture(8), size=20).size == (20, 20)
    assert repr(fast) == "Fast('mixer', mixer, styles one, two)"


@pytest.mark.parametrize("damage", [b"", b"abc", None])
def test_a_damaged_file_is_one_sentence(file, damage):
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] if damage is None else damage)
    with pytest.raises(WeightsError, match="damaged, or no fast network"):
        Fast.load(file)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ("apply", "needs a picture"),
        ("apply chelsea --use mixr", "no fast network 'mixr'"),
        ("apply chelsea --use none.safetensors", "Cannot read 'none.safetensors'"),
        ("apply chelsea --use {file} --style three", "no style 'three'"),
        ("apply chelsea --use {file} --layers relu1_1=0", "Every layer's weight is zero"),
        ("apply chelsea --use {file} --layers relu1_1=x", "needs a weight"),
        ("apply {dot} --use {file}", "each side needs 16"),
        ("apply {folder} -o out.png --use {file}", "need a folder"),
        ("apply chelsea -o out.txt --use {file}", "must end in"),
        ("train", "needs a style"),
        ("train wave", "needs photographs"),
        ("train wave --pictures {folder} --network vgg19-random -o x.png", "must end in"),
        ("train wave mosaic --pictures {folder} --network vgg19-random", "--mixer takes several"),
    ],
)
def test_bad_input_is_one_sentence(options, sentence, file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, side in (("a", 32), ("b", 32)):
        picture(0, side).save(tmp_path / "pictures" / f"{name}.png")
    picture(0, 2).save(tmp_path / "dot.png")
    names = {"file": file, "folder": tmp_path / "pictures", "dot": tmp_path / "dot.png"}
    assert main(["fast", *options.format(**names).split()]) == 2
    heard = capsys.readouterr().err.strip()
    assert heard.count("\n") == 0 and sentence in heard


def test_the_command_trains_and_draws_a_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        picture(ord(name), 40).save(tmp_path / "pictures" / f"{name}.png")
    style = picture(1).save(tmp_path / "style.png")
    line = f"fast train {style} --mixer --pictures pictures --steps 2 --network vgg19-random"
    assert main([*line.split(), "-o", "m.safetensors"]) == 0
    assert (
        main(["fast", "apply", "pictures", "--use", "m.safetensors", "--size", "32", "-o", "drawn"])
        == 0
    )
    assert {path.name for path in Path("drawn").iterdir()} == {"a.png", "b.png", "c.png"}
    assert load_image(tmp_path / "drawn" / "a.png").size == (32, 32)
