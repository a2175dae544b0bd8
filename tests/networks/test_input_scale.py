"""A preset keeps its balance where a network draws that takes its input on another scale.

The two networks here are the same one: with one deviation for all colours, torchvision's input is
caffe's over k = 255 * deviation, and with biases k times as large every feature is k times as
large.  So what the rescaled losses are can be computed by hand, and must be exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.engine.terms import objective_of
from replicate.method import Evaluation, evaluate
from replicate.networks import networks as module
from replicate.networks.networks import feature_scale
from replicate.networks.pixels import to_tensor
from replicate.networks.spec import NetworkSpec
from replicate.networks.stored import Weights
from replicate.networks.table import Preprocessing, network_entry, read_table
from replicate.storage.store import ResultStore

DEVIATION = 0.226
K = 255 * DEVIATION
TORCHVISION, CAFFE = "vgg19-torchvision", "vgg19-caffe"

RECIPE = Preset(
    network=NetworkSpec(name="vgg19-torchvision"),
    content_layers={"conv2_2": 1.0, "relu3_1": 0.5},
    style_layers={"conv1_1": 1.0, "relu2_1": 0.5, "conv3_1": 2.0},
    content_weight=1.0,
    style_weight=1e6,
    style_loss="chw-mean",
    evaluations=4,
    size=32,
)
KINDS: dict[str, Preset] = {
    "the tutorial's losses": RECIPE,
    "plain Gram matrices": RECIPE.with_(content_loss="gatys", style_loss="gatys"),
    "Udacity's": RECIPE.with_(content_loss="coursera", style_loss="raw-udacity"),
    "shift": RECIPE.with_(activation_shift=-1.0),
    "chain": RECIPE.with_(style_statistic="chain"),
    "means": RECIPE.with_(style_statistic="mean", style_loss="mean"),
    "means and deviations": RECIPE.with_(style_statistic="mean_std", style_loss="mean"),
    "variation": RECIPE.with_(tv_weight=1e-3),
}


@pytest.fixture
def engines(
    tiny_engine: Callable[..., Engine],
    tiny_tensors: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Engine]:
    """``engines("vgg19-caffe")``: draws everything with the one network, in that convention."""
    red, green, blue = network_entry(CAFFE).preprocessing.mean
    even = Preprocessing(1.0, (red / 255, green / 255, blue / 255), (DEVIATION,) * 3)
    row = replace(network_entry(TORCHVISION), preprocessing=even)
    monkeypatch.setitem(read_table(), TORCHVISION, row)

    def load(name: str) -> Weights:
        convention = name.split("-")[1]
        tensors = {
            key: tensor * K if key.endswith("bias") and convention == "caffe" else tensor
            for key, tensor in tiny_tensors().items()
        }
        return Weights(tensors, f"tiny {name}")

    def make(network: str, **settings: Any) -> Engine:
        engine = tiny_engine(network=network, **settings)
        monkeypatch.setattr(module, "load_weights", load)
        return engine

    return make


@pytest.fixture
def job(scene: Callable[..., Any]) -> Job:
    return Job(RECIPE, scene(seed=0), scene(seed=1), init="content")


def evaluated(engine: Engine, job: Job, start: Any) -> Evaluation:
    network = engine.networks.network(job.preset.network)
    with torch.no_grad():
        objective = objective_of([job], job.levels(), network)
    return evaluate(objective, network, to_tensor(start))


@pytest.mark.parametrize("kind", [*KINDS, "the other way round"])
def test_losses_and_gradient_are_those_of_the_network_meant(kind, engines, job, scene):
    """Else content losses would be k^2 and those of Gram matrices k^4 times as large."""
    made, meant, drawing = replace(job, preset=KINDS.get(kind, RECIPE)), TORCHVISION, CAFFE
    if kind not in KINDS:
        made = replace(job, preset=RECIPE.with_(network={"name": CAFFE}))
        meant, drawing = drawing, meant
    own, stand_in = (evaluated(engines(name), made, scene(seed=2)) for name in (meant, drawing))
    assert own.losses.keys() == stand_in.losses.keys()
    for term, loss in own.losses.items():
        assert float(stand_in.losses[term]) == pytest.approx(float(loss), rel=1e-3), term
    largest = float(own.gradient.abs().max())
    torch.testing.assert_close(stand_in.gradient, own.gradient, rtol=1e-3, atol=1e-4 * largest)


def test_the_picture_is_the_same(engines, job):
    own, stand_in = (engines(network).run(job) for network in (TORCHVISION, CAFFE))
    assert abs(own.picture.pixels.astype(int) - stand_in.picture.pixels).max() <= 1
    assert stand_in.loss == pytest.approx(own.loss, rel=1e-3)
    assert stand_in.job.preset.style_weight == 1e6  # what is recorded is the preset's own


@pytest.mark.parametrize("like", ["torchvision", "caffe"])
def test_balanced_weights_are_the_same(like, engines, job):
    """Also where the preset to pull as hard as is meant for another scale."""
    reference = RECIPE.with_(network={"name": f"vgg19-{like}"})
    expected = engines(TORCHVISION).reader.balanced(job, reference)
    found = engines(CAFFE).reader.balanced(job, reference)
    for kind in ("content_layers", "style_layers"):
        assert getattr(found, kind) == pytest.approx(getattr(expected, kind), rel=2e-2)


# When, and by how much


@pytest.mark.parametrize(
    ("meant", "drawing", "factor"),
    [
        ("torchvision", {"name": "vgg19-caffe"}, 1 / 57.6),
        ("torchvision", {"name": "vgg19-compact"}, 1 / 57.6),
        ("torchvision", {"name": "vgg19-random"}, 1 / 57.6),
        ("torchvision", {"name": "vgg16-torchvision"}, 1),
        ("caffe", {"name": "vgg19-torchvision"}, 57.6),
        ("caffe", {"name": "vgg19-compact"}, 1),
        ("caffe", {"name": "vgg16"}, 1),
    ],
)
def test_factors(meant, drawing, factor):
    found = feature_scale(NetworkSpec(name=f"vgg19-{meant}"), NetworkSpec(**drawing))
    assert found == pytest.approx(factor, rel=1e-3)
    assert (found == 1) == (factor == 1)


def test_networks_are_made_once_for_each_scale(tiny_engine):
    networks = tiny_engine(network=CAFFE).networks
    plain, rescaled = (networks.network(NetworkSpec(name=name)) for name in (CAFFE, TORCHVISION))
    assert plain is networks.network(NetworkSpec())
    assert rescaled is networks.network(NetworkSpec(name=TORCHVISION)) is not plain
    assert plain is not networks.network(NetworkSpec(pooling="average"))


def test_normalised_features_are_as_large_on_any_input():
    meant = NetworkSpec(name="vgg19-torchvision", normalised=True)
    assert feature_scale(meant, NetworkSpec(name="vgg19-caffe", normalised=True)) == 1


# Keys of the result store


@pytest.mark.parametrize("name", ["gatys2016", "gatys2016-code", "neural-style", "latte-even"])
def test_keys_stay_where_nothing_is_rescaled(name, tiny_engine, job):
    preset = load_preset(name)
    for network in ("auto", "vgg19-random"):
        engine, made = tiny_engine(network=network), replace(job, preset=preset)
        assert engine._describe(made) == {
            **made.description(),
            "network": engine.networks.info(preset.network).description(),
            "precision": "exact",
        }


def test_keys_change_where_losses_are_rescaled(tiny_engine, job, tmp_path):
    here = tiny_engine(here=(CAFFE, TORCHVISION))
    away = tiny_engine(network=CAFFE, store=ResultStore(tmp_path))
    assert "features_as" not in here._describe(job)
    described = away._describe(job)
    assert described.pop("features_as") == "torchvision"
    without = ResultStore.key(described)
    away.run(job)
    assert not away.store or away.store.get(without) is None
    assert away.stored(job)
