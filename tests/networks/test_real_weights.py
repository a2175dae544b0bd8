"""With the real VGG: what the papers show must come out, small and coarse as it is here.

Orderings, not absolute values; each test names the figure that it stands for.
"""

from __future__ import annotations

import pytest
import torch

from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job, Result
from replicate.engine.preset import Preset
from replicate.images import Picture, bundled
from replicate.measure import metrics
from replicate.networks.spec import NetworkSpec

pytestmark = pytest.mark.real_weights

SIZE = 64
EVALUATIONS = 40
STYLE_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


@pytest.fixture(scope="module")
def engine(weights_folder) -> Engine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATE_WEIGHTS", str(weights_folder))
        engine = Engine(device="cpu", precision="auto")
        for spec in (load_preset("gatys2016").network, load_preset("johnson2016").network):
            assert engine.networks.resolve(spec) == spec
            engine.networks.network(spec)
        return engine


@pytest.fixture(scope="module")
def photo() -> Picture:
    return bundled("astronaut").resized(SIZE, SIZE)


@pytest.fixture(scope="module")
def art() -> Picture:
    """A texture that is the same everywhere: the coffee's spoon and cup will do."""
    return bundled("coffee").resized(SIZE, SIZE)


def rebuilt(engine: Engine, preset: Preset, photo: Picture, layer: str) -> Result:
    """The picture whose features at one layer are the photograph's."""
    single = preset.with_(content_layers=[layer], style_layers={})
    return engine.run(Job(single, photo, size=SIZE, evaluations=EVALUATIONS))


def psnr(result: Result, photo: Picture) -> float:
    return metrics.psnr(result.picture.pixels, photo.pixels)


@pytest.mark.parametrize(
    ("name", "deepest"), [("gatys2016", "relu4_2"), ("johnson2016", "relu4_3")]
)
def test_content_of_gatys_2016_fig1_and_johnson_2016_fig3(name, deepest, engine, photo):
    """Lower layers keep the picture, higher ones lose its detail; VGG-16's too."""
    shallow, deep = (
        rebuilt(engine, load_preset(name), photo, layer) for layer in ("relu2_2", deepest)
    )
    assert psnr(shallow, photo) > psnr(deep, photo) + 3
    assert metrics.edge_correlation(shallow.picture.pixels, photo.pixels) > 0.8


def test_gatys_2016_fig1_style(engine, art):
    """A layer's Gram distance falls once the layer is in the set, and not before."""
    preset = load_preset("gatys2016")
    distances = []
    for count in (1, 3):
        nested = preset.with_(style_layers=STYLE_LAYERS[:count], content_layers={})
        result = engine.run(Job(nested, style=art, size=SIZE, evaluations=EVALUATIONS))
        distances.append(
            engine.reader.style_distances(result.picture, art, STYLE_LAYERS, preset.network)
        )
        assert abs(metrics.edge_correlation(result.picture.pixels, art.pixels)) < 0.3
    first, third = distances
    assert first["relu1_1"] < 0.05
    assert third["relu2_1"] < 0.4 * first["relu2_1"]
    assert third["relu3_1"] < 0.2 * first["relu3_1"]


def test_gatys_2016_fig4(engine, photo, art):
    """The larger alpha/beta, the more of the photograph and the less of the style."""
    preset = load_preset("gatys2016")
    results = [
        engine.run(Job(preset.with_(ratio=ratio), photo, art, size=SIZE, evaluations=EVALUATIONS))
        for ratio in (1e-5, 1e-1)
    ]
    style, content = (r.losses for r in results)
    assert content["content/relu4_2"] < style["content/relu4_2"]
    assert sum(v for k, v in style.items() if k.startswith("style/")) < sum(
        v for k, v in content.items() if k.startswith("style/")
    )
    edges = [metrics.edge_correlation(r.picture.pixels, photo.pixels) for r in results]
    assert edges[1] > edges[0] + 0.1


def test_bf16_features_are_those_of_float32(engine, photo):
    exact, rounded = (Engine(device="cpu", precision=precision) for precision in ("exact", "bf16"))
    layers = ["relu1_1", "relu4_2", "relu5_1"]
    one, other = (e.reader.features(photo, layers, NetworkSpec()) for e in (exact, rounded))
    for layer in layers:
        a, b = one[layer].wide(), other[layer].wide()
        assert (a - b).norm() < 0.02 * a.norm(), layer
        gram_a, gram_b = one[layer].gram(), other[layer].gram()
        assert (gram_a - gram_b).norm() < 0.02 * gram_a.norm(), layer


def test_normalised_means_are_about_one(engine):
    """The photographs are not those of the means, so only roughly; unnormalised it is no one."""
    spec = load_preset("gatys2016").network
    plain = NetworkSpec.model_validate({**spec.model_dump(), "normalised": False})
    photographs = [bundled(name).scaled_to(128) for name in ("chelsea", "coffee", "rocket")]
    layers = ["relu1_1", "relu3_1", "relu4_2"]
    for layer in layers:
        means = {
            s.normalised: torch.stack(
                [engine.reader.features(p, [layer], s)[layer].wide().mean() for p in photographs]
            ).mean()
            for s in (spec, plain)
        }
        assert 0.4 < float(means[True]) < 2.5, layer
        assert float(means[True]) != pytest.approx(float(means[False]), rel=0.5), layer
