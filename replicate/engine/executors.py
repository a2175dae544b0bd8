"""Drawing elsewhere: on all GPUs of a machine, on a cluster.

    engine = Engine(store=ResultStore("/shared/results"), executor=gpu_processes())
    engine.run_many(jobs)

An executor is anything with ``submit`` as in :mod:`concurrent.futures`.  What it is handed is a
:class:`replicate.engine.orders.Order`; the store's folder must be one that all machines see.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch

from ..errors import ReplicateError


class Answer(Protocol):
    """What an executor gives back at once."""

    def result(self) -> Any:
        """Wait for what the function returns; raises what it raised."""

    def cancel(self) -> Any:
        """Do not begin with it any more."""


class Executor(Protocol):
    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Answer: ...


def gpu_processes(devices: Sequence[str] | None = None) -> ProcessPoolExecutor:
    """One process for each device; all GPUs of this machine unless some are named.

    Raises:
        ReplicateError: there is no device to name.
    """
    named = list(devices or [f"cuda:{index}" for index in range(torch.cuda.device_count())])
    if not named:
        raise ReplicateError("There is no GPU on this machine for processes to share.")
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    waiting = context.Queue()
    for device in named:
        waiting.put(device)
    return ProcessPoolExecutor(len(named), context, initializer=_take, initargs=(waiting,))


def _take(waiting: Any) -> None:
    os.environ["REPLICATE_DEVICE"] = waiting.get()


class RayExecutor:
    """Ray's workers, one GPU each if the cluster has any (the extra ``ray``).

    Args:
        address: of a running cluster; None starts one of this machine's processors.
    """

    def __init__(self, address: str | None = None):
        try:
            import ray
        except ImportError:
            raise ReplicateError(
                "Ray is not installed; bring it with: pip install -e '.[ray]'"
            ) from None
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False)
            except ConnectionError:
                raise ReplicateError(
                    "There is no Ray cluster here; begin one with: ray start --head"
                ) from None
        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        self._ray, self._call = ray, ray.remote(num_gpus=gpus)(_attempt)

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Answer:
        reference = self._call.remote(function, *arguments)
        return _Attempt(partial(self._ray.get, reference), partial(self._ray.cancel, reference))


class SlurmExecutor:
    """Slurm's queue through submitit (the extra ``slurm``), a job an order.

    Args:
        folder: for submitit's scripts and logs.
        cluster: ``slurm``; ``local`` for processes of this machine, to try it.
        parameters: of a Slurm job, in submitit's words, such as ``timeout_min=20``.
    """

    def __init__(self, folder: str = "slurm", cluster: str = "slurm", **parameters: Any):
        try:
            import submitit
        except ImportError:
            raise ReplicateError(
                "submitit is not installed; bring it with: pip install -e '.[slurm]'"
            ) from None
        try:
            self._queue = submitit.AutoExecutor(folder=folder, cluster=cluster)
        except RuntimeError:
            raise ReplicateError("There is no Slurm on this machine (no command srun).") from None
        self._queue.update_parameters(**{"timeout_min": 20, "gpus_per_node": 1, **parameters})

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Answer:
        job = self._queue.submit(_attempt, function, *arguments)
        return _Attempt(job.result, job.cancel)


def _attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns, or the error that it raises: Ray and submitit would raise one of
    their own, whose text is the worker's traceback."""
    try:
        return function(*arguments)
    except ReplicateError as error:
        return error


@dataclass(frozen=True)
class _Attempt:
    fetch: Callable[[], Any]
    cancel: Callable[[], Any]

    def result(self) -> Any:
        found = self.fetch()
        if isinstance(found, ReplicateError):
            raise found
        return found


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "processes": gpu_processes,
    "ray": lambda: RayExecutor("auto"),
    "slurm": SlurmExecutor,
}
"""By the names that the command line knows."""
