"""What all tests share: an isolated cache, no network, and networks small enough for a test.

Tests marked ``real_weights`` run where ``REPLICATE_WEIGHTS`` was set when pytest started, or where
the folder ``shared/weights`` lies next to the checkout; elsewhere they are skipped.
"""

from __future__ import annotations

import http.server
import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Before torch is imported: on maps this small, sharing the work among threads takes longer than
# doing it, several times longer where the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
CHOSEN_WEIGHTS = os.environ.get("REPLICATE_WEIGHTS")
NEIGHBOUR_WEIGHTS = ROOT.parent / "shared" / "weights"

WIDTHS = (5, 6, 7, 8, 9)
"""Channels of the tiny networks by block: all different, so that no two can be mixed up."""


# Surroundings


@pytest.fixture(scope="session", autouse=True)
def isolated_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One empty cache for the whole session: nothing is found."""
    folder = tmp_path_factory.mktemp("replicate-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATE_CACHE", str(folder))
        patch.delenv("REPLICATE_DEVICE", raising=False)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C works in tests also where they run in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """The folder of real weights; a test that asks for it is skipped where there is none."""
    if CHOSEN_WEIGHTS:
        return Path(CHOSEN_WEIGHTS).expanduser().resolve()
    if NEIGHBOUR_WEIGHTS.is_dir():
        return NEIGHBOUR_WEIGHTS
    pytest.skip("needs real VGG weights: set REPLICATE_WEIGHTS to a folder that holds them")


@pytest.fixture(autouse=True)
def surroundings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights or images of the user's own, except real weights where a test is marked so."""
    monkeypatch.delenv("REPLICATE_IMAGES", raising=False)
    if request.node.get_closest_marker("real_weights"):
        folder = request.getfixturevalue("weights_folder")
        monkeypatch.setenv("REPLICATE_WEIGHTS", str(folder))
    else:
        monkeypatch.delenv("REPLICATE_WEIGHTS", raising=False)


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Any attempt to reach another machine fails the test, and says so."""
    guarded = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    resolve = socket.getaddrinfo

    def guard(name: str) -> Callable[..., Any]:
        def call(self: socket.socket, *arguments: Any) -> Any:
            if self.family != getattr(socket, "AF_UNIX", None):
                _forbid(arguments[-1][0])
            return guarded[name](self, *arguments)

        return call

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        _forbid(host)
        return resolve(host, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        for name in guarded:
            patch.setattr(socket.socket, name, guard(name))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def _forbid(host: Any) -> None:
    if not _is_local(host):
        pytest.fail(f"a test tried to reach '{host}': tests must not use the network")


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


# Servers


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bytes | None], str]]:
    """``serve("a.pth", data)``: the address of a file on a server of this machine.

    Without data there is none.  ``serve.asked`` lists the paths that were asked for.
    """
    monkeypatch.setenv("no_proxy", "*")
    served: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = served.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def put(name: str, data: bytes | None) -> str:
        if data is not None:
            served[f"/{name}"] = data
        return f"http://127.0.0.1:{server.server_port}/{name}"

    put.asked = asked  # type: ignore[attr-defined]
    yield put
    server.shutdown()
    server.server_close()


@pytest.fixture
def nobody() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/vgg-00000000.pth"


# Small networks and pictures


@pytest.fixture(scope="session")
def tiny_tensors() -> Callable[..., dict[str, Any]]:
    """Random weights of VGG's shape but few channels: ``tiny_tensors("vgg16", seed=1)``.

    Scaled so that activations are about one everywhere; biases are not zero.
    """
    import torch

    from replicate.networks.layers import steps

    def make(architecture: str = "vgg19", seed: int = 0) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(seed)
        tensors, before = {}, 3
        for step in steps(architecture):
            if step.kind == "conv":
                width = WIDTHS[int(step.name[4]) - 1]
                spread = (2 / (9 * before)) ** 0.5 / (50 if before == 3 else 1)
                kernel = torch.randn(width, before, 3, 3, generator=generator) * spread
                tensors[f"features.{step.index}.weight"] = kernel
                bias = torch.randn(width, generator=generator) * 0.1 + 0.1
                tensors[f"features.{step.index}.bias"] = bias
                before = width
        return tensors

    return make


@pytest.fixture(scope="session")
def tiny_network(tiny_tensors: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """``tiny_network("vgg16", pooling="average", dtype=torch.float64)``: a VGG of few channels.

    Other arguments are those of :class:`replicate.networks.vgg.Network`.
    """
    from replicate.networks.vgg import VGG

    def make(architecture: str = "vgg19", seed: int = 0, **arguments: Any) -> VGG:
        return VGG(tiny_tensors(architecture, seed), architecture, **arguments)

    return make


@pytest.fixture
def tiny_engine(
    monkeypatch: pytest.MonkeyPatch, tiny_tensors: Callable[..., dict[str, Any]]
) -> Callable[..., Any]:
    """``tiny_engine(store=…, network=…, here=("vgg19-caffe",))``: an Engine with tiny networks.

    ``here`` names the trained weights that are on this machine.  Exact precision on the CPU
    unless told otherwise.
    """
    from replicate.engine.engine import Engine
    from replicate.errors import WeightsError
    from replicate.networks import networks as module
    from replicate.networks.stored import Weights
    from replicate.networks.table import network_entry

    present: set[str] = set()

    def loaded(name: str, seed: int = 0) -> Weights:
        return Weights(tiny_tensors(network_entry(name).architecture, seed), f"tiny {name}")

    def find(name: str) -> Path | None:
        return Path(name) if network_entry(name).id in present else None

    def load(name: str) -> Weights:
        if find(name) is None:
            raise WeightsError(f"The weights {name} are not on this machine.")
        return loaded(name)

    monkeypatch.setattr(module, "find_weights", find)
    monkeypatch.setattr(module, "load_weights", load)
    monkeypatch.setattr(module, "random_weights", lambda name, pooling: loaded(name, 100))

    def make(here: tuple[str, ...] = ("vgg19-caffe", "vgg16-caffe"), **arguments: Any) -> Engine:
        present.update(here)
        return Engine(**{"device": "cpu", "precision": "exact", **arguments})

    return make


@pytest.fixture(scope="session")
def scene() -> Callable[..., Any]:
    """``scene(width, height, seed)``: a smooth random Picture with edges, never a flat one."""
    from replicate.images import Picture

    def make(width: int = 32, height: int = 32, seed: int = 0) -> Picture:
        random = np.random.default_rng(seed)
        y, x = np.mgrid[0:height, 0:width] / 32
        waves = sum(
            np.sin(2 * np.pi * (a * x + b * y + c))[:, :, None] * random.normal(size=3)
            for a, b, c in random.uniform(-2, 2, size=(5, 3))
        )
        waves = waves + (np.hypot(x - 0.5, y - 0.4) < 0.3)[:, :, None] * random.normal(size=3)
        return Picture.from_array(0.5 + 0.18 * waves, name=f"scene {seed}")

    return make


@pytest.fixture
def measured_means(scene: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Channel means are measured on one scene: the packaged ones are of wider networks."""
    from replicate.networks.means import measure_means

    def means(network: Any, *_: Any) -> dict[str, Any]:
        found = measure_means(network, [scene(64, 64)])
        return {layer: mean.clamp(min=0.01) for layer, mean in found.items()}

    monkeypatch.setattr("replicate.networks.networks.channel_means", means)


