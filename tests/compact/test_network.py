"""The compact network in the engine: it must look like VGG-19 at every layer, or be refused.

What holds whatever the weights is tested on a tiny network; the shipped file is tested as well,
where the package holds it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, load_file, save
from torch import Tensor
from torch.nn import functional as F

from replicate.compact import model
from replicate.compact.export import read_making
from replicate.compact.ship import MOST_BYTES, NAME, PACKAGE
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.errors import WeightsError
from replicate.networks import means as normalisation
from replicate.networks.layers import steps
from replicate.networks.spec import NetworkSpec
from replicate.networks.stored import read_compact
from replicate.networks.table import network_entry
from replicate.networks.vgg import VGG
from replicate.networks.weights import find_weights, load_weights, locate_weights

SHIPPED = PACKAGE / NAME
LAYERS = [step.name for step in steps("vgg19")]

needs_shipped = pytest.mark.skipif(not SHIPPED.is_file(), reason="the file is not there yet")


@pytest.fixture(params=["tiny", pytest.param("shipped", marks=needs_shipped)])
def tensors(request: pytest.FixtureRequest, tiny_file: Path) -> dict[str, Tensor]:
    """Of the tiny network and of the shipped one."""
    return read_compact(tiny_file if request.param == "tiny" else SHIPPED).tensors


@pytest.fixture(scope="module")
def vgg19() -> dict[str, Tensor]:
    """Tensors of VGG-19's shapes; their values do not matter here."""
    found, channels = {}, 3
    for step in steps("vgg19"):
        if step.kind == "conv":
            found[f"features.{step.index}.weight"] = torch.zeros(step.channels, channels, 3, 3)
            found[f"features.{step.index}.bias"] = torch.ones(step.channels)
            channels = step.channels
    return found


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.rand(2, 3, 37, 50, generator=torch.Generator().manual_seed(0))


# It looks like VGG-19


@pytest.mark.parametrize("pooling", model.POOLINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_layer_looks_like_vgg19s(tensors, vgg19, pixels, pooling, dtype):
    ours, theirs = (
        VGG(each, pooling=pooling, dtype=dtype)(pixels, LAYERS) for each in (tensors, vgg19)
    )
    assert list(ours) == list(theirs) == LAYERS
    assert all(ours[name].map.shape[1] < ours[name].channels for name in LAYERS)
    for name in LAYERS:
        compared = [(m.channels, m.positions, m.map.dtype) for m in (ours[name], theirs[name])]
        assert compared[0] == compared[1], name
        for read in ("wide", "wide_gram"):
            one, other = (getattr(maps[name], read)() for maps in (ours, theirs))
            assert one.shape == other.shape, name
            assert one.dtype == other.dtype == torch.float32, name
            assert torch.isfinite(one).all(), name


# The folded network is the trained one


@pytest.mark.parametrize("pooling", model.POOLINGS)
def test_the_engines_network_equals_the_trained_student(student, heads, scales, pixels, pooling):
    """Batch norms folded, input scale folded, heads in the teacher's units."""
    tensors = dict(model.fold(student))
    for name, weight in heads.weights.items():
        tensors[f"heads.{name}.weight"], tensors[f"heads.{name}.bias"] = weight, heads.biases[name]
    names = [f"relu{name}" for name in model.CONVOLUTIONS]
    found = VGG(tensors, pooling=pooling)(pixels, names)
    mean = torch.tensor(model.MEAN).view(1, 3, 1, 1)
    with torch.no_grad():
        narrow = student(pixels * 255 - mean, pooling)
        for name, maps, layer, scale in zip(names, narrow, student.layers(), scales, strict=True):
            wide = F.conv2d(maps, layer.head.weight[:, :, None, None], layer.head.bias)
            wide = wide * scale.view(1, -1, 1, 1)
            off = torch.linalg.norm(found[name].wide() - wide)
            assert off <= 1e-4 * torch.linalg.norm(wide), name


def test_float16_loses_next_to_nothing(tiny_file, student, pixels):
    stored = VGG(read_compact(tiny_file).tensors)
    exact = VGG(model.fold(student))
    names = [f"relu{name}" for name in model.CONVOLUTIONS]
    ours, theirs = stored(pixels, names), exact(pixels, names)
    for name in names:
        off = torch.linalg.norm(ours[name].map - theirs[name].map)
        assert off <= 0.01 * torch.linalg.norm(theirs[name].map), name


# The normalised network


@pytest.mark.parametrize("pooling", model.POOLINGS)
def test_the_normalised_network_divides_by_the_files_means(package, pixels, pooling, monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("the means are in the file")

    monkeypatch.setattr(normalisation, "measure_means", never)
    engine = Engine(device="cpu", precision="exact", network="vgg19-compact")
    plain, normalised = (
        engine.networks.network(NetworkSpec.model_validate({"pooling": pooling, "normalised": how}))
        for how in (False, True)
    )
    before, after = plain(pixels, LAYERS), normalised(pixels, LAYERS)
    prefix = {"max": "means", "average": "means_average"}[pooling]
    stored, relu = load_file(package), "relu1_1"
    for name in LAYERS:
        relu = relu if name.startswith("pool") else name.replace("conv", "relu")
        divided = before[name].wide() / stored[f"{prefix}.{relu}"].view(1, -1, 1, 1)
        torch.testing.assert_close(after[name].wide(), divided, rtol=1e-3, atol=1e-4)


# It stands in for whatever is not there


@pytest.mark.parametrize("preset", ["gatys2016", "johnson2016"])
def test_it_draws_where_a_presets_network_is_not_there(
    preset, package, scene, tmp_path, monkeypatch
):
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "empty"))
    spoken: list[str] = []
    engine = Engine(device="cpu", precision="exact", notify=spoken.append)
    asked = load_preset(preset)
    result = engine.run(Job(asked, scene(), scene(seed=1), size=32, evaluations=2))
    assert result.network.name == "vgg19-compact"
    assert result.network.sha256 == network_entry("vgg19-compact").sha256
    assert result.network.spec.pooling == asked.network.pooling
    assert len(spoken) == 1
    assert f"{asked.network.name} is not on this machine, so vgg19-compact draws" in spoken[0]
    assert f"replicate weights fetch {asked.network.name}" in spoken[0]


