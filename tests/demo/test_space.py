"""What a Hugging Face Space builds and runs: README's front matter, requirements.txt, app.py."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def package() -> dict[str, object]:
    """The project's table in pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def front_matter() -> dict[str, str]:
    """Keys and values between the lines of dashes at the top of the README."""
    _, block, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def lines_of(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def test_a_space_installs_what_the_package_needs(package: dict[str, list[str]]) -> None:
    assert lines_of(ROOT / "requirements.txt") == package["dependencies"]


def test_the_front_matter_agrees_with_the_package(
    front_matter: dict[str, str], package: dict[str, list[str]]
) -> None:
    (gradio,) = (
        each for each in map(Requirement, package["dependencies"]) if each.name == "gradio"
    )

    assert front_matter["sdk"] == "gradio"
    assert front_matter["sdk_version"] in gradio.specifier
    assert front_matter["python_version"] in SpecifierSet(str(package["requires-python"]))
    assert (ROOT / front_matter["app_file"]).is_file()
    assert len(front_matter["short_description"]) <= 60, "the hub refuses longer ones"


def test_the_gradio_that_is_tested_here_is_what_a_space_runs(front_matter: dict[str, str]) -> None:
    tested, runs = version("gradio"), front_matter["sdk_version"]
    assert tested.split(".")[0] == runs.split(".")[0]


def test_app_serves_the_page_from_a_clean_directory(tmp_path: Path, isolated_cache: Path) -> None:
    for name in ("demo", "replicate", "paper_configs", "figures/gallery"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "app.py", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    surroundings |= {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(tmp_path / "gradio")}
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        page = answer(f"http://127.0.0.1:{port}/", process)
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=60)

    assert page is not None and "Which layers?" in page, said
    assert "Traceback" not in said


def answer(address: str, process: subprocess.Popen[str], seconds: float = 400) -> str | None:
    """The page as soon as it is served; None if the program ends or takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10) as page:
                return str(page.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    return None
