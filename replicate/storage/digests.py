"""Digests by which a file, and this program itself, are known again."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from .paths import configs_dir

_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIXES = (".py", ".toml", ".npz", ".safetensors", ".css", ".html", ".js")


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def program_digest() -> str:
    """SHA-256 over all that this program is: its code, the papers' configs, bundled weights."""
    digest = hashlib.sha256()
    for folder in (_PACKAGE, configs_dir()):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES):
            name = path.relative_to(folder).as_posix()
            digest.update(f"{name} {file_digest(path)}\n".encode())
    return digest.hexdigest()
