"""A run of training: what fixes it, and what one update does."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from replicate.compact.losses import (
    UNITS,
    Channels,
    LayerErrors,
    layer_errors,
    layer_weights,
    measure_channels,
    run_teacher,
)
from replicate.compact.model import (
    CONVOLUTIONS,
    POOLINGS,
    STYLE_DEPTHS,
    WIDTHS,
    Plain,
    Student,
    channels_last,
)
from replicate.compact.muon import Muon
from replicate.compact.pictures import PLAIN, Mixture, Sampler, TransferPool
from replicate.compact.transfers import KEPT_AT, practise
from replicate.training import Progress, rate_factor


@dataclass(frozen=True)
class Recipe:
    """All that fixes a run but its teacher and pictures.

    Attributes:
        steps: length of the run; 0 means that ``minutes`` counts.
        widths: channels of the student at each convolution.
        pixels: of all crops of a batch together, whatever their size.
        sizes: sides of the crops; each batch has one of them, drawn at random.
        units: how often each of :data:`UNITS` is drawn.
        kernel_rate: Muon's peak rate, for all kernels but the first.
        rate: AdamW's peak rate, for everything else.
        warm_up: share of the run in which the rates rise.
        gram_weight: weight of the Gram distances beside the features, at the start and the end.
        frozen_after: share of the run after which batch norms stand still. Few crops make a
            batch, so that its statistics hide from the student how bright and rich in contrast
            each is, which Gram matrices depend on; but the first steps need them.
        averaging: decay a step of the running mean of the weights, which is what is shipped.
        practise_every: steps between the student's own transfers, from ``practise_after`` (a share
            of the run) on, at ``practise_size`` pixels.
        kept_at: evaluations after which the pictures of those transfers are kept.
        transfers: share of the samples that are crops of such pictures.
    """

    steps: int = 0
    minutes: float = 80.0
    seed: int = 0
    widths: tuple[int, ...] = WIDTHS
    pixels: int = 72_000
    sizes: tuple[int, ...] = (112, 144, 192, 256)
    units: tuple[float, ...] = (0.3, 0.3, 0.4)
    kernel_rate: float = 0.01
    rate: float = 5e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.01
    gram_weight: tuple[float, float] = (0.1, 0.6)
    frozen_after: float = 0.1
    averaging: float = 0.998
    practise_every: int = 150
    practise_after: float = 0.05
    practise_size: int = 160
    kept_at: tuple[int, ...] = KEPT_AT
    transfers: float = 0.2


POLISH = Recipe(
    steps=1000,
    kernel_rate=0.004,
    rate=1.5e-3,
    warm_up=0.02,
    gram_weight=(1.5, 1.5),
    frozen_after=0.0,
    averaging=0.995,
    practise_every=25,
    practise_after=0.0,
    kept_at=(20, 60, 130),
    transfers=0.5,
)
"""Of the second run; its widths and seed are the first one's."""


class Average:
    """Running mean of weights and of the batch norms' statistics (Polyak averaging)."""

    def __init__(self, student: Student, decay: float, every: int = 4):
        self.decay, self.every, self.updates = decay**every, every, 0
        self.student = copy.deepcopy(student).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, student: Student, step: int) -> None:
        if step % self.every:
            return
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10))
        mine = self.student.state_dict()
        for name, value in student.state_dict().items():
            if value.dtype.is_floating_point:
                mine[name].lerp_(value, 1 - decay)


