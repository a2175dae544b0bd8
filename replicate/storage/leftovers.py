"""What killed processes leave behind in the cache, and how it goes away."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

DAY_SECONDS = 24 * 60 * 60.0
PATTERNS = (".*.tmp", ".fetch-*")
"""Temporary files of `replicate.storage.paths.written_whole`; folders of downloads under way."""


def remove_leftovers(folder: Path, older_than: float = DAY_SECONDS) -> int:
    """Remove temporary files and download folders that nobody has touched for `older_than` s.

    Younger ones may belong to a process that is still writing. Never raises: what cannot be
    removed stays. Returns how many were removed.
    """
    limit = time.time() - older_than
    return sum(
        _remove(path) for pattern in PATTERNS for path in folder.glob(pattern) if _old(path, limit)
    )


def _old(path: Path, limit: float) -> bool:
    try:
        return path.lstat().st_mtime < limit
    except OSError:
        return False


def _remove(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True