# Files that are not what was shipped


def test_the_network_is_known_by_its_file(package):
    found = load_weights("vgg19-compact")
    assert found.sha256 == hashlib.sha256(package.read_bytes()).hexdigest()
    assert {tensor.dtype for tensor in found.tensors.values()} == {torch.float32}
    assert locate_weights("vgg19-compact") == ("bundled", package)
    package.unlink()
    assert find_weights("vgg19-compact") is None
    with pytest.raises(WeightsError, match="holds no network vgg19-compact"):
        load_weights("vgg19-compact")


def _other_values(data: bytes) -> bytes:
    tensors = load(data)
    return save({**tensors, "features.0.bias": tensors["features.0.bias"] + 1})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        _other_values,
    ],
)
def test_another_file_is_refused_in_one_sentence(spoil, package):
    package.write_bytes(spoil(package.read_bytes()))
    with pytest.raises(WeightsError) as caught:
        Engine(device="cpu", network="vgg19-compact").networks.info(NetworkSpec())
    assert str(caught.value) == f"'{package}' is damaged; install the package again."


# The shipped file


def test_the_checksum_is_written_down_where_there_is_a_file():
    assert bool(network_entry("vgg19-compact").sha256) == SHIPPED.is_file()


@needs_shipped
def test_the_shipped_file_is_the_one_of_the_model_card():
    sha256 = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert sha256 == network_entry("vgg19-compact").sha256
    card = (PACKAGE / "README.md").read_text()
    assert f"`{sha256}`" in card


@needs_shipped
def test_the_shipped_file_is_small_half_precision_and_says_how_it_was_made():
    assert SHIPPED.stat().st_size <= MOST_BYTES
    for name, tensor in load_file(SHIPPED).items():
        assert tensor.dtype == (torch.float32 if name.startswith("means") else torch.float16), name
    assert read_making(SHIPPED)["teacher"] == "vgg19-caffe"


@needs_shipped
@pytest.mark.parametrize("pooling", model.POOLINGS)
def test_the_shipped_means_are_vgg19s(pooling):
    ours = read_compact(SHIPPED).means(pooling)
    theirs = normalisation.packaged_means("vgg19-caffe", pooling)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[layer], theirs[layer]) for layer in ours)


@needs_shipped
@pytest.mark.real_weights
def test_the_shipped_network_sees_what_vgg19_sees():
    """Far from the bounds of the model card, but no other network would come so near."""
    from replicate.images import bundled

    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    picture = bundled("astronaut").scaled_to(128)
    ours, theirs = (
        Engine(device="cpu", precision="float32", network=name).reader.features(
            picture, layers, NetworkSpec()
        )
        for name in ("vgg19-compact", "vgg19-caffe")
    )
    for layer in layers:
        one, other = ours[layer].wide(), theirs[layer].wide()
        assert (one - other).square().sum() < 0.6 * other.square().sum(), layer
