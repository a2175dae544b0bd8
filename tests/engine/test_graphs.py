"""The path of CUDA graphs, with functions that are called again in place of graphs that replay:
what is copied where is the same.  On a GPU the graphs themselves are tried.
"""

from dataclasses import replace

import pytest
import torch

from replicate.engine import graphs
from replicate.engine.batch import Batch
from replicate.engine.engine import Engine
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
