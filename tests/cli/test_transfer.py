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
from replicate.errors import DivergedError
from replicate.images import load_image
from replicate.record import Record, read_record

SMALL = "--size 32 --evaluations 3 --precision exact"

pytestmark = pytest.mark.usefixtures("inputs")


def drawn(folder: Path, name: str = "out.png") -> np.ndarray:
    return load_image(folder / name).pixels


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


def test_a_picture_with_its_record(typed: Callable[..., Any], folder: Path) -> None:
    ran = typed(f"transfer photo.png art.png {SMALL}")
    assert ran.code == 0
    assert ran.out.startswith("out.png  32 × 21 px, 3 evaluations in ")
    assert "vgg19-random draws in its place" in ran.err
    assert "32 × 21 px, 3 evaluations, on cpu in exact float32, by VGG-19-random" in ran.err
    record = read_record(folder / "out.png")
    assert record.preset.name == "gatys2016"
    assert record.content and record.content.source == "photo.png"
    assert (record.size, record.evaluations, record.seed) == (32, 3, 0)


def test_json(typed: Callable[..., Any], folder: Path) -> None:
    found = json.loads(typed(f"transfer photo.png art.png -o deep/down.webp {SMALL} --json").out)
    assert found.pop("file") == "deep/down.webp"
    assert Record.model_validate(found) == read_record(folder / "deep/down.webp")


def test_every_setting_reaches_the_job(typed: Callable[..., Any], folder: Path) -> None:
    line = (
        "transfer photo.png art.png --preset gatys2016-code --content-layers conv2_2=1e-1 "
        "--style-layers relu1_1 block3_conv1,relu4_1 --ratio 1e-2 --size 40 --evaluations 2 "
        "--seed 11 --init style --network vgg19-random --precision float32 --device cpu"
    )
    assert typed(line).code == 0
    record = read_record(folder / "out.png")
    assert record.preset.name == "gatys2016-code"
    assert record.preset.content_layers == {"conv2_2": 0.1}
    thirds = dict.fromkeys(("relu1_1", "relu3_1", "relu4_1"), pytest.approx(1 / 3))
    assert record.preset.style_layers == thirds
    assert record.preset.ratio == pytest.approx(1e-2)
    assert (record.size, record.evaluations, record.seed, record.init) == (40, 2, 11, "style")
    assert record.precision == "float32"


def test_weights_by_name(typed: Callable[..., Any], folder: Path) -> None:
    typed(f"transfer photo.png art.png --style-layers relu1_1=0.5 relu2_1 {SMALL}")
    assert read_record(folder / "out.png").preset.style_layers == {"relu1_1": 0.5, "relu2_1": 1.0}


def test_balanced(typed: Callable[..., Any], folder: Path) -> None:
    line = f"transfer photo.png art.png --content-layers relu2_2 {SMALL}"
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


def test_nothing_to_balance_like(typed: Callable[..., Any], folder: Path) -> None:
    line = f"transfer photo.png art.png --style-layers none --balanced {SMALL}"
    assert typed(line).code == 0
    assert list(read_record("out.png").preset.content_layers) == ["relu4_2"]


def test_no_style_at_all(typed: Callable[..., Any], folder: Path) -> None:
    assert typed(f"transfer photo.png art.png --style-layers none {SMALL}").code == 0
    assert set(read_record(folder / "out.png").losses) == {"content/relu4_2"}


def test_start_from_a_file(typed: Callable[..., Any], folder: Path) -> None:
    assert typed(f"transfer photo.png art.png --init art.png {SMALL}").code == 0
    record = read_record(folder / "out.png")
    assert record.init == "picture"
    assert record.start and record.start.source == "art.png"


def test_bundled_pictures_by_name(typed: Callable[..., Any], folder: Path) -> None:
    assert typed(f"transfer coffee chelsea {SMALL}").code == 0
    record = read_record(folder / "out.png")
    assert record.content and record.content.source == "coffee"


def test_kept_small_on_a_cpu(typed: Callable[..., Any], folder: Path) -> None:
    ran = typed("transfer photo.png art.png --evaluations 1")
    assert "256 × 171 px, 1 evaluations" in ran.err
    assert "kept small" not in ran.err
    typed("transfer photo.png art.png --evaluations 1 --preset johnson2016 -o other.png")
    assert read_record(folder / "other.png").size == 256


