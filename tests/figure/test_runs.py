"""Runs that lie in one another, and where their verdicts agree."""

from __future__ import annotations

import pytest

from replicate.figure import Figure, Grid, NetworkRecord, Panel
from replicate.figure import old_claims as claims
from replicate.figure.record import write_record
from replicate.figure.runs import agreements, records_below, runs_in


@pytest.fixture
def drawn(scene, tmp_path):
    """Writes a figure's record with a claim at a bound of 0.5; returns the record."""

    def write(where: str, figure: str = "a/one", value: float = 1.0, name: str = "close", **given):
        record = Figure(
            **{
                "id": figure,
                "title": "A figure",
                "source": "a paper",
                "grids": (Grid.of_rows([[Panel(scene(64, 64))]]),),
                "profile": "smoke",
                "inputs": "bundled",
                "networks": (NetworkRecord(name="vgg19", weights="caffe", sha256="0"),),
                "claims": (claims.at_least(name, "It is so.", "a paper", "SSIM", value, 0.5),),
                **given,
            }
        ).record()
        write_record(record, tmp_path / where / f"{figure}.json")
        return record

    return write


def verdicts(folder, record):
    (claim,) = record.claims
    return {run.name: run.verdict(record, claim) for run in runs_in(folder)}


def test_a_run_is_a_folder_of_figures(drawn, tmp_path):
    own = drawn(".")
    drawn("paper", inputs="paper", value=0.1)
    drawn("balanced", balanced=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "more").mkdir()
    (tmp_path / "notes" / "more" / "numbers.json").write_text("[]")
    assert verdicts(tmp_path, own) == {"balanced": "holds", "paper": "fails"}
    assert runs_in(tmp_path / "a") == [] == runs_in(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "other",
    [
        {},  # the same settings: nothing that a reader could learn
        {"figure": "a/two", "inputs": "paper"},
        {"name": "another", "inputs": "paper"},
    ],
)
def test_nothing_to_compare(drawn, tmp_path, other):
    own = drawn(".")
    drawn("other", **other)
    assert verdicts(tmp_path, own) == {"other": None}
    assert agreements([own], runs_in(tmp_path)) == []


def test_agreement_is_counted(drawn, tmp_path):
    records = [drawn("."), drawn(".", "a/two"), drawn(".", "a/three")]
    drawn("balanced", balanced=True)
    drawn("balanced", "a/two", value=0.1, balanced=True)
    drawn("balanced", "a/three")
    assert agreements(records, runs_in(tmp_path)) == [
        "Run balanced (vgg19, bundled inputs, balanced weights, profile smoke): 1 of 2 claims has "
        "the same verdict."
    ]


def test_records_of_runs_within_runs(drawn, tmp_path):
    drawn("gallery/paper", inputs="paper")
    drawn("gallery", profile="gallery")
    drawn(".")
    assert [(each.inputs, each.profile) for each in records_below(tmp_path)] == [
        ("bundled", "smoke"),
        ("bundled", "gallery"),
        ("paper", "smoke"),
    ]
