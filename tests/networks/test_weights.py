"""Weights: found in the right place, fetched, converted, and refused when they are wrong.

Real downloads hold 550 MB; here a network of two convolutions stands in, served from this machine.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import skimage.data
import torch
import torch.nn.functional as F
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import Tensor

from replicate.errors import ReplicateError, WeightsError
from replicate.networks import layers, originals
from replicate.networks.networks import build
from replicate.networks.random import random_weights
from replicate.networks.spec import NetworkSpec
from replicate.networks.stored import rounded_layers, tensors_sha256
from replicate.networks.table import NetworkEntry, network_entry, read_table
from replicate.networks.weights import fetch_weights, find_weights, load_weights, locate_weights

REAL_FOLDER = os.environ.get("REPLICATE_WEIGHTS")
NAME = "tiny-caffe"
INDICES = {"conv1_1": 0, "conv2_1": 3}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REPLICATE_WEIGHTS", raising=False)
    monkeypatch.setitem(layers.BLOCKS, "tiny", (1, 1))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    chosen = tmp_path / "folder"
    chosen.mkdir()
    monkeypatch.setenv("REPLICATE_WEIGHTS", str(chosen))
    return chosen


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    """What a converted file of the tiny network holds: RGB, torchvision's keys."""
    generator = torch.Generator().manual_seed(0)
    colours = torch.tensor([1.0, 1.2, 1.4]).view(1, 3, 1, 1)
    return {
        "features.0.weight": torch.randn(64, 3, 3, 3, generator=generator) * colours,
        "features.0.bias": torch.randn(64, generator=generator),
        "features.3.weight": torch.randn(128, 64, 3, 3, generator=generator),
        "features.3.bias": torch.randn(128, generator=generator),
    }


def landmarks(tensors: dict[str, Tensor]) -> tuple[float, ...]:
    colours = tensors["features.0.weight"].abs().mean((0, 2, 3)).tolist()
    return (*colours, *(float(tensors[f"features.{i}.bias"].abs().mean()) for i in (0, 3)))


