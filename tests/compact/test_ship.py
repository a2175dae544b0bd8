"""Putting a trained file into the package."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from replicate.compact import ship as module
from replicate.compact.export import read_making
from replicate.compact.ship import ship, write_checksum
from replicate.errors import ReplicateError
from replicate.networks.stored import read_compact
from replicate.networks.table import TABLE, read_table


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installation that ships no network yet."""
    folder = tmp_path / "compact"
    folder.mkdir()
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A copy of the package's own table of networks."""
    copy = tmp_path / "networks.toml"
    copy.write_bytes(TABLE.read_bytes())
    return copy


def test_the_file_is_copied_and_its_checksum_written(tiny_file, making, package, table):
    path = ship(tiny_file, package, table)
    assert path == package / "vgg19-compact.safetensors"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    before, after = read_table(), read_table(table)
    assert after["vgg19-compact"].sha256 == sha256
    assert [name for name in after if after[name] != before[name]] == ["vgg19-compact"]
    assert read_compact(path).sha256 == sha256
    assert read_making(path) == making
    again = path.read_bytes()
    assert ship(tiny_file, package, table).read_bytes() == again


def test_means_of_the_packages_own_table_replace_measured_ones(
    tiny_file, package, table, monkeypatch
):
    def means(key: str, pooling: str) -> dict[str, torch.Tensor]:
        assert key == "vgg19-tiny"
        return {"relu1_1": torch.full((64,), 3.0 if pooling == "max" else 4.0)}

    monkeypatch.setattr(module, "packaged_means", means)
    before, after = load_file(tiny_file), load_file(ship(tiny_file, package, table))
    assert before.keys() == after.keys()
    assert after["means.relu1_1"].tolist() == [3.0] * 64
    assert after["means_average.relu1_1"].tolist() == [4.0] * 64
    others = [key for key in before if key not in ("means.relu1_1", "means_average.relu1_1")]
    assert all(torch.equal(before[key], after[key]) for key in others)


def test_the_teachers_means_are_in_the_package():
    found = module._means("vgg19-caffe")
    assert len(found) == 32
    assert found["means_average.relu5_4"].shape == (512,)
    assert found["means_average.relu5_4"].dtype == torch.float32


def test_incomplete_and_large_files_are_refused(tiny_file, package, table, tmp_path, monkeypatch):
    for key in ("features.2.bias", "heads.conv4_4.bias", "means_average.relu2_1"):
        tensors = load_file(tiny_file)
        del tensors[key]
        save_file(tensors, tmp_path / "part.safetensors")
        with pytest.raises(ReplicateError, match="holds no compact network"):
            ship(tmp_path / "part.safetensors", package, table)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(ReplicateError, match="takes at most"):
        ship(tiny_file, package, table)
    assert not list(package.iterdir()) and table.read_bytes() == TABLE.read_bytes()


def test_a_table_without_the_network_is_refused(tmp_path):
    (tmp_path / "networks.toml").write_text('[networks.alexnet]\nsha256 = ""\n')
    with pytest.raises(ReplicateError, match="vgg19-compact"):
        write_checksum(tmp_path / "networks.toml", "ab")
