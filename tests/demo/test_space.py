"""What a Hugging Face Space builds and runs: README's front matter, requirements.txt, app.py."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from benchmarks.demo_load import answering, free_port

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_a_space_installs_what_the_package_needs():
    lines = (ROOT / "requirements.txt").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == PACKAGE["dependencies"]


def test_the_front_matter_agrees_with_the_package():
    _, block, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    pairs = (line.partition(":") for line in block.splitlines())
    found = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
    needs = {each.name: each for each in map(Requirement, PACKAGE["dependencies"])}

    assert found["sdk"] == "gradio"
    assert found["sdk_version"] in needs["gradio"].specifier
    assert found["sdk_version"].split(".")[0] == version("gradio").split(".")[0]
    assert found["python_version"] in SpecifierSet(PACKAGE["requires-python"])
    assert (ROOT / found["app_file"]).is_file()
    assert len(found["short_description"]) <= 60, "the hub refuses longer ones"


def test_app_serves_the_page_from_a_clean_directory(tmp_path, isolated_cache):
    for name in ("demo", "replicate", "paper_configs", "figures/gallery"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "app.py", tmp_path)
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
    assert process.returncode == 0 and not list(tmp_path.glob("gradio/server-*"))
    assert "Traceback" not in log
