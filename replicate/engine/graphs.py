"""CUDA graphs: an evaluation and an optimizer's step, each launched as a whole.

One picture's evaluation is some two hundred kernels, most of which take less time than their launch
from Python.  A graph records the launches once and then repeats them all by one call.  It always
reads and writes the same memory, so values are copied into it and results out of it.

Each graph is held against the plain path when it is made; where it cannot be made, or answers
otherwise, the plain path goes on, and that is said once.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .. import method
from ..method import Evaluation, Network, Objective, Optimizer
from .compiling import PAYS, Works, compiled, work_of
from .optimizers import LBFGS

PLAIN = 3
"""Calls before a graph is made, in which libraries choose their algorithms."""

TOLERANCE = 0.02
"""Relative difference by which two runs of one evaluation in bf16 may differ: sums on a GPU are
taken in any order."""


Make = Callable[[Tensor], Optimizer]
Evaluate = Callable[[Objective, Network, Tensor], Evaluation]


def usable(device: torch.device) -> bool:
    return device.type == "cuda"


def accelerated(
    device: torch.device, make: Make, works: Works | None = None
) -> tuple[Make, Evaluate]:
    """How optimizers are made from a start, and pictures evaluated, on a device.

    Steps of Adam are not replayed: they are few kernels.

    Args:
        works: what was drawn before, to compile what is drawn for long; None compiles nothing.
    """
    if not usable(device):
        return make, method.evaluate

    def replayed(start: Tensor) -> Optimizer:
        optimizer = make(start)
        return ReplayedLBFGS(optimizer) if isinstance(optimizer, LBFGS) else optimizer

    return replayed, ReplayedEvaluation(works)


def record(function: Callable[[], None]) -> Callable[[], None]:
    """Replays ``function``, which is not run by recording it.

    Args:
        function: launches the same kernels on the same tensors at every call.
    """
    torch.cuda.empty_cache()  # a graph cannot use what the allocator has put by
    graph = torch.cuda.CUDAGraph()
    # Other threads, as the page has them, may use the device in the meantime.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        function()
    replay: Callable[[], None] = graph.replay
    return replay


class ReplayedEvaluation:
    """:func:`replicate.method.evaluate` for pictures of one shape after another, by graphs.

    Losses and gradient that a call returns hold until the next one.

    Args:
        works: as of :func:`accelerated`.
    """

    def __init__(self, works: Works | None = None) -> None:
        self._works = works
        self._objective: Objective | None = None

    def __call__(self, objective: Objective, network: Network, pixels: Tensor) -> Evaluation:
        if objective is not self._objective:
            self._begin(objective, network, pixels)
        if self._replay is None:
            self._calls += 1
            found = method.evaluate(objective, self._network, pixels)
            if self._calls == PLAIN:
                self._record(objective, network, pixels, found)
            return found
        self._given.copy_(pixels)
        self._replay()
        if self._network is network:
            self._work.seconds += self._work.each
        return replace(self._found, total=self._found.total.clone())  # which optimizers keep

    def _begin(self, objective: Objective, network: Network, pixels: Tensor) -> None:
        self._objective, self._calls = objective, 0
        self._replay: Callable[[], None] | None = None
        works = {} if self._works is None else self._works
        self._work = work = work_of(works, objective, network, pixels)
        if work.chosen is None and work.seconds >= PAYS:
            work.chosen = compiled(objective, network, pixels)
        self._network = work.chosen or network

    def _record(
        self, objective: Objective, network: Network, pixels: Tensor, found: Evaluation
    ) -> None:
        self._given = given = pixels.clone()
        self._found = kept = Evaluation(
            found.total.clone(),
            {name: loss.clone() for name, loss in found.losses.items()},
            found.gradient.clone(),
        )

        def again() -> None:
            new = method.evaluate(objective, self._network, given)
            for place, value in zip(_tensors(kept), _tensors(new)):
                place.copy_(value)

        self._replay = _tried(again, lambda: _alike(_tensors(kept), _tensors(found)))
        if self._replay is None:
            return
        seconds = _seconds(self._replay, pixels.device)
        if self._network is network:
            self._work.each = seconds
        elif seconds > self._work.each:
            self._work.chosen = network  # from the next objective on


class ReplayedLBFGS:
    """An :class:`~replicate.engine.optimizers.LBFGS` whose steps are replayed by a graph."""

    def __init__(self, optimizer: LBFGS):
        self._inner = optimizer
        self._calls = 0
        self._replay: Callable[[], None] | None = None
        self.pixels, self.best, self.loss = optimizer.pixels, optimizer.best, optimizer.loss

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        if self._replay is not None:
            self._loss.copy_(loss)
            self._gradient.copy_(gradient)
            self._replay()
        else:
            self._calls += 1
            before = _copied(self._inner) if self._calls == PLAIN else None
            self._inner.tell(loss, gradient)
            if before is not None:
                self._replay = self._recorded(before, loss, gradient)
        self.pixels = self._inner.pixels
        # The next step writes over these, which somebody may still look at.
        self.best, self.loss = self._inner.best.clone(), self._inner.loss.clone()

    def _recorded(self, inner: LBFGS, loss: Tensor, gradient: Tensor) -> Callable[[], None] | None:
        """The graph that takes the step just taken once more, from ``inner``, before it."""
        self._loss, self._gradient = loss.clone(), gradient.clone()
        state = _state(inner)

        def step() -> None:
            inner.tell(self._loss, self._gradient)
            for name, place in state.items():  # the next step begins where this one ends
                if (value := getattr(inner, name)) is not place:
                    place.copy_(value)
                    setattr(inner, name, place)

        known = self._inner
        replay = _tried(step, lambda: _alike([inner.pixels], [known.pixels]))
        if replay is not None:
            self._inner = inner
        return replay


def _tried(function: Callable[[], None], right: Callable[[], bool]) -> Callable[[], None] | None:
    """The function's replay if recording succeeds and one replay is right."""
    try:
        replay = record(function)
        replay()
        if right():
            return replay
        problem = "the graph's numbers differ from the plain path's"
    except RuntimeError as error:
        problem = str(error).splitlines()[0]
    warnings.warn(f"Drawing goes on without a CUDA graph: {problem}.", stacklevel=2)
    return None


def _seconds(function: Callable[[], None], device: torch.device) -> float:
    """Of one call, until the device has done it."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    begun = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - begun


def _tensors(evaluation: Evaluation) -> list[Tensor]:
    return [evaluation.total, *evaluation.losses.values(), evaluation.gradient]


def _alike(some: list[Tensor], others: list[Tensor]) -> bool:
    return all(
        bool((one - other).norm() <= TOLERANCE * other.norm()) for one, other in zip(some, others)
    )


def _state(optimizer: LBFGS) -> dict[str, Tensor]:
    return {name: value for name, value in vars(optimizer).items() if isinstance(value, Tensor)}


def _copied(optimizer: LBFGS) -> LBFGS:
    """One with the same state in tensors of its own, of which no two share memory."""
    other = copy.copy(optimizer)
    vars(other).update({name: value.clone() for name, value in _state(optimizer).items()})
    return other
