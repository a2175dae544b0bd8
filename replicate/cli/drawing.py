"""What the commands that draw share: the engine, progress on stderr."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from ..engine.engine import Engine, Progress
from ..engine.job import Job
from ..errors import one_line
from ..networks.spec import NetworkSpec
from ..networks.table import network_entry
from ..storage.store import ResultStore, StoredResult

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} evaluations, {remaining} left{postfix}"


class FreshStore(ResultStore):
    """A store that forgets what it had before this run: everything is drawn anew, once."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: set[str] = set()

    def get(self, key: str) -> StoredResult | None:
        if key in self._asked:
            return super().get(key)
        self._asked.add(key)
        with suppress(OSError):
            self.path(key).unlink()  # so that another process draws it anew, too
        return None


def make_engine(args: Namespace, store: ResultStore | None, **preferred: Any) -> Engine:
    """The engine that the options ask for; ``preferred`` holds where they say nothing.

    Raises:
        ReplicateError: the device is not there, or the weights of a network asked for by name.
    """
    settings = {"network": "auto", "precision": "auto", **preferred}
    given = {"network": args.network, "precision": args.precision}
    settings.update({name: value for name, value in given.items() if value is not None})
    engine = Engine(device=args.device, store=store, notify=notify_above_bars, **settings)
    if engine.networks.chosen != "auto" and not network_entry(engine.networks.chosen).random:
        engine.networks.info(NetworkSpec())  # now, and not in the middle of the work
    return engine


def precision_label(precision: str) -> str:
    """How the engine's ``precision`` reads in a sentence."""
    return "exact float32" if precision == "exact" else precision


def notify_above_bars(sentence: str) -> None:
    """One remark on stderr, above any progress bar."""
    tqdm.write(f"replicate: {one_line(sentence)}", file=sys.stderr)
    sys.stderr.flush()


def shows_bars() -> bool:
    return sys.stderr.isatty()


def bar(label: str, evaluations: int) -> tqdm[Any]:
    """A progress bar with the time left, if stderr is a terminal."""
    return tqdm(
        total=evaluations,
        desc=label,
        file=sys.stderr,
        disable=not shows_bars(),
        leave=False,
        ncols=shutil.get_terminal_size().columns,  # tqdm itself takes an unknown width for 0
        bar_format=_BAR,
    )


class FigureBar:
    """One bar over all evaluations of a figure's jobs: a `Studio.progress`."""

    def __init__(self, label: str):
        self._label = label
        self._bar: tqdm[Any] | None = None

    def __call__(self, jobs: Sequence[Job]) -> Progress:
        self.close()
        self._bar = shown = bar(self._label, sum(job.evaluations for job in jobs))
        done: dict[int, int] = {}

        def progress(job: Job, step: int, steps: int) -> None:
            if step == steps and id(job) not in done:
                # From the store: it took no time, and would spoil the estimate of the rest.
                shown.total = (shown.total or steps) - steps
                shown.refresh()
            else:
                shown.update(step - done.get(id(job), 0))
            done[id(job)] = step

        return progress

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
