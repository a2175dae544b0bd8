"""The scripts in ``examples/`` run, and write what they say."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from replicate.images import load_image

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_writes_its_picture(script, monkeypatch, tmp_path):
    out = tmp_path / "out.png"
    monkeypatch.setattr(
        sys, "argv", [str(script), "--evaluations", "2", "--size", "48", "--out", str(out)]
    )
    runpy.run_path(str(script), run_name="__main__")
    assert max(load_image(out).size) == 48
