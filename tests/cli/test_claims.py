"""``replicate claims``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicate.figure.claims import at_least
from replicate.figure.panels import Grid, Panel
from replicate.figure.record import NetworkRecord, write_record
from replicate.figure.report import Figure


@pytest.fixture
def written(folder: Path, scene: Callable[..., Any]) -> Callable[..., None]:
    """Writes a figure's record with two claims, the second at a bound of 0.5."""

    def write(
        where: str = "figures",
        figure: str = "gatys2016/fig5",
        value: float = 0.7,
        networks: tuple[str, ...] = ("vgg19",),
        weights: str = "caffe",
        inputs: str = "bundled",
    ) -> None:
        claims = (
            at_least("sure", "It is so.", "Fig. 5", "SSIM", 1.0, 0.5),
            at_least("close", "It may be so.", "Fig. 5", "PSNR in dB", value, 0.5),
        )
        drawn = Figure(
            id=figure,
            title="A figure",
            source="a paper",
            grids=[Grid.of_rows([[Panel(scene(64, 64))]])],
            profile="smoke",
            inputs=inputs,
            networks=[NetworkRecord(name=n, weights=weights, sha256="0") for n in networks],
            claims=claims,
        )
        record = drawn.record()
        write_record(record, folder / where / f"{figure}.json")

    return write


def test_table(typed: Callable[..., Any], written: Callable[..., None]) -> None:
    written(value=0.2)
    ran = typed("claims")
    assert ran.code == 0
    assert "holds    gatys2016/fig5/sure   It is so." in ran.out
    assert "fails    gatys2016/fig5/close  It may be so." in ran.out
    assert ran.out.endswith("\n1 of 2 claims holds, in 1 figure\n")


def test_values(typed: Callable[..., Any], written: Callable[..., None]) -> None:
    written(value=0.2)
    out = typed("claims --values --verdict fails").out
    assert "PSNR in dB: 0.2" in out
    assert "to hold: ≥ 0.5" in out
    assert "sure" not in out
    assert "0 of 1 claim holds" in out


def test_json(typed: Callable[..., Any], written: Callable[..., None]) -> None:
    written()
    written(figure="gatys2015/fig3", inputs="paper")
    found = json.loads(typed("claims --json").out)
    assert [each["figure"] for each in found] == ["gatys2015/fig3"] * 2 + ["gatys2016/fig5"] * 2
    assert found[1]["value"] == 0.7
    assert found[0]["inputs"] == "paper"


@pytest.mark.parametrize(
    ("options", "figures"),
    [
        ("--inputs paper", {"gatys2015/fig3"}),
        ("--inputs bundled", {"gatys2016/fig5", "johnson2016/fig3"}),
        ("--network vgg16", {"johnson2016/fig3"}),
        ("--network vgg19", {"gatys2016/fig5", "johnson2016/fig3"}),
        ("--network vgg19-caffe", {"gatys2016/fig5", "johnson2016/fig3"}),
        ("--network vgg19-compact", {"gatys2015/fig3"}),
        ("--network vgg16-torchvision", set()),
    ],
)
def test_filters(
    typed: Callable[..., Any], written: Callable[..., None], options: str, figures: set[str]
) -> None:
    written()
    written(figure="gatys2015/fig3", inputs="paper", networks=("vgg19-compact",), weights="bundled")
    written(figure="johnson2016/fig3", networks=("vgg16", "vgg19"), weights="caffe")
    found = json.loads(typed(f"claims {options} --json").out)
    assert {each["figure"] for each in found} == figures


def test_nothing_left_is_said(typed: Callable[..., Any], written: Callable[..., None]) -> None:
    written()
    ran = typed("claims --verdict fails")
    assert (ran.code, ran.out) == (0, "")
    assert "no such claim" in ran.err


def test_gallery_where_nothing_is_drawn(
    typed: Callable[..., Any], written: Callable[..., None]
) -> None:
    written("figures/gallery")
    assert len(json.loads(typed("claims --json").out)) == 2
    written(value=0.1)
    assert "fails" in typed("claims").out


def test_a_damaged_record_is_said_and_left_out(
    typed: Callable[..., Any], written: Callable[..., None], folder: Path
) -> None:
    written()
    (folder / "figures/gatys2016/fig6.json").write_text("{")
    ran = typed("claims")
    assert "2 of 2 claims hold" in ran.out
    assert "fig6.json' is not JSON" in ran.err


def test_empty_folder(typed: Callable[..., Any], folder: Path) -> None:
    (folder / "figures").mkdir()
    assert "no drawn figures in 'figures'" in typed("claims").refused()


def test_what_differs_between_two_folders(
    typed: Callable[..., Any], written: Callable[..., None]
) -> None:
    written("one")
    written("two", value=0.1)
    written("two", figure="gatys2016/fig6")
    out = typed("claims one two").out
    assert "holds  fails  gatys2016/fig5/close  It may be so." in out
    assert "sure" not in out
    assert "1 of 2 claims in both with another verdict; 0 only in 'one', 2 only in 'two'" in out
    (found,) = json.loads(typed("claims one two --json").out)
    assert (found["first"]["value"], found["second"]["value"]) == (0.7, 0.1)
    assert json.loads(typed("claims one two --verdict holds --json").out) == []


def test_two_folders_that_agree(typed: Callable[..., Any], written: Callable[..., None]) -> None:
    written("one")
    written("two")
    assert typed("claims one two").out.startswith("0 of 2 claims in both")


def test_values_that_json_lacks(typed: Callable[..., Any], written: Callable[..., None]) -> None:
    written(value=float("nan"))
    found = json.loads(typed("claims --json").out, parse_constant=pytest.fail)
    assert (found[1]["value"], found[1]["verdict"]) == ("nan", "fails")
