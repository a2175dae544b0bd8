"""Digests of files and of the program."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from replicate.storage import digests
from replicate.storage.digests import file_digest, program_digest
from replicate.storage.paths import configs_dir


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the program's folder, whose digest is taken in place of the program's own."""
    folder = tmp_path / "package"
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper/code.py").write_text("a = 1\n")
    (folder / "weights.safetensors").write_bytes(b"weights")
    (folder / "notes.md").write_text("notes")
    configs = shutil.copytree(configs_dir(), tmp_path / "configs")
    monkeypatch.setattr(digests, "_PACKAGE", folder)
    monkeypatch.setattr(digests, "configs_dir", lambda: configs)
    return tmp_path


def test_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some bytes")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"some bytes").hexdigest()
    with pytest.raises(OSError):
        file_digest(tmp_path / "b")


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("package/deeper/code.py", True),
        ("package/weights.safetensors", True),
        ("package/more.py", True),
        ("configs/gatys2016.toml", True),
        ("package/notes.md", False),
        ("package/deeper/code.pyc", False),
    ],
)
def test_program(copied: Path, file: str, matters: bool) -> None:
    digest = program_digest.__wrapped__
    before = digest()
    assert digest() == before
    (copied / file).write_bytes(b"changed = True\n")
    assert (digest() != before) == matters
