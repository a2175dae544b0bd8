"""The result store: nothing damaged is ever read, nothing half-written is ever left."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from replicate.storage.store import ResultStore

ROOT = Path(__file__).resolve().parents[2]
RECORD = {"losses": {"style/relu1_1": 0.1, "content/relu4_2": 1e-17}, "curve": [[1, 2.5], [2, 2.0]]}


def pixels(seed: int = 0, height: int = 13, width: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "results")


@pytest.fixture
def filed(store: ResultStore) -> tuple[str, Path, bytes]:
    key = store.key({"preset": "gatys2016"})
    path = store.put(key, pixels(), RECORD)
    return key, path, path.read_bytes()


# Keys


def test_key_does_not_depend_on_the_order_of_a_description():
    one = {"preset": {"ratio": 1e-3, "layers": ["relu1_1", "relu2_1"]}, "seed": 0}
    other = {"seed": 0, "preset": {"layers": ["relu1_1", "relu2_1"], "ratio": 0.001}}
    assert ResultStore.key(one) == ResultStore.key(other)
    assert ResultStore.key(MappingProxyType({"a": MappingProxyType(one)})) == ResultStore.key(
        {"a": other}
    )


def test_key_is_stable_between_versions_of_the_program():
    known = "d95fc72895ac4e86b978cb4e0d9f371de72e7755fd27fd82614ec7a765d05480"
    # sha256sum of {"name":"\u00e9","ratio":0.001,"seed":0}
    assert ResultStore.key({"seed": 0, "ratio": 0.001, "name": "é"}) == known


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1, "ratio": 0.1},
        {"seed": 0, "ratio": 0.1 + 2e-17 + 1e-16},
        {"seed": 0, "ratio": "0.1"},
        {"seed": 0, "ratio": 0.1, "more": None},
        {"seed": False, "ratio": 0.1},
    ],
)
def test_key_changes_with_every_value(changed):
    assert ResultStore.key(changed) != ResultStore.key({"seed": 0, "ratio": 0.1})


@pytest.mark.parametrize(
    ("value", "error"),
    [(float("nan"), ValueError), ([1.0, float("-inf")], ValueError), (object(), TypeError)],
)
def test_key_refuses_what_equals_nothing(value, error):
    with pytest.raises(error):
        ResultStore.key({"ratio": value})


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "ab", "G" * 64, "a" * 65, "A" * 64])
def test_only_keys_become_paths(store, key):
    with pytest.raises(ValueError, match="not a key"):
        store.get(key)
    with pytest.raises(ValueError, match="not a key"):
        store.put(key, pixels(), {})


# Reading and writing


def test_put_then_get(store):
    key = store.key({})
    assert store.get(key) is None and not store.folder.exists()
    curve = [(step, 1 / (step + 3)) for step in range(20_000)]
    view = pixels().transpose(1, 0, 2)[::-1, ::2]  # not contiguous
    for values, record in [
        (pixels(), RECORD),
        (view, {"curve": curve, "credit": "Kandínský, Композиция 7 \U0001f58c"}),
    ]:
        path = store.put(key, values, record)
        assert path and list(store.folder.iterdir()) == [path]
        found = store.get(key)
        assert found is not None and found.record == json.loads(json.dumps(record))
        np.testing.assert_array_equal(found.pixels, values)
        with Image.open(path) as image:
            assert image.format == "PNG"


@pytest.mark.parametrize(
    ("values", "record"),
    [
        (np.zeros((4, 4, 3), np.float32), {}),
        (np.zeros((4, 4), np.uint8), {}),
        (np.zeros((4, 4, 4), np.uint8), {}),
        (np.zeros((0, 4, 3), np.uint8), {}),
        (pixels(), {"loss": float("nan")}),
    ],
)
def test_what_cannot_come_back_is_refused(store, values, record):
    with pytest.raises(ValueError):
        store.put(store.key({}), values, record)
    assert not store.folder.exists()


def test_only_results_are_counted(store, filed):
    (store.folder / "holiday.png").write_bytes(b"mine")
    assert len(store) == 1 and len(ResultStore(store.folder / "absent")) == 0


def test_default_folder_is_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path))
    assert ResultStore().folder == tmp_path / "results"


# Damage


def test_truncated_files_are_misses_and_go_away(store, filed):
    key, path, whole = filed
    for length in [*range(64), *range(64, len(whole) - 64, 7), *range(len(whole) - 64, len(whole))]:
        path.write_bytes(whole[:length])
        assert store.get(key) is None, f"cut to {length} of {len(whole)} bytes"
        assert not path.exists()


def test_flipped_bits_never_change_a_result(store, filed):
    key, path, whole = filed
    misses = 0
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        found = store.get(key)
        misses += found is None
        if found is not None:
            np.testing.assert_array_equal(found.pixels, pixels())
            assert found.record == RECORD
    assert misses > len(whole) / 3 * 0.95


def _resaved(path: Path, values: np.ndarray, change: Callable[[str], str]) -> None:
    """The stored file written anew with these pixels and its text changed."""
    with Image.open(path) as image:
        text = PngInfo()
        for name, value in image.text.items():
            text.add_text(name, change(value))
    Image.fromarray(values).save(path, pnginfo=text)


def _other_key(path: Path, store: ResultStore) -> None:
    os.replace(store.put(store.key({"seed": 9}), pixels(), RECORD), path)


@pytest.mark.parametrize(
    "spoil",
    [
        _other_key,
        lambda path, store: Image.fromarray(pixels(3)).save(path),
        lambda path, store: _resaved(path, pixels() ^ 1, lambda text: text),
        lambda path, store: _resaved(path, pixels(), lambda text: text.replace("2.5", "2.6")),
        lambda path, store: _resaved(path, pixels(), lambda text: "[1, 2]"),
        lambda path, store: Image.new("L", (17, 13)).save(path),
        lambda path, store: Image.new("RGB", (17, 13)).save(path, "JPEG"),
        lambda path, store: path.write_bytes(path.read_bytes() + b"more"),
        lambda path, store: path.write_text("not a picture"),
        lambda path, store: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 100),
    ],
)
def test_foreign_files_are_misses_and_can_be_replaced(store, filed, spoil):
    key, path, _ = filed
    spoil(path, store)
    assert store.get(key) is None
    assert not path.exists()
    store.put(key, pixels(2), {})
    assert store.get(key) is not None


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_cannot_be_read_is_a_miss_but_stays(store, make):
    key = store.key({})
    store.folder.mkdir()
    make(store.path(key))
    assert store.get(key) is None
    assert store.path(key).exists()


# Interruptions


def test_a_full_disk_is_one_warning_and_leaves_nothing(store):
    key = store.key({})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.warns(UserWarning, match="not kept for the next time: Cannot write") as said:
            assert store.put(key, pixels(0, 40, 40), {}) is None
            assert store.put(key, pixels(1, 40, 40), {}) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(said) == 1 and "\n" not in str(said[0].message)
    assert list(store.folder.iterdir()) == []
    assert store.get(key) is None


WRITER = """
import sys, itertools, numpy as np
from replicate.storage.store import ResultStore
store = ResultStore(sys.argv[1])
for step in itertools.count():
    pixels = np.full((90, 90, 3), step % 251, np.uint8)
    store.put(store.key({"n": step % 5}), pixels, {"step": step})
    print(step, flush=True)
"""


@contextmanager
def writers(folder: Path, steps: int) -> Iterator[None]:
    """Two processes that write the same five results over and over; both have begun."""
    command = [sys.executable, "-c", WRITER, str(folder)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            for _ in range(steps):
                assert process.stdout.readline()
            # It goes on without waiting for anybody to read.
            threading.Thread(target=process.stdout.read, daemon=True).start()
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.parametrize("steps", [5, 12])
def test_writers_killed_at_work_leave_only_whole_results(store, steps):
    """No reader sees a half-written file either, so none is ever removed as damaged."""
    keys = [store.key({"n": n}) for n in range(5)]

    def check() -> None:
        for found in map(store.get, keys):
            assert found is not None, "a damaged result"
            assert (found.pixels == found.record["step"] % 251).all()

    with writers(store.folder, steps):
        for _ in range(20):
            check()
    check()


def test_leftovers_of_kills_go_after_a_day(store):
    store.folder.mkdir()
    old = store.folder / f".{'a' * 64}.png.0f.tmp"
    old.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    store.put(store.key({}), pixels(), {})
    assert not old.exists() and len(store) == 1
