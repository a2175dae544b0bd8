"""Names of VGG's layers.

A layer is named as in the literature: ``conv4_2`` is the output of the second convolution of the
fourth block *before* the rectification, ``relu4_2`` the activation *after* it, ``pool4`` the output
of the pooling that closes the block.  Papers often write "conv4_2" and use the rectified map.

Other programs number the layers instead, each in its own way; those numbers are understood here
and answered with the canonical name, so that nobody uses a wrong layer without noticing.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ..errors import LayerError

BLOCKS: dict[str, tuple[int, ...]] = {
    "vgg19": (2, 2, 4, 4, 4),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg11": (1, 1, 2, 2, 2),
}
"""Convolutions in each block (Simonyan & Zisserman 2015, table 1, columns E, D, B and A)."""

CHANNELS = (64, 128, 256, 512, 512)
"""Channels of the convolutions in each block."""


@dataclass(frozen=True)
class Step:
    """One operation of the network, in the order of execution.

    ``index`` is its place in torchvision's ``features``, which the weight files use as a key.
    """

    name: str
    index: int
    channels: int

    @property
    def kind(self) -> str:
        return re.match(r"[a-z]+", self.name)[0]  # type: ignore[index]


def is_chain(architecture: str) -> bool:
    """Whether it is a VGG; the names here are of no other."""
    return architecture in BLOCKS


def steps(architecture: str) -> list[Step]:
    """All operations of ``architecture`` from ``conv1_1`` to ``pool5``; none if it is no VGG."""
    found, index = [], 0
    blocks = BLOCKS.get(architecture, ())
    for block, (convolutions, channels) in enumerate(zip(blocks, CHANNELS), 1):
        for number in range(1, convolutions + 1):
            found.append(Step(f"conv{block}_{number}", index, channels))
            found.append(Step(f"relu{block}_{number}", index + 1, channels))
            index += 2
        found.append(Step(f"pool{block}", index, channels))
        index += 1
    return found


def layer_names(architecture: str, kind: str | None = None) -> list[str]:
    """Names from shallow to deep; ``kind`` is ``conv``, ``relu``, ``pool`` or None for all."""
    return [step.name for step in steps(architecture) if kind in (None, step.kind)]


def aliases(architecture: str) -> dict[str, str]:
    """What other programs call the layers of this architecture."""
    table: dict[str, str] = {}
    convolutions = 0
    for step in steps(architecture):
        table[f"features.{step.index}"] = table[str(step.index)] = step.name
        if step.kind == "pool":
            table[f"block{step.name[4]}_pool"] = step.name
            continue
        convolutions += step.kind == "conv"
        # The PyTorch tutorial counts convolutions: conv_4 is conv2_2, not a layer of block 4.
        table[f"{step.kind}_{convolutions}"] = step.name
        block, number = step.name[4:].split("_")
        if step.kind == "relu":
            # Keras' convolutions hold their activation; Gatys' PyTorch notebook says r42.
            table[f"block{block}_conv{number}"] = table[f"r{block}{number}"] = step.name
    return table


def canonical_layer(name: str, architecture: str = "vgg19") -> str:
    """The canonical name of a layer.

    Accepts canonical names (``relu4_2``), the PyTorch tutorial's count of convolutions
    (``conv_4`` is ``conv2_2``), torchvision's indices (``features.21`` or ``21`` is ``conv4_2``),
    Keras' names (``block4_conv2`` is ``relu4_2``) and ``r42``.  Names of other architectures are
    passed on: only the network itself knows them.

    Raises:
        LayerError: unknown name; the message names the nearest right one.
    """
    if not is_chain(architecture):
        return str(name).strip()
    wanted = str(name).strip().lower()
    names = layer_names(architecture)
    if wanted in names:
        return wanted
    others = aliases(architecture)
    if wanted in others:
        return others[wanted]
    elsewhere = [other for other in BLOCKS if wanted in layer_names(other)]
    if elsewhere:
        raise LayerError(
            f"layer '{name}' exists in {' and '.join(elsewhere)} only, not in {architecture}"
        )
    # relu9_9 is nearer to the alias relu_9 than to any layer, but a layer is what was meant.
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.7)
    near = near or difflib.get_close_matches(wanted, list(others), n=1, cutoff=0.5)
    hint = (
        f"; did you mean '{near[0]}'?" if near else f"; layers run from {names[0]} to {names[-1]}"
    )
    raise LayerError(f"{architecture} has no layer '{name}'{hint}")


def receptive_field(name: str, architecture: str = "vgg19") -> tuple[int, int]:
    """Side of the receptive field and distance between neighbouring units, both in pixels.

    Each 3x3 convolution adds 2 strides to the field, each 2x2 pooling adds 1 and doubles the
    stride: relu1_1 sees 3 px, relu4_2 sees 84 px of VGG-19 and 76 px of VGG-16.
    """
    wanted, field, stride = canonical_layer(name, architecture), 1, 1
    for step in steps(architecture):
        if step.kind == "conv":
            field += 2 * stride
        elif step.kind == "pool":
            field += stride
            stride *= 2
        if step.name == wanted:
            break
    return field, stride
