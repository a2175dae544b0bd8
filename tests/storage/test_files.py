"""Whole files or none, digests of files and of the program, and where folders lie."""

from __future__ import annotations

import hashlib
import os

import pytest

from replicate.errors import ReplicateError
from replicate.storage import files
from replicate.storage.files import (
    cache_dir,
    configs_dir,
    file_digest,
    open_file,
    program_digest,
    remove_leftovers,
    write_atomic,
    written_whole,
)


def test_write_atomic_creates_folders_and_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "a" / "b" / "file.bin"
    assert write_atomic(path, b"first") == path
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(path.parent) == ["file.bin"]


def test_a_failure_in_the_middle_keeps_the_old_file(tmp_path):
    path = write_atomic(tmp_path / "file", b"old")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_bytes(b"half of the n")
        assert path.read_bytes() == b"old"
        raise RuntimeError("killed")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReplicateError, match=r"^Cannot write '.*below': .*\.$"):
        write_atomic(tmp_path / "file" / "below", b"x")


def test_folders_follow_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    monkeypatch.setenv("REPLICATE_CACHE", "")
    assert cache_dir().name == "replicate"
    assert (configs_dir() / "images.toml").is_file()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "absent"):
        with pytest.raises(OSError):
            open_file(path)


def test_leftovers_go_when_they_are_old(tmp_path):
    fetch, half, kept = (tmp_path / name for name in (".fetch-abc", ".a.png.0f.tmp", "a.png"))
    fetch.mkdir()
    (fetch / "vgg19.pth").write_bytes(b"half")
    half.write_bytes(b"half")
    kept.write_bytes(b"whole")
    assert remove_leftovers(tmp_path) == 0
    assert remove_leftovers(tmp_path, older_than=-1) == 2
    assert list(tmp_path.iterdir()) == [kept]
    assert remove_leftovers(tmp_path / "absent") == remove_leftovers(tmp_path / ("a" * 300)) == 0


# Digests


def test_a_file_has_a_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"some bytes")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"some bytes").hexdigest()
    assert file_digest(tmp_path / "a", "md5") == hashlib.md5(b"some bytes").hexdigest()


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
def test_the_program_has_a_digest(tmp_path, monkeypatch, file, matters):
    for name in ("package/deeper/code.py", "package/weights.safetensors", "package/notes.md"):
        write_atomic(tmp_path / name, b"a = 1\n")
    write_atomic(tmp_path / "configs/gatys2016.toml", b"a = 1\n")
    monkeypatch.setattr(files, "_PACKAGE", tmp_path / "package")
    monkeypatch.setattr(files, "configs_dir", lambda: tmp_path / "configs")
    digest = program_digest.__wrapped__
    before = digest()
    assert digest() == before
    (tmp_path / file).write_bytes(b"changed = True\n")
    assert (digest() != before) == matters
