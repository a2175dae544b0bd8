"""Commands as a user types them, in this process and with networks small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from replicate.cli import main
from replicate.storage.store import ResultStore


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit status and what it printed."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one sentence with which bad input is refused."""
        assert self.code == 2, self
        assert self.out == ""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("replicate: ")
        assert "Traceback" not in self.err
        return lines[0].removeprefix("replicate: ")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the command."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def typed(
    folder: Path,
    tmp_path: Path,
    tiny_engine: Callable[..., Any],
    measured_means: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str], Ran]:
    """``typed("transfer a.png b.png")``: runs it with tiny networks and a result store of its own.

    No trained weights are on the machine, so that vgg19-random stands in.
    """
    monkeypatch.setattr("replicate.storage.store.cache_dir", lambda: tmp_path / "cache")

    def run(line: str) -> Ran:
        capsys.readouterr()
        code = main(line.split())
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the results that were stored."""
    keys: list[str] = []
    put = ResultStore.put

    def counting(self: ResultStore, key: str, *rest: Any) -> Path | None:
        keys.append(key)
        return put(self, key, *rest)

    monkeypatch.setattr(ResultStore, "put", counting)
    return keys


@pytest.fixture
def inputs(folder: Path, scene: Callable[..., Any]) -> None:
    """``photo.png`` and ``art.png`` in the current folder."""
    scene(48, 32, seed=1).save(folder / "photo.png")
    scene(40, 40, seed=2).save(folder / "art.png")
