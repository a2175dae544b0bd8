"""``replicate claims``: from rows to verdicts, as a user asks for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from replicate.figure.verdicts import Row, write_rows
from replicate.papers.verdicts import version

STRUCTURE, STYLE = "gatys2016/fig5/structure", "gatys2016/fig5/style"


@pytest.fixture
def written(folder: Path) -> Callable[..., None]:
    """Writes rows of sixteen pairs: edge correlations .2 to .22 apart, styles alike."""

    def write(where: str = "figures/evidence", network: str = "vgg19-compact") -> None:
        rows = [
            Row(
                claim=claim,
                photograph=f"photo{place % 4}",
                artwork=f"art{place // 4}",
                seed=0,
                pictures="bundled",
                network=network,
                size=256,
                evaluations=500,
                version=version(claim),
                values={"Conv2_2": 0.4 + 0.01 * (place % 3), "Conv4_2": low},
            )
            for claim, low in ((STRUCTURE, 0.2), (STYLE, 0.4))
            for place in range(16)
        ]
        write_rows(rows, folder / where)

    return write


def test_table(typed, written):
    written()
    out = typed("claims gatys2016/fig5").out
    assert "CLAIM                     VERDICT  K/N    EFFECT" in out
    assert f"{STRUCTURE}  holds    16/16  +0.209" in out
    assert f"{STYLE}      holds    16/16  × 1.02" in out
    assert out.endswith("2 claims judged: 2 hold, 0 fail, 0 undecided, 0 void\n")


def test_another_delta_answers_at_once(typed, written):
    written()
    assert "fails" in typed(f"claims {STRUCTURE} --delta 0.3").out
    assert "holds" in typed(f"claims {STRUCTURE} --delta 0").out
    assert "makes no sense here" in typed(f"claims {STYLE} --delta 1").refused()
    assert "name them" in typed("claims --delta 0.3").refused()


def test_values_and_json(typed, written):
    written()
    out = typed(f"claims {STRUCTURE} --values").out
    assert "photo0 × art0: +0.2 (Conv2_2: 0.4 · Conv4_2: 0.2)" in out
    assert "asked: Conv2_2 less Conv4_2 above 0.1" in out
    (found,) = json.loads(typed(f"claims {STRUCTURE} --json").out)
    assert (found["verdict"], found["agreeing"], found["pairs"]) == ("holds", 16, 16)
    assert len(found["effects"]) == 16 and found["effects"][0]["effect"] == pytest.approx(0.2)


def test_a_draw_goes_by_its_seed(typed, folder):
    claim, ways = "feature_visualisation/channels/noise", ("Fourier basis", "plain pixels")
    setting = {"pictures": "bundled", "network": "vgg19-compact", "size": 64, "evaluations": 9}
    rows = [
        Row(claim, "", "", seed, **setting, values=dict.fromkeys(ways, 0.5), version=version(claim))
        for seed in (0, 1)
    ]
    write_rows(rows, folder / "figures/evidence")
    out = typed(f"claims {claim} --values").out
    assert "       seed 0: 0 (" in out and "       seed 1: 0 (" in out


def test_what_is_asked_for(typed, written):
    written()
    words = {each["verdict"] for each in json.loads(typed("claims gatys2016 --json").out)}
    assert words == {"holds", "not judged"}
    ran = typed("claims gatys2016/fig5 --verdict fails")
    assert "no such claim" in ran.err and ran.code == 0
    only = json.loads(typed("claims gatys2016/fig5 --network vgg19-caffe --json").out)
    assert {each["verdict"] for each in only} == {"not judged"}
    written("there", network="vgg19-caffe")
    there = json.loads(typed("claims gatys2016/fig5 --folder there --network vgg19 --json").out)
    assert {each["network"] for each in there} == {"vgg19-caffe"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("gatys2016/fig5/structur", "did you mean 'gatys2016/fig5/structure'"),
        ("--delta minus", "needs a number of 0 or more"),
        ("--verdict perhaps", "there is no 'perhaps'"),
        ("--inputs neither", "there is no 'neither'"),
    ],
)
def test_refused(typed, options, told):
    assert told in typed(f"claims {options}").refused()


def test_rows_of_another_experiment_do_not_count(typed, written, monkeypatch):
    written()
    monkeypatch.setattr("replicate.papers.verdicts.version", lambda figure: "another")
    (found,) = json.loads(typed(f"claims {STRUCTURE} --json").out)
    assert found["verdict"] == "not judged"


def test_damaged_rows(typed, written, folder):
    written()
    (folder / "figures/evidence/rows.jsonl").write_text("{\n")
    assert "is damaged in line 1" in typed("claims").refused()
