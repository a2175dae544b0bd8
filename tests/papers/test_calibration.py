"""Calibration: our panels beside the printed ones under each convention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from replicate.images import Picture
from replicate.papers import calibration
from replicate.papers.calibration import Measured, Setting, config, jobs, main, misfit, page, read

Scene = Callable[..., Picture]


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    monkeypatch.setattr(calibration, "paper_image", lambda name: scene(48, 36, len(name)))


def drawn(convention: str, edges: float, figure: str = "fig4") -> list[Measured]:
    """A measured figure whose panels are all ``edges`` beside the printed ones."""
    printed = config().figures[figure].panels
    setting = Setting("vgg19-caffe", 256, 300)
    return [
        Measured(setting, convention, figure, label, panel.edges + edges, 0.1, 10.0, 1.0)
        for label, panel in printed.items()
    ]


def test_a_convention_says_what_the_printed_ratio_multiplies():
    def preset(convention: str) -> Any:
        return jobs(convention, "fig4", 64, 2)["10⁻³"].preset

    present = preset("normalised-max")
    assert present.ratio_pixels is None and present.content_first == 0
    assert present.ratio == pytest.approx(1e-3)
    assert set(present.style_layers.values()) == {0.2}
    assert preset("halves").ratio == pytest.approx(2e-3)
    original = preset("original")
    assert not original.network.normalised and original.network.pooling == "average"
    assert original.style_layers["relu3_1"] == 1 / 256**2
    assert present.network.means == "max"
    assert preset("normalised").network.means is None  # its own: of average pooling
    stretched = jobs("stretched", "fig4", 64, 2)["10⁻³"]
    assert stretched.style_size == stretched.canvas == (64, 48)


def test_reconstructions_are_the_same_job_whatever_only_styles_weigh():
    one, other = (jobs(name, "fig1", 64, 2) for name in ("original", "original-equal"))
    assert [job.description() for job in one.values()] == [
        job.description() for job in other.values()
    ]
    assert all(job.style is None and job.init == "noise" for job in one.values())


def test_misfit_is_the_distance_of_edges_or_of_the_panels_ratio():
    def edges(rows: list[Measured]) -> dict[str, float]:
        return {row.panel: row.edges for row in rows}

    assert misfit("fig4", edges(drawn("original", 0.03))) == pytest.approx(0.03)
    halved = {label: panel.edges / 2 for label, panel in config().figures["fig5"].panels.items()}
    assert misfit("fig5", halved) == pytest.approx(0)  # other pictures: only their ratio counts
    halved["conv4_2"] /= 2
    assert misfit("fig5", halved) == pytest.approx(math.log(2))


def test_the_page_has_the_nearest_convention_first():
    text = page([*drawn("normalised", -0.2), *drawn("original", 0.01)])
    measured = text.partition("## vgg19-caffe, 256 px, 300 evaluations")[2]
    lines = [line for line in measured.splitlines() if line.startswith("| ")]
    assert lines[2] == "| **printed** | 0.10 | 0.25 | 0.32 | 0.40 | 0.00 |"
    assert lines[3].startswith(f"| {config().conventions['original'].about} | 0.11 |")
    assert lines[4].endswith("| 0.20 |")


def test_runs_add_up_and_the_same_panels_are_replaced(tiny_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "Engine", lambda **settings: tiny_engine(**settings))
    for convention, evaluations in [("original", 2), ("original-equal", 2), ("original", 3)]:
        order = ["--size", "48", "--evaluations", str(evaluations), "--figures", "fig4"]
        for _ in range(2):
            main([*order, "--conventions", convention, "--out", str(tmp_path)])
    rows = read(tmp_path / "measured.json")
    assert len(rows) == len({row.key for row in rows}) == 12
    assert {row.setting.evaluations for row in rows} == {2, 3}
    assert all(math.isfinite(row.edges) and row.loss > 0 for row in rows)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == page(rows)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--conventions", "orignal"], "invalid choice: 'orignal'"),
        (["--network", "vgg91"], "vgg91"),
        (["--size", "1"], "whole number from 16"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, error, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert error in capsys.readouterr().err
