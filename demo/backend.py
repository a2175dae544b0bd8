"""What the tabs draw with: engines by network, one store, and how fast drawing goes here."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from replicate.config import load_preset
from replicate.engine.device import choose_device
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.networks.table import read_table
from replicate.networks.weights import fetch_weights, locate_weights
from replicate.storage.store import ResultStore

from . import pictures, zerogpu
from .limits import Limits
from .results import Results
from .uploads import Uploads
from .visitors import Quota, Visitor

if TYPE_CHECKING:
    from .line import Line

COMPACT = "vgg19-compact"
FETCHED = "vgg19-caffe"
"""What is fetched in the background."""

_PACE = {"cpu": 7.6e-6, "cuda": 6e-8, "mps": 6e-7}
"""Seconds a pixel and evaluation of VGG-19 in float32, until this machine has been measured.

On two processor cores an evaluation of 256 × 256 pixels takes about half a second.
"""

_COMPACT_SHARE = 0.15
"""Share of that which the compact network takes: a sixth in float32, an eighth in bf16."""


class Backend:
    """Everything that tabs and visitors share.

    Args:
        limits: default: this machine's.
        store: finished pictures; default: a folder of their own.
        uploads: files that browsers fetch; default: a folder of their own.

    Raises:
        ReplicateError: there is no such device.
    """

    def __init__(
        self,
        device: str = "auto",
        limits: Limits | None = None,
        store: Results | None = None,
        uploads: Uploads | None = None,
    ):
        self.device = choose_device(device)
        self.limits = limits or Limits.here(on_gpu=self.device.type == "cuda")
        self.store = store if store is not None else Results(figures=ResultStore())
        self.uploads = uploads if uploads is not None else Uploads()
        self.evaluations = Quota(self.limits.evaluations_an_hour, "evaluations")
        self.fetching = ""
        """A sentence on the weights that are being fetched; empty when all is as it was."""
        self.line: Line | None = None
        """The queue, once the page is served."""
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._engines: dict[tuple[str, str], Engine] = {}
        self._measured: dict[str, float] = {}

    @property
    def lock(self) -> threading.Lock:
        """Held while the engine works: one job at a time, whoever asks.

        A process split off from this one takes its own, for a copy of a held lock stays held.
        """
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock

    @contextmanager
    def turn(self, owner: str = "") -> Iterator[None]:
        """Hold the engine; ``owner`` is whose results the store gives and takes meanwhile."""
        with self.lock:
            self.store.owner = owner
            yield

    def crowded(self, visitor: Visitor) -> bool:
        """Whether others wait while this visitor's drawing goes on."""
        return self.line is not None and self.line.others_wait(visitor)

    def sweep(self) -> None:
        """Remove what has been kept long enough."""
        age = self.limits.kept_minutes * 60
        size = self.limits.kept_megabytes * 1_000_000
        self.uploads.sweep(age, size)
        self.store.sweep(age, size)

    def example(self, name: str) -> str | None:
        """The file of the bundled picture of this name, if there is one."""
        return {**pictures.examples("content"), **pictures.examples("style")}.get(name)

    def examples(self, role: str) -> list[str]:
        """Names of the bundled pictures for ``content`` or ``style``, of which browsers may fetch
        small copies.
        """
        names = list(pictures.examples(role))
        for name in names:
            for copy in pictures.copies(pictures.examples(role)[name]):
                file = self.uploads.examples / copy.name
                if not file.is_file():
                    shutil.copyfile(copy, file)
        return names

    # ------------------------------------------------------------------ engines and networks

    def engine(self, network: str = "auto") -> Engine:
        """The engine that draws with this network; engines keep their networks in memory."""
        return self._engine(network, str(self.device))

    def viewer(self, network: str = "auto") -> Engine:
        """The engine that looks at pictures: in this process, so without a GPU that is lent."""
        return self._engine(network, "cpu" if zerogpu.here() else str(self.device))

    def _engine(self, network: str, device: str) -> Engine:
        key = (network, device)
        if key not in self._engines:
            name = self._automatic() if network == "auto" else network
            self._engines[key] = Engine(device, network=name, store=self.store)
        return self._engines[key]

    def _automatic(self) -> str:
        """The paper's own network takes too long where others wait for two shared processors."""
        slow = self.limits.shared and self.device.type == "cpu"
        return COMPACT if slow and COMPACT in _here() else "auto"

    def networks(self) -> dict[str, str]:
        """Labels by id of what can draw at this moment, the automatic choice first."""
        here = _here() | {"auto", "vgg19-random"}
        labels = {name: f"{each.title}: {each.about}" for name, each in read_table().items()}
        labels = {"auto": "Automatic: what suits this server", **labels}
        return {name: label for name, label in labels.items() if name in here}

    def drawn_by(self, preset: Preset, network: str) -> str:
        """The key of the network that draws this preset under this choice."""
        return self.engine(network).networks.resolve(preset.network).name

    def warm_up(self, preset: str = "gatys2016") -> None:
        """Load the first network, so that the first visitor need not wait for it."""
        with self.lock:
            self.viewer().networks.network(load_preset(preset).network)

    def fetch(self, fetch: Callable[[str], Path] = fetch_weights) -> threading.Thread | None:
        """Bring VGG-19 here while the page is already open; None if it is here."""
        if FETCHED in _here():
            return None
        self.fetching = "VGG-19 itself is being fetched and can be chosen when it is here."
        thread = threading.Thread(target=self._fetch, args=(fetch,), name="fetch", daemon=True)
        thread.start()
        return thread

    def _fetch(self, fetch: Callable[[str], Path]) -> None:
        try:
            fetch(FETCHED)
        except ReplicateError as error:
            print(f"demo: {error}", flush=True)
            self.fetching = "VGG-19 itself could not be fetched; other networks draw."
            return
        with self.lock:  # what is automatic may be another one now
            self._engines = {key: each for key, each in self._engines.items() if key[0] != "auto"}
        self.fetching = ""

    # ------------------------------------------------------------------ time

    def seconds(self, job: Job, network: str) -> float:
        """How long a job takes, as measured here or, before that, guessed."""
        pixels = _pixels(job, job.evaluations)
        return self._pace(self.drawn_by(job.preset, network)) * pixels

    def measured(self, preset: Preset, network: str) -> bool:
        """Whether the estimate rests on a drawing by this network on this machine."""
        return self.drawn_by(preset, network) in self._measured

    def _pace(self, key: str) -> float:
        if key in self._measured:
            return self._measured[key]
        return _PACE.get(self.device.type, 1e-6) * (_COMPACT_SHARE if key == COMPACT else 1)

    def learn(self, job: Job, network: str, evaluations: int, seconds: float) -> None:
        """Take the pace of a drawing that has come through so many evaluations."""
        pixels = _pixels(job, evaluations)
        # Small pictures are slow by the pixel: they would make large ones look far too long.
        if evaluations >= 5 and seconds > 0 and pixels >= evaluations * 128 * 128:
            self._measured[self.drawn_by(job.preset, network)] = seconds / pixels


def _here() -> set[str]:
    try:
        return {name for name in read_table() if locate_weights(name)[0] != "absent"}
    except ReplicateError:
        return set()


def _pixels(job: Job, evaluations: int) -> int:
    """Pixels of all pictures that the first ``evaluations`` of a job go through."""
    sizes = (level.canvas for level in job.levels() for _ in range(level.evaluations))
    return sum(width * height for width, height in islice(sizes, evaluations))
