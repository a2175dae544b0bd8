"""Balanced layer weights: every layer's gradient has the same norm at the start.

Weights that suit one set of layers do not suit another: losses of different layers differ by
orders of magnitude, so a change of layers at fixed weights also moves the balance between content
and style, and a figure shows both at once (a maintainer's objection in jcjohnson/neural-style,
issue 363).  Balanced weights take that away.  With g_l the norm of the gradient by the pixels of
layer l's loss before weighting, at the picture of noise that a job starts from,

    w'_l = S / (n g_l),    S = sum over l of w_l g_l

for the n layers of a kind (content, style): every layer pulls equally hard, and the kind as hard
as a reference does whose weights are w_l.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ..errors import ReplicateError
from ..method import Objective, evaluate
from ..networks.network import Network
from .preset import Preset

KINDS = ("content", "style")
DIGITS = 3
"""Significant digits of a balanced weight: more would differ from one machine to the next, and
with them the keys of the result store."""

Norms = Mapping[str, Mapping[str, float]]
"""Kind to layer to g_l."""


def gradient_norms(objective: Objective, network: Network, pixels: Tensor) -> Norms:
    """g_l of every layer of both kinds: the norm of the gradient of its loss before weighting.

    Args:
        pixels: (1, 3, H, W), where the gradients are taken.
    """
    norms: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for term in objective.terms:
        kind, _, layer = term.name.partition("/")
        if kind in norms:
            alone = Objective((replace(term, weight=1.0),))
            norms[kind][layer] = float(evaluate(alone, network, pixels).gradient.norm())
    return norms


def balanced_preset(preset: Preset, norms: Norms, like: Preset, like_norms: Norms) -> Preset:
    """``preset`` with balanced weights and with the strength of ``like``; layers of weight 0 and
    layers without a measured gradient stay as they are.

    Raises:
        ReplicateError: a gradient vanishes or is not finite; or ``like`` has no strength in a
            kind that is to be balanced.
    """
    changes = {}
    for kind in KINDS:
        weights = preset.layers(kind)
        layers = [layer for layer in norms[kind] if weights[layer] > 0]
        if not layers:
            continue
        for layer in layers:
            if not 0 < norms[kind][layer] < float("inf"):
                raise ReplicateError(
                    f"{kind} layer {layer} cannot be balanced: its gradient is "
                    f"{norms[kind][layer]:g} at the start"
                )
        share = strength(like, kind, like_norms) / len(layers)
        if not 0 < share < float("inf"):
            raise ReplicateError(
                f"preset '{like.name}' has no {kind} layers to balance preset '{preset.name}' with"
            )
        new = {layer: float(f"{share / norms[kind][layer]:.{DIGITS - 1}e}") for layer in layers}
        changes[f"{kind}_layers"] = {**weights, **new}
    return preset.with_(**changes) if changes else preset


def strength(preset: Preset, kind: str, norms: Norms) -> float:
    """S: how hard the layers of a kind pull in sum, before alpha and beta."""
    weights = preset.layers(kind)
    return sum(weights[layer] * norm for layer, norm in norms[kind].items())