def turned(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """From RGB to BGR, or back."""
    return {**tensors, "features.0.weight": tensors["features.0.weight"].flip(1)}


def original(tensors: dict[str, Tensor], caffe_keys: bool = False, **save: bool) -> bytes:
    """The bytes of a .pth as the servers have it: BGR, with a classifier."""
    state = turned(tensors)
    if caffe_keys:
        state = {
            f"{layer}.{part}": state[f"features.{index}.{part}"]
            for layer, index in INDICES.items()
            for part in ("weight", "bias")
        }
    else:
        state["classifier.0.weight"] = torch.zeros(300, 100)
    buffer = io.BytesIO()
    torch.save(state, buffer, **save)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def known(serve: Callable[..., str], name: str, data: bytes) -> str:
    """An address that tells the first digits of what lies there."""
    return serve(f"{name}-{sha256(data)[:8]}.pth", data)


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Callable[..., NetworkEntry]:
    """Makes the tiny network a known one."""

    def enter(*sources: str, marks: tuple[float, ...] = (), bgr: bool = True) -> NetworkEntry:
        row = replace(
            network_entry("vgg19-caffe"),
            id=NAME, architecture="tiny", sources=sources, landmarks=marks, bgr=bgr,
        )  # fmt: skip
        monkeypatch.setitem(read_table(), NAME, row)
        return row

    return enter


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert found[key].dtype == torch.float32
        torch.testing.assert_close(found[key], tensor, rtol=0, atol=0)


@contextmanager
def refused(*parts: object) -> Iterator[None]:
    """The block ends in one sentence that holds these parts."""
    with pytest.raises(ReplicateError) as caught:
        yield
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    assert all(str(part) in text for part in parts), text


# Fetching


@pytest.mark.parametrize(("zipped", "bgr"), [(True, True), (False, False)])
def test_fetch_converts_to_rgb_convolutions_alone(serve, define, tensors, cache, zipped, bgr):
    data = original(tensors, _use_new_zipfile_serialization=zipped)
    define(known(serve, "vgg19", data), bgr=bgr)
    old = cache / ".fetch-old"  # left by a download that was killed
    old.mkdir(parents=True)
    (old / "a.pth").write_bytes(b"half")
    os.utime(old, (0, 0))
    path = fetch_weights(NAME)
    assert path == cache / f"{NAME}.safetensors" == fetch_weights(NAME)
    assert len(serve.asked) == 1, "downloaded once"
    assert [entry.name for entry in cache.iterdir()] == [path.name], "the original is deleted"
    assert_equal(safetensors.torch.load_file(path), tensors if bgr else turned(tensors))
    with safetensors.safe_open(path, "pt") as file:
        header = file.metadata()
    assert header["source_sha256"] == sha256(data)
    assert "/vgg19-" in header["source"]
    assert (header["name"], header["convention"]) == (NAME, "caffe")
    assert header["format_version"] == "1"


def test_files_on_the_hub_come_by_its_own_client(define, tensors, cache, monkeypatch):
    """Which takes up again what was broken off; its copy goes when it has been converted."""
    asked: list[tuple[Any, ...]] = []

    def client(*where: str, revision: str, cache_dir: Path) -> str:
        asked.append((*where, revision))
        if len(asked) == 1:
            raise LocalEntryNotFoundError("no connection.\nMore lines.")
        cache_dir.mkdir(parents=True)
        (cache_dir / "blob").write_bytes(original(tensors, caffe_keys=True))
        (cache_dir / "vgg_conv.pth").symlink_to(cache_dir / "blob")
        return str(cache_dir / "vgg_conv.pth")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", client)
    address = "https://huggingface.co/somebody/vgg/resolve/main/folder/vgg_conv.pth"
    define(address, marks=landmarks(tensors))
    with refused("folder/vgg_conv.pth of somebody/vgg: no connection)"):
        fetch_weights(NAME)
    fetch_weights(NAME)
    assert asked == [("somebody/vgg", "folder/vgg_conv.pth", "main")] * 2
    assert_equal(load_weights(NAME).tensors, tensors)
    assert [entry.name for entry in cache.iterdir()] == [f"{NAME}.safetensors"]


def test_what_a_space_has_preloaded_goes_first_and_stays(
    nobody, define, tensors, monkeypatch, tmp_path
):
    file = tmp_path / "vgg_conv.pth"
    file.write_bytes(original(tensors, caffe_keys=True))
    cached = {("somebody/vgg", "vgg_conv.pth", "main"): str(file)}
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda *where, revision: cached[*where, revision]
    )
    address = "https://huggingface.co/somebody/vgg/resolve/main/vgg_conv.pth"
    define(nobody, address, marks=landmarks(tensors))
    fetch_weights(NAME)
    assert_equal(load_weights(NAME).tensors, tensors)
    assert file.exists()


