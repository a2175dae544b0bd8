"""The one engine: takes jobs, streams their progress, answers with pictures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import DivergedError, ReplicateError
from ..images import Picture
from ..method import Evaluation, Objective, Optimizer, evaluate
from ..networks.features import FeatureMap
from ..networks.means import to_picture, to_tensor
from ..networks.networks import Networks
from ..networks.spec import NetworkSpec
from ..storage.store import ResultStore
from .balance import balanced_preset, gradient_norms
from .device import Precision, arithmetic, choose_device, choose_dtype
from .job import Job, Level, Result, Snapshot
from .preset import Preset
from .terms import objective_of, optimizer_of, start_of

BATCH_PIXELS = 24 * 512 * 512
"""Pixels of all pictures of a batch on a GPU: an estimate of 20 GB with VGG-19, not measured."""

EXPLODED = 1e4
"""A loss this many times the first one will not come back."""

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
        workers: jobs that ``run_many`` draws at a time on a CPU, sharing its threads.
        say: called once with a sentence when another network stands in.

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
        say: Callable[[str], None] = lambda sentence: None,
    ):
        self.device = choose_device(device)
        self.dtype = choose_dtype(precision, self.device)
        self.exact = precision == "exact"
        self.networks = Networks(self.device, self.dtype, network, say)
        self.store = store
        self.workers = workers
        self._norms: dict[str, dict[str, dict[str, float]]] = {}

    @property
    def precision(self) -> str:
        """``bf16``, ``float32`` or ``exact``."""
        return "exact" if self.exact else {torch.bfloat16: "bf16"}.get(self.dtype, "float32")

    # ------------------------------------------------------------------ looking at pictures

    def features(
        self, picture: Picture, layers: Sequence[str], spec: NetworkSpec
    ) -> dict[str, FeatureMap]:
        """Feature maps of a picture at its own size, without gradients, on ``spec``'s scale."""
        with torch.no_grad(), self._arithmetic():
            return self.networks.network(spec)(to_tensor(picture).to(self.device), layers)

    def grams(
        self, picture: Picture, layers: Sequence[str], spec: NetworkSpec
    ) -> dict[str, Tensor]:
        """Wide Gram matrices (N, N) of a picture, divided by positions, float32 on the CPU."""
        maps = self.features(picture, layers, spec)
        return {layer: maps[layer].wide_gram()[0].cpu() for layer in layers}

    def style_distances(
        self, picture: Picture, style: Picture, layers: Sequence[str], spec: NetworkSpec
    ) -> dict[str, float]:
        """||G - A||^2 / ||A||^2 by layer, G of ``picture`` and A of ``style``."""
        ours, theirs = self.grams(picture, layers, spec), self.grams(style, layers, spec)
        return {
            layer: float(
                (ours[layer] - theirs[layer]).square().sum() / theirs[layer].square().sum()
            )
            for layer in layers
        }

    def similarity(self, one: Picture, other: Picture, layer: str, spec: NetworkSpec) -> float:
        """Cosine of the features of two pictures of one size at a layer, from -1 to 1."""
        first = self.features(one, [layer], spec)[layer].wide().flatten()
        second = self.features(other, [layer], spec)[layer].wide().flatten()
        return float(torch.cosine_similarity(first, second, dim=0))

    def balanced(self, job: Job, like: Preset | None = None) -> Preset:
        """The job's preset with weights that let every layer pull equally hard at the start.

        Measured at the job's seeded noise, also where the job starts from a picture; see
        :mod:`replicate.engine.balance`.

        Args:
            like: the preset whose content and style layers set how hard each kind pulls in all;
                None takes the job's own.

        Raises:
            ReplicateError: a layer's gradient vanishes there, or ``like`` has no layers of a kind
                that the job has.
        """
        like = like or job.preset
        norms = self._gradient_norms(job)
        return balanced_preset(
            job.preset, norms, like, self._gradient_norms(replace(job, preset=like))
        )

    def _gradient_norms(self, job: Job) -> dict[str, dict[str, float]]:
        """Of every layer's loss before weighting, at the job's noise; measured once."""
        plain = _unweighted(job)
        key = ResultStore.key(self._describe(plain))
        if key not in self._norms:
            network = self.networks.network(plain.preset.network)
            with torch.no_grad(), self._arithmetic():
                objective = objective_of([plain], plain.levels(), network)
            with self._arithmetic():
                start = start_of(plain).to(self.device)
                self._norms[key] = gradient_norms(objective, network, start)
        return self._norms[key]

    # ------------------------------------------------------------------ drawing

    def run(self, job: Job, progress: Progress | None = None) -> Result:
        """Draw one job, or take it from the store."""
        return self.run_many([job], progress)[0]

    def run_many(self, jobs: Sequence[Job], progress: Progress | None = None) -> list[Result]:
        """Draw jobs; results come in the order of the jobs, and equal jobs are drawn once.

        Jobs of one network, shape, layers and optimizer run as one batch on a GPU.  On a CPU a
        batch is no faster than one after another (four pictures of 192 px: 0.74 s an evaluation
        against 0.72 s on two cores), so there they run singly,
        ``workers`` at a time, and each is stored as soon as it is done.

        Raises:
            DivergedError: a loss is not finite; names the job and the evaluation.
        """
        results: dict[int, Result] = {}
        waiting: dict[str, list[int]] = {}
        first: dict[str, int] = {}
        equals: dict[int, int] = {}
        for index, job in enumerate(jobs):
            found = self.stored(job)
            if found:
                results[index] = found
                if progress:
                    progress(job, found.evaluations, found.evaluations)
                continue
            earlier = first.setdefault(ResultStore.key(self._describe(job)), index)
            if earlier == index:
                waiting.setdefault(self._group(job, index), []).append(index)
            else:
                equals[index] = earlier
        batches = [b for members in waiting.values() for b in self._batches(members, jobs)]
        for batch, drawn in self._drawn(batches, jobs, progress):
            results.update(zip(batch, drawn))
        for index, earlier in equals.items():
            results[index] = _named_anew(results[earlier], jobs[index])
            if progress:
                progress(jobs[index], results[index].evaluations, results[index].evaluations)
        return [results[index] for index in range(len(jobs))]

    def _drawn(
        self, batches: list[list[int]], jobs: Sequence[Job], progress: Progress | None
    ) -> Iterator[tuple[list[int], list[Result]]]:
        """Each batch with its results, as they are done."""
        workers = min(self.workers, len(batches)) if self.device.type == "cpu" else 1
        if workers < 2:
            for batch in batches:
                yield batch, self._draw([jobs[index] for index in batch], progress)
            return
        for job in jobs:
            self.networks.network(
                job.preset.network
            )  # loaded once, before anybody needs it at once
        threads = torch.get_num_threads()
        halt = threading.Event()
        pool = ThreadPoolExecutor(
            workers, initializer=torch.set_num_threads, initargs=(max(1, threads // workers),)
        )
        try:
            waiting = {
                pool.submit(self._draw, [jobs[i] for i in batch], progress, halt): batch
                for batch in batches
            }
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            halt.set()
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)

    def stream(self, job: Job, every: int = 1) -> Iterator[Snapshot]:
        """Draw one job, giving a snapshot after every ``every`` evaluations and at the end.

        Closing the iterator stops the work at once; nothing is stored then.

        Raises:
            ReplicateError: ``every`` is less than 1.
            DivergedError: while reading: the loss is not finite.
        """
        if every < 1:
            raise ReplicateError(f"every must be at least 1 evaluation, not {every}")
        return self._streamed(job, every)

    def _streamed(self, job: Job, every: int) -> Iterator[Snapshot]:
        session = _Session(self, [job])
        for step in session:
            if step % every == 0 or step == session.steps:
                yield session.snapshot(step)
        self._keep(session.results()[0])

    def _group(self, job: Job, index: int) -> str:
        if self.device.type == "cpu":
            return str(index)
        same = (
            self.networks.resolve(job.preset.network),
            self.networks.feature_scale(job.preset.network),
            sorted(job.content_layers),
            sorted(job.style_layers),
            job.canvas,
            job.evaluations,
            job.stop,
            job.preset.optimizer,
            job.preset.learning_rate,
            job.preset.clamp,
            job.preset.content_loss,
            job.preset.style_loss,
            job.preset.style_statistic,
            job.preset.activation_shift,
            bool(job.preset.tv_weight),
            [(level.canvas, level.evaluations, level.style) for level in job.levels()],
        )
        return repr(same)

    @staticmethod
    def _batches(members: list[int], jobs: Sequence[Job]) -> Iterator[list[int]]:
        width, height = jobs[members[0]].canvas
        most = max(1, BATCH_PIXELS // (width * height))
        for start in range(0, len(members), most):
            yield members[start : start + most]

    def _draw(
        self, jobs: list[Job], progress: Progress | None, halt: threading.Event | None = None
    ) -> list[Result]:
        session = _Session(self, jobs)
        for step in session:
            if halt is not None and halt.is_set():
                return []
            if progress:
                for job in jobs:
                    progress(job, step, session.steps)
        results = session.results()
        for result in results:
            self._keep(result)
        return results

    # ------------------------------------------------------------------ the store

    def _describe(self, job: Job) -> dict[str, Any]:
        spec = job.preset.network
        rescaled = (
            {} if self.networks.feature_scale(spec) == 1 else {"features_as": spec.convention}
        )
        return {
            **job.description(),
            **rescaled,
            "network": self.networks.info(spec).description(),
            "precision": self.precision,
        }

    def stored(self, job: Job) -> Result | None:
        """The job's result if it has been drawn before and kept; None draws nothing."""
        if self.store is None:
            return None
        found = self.store.get(self.store.key(self._describe(job)))
        if found is None:
            return None
        record = found.record
        return Result(
            job=job,
            picture=Picture(found.pixels, job.label),
            loss=record["loss"],
            losses=record["losses"],
            curve=[(int(step), float(loss)) for step, loss in record["curve"]],
            evaluations=record["evaluations"],
            seconds=record["seconds"],
            network=self.networks.info(job.preset.network),
            precision=record["precision"],
            cached=True,
        )

    def _keep(self, result: Result) -> None:
        if self.store is None:
            return
        record = {
            "loss": result.loss,
            "losses": result.losses,
            "curve": result.curve,
            "evaluations": result.evaluations,
            "seconds": result.seconds,
            "precision": result.precision,
        }
        key = self.store.key(self._describe(result.job))
        self.store.put(key, result.picture.pixels, record)

    def _arithmetic(self) -> Any:
        """float32 products in full: TF32 off where ``exact`` is asked for."""
        return arithmetic(self.exact)


class _Session:
    """Jobs of one group under way: iterating does one evaluation at a time."""

    def __init__(self, engine: Engine, jobs: list[Job]):
        self.engine = engine
        self.jobs = jobs
        self.steps = min(jobs[0].evaluations, jobs[0].stop or jobs[0].evaluations)
        self.network = engine.networks.network(jobs[0].preset.network)
        self.optimizer: Optimizer
        self.curve: list[tuple[int, Tensor]] = []
        self.losses: dict[str, Tensor] = {}
        self.seconds = 0.0

    def __iter__(self) -> Iterator[int]:
        begun = time.perf_counter()
        step = 0
        for levels in zip(*(job.levels() for job in self.jobs)):
            objective = self._begin(levels)
            first: Tensor | None = None
            for _ in range(levels[0].evaluations):
                step += 1
                point, good = self.optimizer.pixels, self.optimizer.best
                with self.engine._arithmetic():
                    evaluation = evaluate(objective, self.network, point)
                self.optimizer.tell(evaluation.total, evaluation.gradient)
                first = evaluation.total if first is None else first
                self._check(step, first, good)
                self._record(step, evaluation)
                self.seconds = time.perf_counter() - begun
                yield step
                if step == self.steps:
                    return

    def _begin(self, levels: Sequence[Level]) -> Objective:
        """Set the optimizer at the start of a level; the objective of that level."""
        width, height = levels[0].canvas
        with torch.no_grad(), self.engine._arithmetic():
            objective = objective_of(self.jobs, levels, self.network)
            if self.curve:
                start = F.interpolate(self.optimizer.best, (height, width), mode="bicubic")
                start = start.clamp(0, 1) if self.jobs[0].preset.clamp else start
            else:
                start = torch.cat([start_of(job) for job in self.jobs]).to(self.engine.device)
        self.optimizer = optimizer_of(self.jobs[0].preset, start)
        self.losses = {}
        return objective

    def _check(self, step: int, first: Tensor, good: Tensor) -> None:
        """Stop at a loss that will not come back.

        Args:
            first: (B,), the losses at the level's start.
            good: (B, 3, H, W), the last pictures before this evaluation.
        """
        loss = self.optimizer.loss
        bad = ~torch.isfinite(loss) | ((loss > EXPLODED * first) & (first > 0))
        if bad.any():
            index = int(bad.nonzero()[0])
            job = self.jobs[index]
            raise DivergedError(
                f"the loss of {job.label or job.preset.name} has exploded at evaluation "
                f"{step}: lower the style weight or the learning rate",
                step=step,
                picture=to_picture(good[index]),
            )

    def _record(self, step: int, evaluation: Evaluation) -> None:
        loss = self.optimizer.loss
        accepted = evaluation.total <= loss
        for name, value in evaluation.losses.items():
            known = self.losses.get(name, value)
            self.losses[name] = torch.where(accepted, value, known)
        self.curve.append((step, loss))

    def snapshot(self, step: int, index: int = 0) -> Snapshot:
        best = self.optimizer.best
        return Snapshot(
            step=step,
            steps=self.steps,
            loss=float(self.optimizer.loss[index]),
            losses={name: float(value[index]) for name, value in self.losses.items()},
            seconds=self.seconds,
            _draw=lambda: to_picture(best[index], self.jobs[index].label),
            _finish=lambda snapshot: self._result(snapshot, index),
        )

    def _result(self, snapshot: Snapshot, index: int) -> Result:
        job = self.jobs[index]
        if snapshot.step < self.steps:
            job = replace(job, stop=snapshot.step)
        return Result(
            job=job,
            picture=snapshot.image,
            loss=snapshot.loss,
            losses=snapshot.losses,
            curve=[(step, float(loss[index])) for step, loss in self.curve[: snapshot.step]],
            evaluations=snapshot.step,
            seconds=snapshot.seconds / len(self.jobs),
            network=self.engine.networks.info(job.preset.network),
            precision=self.engine.precision,
        )

    def results(self) -> list[Result]:
        return [self.snapshot(self.steps, index).result() for index in range(len(self.jobs))]


def _unweighted(job: Job) -> Job:
    """The job with every weight 1, from its noise: equal for jobs that differ in weights alone."""
    preset = job.preset.with_(
        content_layers=dict.fromkeys(job.preset.content_layers, 1.0),
        style_layers=dict.fromkeys(job.preset.style_layers, 1.0),
        content_weight=1.0,
        style_weight=1.0,
        tv_weight=0.0,
        scales=1,
        content_first=0.0,
    )
    return replace(job, preset=preset, init="noise", start=None, evaluations=1, stop=None)


def _named_anew(result: Result, job: Job) -> Result:
    """The result of an equal job, under this job's name."""
    return replace(result, job=job, picture=replace(result.picture, name=job.label))
