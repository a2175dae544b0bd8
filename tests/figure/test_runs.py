"""Runs that lie in one another, and where their verdicts agree."""

from __future__ import annotations

import pytest

from replicate.figure.page import Gallery
from replicate.figure.record import write_record
from replicate.figure.runs import records_below, runs_in


@pytest.fixture
def drawn(figure, tmp_path):
    """Writes a figure's record into a folder; returns the record."""

    def write(where: str, id: str = "a/one", *claim, **facts):
        record = figure(id, *claim, **facts).record()
        write_record(record, tmp_path / where / f"{id}.json")
        return record

    return write


def test_a_run_is_a_folder_of_figures(drawn, tmp_path):
    own = drawn(".")
    drawn("paper", "a/one", 0.1, inputs="paper")
    drawn("balanced", balanced=True)
    (tmp_path / "notes" / "more").mkdir(parents=True)
    (tmp_path / "notes" / "more" / "numbers.json").write_text("[]")
    verdicts = {run.name: run.verdict(own, own.claims[0]) for run in runs_in(tmp_path)}
    assert verdicts == {"balanced": "holds", "paper": "fails"}
    assert runs_in(tmp_path / "a") == [] == runs_in(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "other",
    [
        {},  # the same settings: nothing that a reader could learn
        {"id": "a/two", "inputs": "paper"},
        {"claim": "another", "inputs": "paper"},
    ],
)
def test_nothing_to_compare(drawn, tmp_path, other):
    own = drawn(".")
    drawn("other", **other)
    (run,) = runs_in(tmp_path)
    assert run.verdict(own, own.claims[0]) is None
    assert Gallery([own], (), [run]).agreements == []


def test_agreement_is_counted(drawn, tmp_path):
    records = [drawn("."), drawn(".", "a/two"), drawn(".", "a/three")]
    drawn("balanced", balanced=True)
    drawn("balanced", "a/two", 0.1, balanced=True)
    drawn("balanced", "a/three")
    assert Gallery(records, (), runs_in(tmp_path)).agreements == [
        "Run balanced (vgg19-caffe, bundled inputs, balanced weights, profile smoke): 1 of 2 "
        "claims has the same verdict."
    ]


def test_records_of_runs_within_runs(drawn, tmp_path):
    drawn("gallery/paper", inputs="paper")
    drawn("gallery", profile="gallery")
    drawn(".")
    found = [(each.inputs, each.profile) for each in records_below(tmp_path)]
    assert found == [("bundled", "smoke"), ("bundled", "gallery"), ("paper", "smoke")]
