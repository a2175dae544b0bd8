"""Reads pictures with an engine's networks: features, statistics, and how hard layers pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..images import Picture
from ..method import evaluate
from ..networks.features import FeatureMap
from ..networks.networks import Networks
from ..networks.pixels import to_tensor
from ..networks.spec import NetworkSpec
from ..storage.store import ResultStore
from .balance import Norms, balanced_preset, gradient_norms
from .device import arithmetic
from .job import Job
from .preset import Preset
from .terms import objective_of, start_of


class Reader:
    """Reads pictures at their own size, with the networks that draw where ``spec`` is asked for.

    Args:
        exact: without TF32; see :func:`replicate.engine.device.arithmetic`.
    """

    def __init__(self, networks: Networks, exact: bool = False):
        self._networks = networks
        self._exact = exact
        self._norms: dict[str, Norms] = {}

    def features(
        self, picture: Picture, layers: Sequence[str], spec: NetworkSpec
    ) -> dict[str, FeatureMap]:
        """Features by layer, without gradients, on ``spec``'s scale."""
        network = self._networks.network(spec)
        with torch.no_grad(), arithmetic(self._exact):
            return network(to_tensor(picture).to(network.device), layers)

    def grams(
        self, picture: Picture, layers: Sequence[str], spec: NetworkSpec
    ) -> dict[str, Tensor]:
        """Wide Gram matrices (N, N), divided by positions, float32 on the CPU."""
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
        first, second = (
            self.features(each, [layer], spec)[layer].wide().flatten() for each in (one, other)
        )
        return float(torch.cosine_similarity(first, second, dim=0))

    def losses(self, job: Job, picture: Picture) -> tuple[float, dict[str, float]]:
        """The job's objective at a picture on its canvas: the weighted total, and each term's loss
        before weighting."""
        network = self._networks.network(job.preset.network)
        with arithmetic(self._exact):
            with torch.no_grad():
                objective = objective_of([job], job.levels()[-1:], network)
            seen = evaluate(objective, network, to_tensor(picture).to(network.device))
        return float(seen.total), {name: float(loss) for name, loss in seen.losses.items()}

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
        reference = self.gradient_norms(replace(job, preset=like))
        return balanced_preset(job.preset, self.gradient_norms(job), like, reference)

    def gradient_norms(self, job: Job) -> Norms:
        """Of every layer's loss before weighting, at the job's noise; measured once."""
        plain = _unweighted(job)
        key = ResultStore.key(plain.description())
        if key not in self._norms:
            network = self._networks.network(plain.preset.network)
            with arithmetic(self._exact):
                with torch.no_grad():
                    objective = objective_of([plain], plain.levels(), network)
                start = start_of(plain).to(network.device)
                self._norms[key] = gradient_norms(objective, network, start)
        return self._norms[key]


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
