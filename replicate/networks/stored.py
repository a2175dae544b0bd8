"""Files of weights: what is in them, and what is wrong with them.

A file is safetensors of float32 under the network's name.  A VGG's holds its convolutions alone,
``features.N.weight`` and ``features.N.bias`` with torchvision's N, the first layer turned to RGB;
a classifier's holds the state of torchvision's model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..errors import WeightsError
from .layers import is_chain, steps
from .table import NetworkEntry

FORMAT_VERSION = "1"
"""Of converted files, in their header."""

MEANS_PREFIX = {"max": "means.", "average": "means_average."}
"""How a bundled file calls mean activations, by the pooling with which they were measured."""


_LEVELS = 256
"""Values that 8 bits tell apart."""


class Weights(NamedTuple):
    """What a network is made of.

    Attributes:
        tensors: by name, float32.
        sha256: of the tensors (:func:`tensors_sha256`); of the file for a bundled network, so
            that it is the sum in the model card.
        rounded: convolutions whose weights were kept in few bits (:func:`rounded_layers`).
    """

    tensors: dict[str, Tensor]
    sha256: str
    rounded: str = ""

    def means(self, pooling: str) -> dict[str, Tensor]:
        """Mean activations (N,) by layer that the file itself holds; few do."""
        prefix = MEANS_PREFIX[pooling]
        return {
            key.removeprefix(prefix): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(prefix)
        }


def read_weights(path: Path, entry: NetworkEntry) -> Weights:
    """A network's file, which must hold what its name and header say.

    Raises:
        WeightsError: damaged, or of another network.
    """
    remedy = f"delete it and run 'replicate weights fetch {entry.id}'"
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            header = stored.metadata() or {}
            problem = _problem(stored, header, entry)
            if problem:
                raise WeightsError(f"'{path}' is not {entry.id}: {problem}; {remedy}.")
            keys = expected_shapes(entry.architecture)
            tensors = {key: stored.get_tensor(key).float() for key in keys}
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(f"'{path}' is damaged or cannot be read; {remedy}.") from error
    sha256 = tensors_sha256(tensors)
    if header.get("tensors_sha256", sha256) != sha256 or not _finite(tensors.values()):
        raise WeightsError(f"'{path}' is damaged: its values have changed; {remedy}.")
    return Weights(tensors, sha256, rounded_layers(tensors, entry.architecture))


def rounded_layers(tensors: Mapping[str, Tensor], architecture: str) -> str:
    """Convolutions of a VGG whose weights were once rounded to 8 bits or so, as "conv4_1 to
    conv5_4"; whatever type a file has, such a filter repeats few values.
    """
    convolutions = [step for step in steps(architecture) if step.kind == "conv"]
    filters = {step.name: tensors[f"features.{step.index}.weight"][0] for step in convolutions}
    found = [
        name
        for name, values in filters.items()
        if values.numel() > _LEVELS and len(values.unique()) < values.numel() / 4
    ]
    names = list(filters)
    if len(found) > 1 and found == names[names.index(found[0]) : names.index(found[-1]) + 1]:
        return f"{found[0]} to {found[-1]}"
    return ", ".join(found)


def read_compact(path: Path, architecture: str = "vgg19") -> Weights:
    """A compact network from its file, whether or not it is the shipped one.

    The convolutions ``features.N`` are narrow; ``heads.relu4_2.weight`` (N, n) and ``.bias`` (N,)
    map a narrow map to VGG's N channels; ``means.relu4_2`` (N,) are mean activations with max
    pooling, ``means_average.relu4_2`` those with average pooling.  Stored in float16 (means in
    float32), returned in float32.

    Raises:
        WeightsError: the file cannot be read, or holds no complete compact network.
    """
    problem = f"'{path}' is damaged or holds no compact network."
    try:
        data = path.read_bytes()
        stored = safetensors.torch.load(data)
    except (OSError, safetensors.SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(problem) from error
    tensors = {key: tensor.float() for key, tensor in stored.items()}
    if not _is_compact(tensors, architecture) or not _finite(tensors.values()):
        raise WeightsError(problem)
    return Weights(tensors, hashlib.sha256(data).hexdigest())


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values: the same wherever and however they are stored."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def expected_shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Every tensor that a trained network of this architecture is made of."""
    if not is_chain(architecture):
        from .classifier import state_shapes  # torchvision takes a second to import

        return state_shapes(architecture)
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for step in steps(architecture):
        if step.kind == "conv":
            shapes[f"features.{step.index}.weight"] = (step.channels, channels, 3, 3)
            shapes[f"features.{step.index}.bias"] = (step.channels,)
            channels = step.channels
    return shapes


def _problem(stored: Any, header: Mapping[str, str], entry: NetworkEntry) -> str:
    """What is wrong with an open safetensors file, by its header alone; empty if nothing."""
    if header.get("name", entry.id) != entry.id:
        return f"its header says {header['name']}"
    if header.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
        return f"its format is version {header['format_version']}, not {FORMAT_VERSION}"
    present = set(stored.keys())
    for key, shape in expected_shapes(entry.architecture).items():
        if key not in present:
            return f"{key} is missing"
        found = stored.get_slice(key)
        if tuple(found.get_shape()) != shape:
            return f"{key} has shape {tuple(found.get_shape())} where {shape} belongs"
        if found.get_dtype() not in ("F16", "BF16", "F32", "F64"):
            return f"{key} is of type {found.get_dtype()}"
    return ""


def looks_intact(path: Path, entry: NetworkEntry) -> bool:
    """Whether the header is right and the file as long as it says; values are not read."""
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            return not _problem(stored, stored.metadata() or {}, entry)
    except (safetensors.SafetensorError, OSError):
        return False


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _is_compact(tensors: Mapping[str, Tensor], architecture: str) -> bool:
    """Whether the narrow convolutions follow on each other, and layers have heads and means."""
    wanted: dict[str, tuple[int, ...]] = {}
    channels = 3
    for step in steps(architecture):
        if step.kind == "conv":
            narrow = len(tensors.get(f"features.{step.index}.bias", ()))
            wanted[f"features.{step.index}.weight"] = (narrow, channels, 3, 3)
            wanted[f"features.{step.index}.bias"] = (narrow,)
            channels = narrow
        if step.kind in ("conv", "relu"):
            wanted[f"heads.{step.name}.weight"] = (step.channels, channels)
            wanted[f"heads.{step.name}.bias"] = (step.channels,)
        if step.kind == "relu":
            wanted |= {prefix + step.name: (step.channels,) for prefix in MEANS_PREFIX.values()}
    return all(key in tensors and tuple(tensors[key].shape) == wanted[key] for key in wanted)
