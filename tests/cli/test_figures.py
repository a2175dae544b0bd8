"""``replicate figures``: written as they are drawn, resumed after Ctrl-C, told what went wrong."""

from __future__ import annotations

import io
import json
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from replicate.cli.drawing import FigureBar, FreshStore
from replicate.errors import ImageError
from replicate.figure.claims import Claim, at_least
from replicate.figure.panels import Grid, Panel
from replicate.figure.record import read_record, read_records
from replicate.figure.report import Figure
from replicate.networks.spec import NetworkInfo
from replicate.papers.studio import Studio
from replicate.storage.store import ResultStore

SMOKE = "--profile smoke --precision exact --network vgg19-random"
ONE = f"figures gatys2016/fig5 {SMOKE}"


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]) -> Callable[..., None]:
    """``drawing({"gatys2016/fig4": error})``: figures are drawn at once, or fail, or stop."""

    def draw(studio: Studio, figure_id: str) -> Figure:
        panel = Panel(scene(64, 64))
        network = NetworkInfo(name="vgg19-random", sha256="0")
        return Figure(
            id=figure_id,
            title="A figure",
            source="a paper",
            grids=[Grid([[panel]])],
            profile=studio.profile_name,
            inputs=studio.inputs,
            networks=[network],
            claims=[
                Claim.of("sure", "It is so.", "a paper", [at_least("SSIM", 1.0, 0.5)]),
                Claim.of("wrong", "It is not so.", "a paper", [at_least("PSNR", 0.0, 0.5)]),
            ],
        )

    def make(events: dict[str, BaseException] | None = None) -> None:
        def drawn(studio: Studio, figure_id: str) -> Figure:
            if events and figure_id in events:
                raise events[figure_id]
            return draw(studio, figure_id)

        monkeypatch.setattr("replicate.cli.figures.draw_figure", drawn)

    return make


