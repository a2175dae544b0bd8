"""What a Hugging Face Space builds and runs: README's front matter, requirements.txt, app.py."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from benchmarks.demo_load import answering, free_port

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_front_matter_agrees_with_the_package():
    _, block, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    pairs = (line.partition(":") for line in block.splitlines())
    found = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
    (gradio,) = map(Requirement, PACKAGE["optional-dependencies"]["demo"])

    assert found["sdk"] == "gradio"
    assert found["sdk_version"] in gradio.specifier
    assert found["sdk_version"].split(".")[0] == version("gradio").split(".")[0]
    assert found["python_version"] in SpecifierSet(PACKAGE["requires-python"])
    assert (ROOT / found["app_file"]).is_file()
    assert len(found["short_description"]) <= 60, "the hub refuses longer ones"


def test_app_serves_the_page_from_the_folder_of_a_space(tmp_path):
    made = subprocess.run(["make", "space", f"SPACE={tmp_path}"], cwd=ROOT, capture_output=True)
    if made.returncode:
        pytest.skip("needs git, make and a checkout")
    stored = [line.split()[0] for line in (tmp_path / ".gitattributes").read_text().splitlines()]
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        plain = b"\0" not in path.read_bytes()
        assert plain or any(map(path.match, stored)), f"the hub refuses {path.name} in plain git"
    port = free_port()
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
        page = answering(f"http://127.0.0.1:{port}/", process)
    finally:
        process.terminate()
        log, _ = process.communicate(timeout=60)

    assert "Which layers?" in page, log
    # The page answers a moment before the program counts as started, which then ends as by Ctrl-C.
    assert process.returncode in (0, 130) and not list(tmp_path.glob("gradio/server-*"))
    assert "Traceback" not in log
