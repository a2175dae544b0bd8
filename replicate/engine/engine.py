"""The one engine: takes jobs, streams their progress, answers with pictures."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from ..errors import ReplicateError, StoppedError
from ..images import Picture
from ..networks.networks import Networks
from ..storage.store import ResultStore
from .batch import Batch, batch_key, room
from .compiling import Works
from .device import Precision, choose_device, choose_dtype
from .executors import Answer, Executor
from .job import Job, Result, Snapshot
from .orders import Order, jobs_of, order_of
from .reader import Reader

OTHERWISE = 4
"""Jobs of a batch where nobody can tell how much memory is free: elsewhere, or on Apple's GPUs."""

KEPT = ("loss", "losses", "curve", "evaluations", "seconds", "precision")
"""What the store keeps of a result beside its pixels."""

Progress = Callable[[Job, int, int], None]
"""Called with a job, evaluations done and evaluations in all; done equals all at the end."""


class Engine:
    """Draws jobs on the best device and in the best precision here.

    Args:
        device: ``auto`` (CUDA, MPS, CPU), or a torch device.
        precision: ``auto`` (bfloat16 where the processor has it in hardware, else float32),
            ``bf16``, ``float32``, or ``exact`` (float32 without TF32: the same bytes twice).
        network: ``auto``, or the network that draws whatever a preset names; see
            :class:`replicate.networks.networks.Networks`.
        store: where results are kept; None keeps nothing.
        workers: jobs that ``run_many`` draws at a time on a CPU, each with all threads: with a
            share of them sums would be rounded otherwise, and the pictures would not be the same.
        executor: draws instead of this process: anything with ``submit``, see
            :mod:`replicate.engine.executors`.  It needs a store.
        notify: called once with a sentence when another network stands in.

    Attributes:
        precision: ``bf16``, ``float32`` or ``exact``.
        networks: finds and holds the networks.
        reader: reads pictures with them.

    Raises:
        ReplicateError: the device is not there.
        WeightsError: there is no network of that name; or, when it is first needed, its weights
            are not there.
    """

    def __init__(
        self,
        device: str = "auto",
        precision: Precision = "auto",
        network: str = "auto",
        store: ResultStore | None = None,
        workers: int = 1,
        executor: Executor | None = None,
        notify: Callable[[str], None] = lambda sentence: None,
    ):
        self.device = choose_device(device)
        self.dtype = choose_dtype(precision, self.device)
        self.exact = precision == "exact"
        found: Precision = "bf16" if self.dtype == torch.bfloat16 else "float32"
        self.precision: Precision = "exact" if self.exact else found
        self.networks = Networks(self.device, self.dtype, network, notify)
        self.reader = Reader(self.networks, self.exact)
        self.store = store
        self.workers = workers
        self.executor = executor
        self._works: Works = {}

    def check(self, job: Job) -> None:
        """See that the network that draws the job has its layers, before its weights are read.

        Raises:
            LayerError: it lacks one.
        """
        self.networks.check(job.preset.network, (*job.content_layers, *job.style_layers))

    def run(self, job: Job, progress: Progress | None = None) -> Result:
        """Draw one job, or take it from the store."""
        return self.run_many([job], progress)[0]

    def run_many(
        self,
        jobs: Sequence[Job],
        progress: Progress | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[Result]:
        """Draw jobs; results come in the order of the jobs, and equal jobs are drawn once.

        Jobs of one network, shape and optimizer run as one batch on a GPU, whatever their layers;
        a batch for which the memory does not suffice is halved.  On a CPU they run singly,
        ``workers`` at a time, each stored as soon as it is done: a batch is no faster there (four
        pictures of 192 px: 0.74 s an evaluation against 0.72 s singly on two cores).

        Args:
            stop: asked before each batch, from several threads where there are several workers.

        Raises:
            DivergedError: a loss is not finite; names the job and the evaluation.
            LayerError: as of :meth:`check`, before anything is drawn.
            StoppedError: ``stop`` said so before all were drawn.
        """
        progress = progress or (lambda job, done, evaluations: None)
        for job in jobs:
            self.check(job)
        keys = [self.key(job) for job in jobs]
        done: dict[str, Result] = {}
        groups: dict[str, dict[str, Job]] = {}
        for key, job in zip(keys, jobs):
            if found := self.stored(job):
                done[key] = found
                progress(job, found.evaluations, found.evaluations)
            else:
                groups.setdefault(self._group(job), {}).setdefault(key, job)
        batches = [b for group in groups.values() for b in self._batches(list(group.values()))]
        for result in self._drawn(batches, progress, stop):
            done[self.key(result.job)] = result
        if len(done) < (different := len(set(keys))):
            raise StoppedError(len(done), different)
        return [self._answered(done[key], job, progress) for key, job in zip(keys, jobs)]

    def stream(self, job: Job, every: int = 1) -> Iterator[Snapshot]:
        """Draw one job, giving a snapshot after every ``every`` evaluations and at the end.

        Closing the iterator stops the work at once; nothing is stored then.

        Raises:
            ReplicateError: ``every`` is less than 1, or a layer is missing (:meth:`check`).
            DivergedError: while reading: the loss is not finite.
        """
        if every < 1:
            raise ReplicateError(f"every must be at least 1 evaluation, not {every}")
        self.check(job)
        return self._streamed(job, every)

    def stored(self, job: Job, store: ResultStore | None = None) -> Result | None:
        """The job's result if it is in the engine's store, or in another; else None."""
        place = self.store if store is None else store
        found = None if place is None else place.get(self.key(job))
        if found is None:
            return None
        kept = {name: found.record[name] for name in KEPT}
        kept["curve"] = [(int(step), float(loss)) for step, loss in kept["curve"]]
        network = self.networks.info(job.preset.network)
        return Result(job, Picture(found.pixels, job.label), network=network, cached=True, **kept)

    def _streamed(self, job: Job, every: int) -> Iterator[Snapshot]:
        batch = Batch(self.networks, [job], self.precision, self._works)
        for step in batch:
            if step.number % every == 0 or step.number == batch.evaluations:
                yield batch.snapshot(step)
        self._keep(batch.result(step))

    def _drawn(
        self, batches: list[list[Job]], progress: Progress, stop: Callable[[], bool]
    ) -> Iterator[Result]:
        """The batches' results, as they are done, until ``stop`` says so."""
        if self.executor:
            how = self.store, self.precision, self.networks.chosen
            orders = [order_of(batch, *how) for batch in batches]
            answers = [self.executor.submit(fulfil, order) for order in orders]
            yield from self._fetched(deque(zip(batches, answers)), progress, stop)
            return
        workers = min(self.workers, len(batches)) if self.device.type == "cpu" else 1
        if workers < 2:
            for batch in batches:
                if stop():
                    return
                yield from self._draw(batch, progress)
            return
        for batch in batches:
            self.networks.network(batch[0].preset.network)  # loaded once, before several need it
        halt = threading.Event()

        def watched(job: Job, done: int, evaluations: int) -> None:
            if halt.is_set():
                raise CancelledError  # another batch failed, or nobody waits any more
            progress(job, done, evaluations)

        def drawn(batch: list[Job]) -> list[Result]:
            return [] if stop() else self._draw(batch, watched)

        pool = ThreadPoolExecutor(workers, "", torch.set_num_threads, (torch.get_num_threads(),))
        try:
            drawing = [pool.submit(drawn, batch) for batch in batches]
            for done in as_completed(drawing):
                yield from done.result()
        finally:
            halt.set()
            pool.shutdown(cancel_futures=True)

    def _fetched(
        self, waiting: deque[tuple[list[Job], Answer]], progress: Progress, stop: Callable[[], bool]
    ) -> Iterator[Result]:
        """Results that other processes put into the store, batch after batch."""
        try:
            while waiting and not stop():
                batch, answer = waiting[0]
                answer.result()
                waiting.popleft()
                for job in batch:
                    found = self.stored(job)
                    if found is None:
                        raise ReplicateError(
                            f"another process has drawn {job.label or job.preset.name}, but not "
                            "into this store: all must see one folder, and have the same networks"
                        )
                    progress(job, 0, found.evaluations)  # else it would pass for an old one
                    progress(job, found.evaluations, found.evaluations)
                    yield replace(found, cached=False)
        finally:
            for _, answer in waiting:
                answer.cancel()

    def _draw(self, jobs: list[Job], progress: Progress) -> list[Result]:
        try:
            return self._draw_at_once(jobs, progress)
        except torch.OutOfMemoryError:
            if len(jobs) == 1:
                raise
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(jobs) // 2
        return [*self._draw(jobs[:half], progress), *self._draw(jobs[half:], progress)]

    def _draw_at_once(self, jobs: list[Job], progress: Progress) -> list[Result]:
        batch = Batch(self.networks, jobs, self.precision, self._works)
        for step in batch:
            for job in jobs:
                progress(job, step.number, batch.evaluations)
        results = [batch.result(step, index) for index in range(len(jobs))]
        for result in results:
            self._keep(result)
        return results

    @staticmethod
    def _answered(result: Result, job: Job, progress: Progress) -> Result:
        """The result of this job or of one that is equal, under this job's name."""
        if result.job is job:
            return result
        if not result.cached:
            progress(job, result.evaluations, result.evaluations)
        return replace(result, job=job, picture=replace(result.picture, name=job.label))

    def _group(self, job: Job) -> str:
        """Equal for jobs that may share a batch."""
        if self.device.type == "cpu" and not self.executor:
            return self.key(job)
        return batch_key(job, self._describe(job))

    def _batches(self, jobs: list[Job]) -> Iterator[list[Job]]:
        """Jobs of one group, as many at a time as the memory takes."""
        most = OTHERWISE
        if len(jobs) > 1 and self.device.type == "cuda" and not self.executor:
            most = room(self.networks, jobs[0], self.precision)
        yield from (jobs[start : start + most] for start in range(0, len(jobs), most))

    def _describe(self, job: Job) -> dict[str, Any]:
        spec = job.preset.network
        scaled = {} if self.networks.feature_scale(spec) == 1 else {"features_as": spec.convention}
        network = self.networks.info(spec).description()
        return {**job.description(), **scaled, "network": network, "precision": self.precision}

    def key(self, job: Job) -> str:
        """Where the job's result lies in the store: of all that decides the picture."""
        return ResultStore.key(self._describe(job))

    def _keep(self, result: Result) -> None:
        if self.store is not None:
            record = {name: getattr(result, name) for name in KEPT}
            self.store.put(self.key(result.job), result.picture.pixels, record)


def fulfil(order: Order) -> int:
    """Draw an order into its store, on the device of this process; returns how many jobs it had."""
    engine = _engine(order.folder, order.precision, order.network)
    return len(engine.run_many(jobs_of(order)))


@cache
def _engine(folder: str, precision: Precision, network: str) -> Engine:
    """This process's engine: networks are loaded once, not for every order."""
    return Engine(precision=precision, network=network, store=ResultStore(folder))
