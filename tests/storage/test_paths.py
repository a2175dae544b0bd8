"""Whole files or none, and where folders lie."""

import os

import pytest

from replicate.errors import ReplicateError
from replicate.storage.paths import cache_dir, configs_dir, write_atomic, written_whole


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
        raise RuntimeError("killed")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_file_is_not_visible_before_the_end(tmp_path):
    path = tmp_path / "file"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReplicateError, match=r"^Cannot write '.*below': .*\.$"):
        write_atomic(tmp_path / "file" / "below", b"x")


def test_cache_dir_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    monkeypatch.setenv("REPLICATE_CACHE", "")
    assert cache_dir().name == "replicate"


def test_configs_dir_holds_the_catalogue():
    assert (configs_dir() / "images.toml").is_file()
