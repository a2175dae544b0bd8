"""The analysis notebook: shipped without outputs, and running from top to bottom."""

from __future__ import annotations

import tomllib
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor

from replicate.images.picture import Picture

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "replicate" / "notebooks" / "analysis.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_kept_without_outputs(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) > 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_a_wheel_takes_it_along() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "replicate.notebooks" in setuptools["packages"]
    assert "*.ipynb" in setuptools["package-data"]["*"]


def test_it_runs(
    notebook: nbformat.NotebookNode, tmp_path: Path, scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a kernel of its own as `make notebook` does, on small pictures and random weights."""
    for name, picture in (("photo", scene(64, 48, 1)), ("art", scene(64, 64, 2))):
        assert isinstance(picture, Picture)
        picture.save(tmp_path / f"{name}.png")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    parameters.source = (
        'CONTENT, STYLE = "photo.png", "art.png"\nSIZE = 64\nNETWORK = "vgg19-random"'
    )
    ExecutePreprocessor(timeout=120).preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    printed = "".join(each.text for each in outputs if each.output_type == "stream")
    pictures = [each for each in outputs if "image/png" in each.get("data", {})]
    assert "512 maps of 6 x 8" in printed
    assert "relu5_1: features move by" in printed
    assert len(pictures) == 8
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert all(each.data["image/png"].strip() in html for each in pictures)
