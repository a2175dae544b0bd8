"""The networks' weights: found, fetched, converted, checked.

A weights file is safetensors of float32 under the network's name.  A VGG's holds its convolutions
alone, ``features.N.weight`` and ``features.N.bias`` with torchvision's N, the first layer turned to
RGB; a classifier's holds the state of torchvision's model.  It is looked for in the folder
``REPLICATE_WEIGHTS``, then in the cache, and made from the original download (a VGG's has 550 MB,
most of it a classifier that nobody needs here) when it is in neither.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..errors import DownloadError, ReplicateError, WeightsError
from ..storage.download import Digest, download
from ..storage.files import cache_dir, file_digest, remove_leftovers, write_atomic
from .layers import is_chain, steps
from .table import NetworkEntry, known_digits, network_entry

FORMAT_VERSION = "1"
"""Version of the converted files, in their header."""

Where = Literal["folder", "cache", "bundled", "absent"]
"""``folder`` is ``REPLICATE_WEIGHTS``, ``bundled`` the package itself."""

MEANS_PREFIX = {"max": "means.", "average": "means_average."}
"""How a bundled file calls mean activations, by the pooling with which they were measured."""

_LANDMARK_TOLERANCE = 0.02
_OLD_DENSE = re.compile(r"(?<=\.)(norm|conv)([12])(?=\.)")
"""What torchvision's files of DenseNet call ``norm.1``, from before a name might have no dot."""
_HUB = re.compile(r"https://huggingface\.co/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class Weights(NamedTuple):
    """What a network is made of.

    Attributes:
        tensors: by name, float32.
        sha256: of the tensors (:func:`tensors_sha256`); of the file for a bundled network, so
            that it is the sum in the model card.
    """

    tensors: dict[str, Tensor]
    sha256: str

    def means(self, pooling: str) -> dict[str, Tensor]:
        """Mean activations (N,) by layer that the file itself holds; few do."""
        prefix = MEANS_PREFIX[pooling]
        return {
            key.removeprefix(prefix): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(prefix)
        }


def locate_weights(name: str) -> tuple[Where, Path | None]:
    """Whether and where a network's weights are here; nothing is read, converted or downloaded.

    Raises:
        WeightsError: unknown name, or ``REPLICATE_WEIGHTS`` is no folder.
    """
    entry = network_entry(name)
    if path := entry.bundled_path:
        return ("bundled", path) if path.is_file() else ("absent", None)
    folder = _folder()
    known = (entry.file_name, *entry.originals) if folder and entry.sources else ()
    for each in known:
        if folder and (folder / each).is_file():
            return "folder", folder / each
    return ("cache", _cached(entry)) if os.path.isfile(_cached(entry)) else ("absent", None)


def find_weights(name: str) -> Path | None:
    """A network's weights file in the package, ``REPLICATE_WEIGHTS`` or the cache, if there is one.

    An original download (``.pth``) in ``REPLICATE_WEIGHTS`` is converted into the cache.

    Raises:
        WeightsError: unknown name, ``REPLICATE_WEIGHTS`` is no folder, or the original in it is
            not what its name says.
    """
    entry = network_entry(name)
    _, path = locate_weights(name)
    if path is None or path.suffix == ".safetensors":
        return path
    cached = _cached(entry)
    return cached if _looks_intact(cached, entry) else _convert(path, entry, path.name)


def fetch_weights(name: str) -> Path:
    """A network's weights file, downloaded and converted if it is not on this machine yet.

    A damaged file in the cache is replaced.  The download, with a progress bar on stderr, is
    deleted once it is converted.

    Raises:
        WeightsError: unknown name; no source could be reached or used (within seconds offline).
        ReplicateError: the cache cannot be written.
    """
    entry = network_entry(name)
    if not entry.sources:
        reason = "comes with the package" if entry.bundled else "has no trained weights"
        raise WeightsError(f"The network {entry.id} {reason} and is never downloaded.")
    found = find_weights(entry.id)
    if found is not None and (found != _cached(entry) or _looks_intact(found, entry)):
        return found
    return _download(entry)


def load_weights(name: str) -> Weights:
    """A network's weights, bundled or from where :func:`find_weights` finds them.

    Raises:
        WeightsError: unknown, absent, damaged, or of another network.
    """
    entry = network_entry(name)
    path = find_weights(entry.id)
    if path is None and entry.bundled:
        raise WeightsError(f"This installation of the package holds no network {entry.id}.")
    if path is None:
        raise WeightsError(
            f"The weights {entry.id} are not on this machine; run 'replicate weights fetch "
            f"{entry.id}' or, without a network, {_offline_way(entry)}."
        )
    return _bundled(path, entry) if entry.bundled else _load(path, entry)


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


# Finding


def _folder() -> Path | None:
    chosen = os.environ.get("REPLICATE_WEIGHTS")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not os.path.isdir(folder):
        raise WeightsError(
            f"REPLICATE_WEIGHTS names '{chosen}', which is not a folder; correct it or unset it."
        )
    return folder


def _cached(entry: NetworkEntry) -> Path:
    return cache_dir() / "weights" / entry.file_name


def _offline_way(entry: NetworkEntry) -> str:
    return f"put {entry.file_name} into a folder and set REPLICATE_WEIGHTS to that folder"


# Fetching and converting


def _download(entry: NetworkEntry) -> Path:
    failures = []
    for address in entry.sources:
        try:
            with _original(address, _cached(entry).parent) as original:
                return _convert(original, entry, address)
        except (DownloadError, WeightsError) as error:
            failures.append(str(error).rstrip("."))
    raise WeightsError(
        f"The weights {entry.id} cannot be fetched ({'; '.join(failures)}); "
        f"without a network, {_offline_way(entry)}."
    )


@contextmanager
def _original(address: str, folder: Path) -> Iterator[Path]:
    """The file at an address, gone when it has been used; an interrupted one is taken up again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        scratch = tempfile.TemporaryDirectory(
            prefix=".fetch-", dir=folder, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise ReplicateError(f"Cannot write to '{folder}': {error.strerror}.") from error
    with scratch as name:
        if on_hub := _HUB.fullmatch(address):
            original = _from_hub(on_hub, folder / ".hub")
            try:
                yield original
            finally:
                shutil.rmtree(folder / ".hub", ignore_errors=True)
        else:
            digits = known_digits(address)
            check = Digest("sha256", digits).require if digits else None
            yield download(address, Path(name) / address.rsplit("/", 1)[-1], check=check)


def _from_hub(address: re.Match[str], folder: Path) -> Path:
    """A file of the Hugging Face Hub, whose client resumes what was broken off."""
    from huggingface_hub import hf_hub_download  # takes a second to import
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, revision, file = address.groups()
    try:
        return Path(hf_hub_download(repository, file, revision=revision, cache_dir=folder))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DownloadError(f"Cannot download {file} of {repository}: {reason}.") from error


def _convert(original: Path, entry: NetworkEntry, address: str) -> Path:
    """Save an original's tensors into the cache."""
    sha256 = file_digest(original)
    tensors = _converted(_state(original), original, entry)
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on strange tensors
            state = torch.load(original, map_location="cpu", weights_only=True)
    except Exception as error:  # arbitrary bytes make the unpickler raise nearly anything
        raise WeightsError(
            f"'{original.name}' is not a file of plain PyTorch weights (damaged, or it asks to run "
            "code); fetch it again."
        ) from error
    return state if isinstance(state, Mapping) else {}


def _converted(state: Mapping[str, Any], original: Path, entry: NetworkEntry) -> dict[str, Tensor]:
    """float32 tensors under torchvision's names, in RGB, whichever way the original has them."""
    indices = {f"features.{step.index}.": f"{step.name}." for step in steps(entry.architecture)}
    tensors = {}
    for key, shape in expected_shapes(entry.architecture).items():
        stem, part = key.rsplit(".", 1)
        others = (f"{indices.get(f'{stem}.', '')}{part}", _OLD_DENSE.sub(r"\1.\2", key))
        tensor: Any = next((state[each] for each in (key, *others) if each in state), None)
        if not _is_plain(tensor) or tuple(tensor.shape) != shape:
            raise WeightsError(
                f"'{original.name}' has no {key} of shape {shape}, so it is not {entry.id}."
            )
        tensors[key] = tensor.to(torch.float32).clone(memory_format=torch.contiguous_format)
    if entry.bgr:
        tensors["features.0.weight"] = tensors["features.0.weight"].flip(1).contiguous()
    return tensors


def _is_plain(tensor: Any) -> bool:
    """Whether it is a tensor of numbers in memory: not sparse, quantised or complex."""
    if not isinstance(tensor, Tensor) or tensor.is_quantized or not tensor.is_floating_point():
        return False
    return tensor.layout == torch.strided and tensor.device.type == "cpu"


def _has_landmarks(tensors: Mapping[str, Tensor], entry: NetworkEntry) -> bool:
    if not entry.landmarks:
        return False
    colours = tensors["features.0.weight"].abs().mean((0, 2, 3))
    biases = [tensor.abs().mean() for key, tensor in tensors.items() if key.endswith(".bias")]
    found, known = torch.stack([*colours, *biases]), torch.tensor(entry.landmarks)
    return torch.allclose(found, known, rtol=_LANDMARK_TOLERANCE, atol=0)


# Loading


def _load(path: Path, entry: NetworkEntry) -> Weights:
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
    return Weights(tensors, sha256)


def _bundled(path: Path, entry: NetworkEntry) -> Weights:
    """A file of the package, which must be the one that was shipped."""
    again = f"'{path}' is damaged; install the package again."
    try:
        loaded = read_compact(path, entry.architecture)
    except WeightsError as error:
        raise WeightsError(again) from error
    if loaded.sha256 != entry.sha256:
        raise WeightsError(again)
    return loaded


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


def _looks_intact(path: Path, entry: NetworkEntry) -> bool:
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