class Trainer:
    """One run: networks, optimizers, data and progress."""

    def __init__(
        self,
        recipe: Recipe,
        teacher: Plain,
        pictures: list[np.ndarray],
        device: str,
        channels: list[Channels] | None = None,
    ):
        torch.manual_seed(recipe.seed)
        self.recipe, self.progress = recipe, Progress()
        self.device = torch.device(device)
        self.rng = np.random.default_rng(recipe.seed)
        self.pool = TransferPool()
        mixture = Mixture(transfers=recipe.transfers)
        self.sampler = Sampler(pictures, self.rng, mixture, self.pool)
        self.teacher = channels_last(teacher, self.device)
        self.channels = channels or measure_channels(
            self.teacher, Sampler(pictures, np.random.default_rng(1))
        )
        self.scales = [layer.rms.to(self.device) for layer in self.channels]
        self.units = {
            kind: [layer.units(kind).to(self.device) for layer in self.channels] for kind in UNITS
        }
        self.teacher.rescale(self.scales)
        self.student = channels_last(Student(recipe.widths, teacher.widths), self.device)
        self.average = Average(self.student, recipe.averaging)
        self.optimizers = self._optimizers()
        self.weights = layer_weights().to(self.device)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        recipe = self.recipe
        kernels = [layer.convolution.weight for layer in self.student.layers()[1:]]
        chosen = {id(kernel) for kernel in kernels}
        rest = [p for p in self.student.parameters() if id(p) not in chosen]
        adam = torch.optim.AdamW(
            rest, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
        )
        optimizers = [Muon(kernels, lr=recipe.kernel_rate, weight_decay=recipe.weight_decay), adam]
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["base"] = group["lr"]
        return optimizers

    def step(self) -> LayerErrors:
        """One update; returns the errors of its batch."""
        recipe, share = self.recipe, self.progress.share(self.recipe)
        started = time.monotonic()
        if self._practises(share):
            kind = ("raw", "normalised")[int(self.rng.integers(2))]
            practise(
                self.average.student,
                self.units[kind],
                self.sampler,
                recipe.practise_size,
                kept_at=recipe.kept_at,
            )
        self.student.train(share < recipe.frozen_after)
        size = int(self.rng.choice(recipe.sizes))
        pooling = POOLINGS[int(self.rng.integers(2))]
        batch = self.sampler.batch(max(1, round(recipe.pixels / size**2)), size)
        pixels = torch.from_numpy(batch).to(self.device, memory_format=torch.channels_last)
        targets = run_teacher(self.teacher, pixels, pooling)
        units = self.units[str(self.rng.choice(list(UNITS), p=recipe.units))]
        with torch.autocast(self.device.type, torch.bfloat16):
            errors = layer_errors(
                self.student, units, pixels, targets, pooling, self._gram_layers()
            )
        low, high = recipe.gram_weight
        gram_weight = low + (high - low) * share
        loss = (self.weights * (errors.features + gram_weight * errors.grams)).sum()
        loss.backward()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * rate_factor(share, recipe.warm_up)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.average.update(self.student, self.progress.step)
        self.progress.seconds += time.monotonic() - started
        return LayerErrors(errors.features.detach(), errors.grams.detach())

    def _gram_layers(self) -> set[int]:
        """Gatys' style layers always, three of the others by turns."""
        others = [depth for depth in range(len(CONVOLUTIONS)) if depth not in STYLE_DEPTHS]
        return {*STYLE_DEPTHS, *self.rng.choice(others, 3, replace=False).tolist()}

    def _practises(self, share: float) -> bool:
        recipe = self.recipe
        due = self.progress.step % recipe.practise_every == recipe.practise_every - 1
        return due and share >= recipe.practise_after

    @property
    def finished(self) -> bool:
        return self.progress.share(self.recipe) >= 1.0

    @torch.no_grad()
    def validate(self, pictures: list[np.ndarray], size: int = 192) -> LayerErrors:
        """Errors of the averaged student on plain crops of ``pictures``, raw, both poolings."""
        sampler = Sampler(pictures, np.random.default_rng(7), PLAIN)
        units = self.units["raw"]
        found = []
        for index in range(6):
            pixels = torch.from_numpy(sampler.batch(3, size)).to(self.device)
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            pooling = POOLINGS[index % 2]
            targets = run_teacher(self.teacher, pixels, pooling)
            with torch.autocast(self.device.type, torch.bfloat16):
                found.append(layer_errors(self.average.student, units, pixels, targets, pooling))
        features = torch.stack([errors.features for errors in found]).mean(0)
        return LayerErrors(features, torch.stack([errors.grams for errors in found]).mean(0))

    def state(self) -> dict[str, Any]:
        return {
            "recipe": asdict(self.recipe),
            "progress": asdict(self.progress),
            "student": self.student.state_dict(),
            "average": self.average.student.state_dict(),
            "updates": self.average.updates,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "channels": [asdict(layer) for layer in self.channels],
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "pool": [torch.from_numpy(picture) for picture in self.pool.pictures],
        }

    def begin_from(self, first: dict[str, Any]) -> None:
        """Start at the end of another run: its averaged weights and its transfers' pictures."""
        for student in (self.student, self.average.student):
            student.load_state_dict(first["average"])
        for picture in first["pool"]:
            self.pool.add(picture.numpy())

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``; the trainer must have been made with the state's channels."""
        self.progress = Progress(**state["progress"])
        self.student.load_state_dict(state["student"])
        self.average.student.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            bases = [group["base"] for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, base in zip(optimizer.param_groups, bases, strict=True):
                group["base"] = base
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"])
        self.pool.pictures.clear()
        for picture in state["pool"]:
            self.pool.add(picture.numpy())
