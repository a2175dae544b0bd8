"""Original weights as others publish them: downloaded, recognised, converted."""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from ..errors import DownloadError, ReplicateError, WeightsError
from ..storage.download import Digest, download
from ..storage.files import file_digest, remove_leftovers, write_atomic
from .layers import steps
from .stored import FORMAT_VERSION, expected_shapes, tensors_sha256
from .table import NetworkEntry, known_digits

_LANDMARK_TOLERANCE = 0.02
_OLD_DENSE = re.compile(r"(?<=\.)(norm|conv)([12])(?=\.)")
"""What torchvision's files of DenseNet call ``norm.1``, from before a name might have no dot."""
_HUB = re.compile(r"https://huggingface\.co/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


def fetch(entry: NetworkEntry, target: Path) -> Path:
    """Download a network's original from the first of its sources that has it, and convert it.

    Raises:
        WeightsError: no source could be reached or used; says why.
    """
    failures = []
    for address in sorted(entry.sources, key=lambda each: _preloaded(each) is None):
        try:
            with _original(address, target.parent) as original:
                return convert(original, entry, address, target)
        except (DownloadError, WeightsError) as error:
            failures.append(str(error).rstrip("."))
    raise WeightsError("; ".join(failures))


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
        if here := _preloaded(address):
            yield here
        elif on_hub := _HUB.fullmatch(address):
            original = _from_hub(on_hub, folder / ".hub")
            try:
                yield original
            finally:
                shutil.rmtree(folder / ".hub", ignore_errors=True)
        else:
            digits = known_digits(address)
            check = Digest("sha256", digits).require if digits else None
            yield download(address, Path(name) / address.rsplit("/", 1)[-1], check=check)


def _preloaded(address: str) -> Path | None:
    """The file in the Hub's own cache, where a Space's ``preload_from_hub`` puts it."""
    if not (on_hub := _HUB.fullmatch(address)):
        return None
    from huggingface_hub import try_to_load_from_cache

    repository, revision, file = on_hub.groups()
    found = try_to_load_from_cache(repository, file, revision=revision)
    return Path(found) if isinstance(found, str) else None


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


def convert(original: Path, entry: NetworkEntry, address: str, target: Path) -> Path:
    """Save an original's tensors as the file ``target``.

    Raises:
        WeightsError: it is no file of weights, or of another network.
    """
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
    return write_atomic(target, safetensors.torch.save(tensors, header))


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
