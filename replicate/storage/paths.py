"""Where files lie: the cache, the configs, and how a file is written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from ..errors import ConfigError, ReplicateError

_PACKAGE = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """Folder for downloads, drawn artworks and results: `REPLICATE_CACHE` or the user's cache.

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


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    When the block fails nothing is left behind and what was at `path` stays as it was. Parent
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


def write_atomic(path: str | Path, data: bytes) -> Path:
    """Write `data` to `path` so that a reader sees the old file or the whole new one.

    Raises:
        ReplicateError: the folder cannot be written.
    """
    with written_whole(path) as temporary, open(temporary, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Path(path)
