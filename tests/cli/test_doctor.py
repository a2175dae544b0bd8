"""``replicate doctor``: what it finds, and the exit status that tells of a problem."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from replicate import __version__, cli

CODE_ALONE = shutil.ignore_patterns("*.webp", "*.png", "*.jpg", "*.safetensors", "__pycache__")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing else is imported by the package's name, and its cache is small."""
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"replicate": ["style-layers"]})
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))


def test_a_sound_installation(typed, tmp_path):
    (tmp_path / "cache/results").mkdir(parents=True)
    (tmp_path / "cache/results/a.png").write_bytes(bytes(3_000_000))
    ran = typed("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert f"{__version__}, " in ran.out and "1 files, 3 MB" in ran.out
    assert "vgg19-compact: bundled" in ran.out and "weights fetch vgg19" in ran.out
    found = json.loads(typed("doctor --json").out)
    assert {"device", "precision", "disk"} <= {each["what"] for each in found}
    assert not any(each["problem"] for each in found)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("REPLICATE_DEVICE", "toaster", "'toaster' is no device"),
        ("REPLICATE_WEIGHTS", "nowhere", "REPLICATE_WEIGHTS names 'nowhere'"),
        ("REPLICATE_IMAGES", "nowhere", "REPLICATE_IMAGES names 'nowhere'"),
        ("REPLICATE_CACHE", "file/cache", "'file' is a file"),
    ],
)
def test_what_is_set_wrong(typed, folder, monkeypatch, name, value, problem):
    (folder / "file").touch()
    monkeypatch.setenv(name, value)
    ran = typed("doctor")
    assert ran.code == 2 and problem in ran.err and len(ran.err.splitlines()) == 1
    assert "package" in ran.out or "replicate" in ran.out, "the rest is told all the same"


def test_the_client_of_the_same_name_is_found(typed, monkeypatch):
    both = {"replicate": ["style-layers", "numpy"]}
    monkeypatch.setattr(metadata, "packages_distributions", lambda: both)
    ran = typed("doctor")
    assert ran.code == 2 and "numpy " in ran.err and "uninstall both" in ran.err


def test_the_client_in_this_packages_place_is_a_sentence(tmp_path):
    """As where the client was installed last: its __init__.py lies in our folder."""
    shutil.copytree(Path(cli.__file__).parents[1], tmp_path / "replicate", ignore=CODE_ALONE)
    (tmp_path / "replicate/__init__.py").write_text("default_client = None\n")
    theirs = tmp_path / "replicate-1.0.7.dist-info"
    theirs.mkdir()
    (theirs / "METADATA").write_text("Metadata-Version: 2.1\nName: replicate\nVersion: 1.0.7\n")
    (theirs / "top_level.txt").write_text("replicate\n")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from replicate.cli import main; sys.exit(main())"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("replicate: replicate 1.0.7 is imported by the name"), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk(typed, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_500_000_000))
    ran = typed("doctor")
    assert ran.code == 2 and "Only 1.5 GB are free" in ran.err