@pytest.mark.parametrize("first", ["absent", "refused", "wrong digest", "not weights", "damaged"])
def test_the_mirror_takes_over(nobody, serve, define, tensors, first):
    data = original(tensors)
    sources = {
        "absent": serve("gone-00000000.pth", None),
        "refused": nobody,
        "wrong digest": serve("changed-00000000.pth", data),
        "not weights": serve("page.pth", b"<html>moved</html>"),
        "damaged": serve("half.pth", data[: len(data) // 2]),
    }
    mirror = original(tensors, caffe_keys=True)
    define(sources[first], serve("vgg_conv.pth", mirror), marks=landmarks(tensors))
    fetch_weights(NAME)
    assert_equal(load_weights(NAME).tensors, tensors)
    assert serve.asked[-1] == "/vgg_conv.pth"


@pytest.mark.parametrize(
    "change",
    [turned, lambda tensors: {**tensors, "features.3.bias": tensors["features.3.bias"] * 1.1}],
)
def test_a_mirror_with_other_weights_is_refused(serve, define, tensors, cache, change):
    data = original(change(tensors), caffe_keys=True)
    define(serve("mirror.pth", data), marks=landmarks(tensors))
    with refused("mirror.pth"):
        fetch_weights(NAME)
    assert list(cache.iterdir()) == []


def test_offline_the_way_is_named(nobody, define, cache):
    define(nobody, nobody)
    with refused("REPLICATE_WEIGHTS", f"{NAME}.safetensors"):
        fetch_weights(NAME)
    assert list(cache.iterdir()) == []


class _Evil:
    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return (Path.touch, (self.proof,))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_that_runs_code_is_refused_unrun(serve, define, tmp_path, cache):
    proof = tmp_path / "it ran"
    buffer = io.BytesIO()
    torch.save({"features.0.weight": _Evil(proof)}, buffer)
    for data in (buffer.getvalue(), pickle.dumps(_Evil(proof))):
        define(known(serve, "evil", data))
        with refused("evil-"):
            fetch_weights(NAME)
    assert not proof.exists()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {k: t for k, t in tensors.items() if k != "features.0.bias"},
        lambda tensors: {**tensors, "features.3.weight": torch.zeros(128, 64, 1, 1)},
        lambda tensors: {**tensors, "features.3.bias": [0.0] * 128},
        lambda tensors: {**tensors, "features.3.bias": torch.zeros(128).to_sparse()},
        lambda tensors: {**tensors, "features.3.bias": torch.zeros(128, device="meta")},
        lambda tensors: {"state_dict": tensors},
        lambda tensors: list(tensors.values()),
        lambda tensors: "weights",
    ],
)
def test_originals_of_another_shape_are_refused(serve, define, tensors, cache, change):
    buffer = io.BytesIO()
    torch.save(change(tensors), buffer)
    data = buffer.getvalue()
    define(known(serve, "odd", data))
    with refused("odd-"):
        fetch_weights(NAME)
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_fetched_anew(serve, define, tensors, cache):
    data = original(tensors)
    define(known(serve, "a", data))
    path = fetch_weights(NAME)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="replicate weights fetch"):
        load_weights(NAME)
    assert fetch_weights(NAME) == path
    assert_equal(load_weights(NAME).tensors, tensors)
    assert len(serve.asked) == 2


def test_a_cache_that_cannot_be_written_is_one_sentence(
    serve, define, tensors, tmp_path, monkeypatch
):
    data = original(tensors)
    define(known(serve, "a", data))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "file"))
    with refused(str(tmp_path / "file")):
        fetch_weights(NAME)


# Finding