def up_to_date(out: str) -> str:
    """What the same command says when nothing has to be drawn."""
    return re.sub(r"(claims? holds?)$(?!.* in all)", r"\1, up to date", out, flags=re.MULTILINE)


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the results that were stored."""
    stored: list[str] = []
    put = ResultStore.put

    def counting(self: ResultStore, key: str, pixels: np.ndarray, record: Any) -> Path:
        stored.append(key)
        return put(self, key, pixels, record)

    monkeypatch.setattr(ResultStore, "put", counting)
    return stored


# One figure, truly drawn


def test_a_figure_from_end_to_end(typed: Callable[..., Any], folder: Path, puts: list[str]) -> None:
    ran = typed(ONE)
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith("figures/gatys2016/fig5.png  ")
    assert "claims hold" in ran.out
    assert ran.out.splitlines()[-1] == "index: figures/index.html"
    assert "1 figure with profile smoke (64 px, 6 evaluations a panel), bundled pictures" in ran.err
    record = read_record(folder / "figures/gatys2016/fig5.json")
    assert (record.profile, record.inputs, len(puts)) == ("smoke", "bundled", 2)


def test_nothing_is_drawn_twice_unless_forced(typed: Callable[..., Any], puts: list[str]) -> None:
    first = typed(ONE)
    assert len(puts) == 2
    assert typed(ONE).out == up_to_date(first.out)
    assert len(puts) == 2
    assert typed(f"{ONE} --force").out == first.out
    assert len(puts) == 4


def test_ctrl_c_keeps_finished_panels(
    typed: Callable[..., Any], folder: Path, puts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = ResultStore.put

    def interrupted(self: ResultStore, *arguments: Any) -> Path:
        path = keep(self, *arguments)
        signal.raise_signal(signal.SIGINT)
        return path

    with monkeypatch.context() as patch:
        patch.setattr(ResultStore, "put", interrupted)
        ran = typed(ONE)
    assert ran.code == 130
    assert "stopped with 0 of 1 figure drawn; run the same command again" in ran.err
    assert not (folder / "figures").exists()
    assert len(puts) == 1
    assert typed(ONE).code == 0
    assert len(puts) == 2


def test_a_panel_of_a_figure_again(typed: Callable[..., Any], folder: Path) -> None:
    typed(ONE)
    source = "figures/gatys2016/fig5.json"
    assert "Conv2_2" in typed(f"transfer --from {source}").refused()
    assert "did you mean 'Conv4_2'?" in typed(f"transfer --from {source} --panel Conv4_").refused()
    ran = typed(f"transfer --from {source} --panel Conv4_2 -o again.png")
    assert ran.code == 0
    assert "to the last bit" in ran.err


# Balanced weights


def test_balanced_figures_go_beside_and_stand_in_the_index(
    typed: Callable[..., Any], folder: Path
) -> None:
    typed(ONE)
    ran = typed(f"{ONE} --balanced")
    assert ran.code == 0
    assert ran.out.startswith("figures/balanced/gatys2016/fig5.png  ")
    assert "bundled pictures, balanced weights, on cpu" in ran.err
    plain, balanced = (
        read_record(folder / f"figures/{run}gatys2016/fig5.json") for run in ("", "balanced/")
    )
    assert (plain.balanced, balanced.balanced) == (False, True)
    readme = (folder / "figures/README.md").read_text()
    assert (
        "Why conv4\\_2 for the content?" in readme
        and "Balanced layer weights in gatys2016/fig5 change" in readme
    )
    assert "Run balanced (vgg19-random" in readme
    found = json.loads(typed("claims --balanced no,yes --all --json").out)
    assert len(found) == len(plain.claims)


def test_without_a_name_only_figures_that_compare_layers_are_balanced(
    typed: Callable[..., Any], drawing: Callable[..., None]
) -> None:
    drawing()
    found = json.loads(typed(f"figures --balanced {SMOKE} --json").out)
    drawn = {each["figure"] for each in found["figures"]}
    assert found["balanced"] is True
    assert "gatys2015/fig3" in drawn and "gatys2016/fig6" not in drawn
    assert found["index"] == "figures/balanced/index.html"


def test_a_named_figure_that_compares_none_is_told(
    typed: Callable[..., Any], drawing: Callable[..., None]
) -> None:
    drawing()
    ran = typed(f"figures gatys2016/fig5 gatys2016/fig6 --balanced {SMOKE}")
    assert "no layers are compared in gatys2016/fig6: balanced weights change nothing" in ran.err
    assert len(ran.out.splitlines()) == 4


# Many figures


def test_each_figure_is_told_and_written(
    typed: Callable[..., Any], folder: Path, drawing: Callable[..., None]
) -> None:
    drawing()
    ran = typed(f"figures gatys2016/fig[1456] {SMOKE} -o there --format webp")
    lines = ran.out.splitlines()
    assert lines[:4] == [f"there/gatys2016/fig{n}.webp  1 of 2 claims holds" for n in (5, 1, 4, 6)]
    assert lines[4:] == ["4 of 8 claims hold in all", "index: there/index.html"]
    assert "drawing gatys2016/fig1 (2 of 4)" in ran.err
    assert len(read_records(folder / "there")[0]) == 4
    assert (folder / "there/index.html").exists()


def test_json(typed: Callable[..., Any], drawing: Callable[..., None]) -> None:
    drawing({"gatys2016/fig4": ImageError("The picture is gone.")})
    ran = typed(f"figures gatys2016/fig4 gatys2016/fig5 {SMOKE} --json")
    found = json.loads(ran.out)
    assert ran.code == 2
    assert found["errors"] == {"gatys2016/fig4": "The picture is gone."}
    assert found["figures"] == [
        {
            "figure": "gatys2016/fig5",
            "image": "figures/gatys2016/fig5.png",
            "record": "figures/gatys2016/fig5.json",
            "claims": 2,
            "hold": 1,
            "drawn": True,
        }
    ]
    assert (found["hold"], found["claims"], found["profile"]) == (1, 2, "smoke")
    assert found["index"] == "figures/index.html"


def test_one_failure_does_not_stop_the_others(
    typed: Callable[..., Any], drawing: Callable[..., None]
) -> None:
    drawing({"gatys2016/fig5": ImageError("The picture\n is gone.")})
    ran = typed(f"figures gatys2016/fig[1456] {SMOKE}")
    assert ran.code == 2
    assert "replicate: gatys2016/fig5: The picture is gone.\n" in ran.err
    assert "replicate: 1 figure missing: gatys2016/fig5.\n" in ran.err
    assert "3 of 6 claims hold in all" in ran.out


def test_nothing_could_be_drawn(
    typed: Callable[..., Any], folder: Path, drawing: Callable[..., None]
) -> None:
    drawing({"gatys2016/fig5": ImageError("The picture is gone.")})
    ran = typed(f"figures gatys2016/fig5 {SMOKE}")
    assert (ran.code, ran.out) == (2, "")
    assert not (folder / "figures").exists()


def test_ctrl_c_leaves_an_index_of_what_is_there(
    typed: Callable[..., Any], folder: Path, drawing: Callable[..., None]
) -> None:
    drawing({"gatys2016/fig4": KeyboardInterrupt()})
    ran = typed(f"figures gatys2016/fig[1456] {SMOKE} --force")
    assert ran.code == 130
    assert "stopped with 2 of 4 figures drawn" in ran.err
    assert "without --force" in ran.err
    assert "gatys2016/fig1" in (folder / "figures/README.md").read_text()


def test_a_bug_is_no_sentence(typed: Callable[..., Any], drawing: Callable[..., None]) -> None:
    drawing({"gatys2016/fig5": ZeroDivisionError()})
    with pytest.raises(ZeroDivisionError):
        typed(ONE)


def test_unavailable_pictures_are_told(
    typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ImageError(f"The image '{name}' cannot be downloaded.")

    monkeypatch.setattr("replicate.papers.studio.paper_image", absent)
    ran = typed(f"{ONE} --inputs paper")
    assert (ran.code, ran.out) == (2, "")
    assert "gatys2016/fig5: The image" in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--network vgg19", "vgg19-caffe are not on this machine"),
        ("-o taken", "'taken' is a file"),
        ("-o taken/below", "'taken' is a file"),
    ],
)
def test_refused_before_anything_is_drawn(
    typed: Callable[..., Any], folder: Path, options: str, told: str
) -> None:
    (folder / "taken").write_text("")
    assert told in typed(f"figures --profile smoke {options}").refused()


@pytest.mark.parametrize(("device", "profile"), [("cpu", "preview"), ("cuda", "paper")])
def test_the_default_profile_is_the_machine_s(
    typed: Callable[..., Any],
    drawing: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    profile: str,
) -> None:
    device_type = SimpleNamespace(type=device)
    engine = SimpleNamespace(
        device=device_type, precision="float32", networks=SimpleNamespace(chosen="auto")
    )
    monkeypatch.setattr("replicate.cli.figures.make_engine", lambda *_, **__: engine)
    drawing()
    assert json.loads(typed("figures gatys2016/fig5 --json").out)["profile"] == profile


# Figures that stand already


ALONE = f"figures gatys2016/fig5 {SMOKE}"
PAGE = "figures/gatys2016/fig5.png"


@pytest.fixture
def drawings(typed: Callable[..., Any], drawing: Callable[..., None]) -> Callable[[str], int]:
    """``drawings("--inputs paper")``: how many figures the command draws, 0 or 1."""
    drawing()

    def count(options: str = "") -> int:
        found = json.loads(typed(f"{ALONE} {options} --json").out)
        (figure,) = found["figures"]
        return int(figure["drawn"])

    return count


def test_a_figure_is_drawn_once(
    typed: Callable[..., Any], folder: Path, drawing: Callable[..., None]
) -> None:
    drawing()
    command = f"figures gatys2016/fig[1456] {SMOKE}"
    first = typed(command)
    files = {path: path.read_bytes() for path in (folder / "figures").rglob("*.*")}
    drawing({"gatys2016/fig4": AssertionError("drawn twice")})
    again = typed(command)
    assert again.code == 0
    assert again.out.splitlines()[0] == f"{PAGE}  1 of 2 claims holds, up to date"
    assert [line.replace(", up to date", "") for line in again.out.splitlines()] == (
        first.out.splitlines()
    )
    assert "drawing" not in again.err
    assert files == {path: path.read_bytes() for path in (folder / "figures").rglob("*.*")}


def test_only_what_is_missing_is_drawn(
    typed: Callable[..., Any], drawing: Callable[..., None]
) -> None:
    drawing({"gatys2016/fig4": KeyboardInterrupt()})
    assert typed(f"figures gatys2016/fig[45] {SMOKE}").code == 130
    drawing({"gatys2016/fig4": ImageError("The picture is gone.")})
    ran = typed(f"figures gatys2016/fig[45] {SMOKE}")
    assert ran.code == 2
    assert f"{PAGE}  1 of 2 claims holds, up to date" in ran.out
    drawing()
    found = json.loads(typed(f"figures gatys2016/fig[45] {SMOKE} --json").out)
    assert [(each["figure"], each["drawn"]) for each in found["figures"]] == [
        ("gatys2016/fig5", False),
        ("gatys2016/fig4", True),
    ]
    assert (found["hold"], found["claims"], found["index"]) == (2, 4, "figures/index.html")


@pytest.mark.parametrize(
    "options",
    [
        "--force",
        "--profile preview",
        "--network auto",
        "--precision float32",
        "--format webp",
        "--inputs paper",
        "--balanced -o figures",
    ],
)
def test_other_settings_are_another_figure(drawings: Callable[[str], int], options: str) -> None:
    assert drawings("") == 1
    assert drawings("") == 0
    assert drawings(options) == 1
    assert drawings("") == (options != "--force")
    assert drawings("") == 0


def test_workers_draw_the_same_figure(drawings: Callable[[str], int]) -> None:
    drawings("")
    assert drawings("--workers 2") == 0


@pytest.mark.parametrize("name", ["fig5.png", "fig5.json"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"{}")])
def test_a_damaged_figure_is_drawn_again(
    drawings: Callable[[str], int], folder: Path, name: str, damage: Callable[[Path], Any]
) -> None:
    drawings("")
    damage(folder / "figures/gatys2016" / name)
    assert drawings("") == 1
    assert drawings("") == 0


def test_a_picture_of_another_run_is_noticed(drawings: Callable[[str], int], folder: Path) -> None:
    """A run that is killed between the two files leaves its picture beside the older record."""
    drawings("")
    record = folder / "figures/gatys2016/fig5.json"
    before = record.read_bytes()
    page = (folder / PAGE).read_bytes()
    (folder / PAGE).write_bytes(page + b" ")
    record.write_bytes(before)
    assert drawings("") == 1


def test_the_report_is_made_without_a_drawing(
    typed: Callable[..., Any], folder: Path, drawing: Callable[..., None]
) -> None:
    drawing()
    typed(ALONE)
    for name in ("README.md", "index.html"):
        (folder / "figures" / name).unlink()
    assert typed(ALONE).out.splitlines()[-1] == "index: figures/index.html"
    assert "gatys2016/fig5" in (folder / "figures/README.md").read_text()
    assert "gatys2016/fig5" in (folder / "figures/index.html").read_text()


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def job(evaluations: int) -> Any:
    return SimpleNamespace(evaluations=evaluations)


def test_a_bar_counts_all_evaluations_and_none_from_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    jobs = [job(10), job(20), job(30)]
    bar = FigureBar("fig5")
    progress = bar(jobs)
    progress(jobs[2], 30, 30)  # from the store
    for step in range(1, 11):
        progress(jobs[0], step, 10)
    assert bar._bar is not None
    assert (bar._bar.n, bar._bar.total) == (10, 30)
    bar.close()
    assert "fig5" in terminal.getvalue() and "evaluations" in terminal.getvalue()


def test_no_bar_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    jobs = [job(2)]
    bar = FigureBar("fig5")
    progress = bar(jobs)
    progress(jobs[0], 1, 2)
    progress(jobs[0], 2, 2)
    bar.close()
    assert stream.getvalue() == ""


def test_a_terminal_sees_a_bar_and_no_extra_lines(
    typed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert typed(ONE).code == 0
    assert "gatys2016/fig5 (1 of 1)" in terminal.getvalue()
    assert "drawing gatys2016/fig5" not in terminal.getvalue()


def test_a_fresh_store_keeps_and_never_gives(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    key = FreshStore(tmp_path).key({"a": 1})
    FreshStore(tmp_path).put(key, pixels, {})
    assert FreshStore(tmp_path).get(key) is None
    assert ResultStore(tmp_path).get(key) is not None
