"""Training: random crops of photographs, the objective of each, a step of Adam.

A run lives in a folder: ``checkpoint.pt``, a log of losses by layer (``log.jsonl``) and the
newest sample (``sample.webp``).  All chance comes from one generator whose state is part of the
checkpoint, so a run that was killed and goes on draws the batches that it would have drawn.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..engine.device import choose_dtype
from ..errors import ReplicateError
from ..images import Picture
from ..method import Objective, evaluate
from ..networks.pixels import to_picture, to_tensor
from ..networks.spec import NetworkInfo
from ..photographs import Crops
from ..storage.files import written_whole
from ..training import Progress, rate_factor
from .goal import Goal
from .network import TransformationNetwork

CHECKPOINT, LOG, SAMPLE = "checkpoint.pt", "log.jsonl", "sample.webp"
KEPT_EVERY = 45.0
"""Seconds of training between two checkpoints: what a killed run loses at most."""


@dataclass(frozen=True)
class Recipe:
    """All that fixes a run but its goal and photographs.

    The defaults are those of Johnson et al. 2016, which suit a GPU; :data:`CPU` is for two cores.

    Attributes:
        steps: length of the run; 0 means that ``minutes`` counts.
        size, batch: crops of so many pixels a side, so many a step.
        rate: Adam's; it falls to nothing along half a cosine if ``decay``.
        style_size: longest side of the artworks, on which the size of strokes depends.
        width: of the network.
        averaging: decay a step of the running mean of the weights, which is what is kept.
    """

    steps: int = 40_000
    minutes: float = 0.0
    seed: int = 0
    size: int = 256
    batch: int = 4
    rate: float = 1e-3
    decay: bool = False
    style_size: int = 256
    width: int = 32
    averaging: float = 0.999


CPU = Recipe(steps=0, minutes=100.0, size=128, batch=2, rate=2e-3, decay=True, width=16)


@dataclass
class Losses:
    """Means of the losses before weighting since they were last taken."""

    total: float = 0.0
    count: int = 0
    by_term: dict[str, list[float]] = field(default_factory=dict)

    def add(self, total: float, losses: dict[str, float]) -> None:
        self.total, self.count = self.total + total, self.count + 1
        for name, loss in losses.items():
            self.by_term.setdefault(name, []).append(loss)

    def means(self) -> dict[str, float]:
        terms = {name: sum(each) / len(each) for name, each in sorted(self.by_term.items())}
        return {"total": self.total / max(self.count, 1), **terms}


class Trainer:
    """One run: network, optimizer, photographs and progress.

    Args:
        photographs: (H, W, 3) uint8 each.
    """

    def __init__(self, recipe: Recipe, goal: Goal, photographs: Sequence[np.ndarray]):
        if not photographs:
            raise ReplicateError("There is no photograph to train on.")
        torch.manual_seed(recipe.seed)
        self.recipe, self.goal, self.progress = recipe, goal, Progress()
        self.device = goal.network.device
        self.rng = np.random.default_rng(recipe.seed)
        self.crops = Crops(photographs, self.rng)
        goal.prepare(self.photographs() for _ in range(25))
        network = TransformationNetwork(recipe.width, goal.conditions)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.network.parameters(), recipe.rate)
        self.dtype = choose_dtype("auto", self.device)
        self.losses = Losses()

    def photographs(self) -> Tensor:
        """The next crops, (B, 3, S, S) in [0, 1]."""
        crops = [self.crops.crop(self.recipe.size) for _ in range(self.recipe.batch)]
        pixels = np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2)) / 255
        return torch.from_numpy(pixels).float().clamp(0, 1).to(self.device)

    def step(self) -> None:
        """One update.

        Raises:
            ReplicateError: the losses are no longer finite.
        """
        started, recipe = time.monotonic(), self.recipe
        share = self.progress.share(recipe)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate * (rate_factor(share) if recipe.decay else 1.0)
        batch = self.goal.batch(self.photographs(), self.rng)
        pictures = self.network(batch.pictures, batch.conditions, self.dtype)
        evaluation = evaluate(batch.objective, self.goal.network, pictures)
        factor = torch.as_tensor(batch.factor, device=self.device).reshape(-1, 1, 1, 1)
        total = (evaluation.total * factor.flatten()).mean()
        if not math.isfinite(float(total)):
            raise ReplicateError(f"The losses are no longer finite at step {self.progress.step}.")
        self.optimizer.zero_grad(set_to_none=True)
        pictures.backward(evaluation.gradient * factor / recipe.batch)
        # The higher rate of a short run needs clipping.
        most = 1.0 if recipe.decay else math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), most)
        # Of a crop of one colour the normalisations make gradients beyond all numbers.
        if norm.isfinite():
            self.optimizer.step()
            self._follow()
        self.losses.add(float(total), _by_term(batch.objective, evaluation.losses))
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - started

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the running mean follow; from the first step, of few steps at first."""
        decay = min(self.recipe.averaging, (1 + self.progress.step) / (10 + self.progress.step))
        for mean, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(new, 1 - decay)

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on, in types that ``weights_only`` loads."""
        return {
            "recipe": asdict(self.recipe),
            "progress": asdict(self.progress),
            **self.goal.state(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def record(self, judge: NetworkInfo) -> dict[str, Any]:
        """How the network is made, for its file; ``judge`` is the network of the losses."""
        return {
            "styles": list(self.goal.styles),
            **self.goal.state(),
            "judge": {"name": judge.name, "sha256": judge.sha256},
            "photographs": len(self.crops.pictures),
            "recipe": asdict(self.recipe),
            "progress": asdict(self.progress),
            "device": self.device.type,
            "torch": torch.__version__,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ReplicateError: it is of another recipe; only the length may differ.
        """
        free = {"steps", "minutes"}
        mine = {key: value for key, value in asdict(self.recipe).items() if key not in free}
        theirs = {key: value for key, value in state["recipe"].items() if key not in free}
        if mine != theirs:
            keys = ", ".join(key for key in mine if mine[key] != theirs.get(key))
            raise ReplicateError(f"The run in this folder was begun with another {keys}.")
        self.progress = Progress(**state["progress"])
        self.goal.restore(state)
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])


