"""Files: where they lie, written whole or not at all, known again by a digest, swept."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import ConfigError, ReplicateError

DAY_SECONDS = 24 * 60 * 60.0
LEFTOVERS = (".*.tmp", ".fetch-*")
"""What killed processes leave: files of :func:`written_whole`, folders of downloads under way."""

# A pipe without a writer is opened at once; Windows knows neither, and needs to be told of bytes.
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_PACKAGE = Path(__file__).resolve().parent.parent
_PROGRAM = (".py", ".toml", ".npz", ".safetensors", ".css", ".html", ".js", ".jinja")


def cache_dir() -> Path:
    """Folder for downloads, converted weights and results: ``REPLICATE_CACHE`` or the user's cache.

    The folder need not exist yet: whoever writes into it creates it.
    """
    chosen = os.environ.get("REPLICATE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("replicate", appauthor=False))


def configs_dir() -> Path:
    """Folder of the paper configs: beside the package in a checkout, inside it in a wheel.

    Raises:
        ConfigError: neither exists.
    """
    for folder in (_PACKAGE / "_paper_configs", _PACKAGE.parent / "paper_configs"):
        if folder.is_dir():
            return folder
    raise ConfigError("The folder paper_configs is missing from this installation.")


def evidence_dir() -> Path:
    """Folder of the evidence that comes with the program; it may be empty or missing."""
    inside = _PACKAGE / "_evidence"
    return inside if inside.is_dir() else _PACKAGE.parent / "figures" / "evidence"


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds.

    When the block fails nothing is left behind and what was at ``path`` stays as it was. Parent
    folders are created.

    Raises:
        ReplicateError: the folder cannot be written (no space, no permission).
    """
    target = Path(path)
    # The same folder, because a rename is atomic only within one file system.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReplicateError(f"Cannot write '{target}': {reason}.") from error
    finally:
        with suppress(OSError):  # gone by the rename, or never made
            temporary.unlink()


def json_text(value: Any, indent: int | None = 2) -> str:
    """The value as indented JSON, in its own order; "nan", "inf" and "-inf", which JSON lacks,
    are text."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def write_atomic(path: str | Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` so that a reader sees the old file or the whole new one.

    Raises:
        ReplicateError: the folder cannot be written.
    """
    with written_whole(path) as temporary, open(temporary, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Path(path)


def require_room(folder: str | Path, size: int = 1 << 16) -> None:
    """Try whether ``size`` bytes can be written into a folder, which need not exist yet.

    Nothing is left behind: of a folder that does not exist, the nearest one above is tried.

    Raises:
        ReplicateError: there is no room, no permission, or a file in the folder's place.
    """
    folder = Path(folder)
    place = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if not os.path.isdir(place):
        raise ReplicateError(f"Cannot write to '{folder}': '{place}' is a file.")
    trial = place / f".{secrets.token_hex(6)}.tmp"
    try:
        folder.exists()  # raises if its name could never be one
        with open(trial, "xb") as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReplicateError(f"Cannot write to '{folder}': {reason}.") from error
    finally:
        with suppress(OSError):
            trial.unlink()


def open_file(path: str | Path) -> BufferedReader:
    """An ordinary file opened for reading; a named pipe, at which ``open`` waits, is refused.

    Raises:
        OSError: it cannot be read, or is no ordinary file.
    """
    descriptor = os.open(path, _READING)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "not an ordinary file", str(path))
    return os.fdopen(descriptor, "rb")


def file_digest(path: str | Path, algorithm: str = "sha256") -> str:
    """Digest of a file's bytes in hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with open_file(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@cache
def program_digest() -> str:
    """SHA-256 over all that this program is: its code, the papers' configs, bundled weights."""
    digest = hashlib.sha256()
    for folder in (_PACKAGE, configs_dir()):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in _PROGRAM):
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def remove_leftovers(folder: Path, older_than: float = DAY_SECONDS) -> int:
    """Remove temporary files and download folders that nobody has touched for ``older_than`` s.

    Younger ones may belong to a process that is still writing. Never raises: what cannot be
    removed stays. Returns how many were removed.
    """
    limit = time.time() - older_than
    try:
        found = [path for pattern in LEFTOVERS for path in folder.glob(pattern)]
    except OSError:
        return 0
    return sum(_removed(path, limit) for path in found)


def _removed(path: Path, limit: float) -> bool:
    """Whether ``path`` was last touched before ``limit`` and is gone now."""
    try:
        if path.lstat().st_mtime >= limit:
            return False
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True