def save(path: Path, tensors: dict[str, Tensor], **header: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(tensors, path, header)
    return path


def test_absent_weights(nobody, define):
    define(nobody)
    assert find_weights(NAME) is None
    with refused(f"replicate weights fetch {NAME}", "REPLICATE_WEIGHTS"):
        load_weights(NAME)


def test_the_folder_goes_before_the_cache(nobody, define, tensors, folder, cache):
    define(nobody)
    in_cache = save(cache / f"{NAME}.safetensors", tensors)
    assert find_weights(NAME) == in_cache
    in_folder = save(folder / f"{NAME}.safetensors", tensors)
    assert find_weights(NAME) == in_folder
    assert fetch_weights(NAME) == in_folder


@pytest.mark.parametrize("name", ["vgg19-abc.pth", f"{NAME}.pth"])
def test_an_original_in_the_folder_is_converted(define, tensors, folder, cache, name):
    data = original(tensors)
    define("https://nowhere.invalid/vgg19-abc.pth", marks=landmarks(tensors))
    (folder / name).write_bytes(data)
    path = find_weights(NAME)
    assert path == cache / f"{NAME}.safetensors"
    assert_equal(load_weights(NAME).tensors, tensors)
    assert (folder / name).read_bytes() == data, "the user's file stays"
    changed = path.stat().st_mtime_ns
    assert find_weights(NAME) == path and path.stat().st_mtime_ns == changed, "converted once"


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_one_sentence(monkeypatch, tmp_path, kind):
    chosen = tmp_path / "weights"
    if kind == "file":
        chosen.write_text("")
    monkeypatch.setenv("REPLICATE_WEIGHTS", str(chosen))
    for ask in (find_weights, fetch_weights, locate_weights):
        with refused(str(chosen)):
            ask("vgg19-caffe")


def test_an_empty_setting_is_no_setting(monkeypatch):
    monkeypatch.setenv("REPLICATE_WEIGHTS", "")
    assert find_weights("vgg19-caffe") is None


def test_where_weights_are_is_told_without_reading_them(define, tensors, folder, cache):
    define("https://nowhere.invalid/a.pth")
    path = save(cache / f"{NAME}.safetensors", tensors)
    (folder / "vgg16-caffe.safetensors").write_bytes(b"12345")
    assert locate_weights(NAME) == ("cache", path)
    assert locate_weights("vgg16") == ("folder", folder / "vgg16-caffe.safetensors")
    assert locate_weights("vgg19-torchvision") == ("absent", None)
    assert locate_weights("vgg19-random") == ("absent", None)
    (folder / "a.pth").write_bytes(b"123")
    assert locate_weights(NAME) == ("folder", folder / "a.pth")


# Loading


def test_weights_are_known_by_their_tensors(nobody, define, tensors, folder):
    save(folder / define(nobody).file_name, tensors)
    found = load_weights(NAME)
    assert_equal(found.tensors, tensors)
    assert found.sha256 == tensors_sha256(tensors)
    halves = {key: tensor.half() for key, tensor in tensors.items()}
    save(folder / f"{NAME}.safetensors", {**halves, "classifier.0.weight": torch.zeros(3)})
    assert_equal(load_weights(NAME).tensors, {key: half.float() for key, half in halves.items()})


def _cut(length: int) -> Callable[[Path, dict[str, Tensor]], None]:
    return lambda path, tensors: path.write_bytes(path.read_bytes()[:length])


def _changed(**replaced: Tensor) -> Callable[[Path, dict[str, Tensor]], None]:
    named = {key.replace("_", "."): tensor for key, tensor in replaced.items()}
    return lambda path, tensors: safetensors.torch.save_file({**tensors, **named}, path)


def _only(*keys: str) -> Callable[[Path, dict[str, Tensor]], None]:
    return lambda path, tensors: safetensors.torch.save_file({k: tensors[k] for k in keys}, path)


def _header(**header: str) -> Callable[[Path, dict[str, Tensor]], None]:
    return lambda path, tensors: safetensors.torch.save_file(tensors, path, header)


def _flip_last_byte(path: Path, tensors: dict[str, Tensor]) -> None:
    data = bytearray(
        safetensors.torch.save(tensors, {"tensors_sha256": tensors_sha256(tensors), "name": NAME})
    )
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        *(_cut(length) for length in (0, 7, 100, 1000, 100_000, -1)),
        lambda path, tensors: path.write_bytes(path.read_bytes() + b"more"),
        lambda path, tensors: path.write_bytes(b"\xff" * 5000),
        lambda path, tensors: path.write_bytes(original(tensors)),
        lambda path, tensors: path.write_text("version https://git-lfs.example/spec/v1"),
        _flip_last_byte,
        _only("features.0.weight", "features.0.bias", "features.3.weight"),
        _changed(features_0_weight=torch.zeros(64, 4, 3, 3)),
        _changed(features_3_weight=torch.zeros(128, 64, 9)),
        _changed(features_3_bias=torch.zeros(64)),
        _changed(features_3_bias=torch.zeros(128, dtype=torch.int32)),
        _changed(features_3_bias=torch.full((128,), torch.nan)),
        _changed(features_0_weight=torch.full((64, 3, 3, 3), torch.inf)),
        _header(name="vgg19-caffe"),
        _header(format_version="0"),
        _header(tensors_sha256="0" * 64),
    ],
)
def test_wrong_files_are_refused_by_name_with_a_remedy(nobody, define, tensors, folder, spoil):
    file = define(nobody)
    path = save(folder / file.file_name, tensors)
    assert load_weights(NAME).tensors
    spoil(path, tensors)
    with refused(str(path), f"replicate weights fetch {NAME}"):
        load_weights(NAME)


def test_the_hash_is_of_names_shapes_types_and_values_alone(tensors):
    sums = {
        tensors_sha256(tensors),
        tensors_sha256({**tensors, "features.0.bias": tensors["features.0.bias"].half()}),
        tensors_sha256({**tensors, "features.0.bias": tensors["features.0.bias"].view(8, 8)}),
        tensors_sha256({**tensors, "features.0.bias": -tensors["features.0.bias"]}),
        tensors_sha256({f"x{key}": tensor for key, tensor in tensors.items()}),
    }
    assert len(sums) == 5
    turned = {key: tensors[key] for key in reversed(tensors)}
    turned["features.3.weight"] = turned["features.3.weight"].to(memory_format=torch.channels_last)
    assert tensors_sha256(turned) in sums


