"""``replicate claims``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicate.figure.claims import Claim, at_least
from replicate.figure.panels import Grid, Panel
from replicate.figure.record import write_record
from replicate.figure.report import Figure
from replicate.networks.spec import NetworkInfo

Typed = Callable[[str], Any]
Written = Callable[..., None]


@pytest.fixture
def written(folder: Path, scene: Callable[..., Any]) -> Written:
    """Writes a figure's record with two claims, the second at a bound of 0.5."""

    def write(
        where: str = "figures",
        figure: str = "gatys2016/fig5",
        value: float = 0.7,
        networks: tuple[str, ...] = ("vgg19",),
        inputs: str = "bundled",
        balanced: bool = False,
        profile: str = "smoke",
    ) -> None:
        claims = (
            Claim.of("sure", "It is so.", "Fig. 5", [at_least("SSIM", 1.0, 0.5)]),
            Claim.of("close", "It may be so.", "Fig. 5", [at_least("PSNR in dB", value, 0.5)]),
        )
        drawn = Figure(
            id=figure,
            title="A figure",
            source="a paper",
            grids=[Grid([[Panel(scene(64, 64))]])],
            profile=profile,
            inputs=inputs,
            balanced=balanced,
            networks=[NetworkInfo(name=n, sha256="0") for n in networks],
            claims=claims,
        )
        record = drawn.record()
        write_record(record, folder / where / f"{figure}.json")

    return write


def test_table(typed: Typed, written: Written) -> None:
    written(value=0.2)
    ran = typed("claims")
    assert ran.code == 0
    assert "holds    gatys2016/fig5/sure   It is so." in ran.out
    assert "fails    gatys2016/fig5/close  It may be so." in ran.out
    assert ran.out.endswith("\n1 of 2 claims holds, in 1 figure\n")


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
def test_filters(typed: Typed, written: Written, options: str, figures: set[str]) -> None:
    written()
    written(figure="gatys2015/fig3", inputs="paper", networks=("vgg19-compact",))
    written(figure="johnson2016/fig3", networks=("vgg16", "vgg19"))
    found = json.loads(typed(f"claims {options} --json").out)
    assert {each["figure"] for each in found} == figures


def test_what_is_looked_through(typed: Typed, written: Written, folder: Path) -> None:
    (folder / "figures").mkdir()
    assert "no drawn figures in 'figures'" in typed("claims").refused()
    written("figures/gallery")
    assert len(json.loads(typed("claims --json").out)) == 2
    written(value=0.1)
    (folder / "figures/gatys2016/fig6.json").write_text("{")
    ran = typed("claims --verdict fails")
    assert "0 of 1 claim holds" in ran.out and "fig6.json' is not JSON" in ran.err
    ran = typed("claims figures/gallery --verdict fails")
    assert (ran.code, ran.out) == (0, "") and "no such claim" in ran.err


def test_what_differs_between_two_folders(typed: Typed, written: Written) -> None:
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


def test_what_differs_between_two_runs_within_a_folder(typed: Typed, written: Written) -> None:
    compact = {"networks": ("vgg19-compact",)}
    written(**compact)
    written("figures/balanced", value=0.1, balanced=True, **compact)
    written("figures/gallery", value=0.2, profile="gallery")
    written("figures/gallery/paper", value=0.9, inputs="paper", profile="gallery")
    written("figures/gallery", figure="gatys2016/fig6", profile="gallery")
    line = "gatys2016/fig5/close"
    ran = typed("claims --network vgg19-compact,vgg19")
    assert (
        ran.out.startswith("vgg19-compact  vgg19  CLAIM")
        and f"holds          fails  {line}" in ran.out
    )
    assert "1 of 2 claims in both with another verdict; 0 only in 'vgg19-compact'" in ran.out
    assert "2 only in 'vgg19'" in ran.out
    assert "profile smoke in 'vgg19-compact' and of gallery in 'vgg19'" in ran.err
    ran = typed("claims --balanced no,yes")
    assert f"holds         fails     {line}" in ran.out and ran.err == ""
    ran = typed("claims figures/gallery --inputs bundled,paper")
    assert "fails    holds  gatys2016/fig5/close" in ran.out


def test_pairs_differ_in_the_option_alone_and_are_of_equal_profiles_if_they_can_be(
    typed: Typed, written: Written
) -> None:
    written(profile="gallery")
    written("figures/other", inputs="paper", networks=("vgg16",))
    assert typed("claims --inputs bundled,paper").out.startswith("0 of 0 claims in both")
    written("figures/a", value=0.1, inputs="paper")
    written("figures/b", value=0.9, inputs="paper", profile="gallery")
    assert typed("claims --inputs bundled,paper").out.startswith("0 of 2 claims in both")


def test_both_values_and_all_claims(typed: Typed, written: Written) -> None:
    written("one")
    written("two", value=0.1)
    out = typed("claims one two --values").out
    assert "holds in 'one': PSNR in dB — 0.7. Holds if ≥ 0.5." in out
    assert "fails in 'two': PSNR in dB — 0.1." in out and "It is so." not in out
    assert "It is so." in typed("claims one two --values --all").out
    found = json.loads(typed("claims one two --all --json").out)
    assert [each["claim"] for each in found] == ["gatys2016/fig5/sure", "gatys2016/fig5/close"]


def test_a_choice_finds_other_runs_too(typed: Typed, written: Written) -> None:
    written()
    written("figures/balanced", value=0.1, balanced=True)
    assert "2 of 2 claims hold" in typed("claims").out
    assert "2 of 2 claims hold" in typed("claims --balanced no").out
    (_, found) = json.loads(typed("claims --balanced yes --json").out)
    assert (found["balanced"], found["verdict"]) == (True, "fails")
    assert "2 of 2 claims hold" in typed("claims --inputs bundled").out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--network vgg91", "there is no 'vgg91'; did you mean 'vgg19'?"),
        ("--network vgg16,vgg19,vgg16-caffe", "needs one name, or two to compare"),
        ("--inputs paper,paper", "needs one name, or two to compare"),
        ("--balanced perhaps", "there is no 'perhaps'"),
        ("--inputs bundled,paper --balanced no,yes", "compares two runs"),
        ("figures figures --inputs bundled,paper", "compares two runs"),
        ("figures figures figures", "one folder, or two to compare"),
        ("nowhere --inputs bundled,paper", "There is no folder 'nowhere'"),
    ],
)
def test_refused(typed: Typed, written: Written, options: str, told: str) -> None:
    written()
    assert told in typed(f"claims {options}").refused()


def test_values_that_json_lacks(typed: Typed, written: Written) -> None:
    written(value=float("nan"))
    found = json.loads(typed("claims --json").out, parse_constant=pytest.fail)
    assert (found[1]["value"], found[1]["verdict"]) == ("nan", "fails")
