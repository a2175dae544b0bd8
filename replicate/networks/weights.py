"""The networks' weights: found, fetched, loaded.

They are looked for in the folder ``REPLICATE_WEIGHTS``, then in the cache, and made from the
original download (a VGG's has 550 MB, most of it a classifier that nobody needs here) when they are
in neither.  :mod:`replicate.networks.stored` says what their files hold.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from ..errors import WeightsError
from ..storage.files import cache_dir
from . import originals
from .stored import Weights, looks_intact, read_compact, read_weights
from .table import NetworkEntry, network_entry

Where = Literal["folder", "cache", "bundled", "absent"]
"""``folder`` is ``REPLICATE_WEIGHTS``, ``bundled`` the package itself."""


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
    if looks_intact(cached, entry):
        return cached
    return originals.convert(path, entry, path.name, cached)


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
    if found is not None and (found != _cached(entry) or looks_intact(found, entry)):
        return found
    try:
        return originals.fetch(entry, _cached(entry))
    except WeightsError as error:
        raise WeightsError(
            f"The weights {entry.id} cannot be fetched ({error}); "
            f"without a network, {_offline_way(entry)}."
        ) from error


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
    return _bundled(path, entry) if entry.bundled else read_weights(path, entry)


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
