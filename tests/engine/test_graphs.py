"""The path of CUDA graphs, with functions that are called again in place of graphs that replay:
what is copied where is the same.  On a GPU the graphs themselves are tried.
"""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from replicate.engine import graphs
from replicate.engine.batch import Batch
from replicate.engine.compiling import TOLERANCE, compiled
from replicate.engine.engine import Engine
from replicate.method import Objective, evaluate, style
from replicate.networks.vgg import POOLING, average_pool


@pytest.fixture
def drawn(tiny_engine, transfer, job, scene):
    """``drawn(optimizer="adam", …)``: the steps of a batch of two jobs."""

    def draw(**changes):
        settings = {"preset": transfer.with_(**changes), "evaluations": 12}
        jobs = [replace(job, seed=seed, **settings) for seed in (0, 5)]
        return list(Batch(tiny_engine().networks, jobs, "exact"))

    return draw


@pytest.fixture
def replaying(monkeypatch):
    """Graphs on the CPU; counts the replays."""
    counted = []

    def record(function):
        return lambda: (counted.append(1), function())

    monkeypatch.setattr(graphs, "usable", lambda device: True)
    monkeypatch.setattr(graphs, "record", record)
    return counted


SETTINGS = [
    {},
    {"clamp": False},
    {"optimizer": "adam", "learning_rate": 0.02},
    {"content_first": 0.5},
    {"scales": 2},
]


@pytest.mark.parametrize("changes", SETTINGS)
def test_replayed_steps_are_the_plain_ones(drawn, replaying, monkeypatch, changes):
    steps = drawn(**changes)
    assert len(replaying) > 9
    monkeypatch.setattr(graphs, "usable", lambda device: False)
    for step, plain in zip(steps, drawn(**changes), strict=True):
        torch.testing.assert_close(step.pixels, plain.pixels, rtol=0, atol=0)
        torch.testing.assert_close(step.loss, plain.loss, rtol=0, atol=0)
        assert step.losses.keys() == plain.losses.keys()
        for name, loss in plain.losses.items():
            torch.testing.assert_close(step.losses[name], loss, rtol=0, atol=0)


def _refuses(function):
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def _wrong(function):
    def replay():
        function()
        for cell in function.__closure__:
            if isinstance(cell.cell_contents, graphs.Evaluation):
                cell.cell_contents.gradient.mul_(2)

    return replay


@pytest.mark.parametrize(
    ("record", "said"), [(_refuses, "not permitted when stream"), (_wrong, "numbers differ")]
)
def test_without_a_right_graph_drawing_goes_on_as_before(
    drawn, replaying, monkeypatch, record, said
):
    monkeypatch.setattr(graphs, "record", record)
    with pytest.warns(UserWarning, match=said):
        last = drawn()[-1]
    monkeypatch.setattr(graphs, "usable", lambda device: False)
    torch.testing.assert_close(last.pixels, drawn()[-1].pixels, rtol=0, atol=0)


@pytest.fixture
def compiling(monkeypatch):
    """Whatever was drawn once is compiled, which here only counts the network's calls; the time
    that a replay takes is ``seconds``."""
    found = SimpleNamespace(calls=0, seconds={True: 1.0, False: 2.0}, off=1.0)

    def compile(network, dynamic):
        def counted(pixels, layers):
            found.calls += 1
            return network(found.off * pixels, layers)

        return counted

    def seconds(function, device):
        before = found.calls
        function()
        return found.seconds[found.calls > before]

    monkeypatch.setattr(torch, "compile", compile)
    monkeypatch.setattr(graphs, "PAYS", 1.0)
    monkeypatch.setattr(graphs, "_seconds", seconds)
    return found


@pytest.fixture
def engine(tiny_engine):
    return tiny_engine(precision="float32")


def _calls(engine, job, compiling, **changes):
    """Of the compiled network, for 8 evaluations of a picture."""
    before = compiling.calls
    list(engine.stream(replace(job, evaluations=8, **changes)))
    return compiling.calls - before


def test_what_is_drawn_for_long_is_compiled(engine, job, replaying, compiling):
    assert _calls(engine, job, compiling) == 0
    assert _calls(engine, job, compiling, seed=1) > 8
    assert _calls(engine, job, compiling, size=job.size // 2) == 0  # of another shape
    assert _calls(engine, job, compiling, seed=2) > 8


def test_no_time_spent_compiles_nothing(engine, job, replaying, compiling, monkeypatch):
    monkeypatch.setattr(graphs, "PAYS", 100.0)
    assert [_calls(engine, job, compiling, seed=seed) for seed in range(3)] == [0, 0, 0]


def test_what_is_no_faster_compiled_is_not_used_again(engine, job, replaying, compiling):
    compiling.seconds[True] = 3.0
    assert _calls(engine, job, compiling) == 0
    assert _calls(engine, job, compiling, seed=1) > 8
    assert _calls(engine, job, compiling, seed=2) == 0


def test_exact_is_never_compiled(tiny_engine, job, replaying, compiling):
    engine = tiny_engine()
    assert [_calls(engine, job, compiling, seed=seed) for seed in range(3)] == [0, 0, 0]


def test_wrongly_compiled_is_not_used(engine, job, replaying, compiling):
    compiling.off = 0.5
    _calls(engine, job, compiling)
    with pytest.warns(UserWarning, match="without torch.compile: its numbers differ"):
        assert _calls(engine, job, compiling, seed=1) == 1
    assert _calls(engine, job, compiling, seed=2) == 0  # nor is it tried or said again


def test_without_a_compiler_drawing_goes_on(engine, job, replaying, compiling, monkeypatch):
    def refused(network, dynamic):
        raise ImportError("no Triton here\nand a long story")

    monkeypatch.setattr(torch, "compile", refused)
    _calls(engine, job, compiling)
    with pytest.warns(UserWarning, match="without torch.compile: no Triton here."):
        _calls(engine, job, compiling, seed=1)


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_compiled_is_the_plain_network(job, precision):
    engine = Engine("cpu", precision, network="vgg19-compact")
    network = engine.networks.network(job.preset.network)
    picture = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    layers = ["relu2_1", "conv3_1"]
    maps = network(picture.flip(3), layers)
    objective = sum((style(name, maps[name].gram()) for name in layers), Objective())
    faster = compiled(objective, network, picture)
    assert faster is not network
    plain, found = (evaluate(objective, each, picture) for each in (network, faster))
    near = 1e-5 if precision == "float32" else TOLERANCE
    assert (found.gradient - plain.gradient).norm() <= near * plain.gradient.norm()
    torch.testing.assert_close(found.total, plain.total, rtol=near, atol=0)


@pytest.mark.parametrize("size", [(8, 6), (7, 9)])
def test_pooling_over_a_view_is_average_pooling(size):
    x = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(2, 3, size[0] // 2, size[1] // 2, dtype=torch.float64)
    one, other = POOLING["average"](x), average_pool(x)
    torch.testing.assert_close(other, one)
    (slope,) = torch.autograd.grad((one * weight).sum(), x)
    torch.testing.assert_close(torch.autograd.grad((other * weight).sum(), x)[0], slope)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_graphs_on_a_gpu(monkeypatch, job, precision):
    def drawn():
        engine = Engine("cuda", precision, network="vgg19-compact")
        return engine.run(replace(job, size=128, evaluations=60))

    found = drawn()
    monkeypatch.setattr(graphs, "usable", lambda device: False)
    assert found.loss == pytest.approx(drawn().loss, rel=0.05)