def train(
    trainer: Trainer,
    run: Path,
    sample: Picture,
    notify: Callable[[str], None] = print,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Train to the recipe's end, going on from the folder's checkpoint if there is one.

    Args:
        sample: a photograph that is drawn every so often.
        stopped: whether to end after this step.
    """
    checkpoint = run / CHECKPOINT
    if checkpoint.exists():
        trainer.restore(torch.load(checkpoint, map_location=trainer.device, weights_only=True))
        notify(f"going on from step {trainer.progress.step}")
    kept = time.monotonic()
    while trainer.progress.share(trainer.recipe) < 1 and not stopped():
        trainer.step()
        if time.monotonic() - kept >= KEPT_EVERY:
            _keep(trainer, run, sample, notify)
            kept = time.monotonic()
    _keep(trainer, run, sample, notify)


def _keep(trainer: Trainer, run: Path, sample: Picture, notify: Callable[[str], None]) -> None:
    progress, means = trainer.progress, trainer.losses.means()
    trainer.losses = Losses()
    with written_whole(run / CHECKPOINT) as path:
        torch.save(trainer.state(), path)
    line = {"step": progress.step, "seconds": round(progress.seconds), **means}
    with (run / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    _samples(trainer, sample).save(run / SAMPLE)
    left = progress.left(trainer.recipe) / 60
    notify(f"step {progress.step}, total {means['total']:.4g}, {left:.0f} minutes left")


@torch.no_grad()
def _samples(trainer: Trainer, sample: Picture) -> Picture:
    """The photograph as the network draws it, in the rows of the goal."""
    small = sample.scaled_to(trainer.recipe.size * 3 // 2)
    rows = [
        torch.cat(list(trainer.average(pictures, conditions)), dim=2)
        for pictures, conditions in trainer.goal.samples(to_tensor(small).to(trainer.device))
    ]
    return to_picture(torch.cat(rows, dim=1))


def _by_term(objective: Objective, losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean of each term's loss over the pictures in which it counts."""
    found = {}
    for term in objective.terms:
        loss = losses[term.name]
        counts = (torch.as_tensor(term.weight, device=loss.device) != 0).expand_as(loss)
        if counts.any():
            found[term.name] = float(loss[counts].mean())
    return found
