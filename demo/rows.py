"""The layers as rows of name, content weight and style weight: what the picker shows and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from replicate.networks.layers import layer_names

from .limits import InputError, number, one_of

if TYPE_CHECKING:
    from .settings import Settings

KINDS = ("relu", "conv")

Row = list[Any]
"""A layer, its content weight, its style weight."""


def table(settings: Settings, kind: str | None = None) -> list[Row]:
    """One row a convolution from shallow to deep, and one for any other layer with a weight.

    Args:
        kind: ``relu`` or ``conv``, the name under which a layer without weight stands; by default
            what most layers with a weight are.
    """
    architecture = settings.architecture()
    used = {**settings.content_layers, **settings.style_layers}
    kind = kind or kind_of(used)
    order = layer_names(architecture)
    shown = set(used) | {
        name
        for name in layer_names(architecture, kind)
        if name[4:] not in {layer[4:] for layer in used}
    }
    ordered = [name for name in order if name in shown]
    ordered += [name for name in used if name not in order]  # refused with a sentence at Run
    return [
        [name, settings.content_layers.get(name, 0.0), settings.style_layers.get(name, 0.0)]
        for name in ordered
    ]


def rows(content: Mapping[str, float], style: Mapping[str, float]) -> list[Row]:
    """A table of these layers alone."""
    names = dict.fromkeys([*content, *style])
    return [[name, content.get(name, 0.0), style.get(name, 0.0)] for name in names]


def kind_of(names: Mapping[str, float]) -> str:
    """``conv`` if most of the layers are convolutions before their rectification."""
    conv = sum(name.startswith("conv") for name in names)
    return "conv" if conv > len(names) / 2 else "relu"


def switched(rows: Sequence[Sequence[Any]], kind: str) -> list[Row]:
    """The table with every convolution named before (conv) or after (relu) its rectification."""
    one_of("kind of layer", kind, KINDS)
    return [
        [kind + str(name)[4:] if str(name)[:4] in KINDS and str(name)[4:] else name, *weights]
        for name, *weights in rows
    ]


def evened(rows: Sequence[Sequence[Any]]) -> list[Row]:
    """The table with equal weights that sum to one, in each column, where there are any."""
    content, style = layers_from(rows)
    shares = [1 / len(column) if column else 0.0 for column in (content, style)]
    return [
        [row[0], shares[0] if row[0] in content else 0.0, shares[1] if row[0] in style else 0.0]
        for row in rows
    ]


def layers_from(rows: Sequence[Sequence[Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style layers of a table; empty cells and zeros are left out.

    Raises:
        InputError: a cell that is no weight.
    """
    found: tuple[dict[str, float], dict[str, float]] = ({}, {})
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
        raise InputError("The layers are rows of a name and two weights.")
    if len(rows) > 64:
        raise InputError("There are more rows of layers than the network has.")
    for row in rows:
        cells = [*row, None, None][:3]
        for weights, role, value in zip(found, ("content", "style"), cells[1:]):
            if value is None or str(value).strip() in ("", "nan"):
                continue
            weight = number(f"The {role} weight of {cells[0]}", value, 0, 1e12)
            if weight:
                weights[str(cells[0])] = weight
    return found