@pytest.fixture
def figure(scene: Callable[..., Any]) -> Callable[..., Any]:
    """``figure("gatys2016/fig5", 0.2, inputs="paper")``: a Figure of two small pictures.

    It has one claim of one value.  Other arguments are those of
    :class:`replicate.figure.Figure`.
    """
    from replicate.figure import Claim, Figure, Grid, Panel
    from replicate.networks.spec import NetworkInfo

    def make(
        id: str = "gatys2016/fig5", value: Any = 1.0, claim: str = "close", **facts: Any
    ) -> Any:
        usual = {
            "title": "A figure",
            "source": "a paper",
            "grids": (Grid([[Panel(scene(64, 48)), Panel(scene(64, 48, 1))]]),),
            "profile": "smoke",
            "inputs": "bundled",
            "networks": (NetworkInfo(name="vgg19-caffe", sha256="12ab"),),
            "claims": (Claim(claim, "It is so.", "a paper", "SSIM", {"value": value}),),
        }
        return Figure(id=id, **{**usual, **facts})

    return make


@pytest.fixture
def verdict() -> Callable[[str], Any]:
    """``verdict("holds")``: a verdict of 20 of 24 pairs, whatever its word."""
    from replicate.figure.claims import Definition
    from replicate.figure.verdicts import Setting, Verdict
    from replicate.measure.statistics import Estimate

    def make(word: str, text: str = "It is so.") -> Any:
        definition = Definition(
            text=text, measure=text, basis=text, family="a", difference=("a", "b"), delta=0.1
        )
        setting = Setting("bundled", "vgg19-caffe", 512, 2000)
        return Verdict(
            claim="a/one/close",
            definition=definition,
            setting=setting,
            word=word,  # type: ignore[arg-type]
            agreeing=20,
            pairs=24,
            left_out=0,
            estimate=Estimate(0.25, 0.05, 7),
            p=0.01,
            reason="reasons" if word == "void" else "",
        )

    return make
