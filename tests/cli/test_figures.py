"""``replicate figures``: written as they are drawn, resumed after Ctrl-C, told what went wrong."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from replicate.cli.drawing import FigureBar
from replicate.engine.engine import Engine
from replicate.engine.executors import EXECUTORS
from replicate.engine.reader import Reader
from replicate.errors import ImageError, ReplicateError
from replicate.figure.claims import Claim
from replicate.figure.panels import Grid, Panel
from replicate.figure.record import read_record, read_records
from replicate.figure.report import Figure
from replicate.networks.spec import NetworkInfo
from replicate.papers.registry import figure_ids, figure_settings, first_jobs
from replicate.papers.studio import Studio
from replicate.storage.store import ResultStore

Typed = Callable[[str], Any]

SMOKE = "--profile smoke --precision exact --network vgg19-random"
ONE = f"figures gatys2016/fig5 {SMOKE}"


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]) -> Callable[..., None]:
    """``drawing({"gatys2016/fig4": error})``: figures are drawn at once, or fail, or stop."""
    network = NetworkInfo(name="vgg19-random", sha256="0")
    claims = [
        Claim("structure", "It is so.", "a paper", "SSIM", {"value": 1.0}),
        Claim("style", "It is not so.", "a paper", "PSNR", {"value": 0.0}),
    ]

    def make(events: dict[str, BaseException] | None = None) -> None:
        def drawn(studio: Studio, figure_id: str) -> Figure:
            if events and figure_id in events:
                raise events[figure_id]
            return Figure(
                id=figure_id,
                title="A figure",
                source="a paper",
                grids=[Grid([[Panel(scene(64, 64))]])],
                profile=studio.profile_name,
                inputs=studio.inputs,
                networks=[network],
                claims=claims,
            )

        monkeypatch.setattr("replicate.cli.figures.draw_figure", drawn)

    return make


def up_to_date(out: str) -> str:
    """What the same command says when nothing has to be drawn."""
    return re.sub(r"(claims? measured)$(?!.* in all)", r"\1, up to date", out, flags=re.MULTILINE)


# One figure, truly drawn


def test_a_figure_from_end_to_end(typed: Typed, folder: Path, stored: list[str]) -> None:
    first = typed(ONE)
    assert first.code == 0
    lines = first.out.splitlines()
    assert lines[0].startswith("figures/gatys2016/fig5.png  ") and "2 claims measured" in lines[0]
    assert lines[-1] == "index: figures/index.html"
    assert "1 figure with profile smoke (64 px, 6 evaluations a panel, a preview), bun" in first.err
    record = read_record(folder / "figures/gatys2016/fig5.json")
    assert (record.profile, record.inputs, len(stored)) == ("smoke", "bundled", 2)
    assert typed(ONE).out == up_to_date(first.out)
    assert len(stored) == 2
    assert typed(f"{ONE} --force").out == first.out
    assert len(stored) == 4


def test_ctrl_c_keeps_finished_panels(
    typed: Typed, folder: Path, stored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = ResultStore.put

    def interrupted(self: ResultStore, *arguments: Any) -> Path | None:
        path = keep(self, *arguments)
        signal.raise_signal(signal.SIGINT)
        return path

    with monkeypatch.context() as patch:
        patch.setattr(ResultStore, "put", interrupted)
        ran = typed(f"{ONE} --workers 1")
    assert ran.code == 130
    assert "stopped with 0 of 1 figure drawn; run the same command again" in ran.err
    assert not (folder / "figures").exists()
    assert len(stored) == 1
    assert typed(ONE).code == 0
    assert len(stored) == 2


def test_a_cache_that_cannot_be_written_is_only_a_warning(
    typed: Typed, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="Results are not kept for the next time: Cannot write"):
        assert typed(ONE).code == 0
    assert (folder / "figures/gatys2016/fig5.json").exists()


def test_a_panel_of_a_figure_again(typed: Typed) -> None:
    typed(ONE)
    again = "transfer --from figures/gatys2016/fig5.json"
    assert "Conv2_2" in typed(again).refused()
    assert "did you mean 'Conv4_2'?" in typed(f"{again} --panel Conv4_").refused()
    ran = typed(f"{again} --panel Conv4_2 -o again.png")
    assert ran.code == 0 and "to the last bit" in ran.err


# Balanced weights


def test_balanced_figures_go_beside(typed: Typed, folder: Path) -> None:
    typed(ONE)
    ran = typed(f"{ONE} --balanced")
    assert ran.code == 0
    assert ran.out.startswith("figures/balanced/gatys2016/fig5.png  ")
    assert "bundled pictures, balanced weights, on cpu" in ran.err
    files = [folder / f"figures/{run}gatys2016/fig5.json" for run in ("", "balanced/")]
    plain, balanced = map(read_record, files)
    assert (plain.balanced, balanced.balanced) == (False, True)


def test_only_figures_that_compare_layers_are_balanced(
    typed: Typed, drawing: Callable[..., None]
) -> None:
    drawing()
    found = json.loads(typed(f"figures --balanced {SMOKE} --json").out)
    drawn = {each["figure"] for each in found["figures"]}
    assert "gatys2015/fig3" in drawn and "gatys2016/fig6" not in drawn
    assert (found["balanced"], found["index"]) == (True, "figures/balanced/index.html")
    ran = typed(f"figures gatys2016/fig5 gatys2016/fig6 --balanced {SMOKE}")
    assert "no layers are compared in gatys2016/fig6: balanced weights change nothing" in ran.err
    assert len(ran.out.splitlines()) == 4


# Many figures


def test_each_figure_is_told_and_written(
    typed: Typed, folder: Path, drawing: Callable[..., None]
) -> None:
    drawing()
    ran = typed(f"figures gatys2016/fig[1456] {SMOKE} -o there --format webp")
    lines = ran.out.splitlines()
    assert lines[:4] == [f"there/gatys2016/fig{n}.webp  2 claims measured" for n in (5, 1, 4, 6)]
    assert lines[4:] == ["8 claims measured in all", "index: there/index.html"]
    assert "drawing gatys2016/fig1 (2 of 4)" in ran.err
    assert len(read_records(folder / "there")[0]) == 4
    assert (folder / "there/index.html").exists()


def test_one_failure_does_not_stop_the_others(
    typed: Typed, folder: Path, drawing: Callable[..., None]
) -> None:
    drawing({"gatys2016/fig4": ImageError("The picture\n is gone.")})
    ran = typed(f"figures gatys2016/fig4 {SMOKE} -o nothing")
    assert (ran.code, ran.out) == (2, "")
    assert not (folder / "nothing").exists()
    ran = typed(f"figures gatys2016/fig[1456] {SMOKE}")
    assert ran.code == 2
    assert "replicate: gatys2016/fig4: The picture is gone.\n" in ran.err
    assert "replicate: 1 figure missing: gatys2016/fig4.\n" in ran.err
    assert "6 claims measured in all" in ran.out
    found = json.loads(typed(f"figures gatys2016/fig4 gatys2016/fig5 {SMOKE} --json").out)
    assert found["errors"] == {"gatys2016/fig4": "The picture is gone."}
    assert found["figures"] == [
        {
            "figure": "gatys2016/fig5",
            "image": "figures/gatys2016/fig5.png",
            "record": "figures/gatys2016/fig5.json",
            "claims": 2,
            "drawn": False,
        }
    ]
    assert (found["claims"], found["profile"]) == (2, "smoke")
    assert found["index"] == "figures/index.html"


def test_ctrl_c_leaves_an_index_of_what_is_there(
    typed: Typed, folder: Path, drawing: Callable[..., None]
) -> None:
    drawing({"gatys2016/fig4": KeyboardInterrupt()})
    command = f"figures gatys2016/fig[1456] {SMOKE}"
    ran = typed(f"{command} --force")
    assert ran.code == 130
    assert "stopped with 2 of 4 figures drawn" in ran.err and "without --force" in ran.err
    assert "gatys2016/fig1" in (folder / "figures/README.md").read_text()
    drawing()
    found = json.loads(typed(f"{command} --json").out)["figures"]
    drawn = {each["figure"]: each["drawn"] for each in found}
    assert [drawn[f"gatys2016/fig{n}"] for n in (1, 4, 5, 6)] == [False, True, False, True]


def test_a_bug_is_no_sentence(typed: Typed, drawing: Callable[..., None]) -> None:
    drawing({"gatys2016/fig5": ZeroDivisionError()})
    with pytest.raises(ZeroDivisionError):
        typed(ONE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--network vgg19", "vgg19-caffe are not on this machine"),
        ("-o taken", "'taken' is a file"),
        ("-o taken/below", "'taken' is a file"),
        (f"-o {'a' * 300}", "File name too long"),
    ],
)
def test_refused_before_anything_is_drawn(
    typed: Typed, folder: Path, options: str, told: str
) -> None:
    (folder / "taken").write_text("")
    assert told in typed(f"figures --profile smoke {options}").refused()


@pytest.mark.parametrize(("device", "profile"), [("cpu", "preview"), ("cuda", "paper")])
def test_the_default_profile_is_the_machine_s(
    typed: Typed,
    drawing: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    profile: str,
) -> None:
    device_type = SimpleNamespace(type=device)
    engine = SimpleNamespace(
        device=device_type,
        precision="float32",
        networks=SimpleNamespace(chosen="auto"),
        key=lambda job: job.label,
        run_many=lambda jobs, *_, **__: [],
    )
    monkeypatch.setattr("replicate.cli.figures.make_engine", lambda *_, **__: engine)
    drawing()
    assert json.loads(typed("figures gatys2016/fig5 --json").out)["profile"] == profile


# Figures that stand already


PAGE = "figures/gatys2016/fig5.png"


@pytest.fixture
def drawings(typed: Typed, drawing: Callable[..., None]) -> Callable[[str], int]:
    """``drawings("--inputs paper")``: how many figures the command draws, 0 or 1."""
    drawing()

    def count(options: str = "") -> int:
        (figure,) = json.loads(typed(f"{ONE} {options} --json").out)["figures"]
        return int(figure["drawn"])

    return count


def test_a_figure_is_drawn_once(typed: Typed, folder: Path, drawing: Callable[..., None]) -> None:
    drawing()
    command = f"figures gatys2016/fig[1456] {SMOKE}"
    first = typed(command)
    files = {path: path.read_bytes() for path in (folder / "figures").rglob("*.*")}
    drawing({"gatys2016/fig4": AssertionError("drawn twice")})
    again = typed(command)
    assert again.code == 0
    assert again.out.splitlines()[0] == f"{PAGE}  2 claims measured, up to date"
    assert again.out.replace(", up to date", "") == first.out
    assert "drawing" not in again.err
    for name in ("README.md", "index.html"):
        (folder / "figures" / name).unlink()
    typed(command)
    assert files == {path: path.read_bytes() for path in (folder / "figures").rglob("*.*")}


@pytest.mark.parametrize("options", ["--force", "--profile preview", "--balanced -o figures"])
def test_other_settings_are_another_figure(drawings: Callable[[str], int], options: str) -> None:
    assert drawings("") == 1
    assert drawings("--workers 2") == 0
    assert drawings(options) == 1
    assert drawings("") == (options != "--force")
    assert drawings("") == 0


def _longer(path: Path) -> None:
    """As a run that was killed between the two files leaves its picture beside an older record."""
    path.write_bytes(path.read_bytes() + b" ")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("fig5.png", Path.unlink),
        ("fig5.json", Path.unlink),
        ("fig5.json", lambda path: path.write_bytes(b"{}")),
        ("fig5.json", lambda path: path.write_text(path.read_text().replace("It is", "It Is"))),
        ("fig5.png", _longer),
        ("fig5.png", _pipe),
        ("fig5.json", _pipe),
    ],
)
def test_a_damaged_figure_is_drawn_again(
    drawings: Callable[[str], int], folder: Path, name: str, damage: Callable[[Path], Any]
) -> None:
    drawings("")
    damage(folder / "figures/gatys2016" / name)
    assert drawings("") == 1
    assert drawings("") == 0


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_a_bar_counts_all_evaluations_and_none_from_the_store(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    jobs: list[Any] = [SimpleNamespace(evaluations=count) for count in (10, 20, 30)]
    bar = FigureBar("fig5")
    progress = bar(jobs)
    progress(jobs[2], 30, 30)  # from the store
    for step in range(1, 11):
        progress(jobs[0], step, 10)
    if stream.isatty():
        assert bar._bar is not None and (bar._bar.n, bar._bar.total) == (10, 30)
        assert "fig5" in stream.getvalue() and "0/30 evaluations" in stream.getvalue()
    else:
        assert stream.getvalue() == ""
    bar.close()


def test_a_terminal_sees_a_bar_and_no_extra_lines(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert typed(ONE).code == 0
    assert "gatys2016/fig5 (1 of 1)" in terminal.getvalue()
    assert "drawing gatys2016/fig5" not in terminal.getvalue()


# Panels of all figures at once, in part, elsewhere


PAIR = f"figures gatys2016/fig5 gatys2016/fig4 {SMOKE}"


def pages(folder: Path) -> dict[str, Any]:
    """What the figures of a folder show and claim, without the time that they took."""
    found = {}
    for record in read_records(folder)[0]:
        image = (folder / record.image_path).read_bytes()
        panels = [(panel.label, panel.metrics, panel.losses) for panel in record.panels]
        found[record.figure] = panels, image
    return found


def test_panels_drawn_in_parts_elsewhere_are_laid_out_without_drawing(
    typed: Typed, folder: Path, tmp_path: Path, stored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed(PAIR).code == 0
    whole, keys = pages(folder / "figures"), sorted(stored)
    shutil.rmtree(folder / "figures")
    stored.clear()
    for part in (1, 2):
        monkeypatch.setattr(
            "replicate.storage.store.cache_dir", lambda part=part: tmp_path / f"part {part}"
        )
        ran = typed(f"{PAIR} --shard {part}/2")
        assert ran.code == 0
        assert ran.out == f"part {part} of 2: 3 panels in {tmp_path}/part {part}/results\n"
        assert "copy the files of their folders into one and run the same command" in ran.err
        assert "with --profile smoke and --precision exact" in ran.err
    assert sorted(stored) == keys and not (folder / "figures").exists()
    for file in (tmp_path / "part 1/results").iterdir():
        shutil.copy(file, tmp_path / "part 2/results")
    stored.clear()
    assert typed(PAIR).code == 0
    assert stored == [] and pages(folder / "figures") == whole


def test_minutes_that_are_over_keep_what_is_drawn(
    typed: Typed, folder: Path, stored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 20.0, 61.0])  # at the start, then before each panel
    monkeypatch.setattr("replicate.cli.figures.time.monotonic", lambda: next(clock))
    ran = typed(f"{PAIR} --minutes 1 --workers 1")
    monkeypatch.undo()
    assert ran.code == 130 and ran.out == ""
    assert "stopped with 2 of 6 panels drawn; run the same command again to go on" in ran.err
    assert len(stored) == 2 and not (folder / "figures").exists()


def test_a_panel_that_fails_among_all_is_told_of_by_its_figure(
    typed: Typed, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Engine._draw

    def failing(self: Engine, jobs: Any, *arguments: Any) -> Any:
        if any("Conv4_2" in job.label for job in jobs):
            raise ReplicateError("it exploded")
        return draw(self, jobs, *arguments)

    monkeypatch.setattr(Engine, "_draw", failing)
    ran = typed(f"{PAIR} --minutes 999")
    assert ran.code == 2
    assert "gatys2016/fig5: it exploded" in ran.err and "1 figure missing" in ran.err
    assert list(pages(folder / "figures")) == ["gatys2016/fig4"]
    shards = [typed(f"{PAIR} --force --shard {part}/2") for part in (1, 2)]
    assert sorted(shard.code for shard in shards) == [0, 2]
    assert sum("gatys2016/fig5: Conv4_2: it exploded" in shard.err for shard in shards) == 1
    assert sorted(shard.out[:22] for shard in shards) == [
        "part 1 of 2: 3 panels ",
        "part 2 of 2: 2 panels ",
    ]


def test_an_executor_draws_even_what_was_drawn_before(
    typed: Typed, stored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setitem(EXECUTORS, "ray", lambda: pool)
        for options in ("", "--force"):
            stored.clear()
            ran = typed(f"{PAIR} --executor ray {options}")
            assert ran.code == 0 and "6 panels" in ran.err
            pictures = 0 if options else 4  # filed once
            assert len(stored) == len(set(stored)) == 6 + pictures


def test_no_gpu_for_processes_is_one_sentence(typed: Typed) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert "no GPU on this machine" in typed(f"{ONE} --executor processes").refused()


def test_planning_draws_and_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]
) -> None:
    monkeypatch.setattr("replicate.papers.studio.bundled", lambda name: scene(64, 48))

    def work(*_: Any) -> None:
        raise AssertionError("work while planning")

    for place in (Engine, Reader):
        for name in vars(place):
            if not name.startswith("__") and callable(getattr(place, name)):
                monkeypatch.setattr(place, name, work)
    monkeypatch.setattr("replicate.networks.networks.Networks.network", work)
    studio = Studio(Engine("cpu"), "smoke")
    planned = {figure_id: len(first_jobs(studio, figure_id)) for figure_id in figure_ids()}
    assert planned["gatys2015/fig3"] == 20
    assert planned["gatys2016/fig5"] == 2
    # All others draw, by fast networks too, or measure their weights first: none stumbles.
    looking = {
        figure_id
        for figure_id, count in planned.items()
        if not (count or figure_settings(figure_id).balanced or figure_settings(figure_id).fast)
    }
    assert {each for each in looking if each.startswith(("novak", "pytorch"))} == {
        "novak2016/shift",
        "pytorch_tutorial/gradient",
    }
    others = {each.split("/")[0] for each in looking} - {"novak2016", "pytorch_tutorial"}
    assert others == {"gram_analysis", "feature_visualisation"}
    assert sum(planned.values()) > 110
