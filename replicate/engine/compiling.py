"""``torch.compile``, for networks, layers and shapes on which much time is spent.

Compiling joins a network's small kernels.  It takes many evaluations to win that time back, so it
waits until as many have been drawn: more are likely to come then, and at worst a run takes twice
the time of the better choice.  And it is never needed: without a compiler, without Triton, or
without a gain, the plain network goes on.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import method
from ..method import Network, Objective

PAYS = 75.0
"""Seconds of evaluations after which compiling would have paid: it takes up to 24 s to save a third
(VGG-19, twenty pictures of 512 x 384 px, H100).  On a CPU nothing is compiled: there it saves a
fifteenth in bf16, and shallow layers take twice the time (benchmarks/compiling.md)."""

TOLERANCE = 0.2
"""Relative difference of gradients in bf16, where joined kernels round less often: measured .03 to
.06, while each is as far from float32 (.027 and .032)."""

FORMS = 64
"""Compiled forms of one function before torch gives up on more; it would at 8."""


@dataclass
class Work:
    """What is known of one network's evaluations at some layers and of one shape.

    Attributes:
        seconds: spent on them with the plain network, ``each`` on one.
        chosen: the network to evaluate with, once that is decided.
    """

    seconds: float = 0.0
    each: float = 0.0
    chosen: Network | None = None


Works = dict[Hashable, Work]


def work_of(works: Works, objective: Objective, network: Network, pixels: Tensor) -> Work:
    """Of these evaluations, among all that an engine did."""
    key = (network, frozenset(objective.layers), pixels.shape)
    return works.setdefault(key, Work())


def compiled(objective: Objective, network: Network, pixels: Tensor) -> Network:
    """The network, compiled and tried for this; the plain one, with a warning, if that fails."""
    try:
        torch._dynamo.config.recompile_limit = FORMS
        faster: Network = torch.compile(network, dynamic=False)
        found = method.evaluate(objective, faster, pixels).gradient
        known = method.evaluate(objective, network, pixels).gradient
        if (found - known).norm() <= TOLERANCE * known.norm():
            return faster
        problem = "its numbers differ from the plain network's"
    except Exception as error:  # of whatever kind, by a tool that can be done without
        problem = (str(error).strip() or type(error).__name__).splitlines()[0]
    warnings.warn(f"Drawing goes on without torch.compile: {problem}.", stacklevel=2)
    return network
