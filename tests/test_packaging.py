"""What an installation takes: the wheel and the source distribution, and what they ask for."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from replicate.errors import WeightsError
from replicate.networks.random import random_weights

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = {each.name: each for each in map(Requirement, PROJECT["dependencies"])}


def committed(*places: str) -> set[str]:
    """Files of the repository below these places."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *places], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode or not listed.stdout:
        pytest.skip("needs a checkout")
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def built(kind: str, source: Path, out: Path) -> Path:
    """A distribution of ``source``, by the build backend that this environment has."""
    code = f"from setuptools.build_meta import build_{kind} as b; print(b({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def test_the_sdist_is_the_repository_and_the_wheel_made_of_it_the_package(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    names = committed()
    for name in names:
        copy = tmp_path / "checkout" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(ROOT / name)
    sdist = built("sdist", tmp_path / "checkout", tmp_path)
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="tar")
        inside = {name.partition("/")[2] for name in tar.getnames()}
    assert names - inside <= {".gitignore", ".gitattributes"}

    source = tmp_path / sdist.name.removesuffix(".tar.gz")
    with zipfile.ZipFile(built("wheel", source, tmp_path)) as wheel:
        installed = set(wheel.namelist())
    wanted = {name for name in names if name.startswith("replicate/")}
    configs = {name for name in names if name.startswith("paper_configs/")}
    wanted |= {f"replicate/_{name}" for name in configs}
    wanted |= {f"replicate/_evidence/{name}" for name in ("README.md", "rows.jsonl")}
    assert wanted <= installed
    assert {name.partition("/")[0] for name in installed - wanted} == {
        "style_layers-0.1.0.dist-info"
    }


def test_the_metadata_keep_it_off_any_index():
    """The import name is also that of a popular client."""
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]
    assert PROJECT["requires-python"] == ">=3.11"


def test_gradio_comes_with_the_demo_alone():
    code = "import sys, replicate.cli.figures, replicate.cli.transfer; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "torch" in done.stdout.split(), done.stderr
    assert not {"gradio", "IPython", "pytest"} & set(done.stdout.split())
    assert "gradio" not in DEPENDENCIES
    assert any(each.startswith("gradio") for each in PROJECT["optional-dependencies"]["demo"])


def test_the_locked_releases_are_those_that_drew_and_are_allowed():
    lines = (ROOT / "locked.txt").read_text().splitlines()
    locked = {each.name: each for line in lines if "==" in line for each in [Requirement(line)]}
    for name, needed in DEPENDENCIES.items():
        (exact,) = locked[name].specifier
        assert exact.operator == "==" and needed.specifier.contains(exact.version), name
    records = (ROOT / "figures" / "gallery").rglob("*.json")
    drawn = {each for r in records for each in re.findall(r'"torch": "([^"]+)"', r.read_text())}
    assert drawn and all(locked["torch"].specifier.contains(each) for each in drawn)


def test_a_space_takes_the_torch_that_it_is_given():
    """ZeroGPU's build takes some releases of torch alone, and says which when it refuses."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    needed = {each.name: each for line in lines if line[:1] != "#" for each in [Requirement(line)]}
    for release in ("2.8.0", "2.9.1", "2.10.0", "2.11.0"):
        assert needed["torch"].specifier.contains(release)
        assert DEPENDENCIES["torch"].specifier.contains(release)
    assert set(needed) == {*DEPENDENCIES, "gradio"} - {"torchvision"}


def test_without_torchvision_its_networks_say_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "replicate.networks.classifier", raising=False)
    with pytest.raises(WeightsError, match="torchvision's, which is not installed"):
        random_weights("resnet18-random", "max")
    assert random_weights("vgg19-random", "max").tensors
