"""A compact network of four to ten channels, of which everything but its size is as shipped."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from replicate.compact import model
from replicate.compact.export import Heads, header, in_teacher_units, to_file
from replicate.networks.table import network_entry, read_table

NARROW = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 10, 10, 10, 10)


@pytest.fixture(scope="session")
def making() -> dict[str, Any]:
    """What the tiny file's header says of its making."""
    return {
        "teacher": "vgg19-tiny",
        "pictures": 12,
        "device": "cpu",
        "torch": "2",
        "runs": [
            {
                "recipe": {"steps": 40, "minutes": 80.0, "widths": list(NARROW), "seed": 3},
                "steps": 40,
                "minutes": 1,
            }
        ],
    }


@pytest.fixture(scope="session")
def student() -> model.Student:
    """From nothing, with VGG-19's widths above; its batch norms have seen data."""
    torch.manual_seed(0)
    made = model.Student(NARROW)
    for layer in made.layers():
        torch.nn.init.uniform_(layer.norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(layer.norm.bias, 0.0, 0.3)
    made.train()
    for _ in range(3):
        made(torch.randn(2, 3, 48, 48) * 60)
    return made.eval()


@pytest.fixture(scope="session")
def scales() -> list[torch.Tensor]:
    """Root mean squares of a teacher's channels, one tensor a layer."""
    torch.manual_seed(1)
    return [torch.rand(width) * 4 + 0.5 for width in model.VGG_WIDTHS]


@pytest.fixture(scope="session")
def heads(student: model.Student, scales: list[torch.Tensor]) -> Heads:
    """The student's own, for rectified maps and again for raw ones."""
    parts = list(zip(model.CONVOLUTIONS, student.layers(), strict=True))
    kinds = ("relu", "conv")
    return in_teacher_units(
        Heads(
            {
                f"{kind}{name}": layer.head.weight.detach()
                for name, layer in parts
                for kind in kinds
            },
            {f"{kind}{name}": layer.head.bias.detach() for name, layer in parts for kind in kinds},
        ),
        scales,
    )


@pytest.fixture(scope="session")
def tiny_file(
    student: model.Student,
    heads: Heads,
    making: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A file as training writes it."""
    torch.manual_seed(2)
    means = {
        pooling: {
            f"relu{name}": torch.rand(width) + 0.1
            for name, width in zip(model.CONVOLUTIONS, model.VGG_WIDTHS, strict=True)
        }
        for pooling in model.POOLINGS
    }
    path = tmp_path_factory.mktemp("trained") / "out.safetensors"
    path.write_bytes(save(to_file(model.fold(student), heads, means), header(making)))
    return path


@pytest.fixture
def package(tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny network in the place of the shipped one; the path of its file."""
    path = tmp_path / "package" / "vgg19-compact.safetensors"
    path.parent.mkdir()
    path.write_bytes(tiny_file.read_bytes())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    ours = replace(network_entry("vgg19-compact"), bundled=str(path), sha256=sha256)
    monkeypatch.setitem(read_table(), "vgg19-compact", ours)
    return path
