"""``replicate transfer``: from the pictures to the file, and from the file back again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replicate.engine.engine import Engine
from replicate.errors import DivergedError, ReplicateError, WeightsError
from replicate.images import Picture, load_image
from replicate.networks.stored import Weights
from replicate.record import Record, read_record

SMALL = "--size 32 --evaluations 3 --precision exact"
DRAW = f"transfer photo.png art.png {SMALL}"

pytestmark = pytest.mark.usefixtures("inputs")


def stop_after(monkeypatch: pytest.MonkeyPatch, snapshots: int, stop: Callable[[], None]) -> None:
    """Let the engine give so many snapshots before something happens."""
    stream = Engine.stream

    def stopping(self: Engine, job: Any, every: int = 1) -> Iterator[Any]:
        for number, snapshot in enumerate(stream(self, job, every)):
            if number == snapshots:
                stop()
            yield snapshot

    monkeypatch.setattr(Engine, "stream", stopping)


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def diverge() -> None:
    raise DivergedError("the loss has exploded at evaluation 3: lower it", step=3, picture=None)


# From the pictures to the file


def test_a_picture_with_its_record(typed, tmp_path):
    ran = typed(DRAW)
    assert ran.code == 0
    assert ran.out.startswith("out.png  32 × 21 px, 3 evaluations in ")
    assert "vgg19-random draws in its place" in ran.err
    assert "32 × 21 px, 3 evaluations, on cpu in exact float32, by VGG-19-random" in ran.err
    record = read_record("out.png")
    assert record.preset.name == "gatys2016"
    assert record.content and record.content.source == "photo.png"
    assert (record.size, record.evaluations, record.seed) == (32, 3, 0)
    assert not list((tmp_path / "cache").rglob("*.png")), "a transfer is no result of the store"


def test_json(typed):
    found = json.loads(typed(f"transfer photo.png chelsea -o deep/down.webp {SMALL} --json").out)
    assert found.pop("file") == "deep/down.webp"
    assert found["style"]["source"] == "chelsea"
    assert Record.model_validate(found) == read_record("deep/down.webp")


def test_every_setting_reaches_the_job(typed):
    line = (
        "transfer photo.png art.png --preset gatys2016-code --content-layers conv2_2=1e-1 "
        "--style-layers relu1_1 block3_conv1,relu4_1 --ratio 1e-2 --size 40 --evaluations 2 "
        "--seed 11 --init style --network vgg19-random --precision float32 --device cpu"
    )
    assert typed(line).code == 0
    record = read_record("out.png")
    assert record.preset.name == "gatys2016-code"
    assert record.preset.content_layers == {"conv2_2": 0.1}
    thirds = dict.fromkeys(("relu1_1", "relu3_1", "relu4_1"), pytest.approx(1 / 3))
    assert record.preset.style_layers == thirds
    assert record.preset.ratio == pytest.approx(1e-2)
    assert (record.size, record.evaluations, record.seed, record.init) == (40, 2, 11, "style")
    assert record.precision == "float32"


def test_layers_by_weight_and_none(typed):
    typed(f"{DRAW} --style-layers relu1_1=0.5 relu2_1")
    assert read_record("out.png").preset.style_layers == {"relu1_1": 0.5, "relu2_1": 1.0}
    assert typed(f"{DRAW} --style-layers none --balanced").code == 0
    assert set(read_record("out.png").losses) == {"content/relu4_2"}


def test_balanced(typed):
    line = f"{DRAW} --content-layers relu2_2"
    typed(f"{line} -o plain.png")
    ran = typed(f"{line} --balanced")
    plain, balanced = read_record("plain.png").preset, read_record("out.png").preset
    (weight,) = balanced.content_layers.values()
    assert f"balanced weights: content relu2_2={weight:g}, style relu1_1=" in ran.err
    assert balanced.style_weight == plain.style_weight
    assert len(set(balanced.style_layers.values())) == 5
    assert weight != plain.content_layers["relu2_2"]
    again = typed("transfer --from plain.png --balanced -o again.png")
    assert again.code == 0 and "balanced weights: content relu2_2=1," in again.err
    assert "to the last bit" not in again.err
    typed("transfer --from out.png -o same.png")
    assert read_record("same.png").preset == balanced


def test_kept_small_on_a_cpu(typed, monkeypatch):
    stop_after(monkeypatch, 1, press_ctrl_c)
    ran = typed("transfer photo.png art.png --preset johnson2016")
    assert "256 × 171 px, 180 evaluations" in ran.err
    assert "kept small for a CPU; --size and --evaluations" in ran.err
    assert "kept small" not in typed("transfer photo.png art.png --evaluations 2").err


# And back again


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_the_same_picture_again(typed, suffix):
    typed(f"{DRAW} -o one.{suffix} --ratio 1e-1 --seed 5 --init art.png")
    record = read_record(f"one.{suffix}")
    assert record.start and (record.init, record.start.source) == ("picture", "art.png")
    ran = typed(f"transfer --from one.{suffix}")
    assert ran.code == 0
    assert ran.out.startswith(f"one-again.{suffix}  ")
    assert f"the same picture as 'one.{suffix}', to the last bit." in ran.err
    one, again = load_image(f"one.{suffix}"), load_image(f"one-again.{suffix}")
    assert np.array_equal(one.pixels, again.pixels)


def test_several_styles_their_scale_and_kept_colours(typed, folder, scene):
    scene(32, 32, seed=5).save(folder / "a=b.png")
    options = "--blend a=b.png=0.5 photo.png --style-scale 0.5 --keep-colour luminance"
    assert typed(f"{DRAW} {options}").code == 0
    record = read_record("out.png")
    assert [(each.source, each.weight) for each in record.blend] == [
        ("a=b.png", 0.5),
        ("photo.png", 1.0),
    ]
    assert (record.style_scale, record.keep_colour) == (0.5, "luminance")
    assert "to the last bit" in typed("transfer --from out.png").err

    changes = "--keep-colour none --style-scale 1 --blend a=b.png"
    assert "to the last bit" not in typed(f"transfer --from out.png {changes} -o b.png").err
    record = read_record("b.png")
    assert [(each.source, each.weight) for each in record.blend] == [("a=b.png", 1.0)]
    assert not {"style_scale", "keep_colour"} & set(record.plain())
    assert "above 0" in typed(f"{DRAW} --blend art.png=0").refused()
    assert "between 0.1 and 4" in typed(f"{DRAW} --style-scale 9").refused()
    assert "there is no 'hue'" in typed(f"{DRAW} --keep-colour hue").refused()


def test_again_from_another_folder(typed, folder, monkeypatch):
    typed(DRAW)
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert "to the last bit" in typed(f"transfer --from ..{os.sep}out.png -o again.png").err
    assert (folder / "below/again.png").exists()


def test_with_something_changed(typed, folder, scene):
    typed(f"{DRAW} --ratio 1e-2 --seed 1 --init art.png")
    scene(32, 48, seed=4).save(folder / "tall.png")
    changes = "tall.png --seed 2 --evaluations 2 --content-layers relu2_2 --init noise"
    ran = typed(f"transfer --from out.png {changes} -o b.png")
    assert ran.code == 0
    assert "the same picture" not in ran.err
    record = read_record("b.png")
    assert (record.seed, record.evaluations, record.size) == (2, 2, 32)
    assert list(record.preset.content_layers) == ["relu2_2"]
    assert record.preset.ratio == pytest.approx(1e-2)
    assert record.content and record.content.source == "tall.png"
    assert record.style and record.style.source == "art.png"
    assert (record.init, record.start) == ("noise", None)
    assert load_image("b.png").size == (21, 32)


def test_inputs_that_moved_or_changed_can_be_named_anew(typed, folder, scene):
    typed(DRAW)
    (folder / "photo.png").rename(folder / "moved.png")
    again = "transfer --from out.png"
    assert "content picture 'photo.png' cannot be found" in typed(again).refused()
    assert "to the last bit" not in typed(f"{again} moved.png -o b.png").err
    assert load_image("b.png").sha256 == load_image("out.png").sha256
    scene(40, 40, seed=9).save(folder / "art.png")
    assert "'art.png' is no longer the one" in typed(f"{again} moved.png").refused()
    assert typed(f"{again} moved.png art.png").code == 0


def test_the_recorded_network_draws_again_if_it_is_here(typed, tiny_engine, monkeypatch):
    typed(f"{DRAW} -o random.png")
    tiny_engine()  # brings the trained weights
    assert "to the last bit" in typed("transfer --from random.png").err
    typed(DRAW)
    assert read_record("out.png").network.name == "vgg19-caffe"
    ran = typed("transfer --from out.png --network vgg19-random")
    assert ran.code == 0 and "the same picture" not in ran.err
    assert read_record("out-again.png").network.name == "vgg19-random"

    def absent(name: str) -> None:
        raise WeightsError(f"The weights {name} are not on this machine.")

    monkeypatch.setattr("replicate.networks.networks.find_weights", lambda name: None)
    monkeypatch.setattr("replicate.networks.networks.load_weights", absent)
    ran = typed("transfer --from out.png")
    assert ran.code == 0 and "same picture" not in ran.err
    assert "vgg19-caffe are not on this machine; another network draws" in ran.err


def test_another_network_leaves_the_input_scale_that_the_preset_is_meant_for(
    typed, tiny_tensors, monkeypatch
):
    typed(f"{DRAW} --preset udacity --network vgg19-random")
    record = read_record("out.png")
    assert record.network.name == "vgg19-random"
    assert record.preset.network.name == "vgg19-torchvision"
    assert "to the last bit" in typed("transfer --from out.png").err
    other = Weights(tiny_tensors(seed=5), "other")
    monkeypatch.setattr("replicate.networks.networks.random_weights", lambda *_, **__: other)
    assert "other weights than when" in typed("transfer --from out.png").err


# Stopped


def test_ctrl_c_keeps_the_picture_so_far(typed, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2, press_ctrl_c)
        ran = typed("transfer photo.png art.png --size 32 --evaluations 9 --precision exact")
    assert ran.code == 130
    assert "stopped after 2 of 9 evaluations; 'out.png' is the picture so far" in ran.err
    assert "--init out.png goes on" in ran.err
    record = read_record("out.png")
    assert (record.evaluations, record.stopped) == (9, 2)
    assert "to the last bit" in typed("transfer --from out.png").err


def test_a_divergence_keeps_the_last_good_picture(typed, monkeypatch):
    stop_after(monkeypatch, 2, diverge)
    ran = typed(DRAW)
    assert ran.code == 2
    assert "exploded at evaluation 3" in ran.err and "'out.png' is the last good pic" in ran.err
    assert read_record("out.png").stopped == 2


def full() -> None:
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")


@pytest.mark.parametrize(
    ("event", "code", "told"),
    [
        (press_ctrl_c, 130, "nothing was written"),
        (diverge, 2, "nothing was written"),
        (full, 2, "does not fit into memory"),
    ],
)
def test_stopped_before_the_first_evaluation(typed, folder, monkeypatch, event, code, told):
    stop_after(monkeypatch, 0, event)
    ran = typed(DRAW)
    assert ran.code == code and told in ran.err
    assert not (folder / "out.png").exists()


# Where the picture goes


def test_the_place_is_tried_before_the_drawing(typed, folder, monkeypatch):
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    monkeypatch.setattr(Engine, "stream", None)
    assert typed(DRAW).err.endswith("Cannot write to '.': No space left on device.\n")
    assert sorted(os.listdir(folder)) == ["art.png", "photo.png"]


def test_a_picture_that_cannot_be_written_in_the_end_is_kept_elsewhere(typed, monkeypatch):
    save = Picture.save

    def fails(self: Picture, path: str | Path, *rest: Any) -> Path:
        if Path(path) == Path("out.png"):
            raise ReplicateError("Cannot write 'out.png': No space left on device.")
        return save(self, path, *rest)

    monkeypatch.setattr(Picture, "save", fails)
    ran = typed(DRAW)
    assert ran.code == 2
    assert "Cannot write 'out.png': No space left on device; the picture lies in '" in ran.err
    assert read_record(ran.out.partition("  ")[0]).evaluations == 3


# Mistakes


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "CONTENT and STYLE are missing"),
        ("photo.png", "STYLE is missing"),
        ("--style-layers relu1_1 photo.png art.png", "put both before --style-layers"),
        ("photo.png art.png third.png", "what to do with 'third.png'"),
        ("nowhere.png art.png", "'nowhere.png' does not exist"),
        ("photo.png coffe", "did you mean 'coffee'?"),
        ("photo.png .", "is a folder"),
        ("text.png art.png", "not a picture"),
        ("tiny.png art.png", "needs 16 or more"),
        ("photo.png art.png -o out.gif", "must end in .png, .jpg or .webp"),
        ("photo.png art.png -o dir.png", "it is a folder"),
        ("photo.png art.png -o text.png/out.png", "'text.png' is a file"),
        ("photo.png art.png -o ./art.png", "one of the pictures to work from"),
        ("photo.png art.png --preset gatys2061", "did you mean 'gatys2016'?"),
        ("photo.png art.png --style-layers relu1_1,relu9_9", "no layer 'relu9_9'"),
        ("photo.png art.png --preset johnson2016 --content-layers relu3_4", "exists in vgg19 only"),
        ("photo.png art.png --network vgg16 --content-layers relu3_4", "exists in vgg19 only"),
        ("photo.png art.png --style-layers relu1_1=much", "weight of 0 or more for relu1_1"),
        ("photo.png art.png --style-layers relu1_1=nan", "weight of 0 or more for relu1_1"),
        ("photo.png art.png --style-layers =1", "needs a layer before the '='"),
        ("photo.png art.png --style-layers relu1_1 relu1_1", "names relu1_1 twice"),
        ("photo.png art.png --style-layers relu1_1 r11", "names relu1_1 twice"),
        ("photo.png art.png --style-layers none --content-layers none", "needs content layers"),
        ("photo.png art.png --style-layers ,", "needs a layer, or 'none'"),
        ("photo.png art.png --style-layers none relu1_1", "takes 'none' alone"),
        (
            "photo.png art.png --style-layers none --content-layers relu1_1=0",
            "Every layer's weight is zero",
        ),
        (
            "photo.png art.png --network vgg19-random --size 32 --content-layers pool5",
            "A picture of 32 × 21 px is too small for pool5",
        ),
        ("photo.png art.png --ratio 0", "needs a number above 0"),
        ("photo.png art.png --ratio nan", "needs a number above 0"),
        ("photo.png art.png --ratio inf", "needs a number above 0"),
        ("photo.png art.png --ratio 1e-3x", "needs a number above 0"),
        ("photo.png art.png --size 8", "whole number from 16 to 8192"),
        ("photo.png art.png --size 99999999999", "whole number from 16 to 8192"),
        ("photo.png art.png --evaluations 0", "whole number from 1"),
        ("photo.png art.png --seed 99999999999999999999", "whole number from 0"),
        ("photo.png art.png --init nosie", "no start 'nosie'; did you mean 'noise'?"),
        ("photo.png art.png --init swirl", "did you mean 'swirls'?"),
        ("photo.png art.png --network vgg19", "vgg19-caffe are not on this machine"),
        ("photo.png art.png --device gpu", "'gpu' is no device"),
        ("photo.png art.png --precision fp16", "did you mean 'bf16'?"),
        ("photo.png art.png --panel a", "--panel needs --from"),
        (f"photo.png art.png -o {'a' * 300}.png", "File name too long"),
        (f"{'a' * 300}.png art.png", "cannot be read: File name too long"),
        (f"{'a' * 300} art.png", "There is no picture or file"),
        (f"--from {'a' * 300}.png", "File name too long"),
        ("--from .", "--from needs the name of a file"),
        ("--from nowhere.png", "'nowhere.png' does not exist"),
        ("--from photo.png", "does not say how it was drawn"),
        ("--from photo.png --panel a", "--panel needs --from"),
        ("--from nowhere.json --panel a", "cannot be read"),
        ("--from photo.png --preset gatys2016", "--preset does not go with --from"),
    ],
)
def test_mistakes(typed, folder, scene, line, told):
    (folder / "text.png").write_text("no picture at all")
    (folder / "dir.png").mkdir()
    scene(16, 16).pil().crop((0, 0, 9, 9)).save(folder / "tiny.png")
    before = {path: path.read_bytes() for path in folder.glob("*") if path.is_file()}
    # Small, so that a mistake that is not seen costs little.
    small = "" if "--size" in line or "--evaluations" in line else " --size 32 --evaluations 1"
    ran = typed(f"transfer {small} {line}" if "layers" in line else f"transfer {line}{small}")
    assert told in ran.err
    assert ran.code == 2
    assert ran.err.count("\n") <= 2 and len(ran.err) < 600 and "Traceback" not in ran.err
    assert not ran.out
    assert {path: path.read_bytes() for path in folder.glob("*") if path.is_file()} == before


# As a user types it


def test_in_a_process_of_its_own(folder):
    program = [sys.executable, "-m", "replicate", "transfer", "photo.png", "art.png"]
    options = "--preset gatys2016-code --network vgg19-random --size 32 --evaluations 2"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [*program, *options.split()], capture_output=True, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"out.png  32 ")
    assert load_image(folder / "out.png").size == (32, 21)
