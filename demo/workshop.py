"""What the tabs draw with: engines by network, one store, and how fast drawing goes here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from replicate.config import load_preset
from replicate.engine.device import choose_device
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.engine.store import ResultStore
from replicate.engine.weights import weights_status
from replicate.errors import ReplicateError

from .limits import Limits

_LABELS = {
    "auto": "Automatic: the paper's network if it is here",
    "vgg19-compact": "VGG-19 compact: small and fast, imitates VGG-19",
    "vgg19-caffe": "VGG-19, the papers' own weights",
    "vgg19-torchvision": "VGG-19, torchvision's weights",
    "vgg16-caffe": "VGG-16, the authors' own weights",
    "vgg16-torchvision": "VGG-16, torchvision's weights",
    "vgg19-random": "VGG-19 untrained: random filters",
}

_PACE = {"cpu": 7.6e-6, "cuda": 6e-8, "mps": 6e-7}
"""Seconds a pixel and evaluation of VGG-19 in float32, until this machine has been measured.

On two processor cores an evaluation of 256 × 256 pixels takes about half a second.
"""

_COMPACT = 0.15
"""Share of VGG-19's time that the compact network takes."""


@dataclass(frozen=True)
class Network:
    """A network that can be chosen here."""

    key: str
    label: str


class Workshop:
    """Everything that tabs and visitors share.

    Args:
        limits: default: this machine's.
        store: finished pictures; the same folder as that of ``make figures``.

    Raises:
        ReplicateError: there is no such device.
    """

    def __init__(
        self,
        device: str = "auto",
        limits: Limits | None = None,
        store: ResultStore | None = None,
    ):
        self.device = choose_device(device)
        self.limits = limits or Limits.here(on_gpu=self.device.type == "cuda")
        self.store = store if store is not None else ResultStore()
        self.lock = threading.Lock()
        """Held while the engine works: one job at a time, whoever asks."""
        self._engines: dict[str, Engine] = {}
        self._measured: dict[str, float] = {}

    def engine(self, network: str = "auto") -> Engine:
        """The engine that draws with this network; engines keep their networks in memory."""
        if network not in self._engines:
            self._engines[network] = Engine(str(self.device), network=network, store=self.store)
        return self._engines[network]

    def networks(self) -> list[Network]:
        """What can draw on this machine, the automatic choice first."""
        try:
            here = {status.name for status in weights_status() if status.where != "absent"}
        except ReplicateError:
            here = set()
        keys = [key for key in _LABELS if key in here | {"auto", "vgg19-random"}]
        return [Network(key, _LABELS[key]) for key in keys]

    def drawn_by(self, preset: Preset, network: str) -> str:
        """The key of the network that draws this preset under this choice."""
        return self.engine(network).resolve(preset.network).key

    def warm_up(self, preset: str = "gatys2016") -> None:
        """Load the first network, so that the first visitor need not wait for it."""
        with self.lock:
            self.engine().network(load_preset(preset).network)

    # ------------------------------------------------------------------ time

    def seconds(self, preset: Preset, network: str, size: int, evaluations: int) -> float:
        """How long a square picture takes, as measured here or, before that, guessed."""
        key = self.drawn_by(preset, network)
        return self._pace(key) * size * size * evaluations

    def measured(self, preset: Preset, network: str) -> bool:
        """Whether the estimate rests on a drawing by this network on this machine."""
        return self.drawn_by(preset, network) in self._measured

    def _pace(self, key: str) -> float:
        if key in self._measured:
            return self._measured[key]
        return _PACE.get(self.device.type, 1e-6) * (_COMPACT if key == "vgg19-compact" else 1)

    def learn(self, job: Job, network: str, curve: Sequence[int], seconds: float) -> None:
        """Take the pace of a drawing that has come through ``curve``'s evaluations."""
        pixels = sum(
            level.canvas[0] * level.canvas[1] * count for level, count in job.levels()
        ) / max(1, job.evaluations or 1)
        # Small pictures are slow by the pixel: they would make large ones look far too long.
        if len(curve) >= 5 and seconds > 0 and pixels >= 128 * 128:
            self._measured[self.drawn_by(job.preset, network)] = seconds / len(curve) / pixels