@pytest.mark.parametrize(
    ("name", "why"),
    [("vgg19-compact", "comes with the package"), ("resnet50-random", "no trained")],
)
def test_what_has_no_address_is_never_downloaded(name, why):
    with pytest.raises(WeightsError, match=why):
        fetch_weights(name)


# Random networks


@pytest.mark.parametrize("name", ["vgg11-random", "resnet18-random"])
def test_random_weights_follow_their_seed_alone(name):
    torch.manual_seed(1)
    first = random_weights(name, seed=3).sha256
    torch.manual_seed(2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    again = random_weights(name, seed=3).sha256
    torch.set_num_threads(threads)
    assert first == again != random_weights(name, seed=4).sha256


def test_the_random_network_is_the_one_of_old_results():
    """To the last bit of its tensors, names and shapes."""
    assert random_weights().sha256[:16] == "9041ece94c8aeb31"


@pytest.mark.parametrize(
    ("name", "pooling", "layers"),
    [
        ("vgg19-random", "max", ()),
        ("vgg13-random", "average", ()),
        ("resnet18-random", "max", ("relu", "layer1", "layer2", "layer3", "layer4")),
    ],
)
def test_random_networks_keep_the_scale_of_activations(name, pooling, layers):
    """On a photograph that the rescaling has not seen, the mean stays near one at every depth."""
    spec = NetworkSpec.model_validate({"name": name, "pooling": pooling})
    weights = random_weights(name, pooling, seed=1)
    network = build(spec, weights, torch.device("cpu"), torch.float32)
    photo = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)[None].float() / 255
    maps = network(F.interpolate(photo, size=96, mode="area"), layers or network.measured_layers)
    means = torch.stack([feature.map.mean() for feature in maps.values()])
    assert (means > 0.4).all() and (means < 2.5).all()


# The real networks


@pytest.mark.real_weights
@pytest.mark.parametrize(
    ("name", "colours"),
    [("vgg19-caffe", (0.158, 0.173, 0.139)), ("vgg16-caffe", (0.170, 0.185, 0.150))],
)
def test_real_weights_load(monkeypatch, name, colours):
    if not REAL_FOLDER or not (Path(REAL_FOLDER) / f"{name}.safetensors").is_file():
        pytest.skip("REPLICATE_WEIGHTS holds no such file")
    monkeypatch.setenv("REPLICATE_WEIGHTS", REAL_FOLDER)
    found = load_weights(name)
    file = network_entry(name)
    assert locate_weights(name) == ("folder", Path(REAL_FOLDER) / file.file_name)
    assert originals._has_landmarks(found.tensors, file)
    kernels = found.tensors["features.0.weight"]
    assert kernels.abs().mean((0, 2, 3)).tolist() == pytest.approx(colours, rel=0.01)
    flipped = {**found.tensors, "features.0.weight": kernels.flip(1)}
    assert not originals._has_landmarks(flipped, file)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["conv4_2"], "conv4_2"),
        (["conv4_1", "conv4_2", "conv4_3"], "conv4_1 to conv4_3"),
        (["conv3_1", "conv4_2"], "conv3_1, conv4_2"),
    ],
)
def test_layers_that_were_kept_in_few_bits_are_named(names, said):
    """8 bits with a scale of the tensor, or of each filter."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for step in (each for each in layers.steps("vgg16") if each.kind == "conv"):
        weight = torch.randn(2, step.channels // 2, 3, 3, generator=generator)
        if step.name in names:
            over = (0, 1, 2, 3) if step.name == "conv3_1" else (1, 2, 3)
            scale = weight.abs().amax(dim=over, keepdim=True) / 127
            weight = (weight / scale).round() * scale
        tensors[f"features.{step.index}.weight"] = weight
    assert rounded_layers(tensors, "vgg16") == said
    halved = {name: tensor.half().float() for name, tensor in tensors.items()}
    assert rounded_layers(halved, "vgg16") == said