def test_the_default_is_said(typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stop_after(monkeypatch, 1, press_ctrl_c)
    ran = typed("transfer photo.png art.png")
    assert "kept small for a CPU; --size and --evaluations" in ran.err
    assert "stopped after 1 of 180 evaluations" in ran.err


def test_results_are_no_business_of_the_store(typed: Callable[..., Any], tmp_path: Path) -> None:
    typed(f"transfer photo.png art.png {SMALL}")
    assert not list((tmp_path / "cache").rglob("*.png"))


# And back again


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_the_same_picture_again(typed: Callable[..., Any], folder: Path, suffix: str) -> None:
    typed(f"transfer photo.png art.png -o one.{suffix} --ratio 1e-1 --seed 5 {SMALL}")
    ran = typed(f"transfer --from one.{suffix}")
    assert ran.code == 0
    assert ran.out.startswith(f"one-again.{suffix}  ")
    assert f"the same picture as 'one.{suffix}', to the last bit." in ran.err
    assert np.array_equal(drawn(folder, f"one.{suffix}"), drawn(folder, f"one-again.{suffix}"))


def test_again_from_a_start_picture(typed: Callable[..., Any], folder: Path) -> None:
    typed(f"transfer photo.png art.png --init art.png {SMALL}")
    typed("transfer --from out.png -o again.png")
    assert np.array_equal(drawn(folder), drawn(folder, "again.png"))


def test_again_from_another_folder(
    typed: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(f"transfer photo.png art.png {SMALL}")
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert "to the last bit" in typed(f"transfer --from ..{os.sep}out.png -o again.png").err
    assert (folder / "below/again.png").exists()


def test_with_something_changed(typed: Callable[..., Any], folder: Path) -> None:
    typed(f"transfer photo.png art.png --ratio 1e-2 --seed 1 {SMALL}")
    ran = typed(
        "transfer --from out.png --seed 2 --evaluations 2 --content-layers relu2_2 -o b.png"
    )
    assert ran.code == 0
    assert "the same picture" not in ran.err
    record = read_record(folder / "b.png")
    assert (record.seed, record.evaluations, record.size) == (2, 2, 32)
    assert list(record.preset.content_layers) == ["relu2_2"]
    assert record.preset.ratio == pytest.approx(1e-2)


def test_with_another_content(typed: Callable[..., Any], folder: Path, scene: Any) -> None:
    typed(f"transfer photo.png art.png {SMALL}")
    scene(32, 48, seed=4).save(folder / "tall.png")
    assert typed("transfer --from out.png tall.png -o b.png").code == 0
    record = read_record(folder / "b.png")
    assert record.content and record.content.source == "tall.png"
    assert record.style and record.style.source == "art.png"
    assert drawn(folder, "b.png").shape == (32, 21, 3)


def test_another_start(typed: Callable[..., Any], folder: Path) -> None:
    typed(f"transfer photo.png art.png --init art.png {SMALL}")
    assert typed("transfer --from out.png --init noise -o b.png").code == 0
    record = read_record(folder / "b.png")
    assert (record.init, record.start) == ("noise", None)


def test_a_missing_input_is_refused_and_can_be_named_anew(
    typed: Callable[..., Any], folder: Path
) -> None:
    typed(f"transfer photo.png art.png {SMALL}")
    (folder / "photo.png").rename(folder / "moved.png")
    assert (
        "content picture 'photo.png' cannot be found" in typed("transfer --from out.png").refused()
    )
    assert typed("transfer --from out.png moved.png -o b.png").code == 0
    assert np.array_equal(drawn(folder), drawn(folder, "b.png"))


def test_a_changed_input_is_refused(typed: Callable[..., Any], folder: Path, scene: Any) -> None:
    typed(f"transfer photo.png art.png {SMALL}")
    scene(40, 40, seed=9).save(folder / "art.png")
    assert "'art.png' is no longer the one" in typed("transfer --from out.png").refused()
    assert typed("transfer --from out.png photo.png art.png").code == 0


def test_another_network_is_said(
    typed: Callable[..., Any], tiny_engine: Callable[..., Any], folder: Path
) -> None:
    tiny_engine()  # brings the trained weights
    typed(f"transfer photo.png art.png {SMALL}")
    assert read_record(folder / "out.png").network.name == "vgg19-caffe"
    ran = typed("transfer --from out.png --network vgg19-random")
    assert ran.code == 0
    assert "the same picture" not in ran.err
    assert read_record(folder / "out-again.png").network.name == "vgg19-random"


def test_another_network_leaves_the_input_scale_that_the_preset_is_meant_for(
    typed: Callable[..., Any], folder: Path
) -> None:
    typed(f"transfer photo.png art.png --preset udacity --network vgg19-random {SMALL}")
    record = read_record(folder / "out.png")
    assert record.network.name == "vgg19-random"
    assert record.preset.network.name == "vgg19-torchvision"
    assert "to the last bit" in typed("transfer --from out.png").err


def test_the_recorded_network_is_gone(
    typed: Callable[..., Any],
    tiny_engine: Callable[..., Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny_engine()
    typed(f"transfer photo.png art.png {SMALL}")
    monkeypatch.setattr("replicate.networks.networks.find_weights", lambda name: None)

    def absent(name: str) -> None:
        from replicate.errors import WeightsError

        raise WeightsError(f"The weights {name} are not on this machine.")

    monkeypatch.setattr("replicate.networks.networks.load_weights", absent)
    ran = typed("transfer --from out.png")
    assert ran.code == 0
    assert "vgg19-caffe are not on this machine; another network draws" in ran.err
    assert "same picture" not in ran.err


def test_the_stand_in_of_the_record_stays(
    typed: Callable[..., Any], tiny_engine: Callable[..., Any], folder: Path
) -> None:
    typed(f"transfer photo.png art.png {SMALL}")
    assert read_record(folder / "out.png").network.name == "vgg19-random"
    tiny_engine()  # now the real weights are here
    assert "to the last bit" in typed("transfer --from out.png").err


def test_other_weights_under_the_same_name(
    typed: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch, tiny_tensors: Any
) -> None:
    from replicate.networks.weights import LoadedWeights

    typed(f"transfer photo.png art.png {SMALL}")
    other = LoadedWeights("vgg19-random", "vgg19", "caffe", tiny_tensors(seed=5), "other", None)
    monkeypatch.setattr("replicate.networks.networks.random_weights", lambda *_, **__: other)
    assert "other weights than when" in typed("transfer --from out.png").err


# Stopped


def test_ctrl_c_keeps_the_picture_so_far(
    typed: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(patch, 2, press_ctrl_c)
        ran = typed("transfer photo.png art.png --size 32 --evaluations 9 --precision exact")
    assert ran.code == 130
    assert "stopped after 2 of 9 evaluations; 'out.png' is the picture so far" in ran.err
    assert "--init out.png goes on" in ran.err
    record = read_record(folder / "out.png")
    assert (record.evaluations, record.stopped) == (9, 2)
    assert "to the last bit" in typed("transfer --from out.png").err


def test_ctrl_c_before_the_first_evaluation(
    typed: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(monkeypatch, 0, press_ctrl_c)
    ran = typed(f"transfer photo.png art.png {SMALL}")
    assert ran.code == 130
    assert "nothing was written" in ran.err
    assert not (folder / "out.png").exists()


def test_a_divergence_keeps_the_last_good_picture(
    typed: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(monkeypatch, 2, diverge)
    ran = typed(f"transfer photo.png art.png {SMALL}")
    assert ran.code == 2
    assert "exploded at evaluation 3" in ran.err
    assert "'out.png' is the last good picture" in ran.err
    assert read_record(folder / "out.png").stopped == 2


def test_a_divergence_at_once(typed: Callable[..., Any], folder: Path) -> None:
    ran = typed(f"transfer photo.png art.png --init content --ratio 1e-300 {SMALL}")
    assert ran.code == 2
    assert "exploded at evaluation 1" in ran.err
    assert "nothing was written" in ran.err
    assert not (folder / "out.png").exists()


def test_out_of_memory_is_a_sentence(
    typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")

    stop_after(monkeypatch, 0, full)
    ran = typed(f"transfer photo.png art.png {SMALL}")
    assert ran.code == 2
    assert "does not fit into memory" in ran.err


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
        ("photo.png art.png -o out", "must end in .png, .jpg or .webp"),
        ("photo.png art.png -o dir.png", "it is a folder"),
        ("photo.png art.png -o text.png/out.png", "'text.png' is a file"),
        ("photo.png art.png -o photo.png", "one of the pictures to work from"),
        ("photo.png art.png -o ./art.png", "one of the pictures to work from"),
        ("photo.png art.png --preset gatys2061", "did you mean 'gatys2016'?"),
        ("photo.png art.png --content-layers relu4_22", "did you mean 'relu4_2'?"),
        ("photo.png art.png --style-layers relu1_1,relu9_9", "no layer 'relu9_9'"),
        ("photo.png art.png --preset johnson2016 --content-layers relu3_4", "exists in vgg19 only"),
        ("photo.png art.png --network vgg16 --content-layers relu3_4", "exists in vgg19 only"),
        ("photo.png art.png --style-layers relu1_1=much", "weight of 0 or more for relu1_1"),
        ("photo.png art.png --style-layers relu1_1=-1", "weight of 0 or more for relu1_1"),
        ("photo.png art.png --style-layers relu1_1=nan", "weight of 0 or more for relu1_1"),
        ("photo.png art.png --style-layers relu1_1=inf", "weight of 0 or more for relu1_1"),
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
        ("photo.png art.png --ratio 0", "needs a number above 0"),
        ("photo.png art.png --ratio -1", "needs a number above 0"),
        ("photo.png art.png --ratio nan", "needs a number above 0"),
        ("photo.png art.png --ratio inf", "needs a number above 0"),
        ("photo.png art.png --ratio 1e-3x", "needs a number above 0"),
        ("photo.png art.png --ratio 1e999", "needs a number above 0"),
        ("photo.png art.png --ratio=-inf", "needs a number above 0"),
        ("photo.png art.png --size 8", "whole number from 16 to 8192"),
        ("photo.png art.png --size 1e3", "whole number from 16 to 8192"),
        ("photo.png art.png --size 99999999999", "whole number from 16 to 8192"),
        ("photo.png art.png --size -5", "whole number from 16 to 8192"),
        ("photo.png art.png --evaluations 0", "whole number from 1"),
        ("photo.png art.png --evaluations 2.5", "whole number from 1"),
        ("photo.png art.png --seed -1", "whole number from 0"),
        ("photo.png art.png --seed 99999999999999999999", "whole number from 0"),
        ("photo.png art.png --seed random", "whole number from 0"),
        ("photo.png art.png --init nowhere.png", "'nowhere.png' does not exist"),
        ("photo.png art.png --init nosie", "no start 'nosie'; did you mean 'noise'?"),
        ("photo.png art.png --init swirl", "did you mean 'swirls'?"),
        ("photo.png art.png --network vgg19", "vgg19-caffe are not on this machine"),
        ("photo.png art.png --network vgg18", "did you mean 'vgg19'?"),
        ("photo.png art.png --device gpu", "'gpu' is no device"),
        ("photo.png art.png --precision fp16", "did you mean 'bf16'?"),
        ("photo.png art.png --panel a", "--panel needs --from"),
        ("--from .", "--from needs the name of a file"),
        ("--from nowhere.png", "'nowhere.png' does not exist"),
        ("--from photo.png", "does not say how it was drawn"),
        ("--from text.png", "not a picture"),
        ("--from photo.png --panel a", "--panel needs --from"),
        ("--from nowhere.json --panel a", "cannot be read"),
        ("--from photo.png --preset gatys2016", "--preset does not go with --from"),
    ],
)
def test_mistakes(
    typed: Callable[..., Any], folder: Path, scene: Any, line: str, told: str
) -> None:
    (folder / "text.png").write_text("no picture at all")
    (folder / "dir.png").mkdir()
    scene(16, 16).pil().crop((0, 0, 9, 9)).save(folder / "tiny.png")
    before = {path: path.read_bytes() for path in folder.glob("*") if path.is_file()}
    # Small, so that a mistake that is not seen costs little.
    small = "" if "--size" in line or "--evaluations" in line else " --size 32 --evaluations 1"
    placed = f"{small} {line}" if "layers" in line else f"{line}{small}"
    ran = typed(f"transfer {placed}")
    assert told in ran.err
    assert ran.code == 2
    assert ran.err.count("\n") <= 2 and "Traceback" not in ran.err
    assert not ran.out
    assert {path: path.read_bytes() for path in folder.glob("*") if path.is_file()} == before


# As a user types it


def test_in_a_process_of_its_own(folder: Path) -> None:
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
