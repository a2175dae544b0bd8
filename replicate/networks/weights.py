"""The networks' weights: found, fetched, converted, checked.

A weights file holds a network's convolutions alone, as safetensors: ``features.N.weight`` and
``features.N.bias`` with torchvision's N, float32, the first layer turned to RGB.  It is looked
for in the folder ``REPLICATE_WEIGHTS``, then in the cache, and made from the original download
(550 MB, most of it a classifier that nobody needs here) when it is in neither.

Weights are named after architecture and training: ``vgg19-caffe`` is Simonyan and Zisserman's own
VGG-19, ``vgg19-torchvision`` the same architecture trained anew.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import DownloadError, ReplicateError, WeightsError
from ..storage.download import Digest, download
from ..storage.files import cache_dir, file_digest, remove_leftovers, write_atomic
from .layers import Step, steps
from .table import NetworkEntry, known_digits, network_entry, read_table

FORMAT_VERSION = "1"
"""Version of the converted files, in their header."""

Where = Literal["folder", "cache", "bundled", "absent"]
"""``folder`` is ``REPLICATE_WEIGHTS``, ``bundled`` the package itself."""


MEANS_PREFIX = {"max": "means.", "average": "means_average."}
"""How a bundled file calls mean activations, by the pooling with which they were measured."""

_LANDMARK_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """Weights ready for :class:`replicate.networks.vgg.Network`.

    Attributes:
        name: of the weights, such as ``vgg19-caffe``.
        architecture: ``vgg19`` or ``vgg16``.
        convention: a key of :data:`replicate.networks.vgg.CONVENTIONS`.
        tensors: ``features.N.weight`` (out, in, 3, 3) and ``features.N.bias`` (out,), float32;
            a compact network has heads and mean activations as well (:func:`read_compact`).
        sha256: of the tensors (:func:`tensors_sha256`); of the file for a bundled network, so
            that it is the sum in the model card.
        path: the file; None for random weights.
    """

    name: str
    architecture: str
    convention: str
    tensors: dict[str, Tensor]
    sha256: str
    path: Path | None

    def means(self, pooling: str) -> dict[str, Tensor]:
        """Mean activations (N,) of the layers ``relu1_1`` ... that the file itself holds.

        Empty for networks whose files hold convolutions alone.
        """
        prefix = MEANS_PREFIX[pooling]
        return {
            key.removeprefix(prefix): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(prefix)
        }


@dataclass(frozen=True)
class WeightsStatus:
    """Whether and where the weights ``name`` are on this machine; plain values, ready for JSON."""

    name: str
    place: str | None
    bytes: int
    where: Where


def find_weights(name: str) -> Path | None:
    """The weights file ``name`` in ``REPLICATE_WEIGHTS`` or else the cache; None if in neither.

    An original download (``.pth``) in ``REPLICATE_WEIGHTS`` is converted into the cache.

    Raises:
        WeightsError: unknown name, ``REPLICATE_WEIGHTS`` is no folder, or the original in it is
            not what its name says.
    """
    entry = weights_file(name)
    place, _ = _located(entry)
    if place is None:
        return None
    if place.suffix == ".safetensors":
        return place
    cached = _cached(entry)
    return cached if _looks_intact(cached, entry) else _convert(place, entry, str(place.name))


def fetch_weights(name: str) -> Path:
    """The weights file ``name``, downloaded and converted if it is not on this machine yet.

    A damaged file in the cache is replaced.  The download (550 MB, with a progress bar on stderr)
    is deleted once its convolutions are saved.

    Raises:
        WeightsError: unknown name; no source could be reached or used (within seconds offline).
        ReplicateError: the cache cannot be written.
    """
    if network_entry(name).bundled:
        raise WeightsError(f"The network {name} comes with the package and is never downloaded.")
    entry = weights_file(name)
    found = find_weights(name)
    if found is not None and (found != _cached(entry) or _looks_intact(found, entry)):
        return found
    return _download(entry)


def load_weights(source: str | Path) -> LoadedWeights:
    """Weights by name, bundled or from where :func:`find_weights` finds them, or by path.

    Nothing is downloaded.  A file's own name, or the header that this module writes, says which
    network it holds.

    Raises:
        WeightsError: absent, damaged, misnamed, or of another architecture.
    """
    table = read_table()
    if isinstance(source, str) and source in table and table[source].bundled:
        loaded = bundled_weights(source)
        if loaded is None:
            raise WeightsError(f"This installation of the package holds no network {source}.")
        return loaded
    if isinstance(source, str) and source in table:
        path = find_weights(source)
        if path is None:
            raise WeightsError(
                f"The weights {source} are not on this machine; run 'replicate weights fetch "
                f"{source}' or, without a network, {_offline_way(weights_file(source))}."
            )
        return _load(path, weights_file(source))
    path = Path(source)
    if isinstance(source, str) and not path.suffix and not path.is_file():
        weights_file(source)
    return _load(path, weights_file(path.stem if path.stem in table else _named_inside(path)))


def bundled_weights(name: str) -> LoadedWeights | None:
    """A network that is part of this package, or None where the package holds no such file.

    Raises:
        WeightsError: unknown name, or a file that is not the one that was shipped.
    """
    entry = network_entry(name)
    path = entry.bundled_path
    if path is None:
        raise WeightsError(f"The network {name} is no part of the package.")
    if not path.is_file():
        return None
    again = f"'{path}' is damaged; install the package again."
    try:
        loaded = read_compact(path, name)
    except WeightsError as error:
        raise WeightsError(again) from error
    if loaded.sha256 != entry.sha256:
        raise WeightsError(again)
    return loaded


def read_compact(path: Path, name: str = "vgg19-compact") -> LoadedWeights:
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
    architecture = network_entry(name).architecture
    tensors = {key: tensor.float() for key, tensor in stored.items()}
    if not _is_compact(tensors, architecture) or not _finite(tensors):
        raise WeightsError(problem)
    sha256 = hashlib.sha256(data).hexdigest()
    return LoadedWeights(name, architecture, "caffe", tensors, sha256, path)


def weights_status() -> list[WeightsStatus]:
    """Where each known network's weights are; nothing is read, converted or downloaded.

    Raises:
        WeightsError: ``REPLICATE_WEIGHTS`` is no folder.
    """
    found = []
    for entry in read_table().values():
        if entry.sources:
            found.append(_status(entry.id, *_located(entry)))
        elif path := entry.bundled_path:
            found.append(_status(entry.id, path if path.is_file() else None, "bundled"))
    return found


def weights_file(name: str) -> NetworkEntry:
    """The row of a network whose weights are found or fetched.

    Raises:
        WeightsError: unknown, and the text names the nearest; or random or bundled.
    """
    entry = network_entry(name)
    if not entry.sources:
        raise WeightsError(f"The network {entry.id} has no weights to be fetched.")
    return entry


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values: the same wherever and however they are stored."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


# Random weights


def random_weights(
    architecture: str = "vgg19", seed: int = 0, pooling: str = "max"
) -> LoadedWeights:
    """An untrained network: Gaussian kernels, zero biases, mean activation one at every layer.

    He, Wang and Hopcroft (2016, "A Powerful Generative Model Using Random Weights for the Deep
    Image Representation") draw kernels from a Gaussian and hold that what fails with them is the
    scale of the layers' losses, so they weigh each layer by a factor found beforehand.  (The
    standard deviation .015 attributed to them is unverified, and of no consequence here.)  The
    same end is reached by rescaling the kernels: first to variance 2 / fan-in (He et al. 2015),
    then so that the mean rectified activation over a seeded picture of coloured 1/f noise is one,
    as in Gatys' normalised network, for which the papers' ratios are meant.

    Args:
        architecture: ``vgg19`` or ``vgg16``.
        seed: the same seed gives the same weights on every machine.
        pooling: ``max`` or ``average``, with which the network will be used.

    Returns:
        Weights for the caffe input convention.
    """
    tensors = _random_tensors(architecture, seed, pooling)
    sha256 = tensors_sha256(tensors)
    return LoadedWeights(f"{architecture}-random", architecture, "caffe", tensors, sha256, None)


def _random_tensors(architecture: str, seed: int, pooling: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
    maps = _one_over_f_noise(generator)
    tensors: dict[str, Tensor] = {}
    for step in steps(architecture):
        if step.kind == "conv":
            kernels = _gaussian_kernels(step, maps.shape[1], generator)
            raw = F.conv2d(maps, kernels, padding=1)
            # Three digits: rounding that differs between machines then leaves no trace.
            factor = float(f"{1 / F.relu(raw).mean():.3g}")
            tensors[f"features.{step.index}.weight"] = kernels.mul_(factor)
            tensors[f"features.{step.index}.bias"] = torch.zeros(step.channels)
            maps = raw.mul_(factor)
        else:
            maps = F.relu_(maps) if step.kind == "relu" else pool(maps, 2)
    return tensors


def _gaussian_kernels(step: Step, inputs: int, generator: torch.Generator) -> Tensor:
    kernels = torch.randn(step.channels, inputs, 3, 3, generator=generator)
    return kernels.mul_(math.sqrt(2 / (9 * inputs)))


def _one_over_f_noise(generator: torch.Generator, side: int = 96) -> Tensor:
    """(1, 3, side, side) input of the caffe convention with a photograph's spectrum and contrast.

    Amplitudes fall as 1/f, as in natural images (Field 1987); most of the variance is common to
    the three colours.
    """
    rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
    frequency = (rows[:, None] ** 2 + columns[None, :] ** 2).sqrt().clamp(min=1 / side)
    white = torch.fft.rfft2(torch.randn(4, side, side, generator=generator))
    noise = torch.fft.irfft2(white / frequency, s=(side, side))
    noise = (noise - noise.mean((1, 2), keepdim=True)) / noise.std((1, 2), keepdim=True)
    return (55 * noise[:1] + 20 * noise[1:]).clamp(-120, 130)[None]


# Finding


def _folder() -> Path | None:
    chosen = os.environ.get("REPLICATE_WEIGHTS")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise WeightsError(
            f"REPLICATE_WEIGHTS names '{chosen}', which is not a folder; correct it or unset it."
        )
    return folder


def _cached(entry: NetworkEntry) -> Path:
    return cache_dir() / "weights" / entry.file_name


def _in_folder(entry: NetworkEntry) -> Path | None:
    folder = _folder()
    if folder is None:
        return None
    if (converted := folder / entry.file_name).is_file():
        return converted
    return next((folder / name for name in entry.originals if (folder / name).is_file()), None)


def _located(entry: NetworkEntry) -> tuple[Path | None, Where]:
    if (found := _in_folder(entry)) is not None:
        return found, "folder"
    cached = _cached(entry)
    return (cached, "cache") if cached.is_file() else (None, "absent")


def _status(name: str, place: Path | None, where: Where) -> WeightsStatus:
    if place is None:
        return WeightsStatus(name, None, 0, "absent")
    return WeightsStatus(name, str(place), place.stat().st_size, where)


# Fetching and converting


def _download(entry: NetworkEntry) -> Path:
    failures = []
    for address in entry.sources:
        with _scratch_folder(_cached(entry).parent) as scratch:
            original = scratch / address.rsplit("/", 1)[-1]
            digits = known_digits(address)
            check = Digest("sha256", digits).require if digits else None
            try:
                download(address, original, check=check)
                return _convert(original, entry, address)
            except (DownloadError, WeightsError) as error:
                failures.append(str(error).rstrip("."))
    raise WeightsError(
        f"The weights {entry.id} cannot be fetched ({'; '.join(failures)}); "
        f"without a network, {_offline_way(entry)}."
    )


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(parent)
        scratch = tempfile.TemporaryDirectory(
            prefix=".fetch-", dir=parent, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise ReplicateError(f"Cannot write to '{parent}': {error.strerror}.") from error
    with scratch as name:
        yield Path(name)


def _offline_way(entry: NetworkEntry) -> str:
    return f"put {entry.file_name} into a folder and set REPLICATE_WEIGHTS to that folder"


def _convert(original: Path, entry: NetworkEntry, address: str) -> Path:
    """Save the convolutions of an original into the cache."""
    sha256 = file_digest(original)
    tensors = _convolutions(_state(original), original, entry)
    known = any(d and sha256.startswith(d) for d in map(known_digits, entry.sources))
    if not known and not _has_landmarks(tensors, entry):
        raise WeightsError(
            f"'{original.name}' does not hold the weights {entry.id}: checksum {sha256[:8]} is "
            "not the known one; fetch the file again."
        )
    header = {
        "format_version": FORMAT_VERSION,
        "name": entry.id,
        "source": address,
        "source_sha256": sha256,
        "convention": entry.convention,
        "tensors_sha256": tensors_sha256(tensors),
    }
    return write_atomic(_cached(entry), safetensors.torch.save(tensors, header))


def _state(original: Path) -> Mapping[str, Any]:
    try:
        state = torch.load(original, map_location="cpu", weights_only=True)
    except Exception as error:  # arbitrary bytes make the unpickler raise nearly anything
        raise WeightsError(
            f"'{original.name}' is not a file of plain PyTorch weights (damaged, or it asks to run "
            "code); fetch it again."
        ) from error
    return state if isinstance(state, Mapping) else {}


def _convolutions(
    state: Mapping[str, Any], original: Path, entry: NetworkEntry
) -> dict[str, Tensor]:
    """float32 tensors ``features.N.*`` in RGB, whichever way the original names them."""
    tensors = {}
    for step, part, shape in _expected(entry.architecture):
        key = f"features.{step.index}.{part}"
        tensor = state.get(key, state.get(f"{step.name}.{part}"))
        if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
            raise WeightsError(
                f"'{original.name}' has no {key} of shape {shape}, so it is not {entry.id}."
            )
        tensors[key] = tensor.to(torch.float32).clone(memory_format=torch.contiguous_format)
    if entry.bgr:
        tensors["features.0.weight"] = tensors["features.0.weight"].flip(1).contiguous()
    return tensors


def _has_landmarks(tensors: Mapping[str, Tensor], entry: NetworkEntry) -> bool:
    if not entry.landmarks:
        return False
    colours = tensors["features.0.weight"].abs().mean((0, 2, 3))
    biases = [
        tensors[f"features.{step.index}.bias"].abs().mean()
        for step, part, _ in _expected(entry.architecture)
        if part == "bias"
    ]
    found = torch.stack([*colours, *biases])
    return torch.allclose(found, torch.tensor(entry.landmarks), rtol=_LANDMARK_TOLERANCE, atol=0)


def _expected(architecture: str) -> Iterator[tuple[Step, str, tuple[int, ...]]]:
    """Every tensor that a file of this architecture holds: its layer, part and shape."""
    channels = 3
    for step in steps(architecture):
        if step.kind == "conv":
            yield step, "weight", (step.channels, channels, 3, 3)
            yield step, "bias", (step.channels,)
            channels = step.channels


# Loading

_digests: dict[tuple[str, int, int], str] = {}
"""What has been hashed in this process: by path, size and time of change."""


def _load(path: Path, entry: NetworkEntry) -> LoadedWeights:
    remedy = f"delete it and run 'replicate weights fetch {entry.id}'"
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            header = stored.metadata() or {}
            problem = _problem(stored, header, entry)
            if problem:
                raise WeightsError(f"'{path}' is not {entry.id}: {problem}; {remedy}.")
            tensors = {key: stored.get_tensor(key).float() for key in _keys(entry)}
        stat = path.stat()
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(f"'{path}' is damaged or cannot be read; {remedy}.") from error
    memory = (str(path.absolute()), stat.st_size, stat.st_mtime_ns)
    sha256 = _digests.get(memory) or tensors_sha256(tensors)
    if header.get("tensors_sha256", sha256) != sha256 or not _finite(tensors):
        raise WeightsError(f"'{path}' is damaged: its values have changed; {remedy}.")
    _digests[memory] = sha256
    return LoadedWeights(entry.id, entry.architecture, entry.convention, tensors, sha256, path)


def _keys(entry: NetworkEntry) -> list[str]:
    return [f"features.{step.index}.{part}" for step, part, _ in _expected(entry.architecture)]


def _problem(stored: Any, header: Mapping[str, str], entry: NetworkEntry) -> str:
    """What is wrong with an open safetensors file, by its header alone; empty if nothing."""
    if header.get("name", entry.id) != entry.id:
        return f"its header says {header['name']}"
    if header.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
        return f"its format is version {header['format_version']}, not {FORMAT_VERSION}"
    present = set(stored.keys())
    for step, part, shape in _expected(entry.architecture):
        key = f"features.{step.index}.{part}"
        if key not in present:
            return f"{key} is missing"
        found = stored.get_slice(key)
        if tuple(found.get_shape()) != shape:
            return f"{key} has shape {tuple(found.get_shape())} where {shape} belongs"
        if found.get_dtype() not in ("F16", "BF16", "F32", "F64"):
            return f"{key} is of type {found.get_dtype()}"
    return ""


def _looks_intact(path: Path, entry: NetworkEntry) -> bool:
    """Whether the header is right and the file as long as it says; values are not read."""
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            return not _problem(stored, stored.metadata() or {}, entry)
    except (safetensors.SafetensorError, OSError):
        return False


def _finite(tensors: Mapping[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def _named_inside(path: Path) -> str:
    """The name in a file's header; empty if it has none."""
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            return (stored.metadata() or {}).get("name", path.stem)
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(f"'{path}' is not a readable safetensors file.") from error


def _is_compact(tensors: Mapping[str, Tensor], architecture: str) -> bool:
    """Whether the narrow convolutions follow on each other, and layers have heads and means."""
    channels = 3
    for step in steps(architecture):
        if step.kind == "conv":
            kernels = _shape(tensors, f"features.{step.index}.weight")
            if len(kernels) != 4 or kernels[1:] != (channels, 3, 3):
                return False
            channels = kernels[0]
            if _shape(tensors, f"features.{step.index}.bias") != (channels,):
                return False
        if step.kind in ("conv", "relu") and (
            _shape(tensors, f"heads.{step.name}.weight") != (step.channels, channels)
            or _shape(tensors, f"heads.{step.name}.bias") != (step.channels,)
        ):
            return False
        if step.kind == "relu" and any(
            _shape(tensors, prefix + step.name) != (step.channels,)
            for prefix in MEANS_PREFIX.values()
        ):
            return False
    return True


def _shape(tensors: Mapping[str, Tensor], key: str) -> tuple[int, ...]:
    return tuple(tensors[key].shape) if key in tensors else ()
