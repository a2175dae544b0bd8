"""Putting a trained file into the package."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from replicate.compact import ship as module
from replicate.compact.export import read_making
from replicate.compact.ship import ship, write_checksum
from replicate.errors import ReplicateError
from replicate.networks.weights import read_compact


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installation that ships no network yet."""
    folder = tmp_path / "compact"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Words."""\n\nCOMPACT_SHA256 = ""\n"""More."""\n')
    return folder


def test_the_file_is_copied_and_its_checksum_written(
    tiny_file: Path, making: dict[str, Any], package: Path
) -> None:
    path = ship(tiny_file, package)
    assert path == package / "vgg19-compact.safetensors"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    text = (package / "__init__.py").read_text()
    assert text == f'"""Words."""\n\nCOMPACT_SHA256 = "{sha256}"\n"""More."""\n'
    assert read_compact(path).sha256 == sha256
    assert read_making(path) == making
    again = path.read_bytes()
    assert ship(tiny_file, package).read_bytes() == again


def test_means_of_the_packages_own_table_replace_measured_ones(
    tiny_file: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def table(key: str, pooling: str) -> dict[str, torch.Tensor]:
        assert key == "vgg19-tiny"
        return {"relu1_1": torch.full((64,), 3.0 if pooling == "max" else 4.0)}

    monkeypatch.setattr(module, "packaged_means", table)
    before, after = load_file(tiny_file), load_file(ship(tiny_file, package))
    assert before.keys() == after.keys()
    assert after["means.relu1_1"].tolist() == [3.0] * 64
    assert after["means_average.relu1_1"].tolist() == [4.0] * 64
    others = [key for key in before if key not in ("means.relu1_1", "means_average.relu1_1")]
    assert all(torch.equal(before[key], after[key]) for key in others)


def test_the_teachers_means_are_in_the_package() -> None:
    found = module._means("vgg19-caffe")
    assert len(found) == 32
    assert found["means_average.relu5_4"].shape == (512,)
    assert found["means_average.relu5_4"].dtype == torch.float32


def test_incomplete_and_large_files_are_refused(
    tiny_file: Path, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = load_file(tiny_file)
    del tensors["heads.conv4_4.bias"]
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(ReplicateError, match="holds no compact network"):
        ship(tmp_path / "part.safetensors", package)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(ReplicateError, match="takes at most"):
        ship(tiny_file, package)
    assert [path.name for path in package.iterdir()] == ["__init__.py"]
    assert 'COMPACT_SHA256 = ""' in (package / "__init__.py").read_text()


def test_a_module_without_the_constant_is_refused(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("OTHER = 1\n")
    with pytest.raises(ReplicateError, match="COMPACT_SHA256"):
        write_checksum(tmp_path / "module.py", "ab")


def test_the_packages_own_module_has_the_constant(tmp_path: Path) -> None:
    copy = tmp_path / "__init__.py"
    copy.write_text((module.PACKAGE / "__init__.py").read_text())
    write_checksum(copy, "ab")
    assert 'COMPACT_SHA256 = "ab"' in copy.read_text()
