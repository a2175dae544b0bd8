"""The notebooks: kept without outputs, and running from top to bottom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor

from replicate.images import Picture, load_image

ROOT = Path(__file__).resolve().parents[1]
ANALYSIS = ROOT / "replicate" / "notebooks" / "analysis.ipynb"
COLAB = ROOT / "examples" / "colab.ipynb"


@pytest.mark.parametrize("path", [ANALYSIS, COLAB], ids=lambda path: path.stem)
def test_it_is_kept_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) > 5
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def ran(path: Path, parameters: str, folder: Path) -> tuple[nbformat.NotebookNode, str, list[Any]]:
    """The notebook run in a kernel of its own, what it printed, and its outputs with pictures."""
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    cell.source = parameters
    ExecutePreprocessor(timeout=120).preprocess(notebook, {"metadata": {"path": str(folder)}})
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    printed = "".join(each.text for each in outputs if each.output_type == "stream")
    return notebook, printed, [each for each in outputs if "image/png" in each.get("data", {})]


@pytest.fixture
def folder(tmp_path: Path, scene: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it runs, with small pictures in it."""
    for name, picture in (("photo", scene(64, 48, 1)), ("art", scene(64, 64, 2))):
        assert isinstance(picture, Picture)
        picture.save(tmp_path / f"{name}.png")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


PARAMETERS = 'CONTENT, STYLE = "photo.png", "art.png"\nSIZE = 64\nNETWORK = "vgg19-random"'


def test_the_analysis(folder):
    """As `make notebook` runs it, on small pictures and random weights."""
    notebook, printed, pictures = ran(ANALYSIS, PARAMETERS, folder)
    assert "512 maps of 6 x 8" in printed
    assert "relu5_1: features move by" in printed
    assert len(pictures) == 8
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert all(each.data["image/png"].strip() in html for each in pictures)


def test_colab(folder):
    _, printed, pictures = ran(
        COLAB, f"{PARAMETERS}\nSIZE, EVALUATIONS, FETCH = 32, 2, False", folder
    )
    assert "Snapshot(2 of 2 evaluations" in printed
    assert len(pictures) == 6
    assert load_image(folder / "out.png").size == (32, 24)
