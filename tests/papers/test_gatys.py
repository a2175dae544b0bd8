"""Gatys' figures: the galleries of both editions, what is left out, claims both ways."""

from __future__ import annotations

from typing import Any

import pytest

from replicate.config import load_paper
from replicate.engine.reader import Reader
from replicate.errors import ImageError
from replicate.papers import draw_figure
from replicate.papers.studio import Studio

# Typed from the sources: panels B Turner, C van Gogh, D Munch, E Picasso, F Kandinsky
RATIOS = {
    "gatys2015/fig2": [1e-3, 1e-3, 1e-3, 1e-4, 1e-4],
    "gatys2016/fig3": [1e-3, 8e-4, 5e-3, 5e-4, 5e-4],
}
PAINTINGS = ["shipwreck", "starry_night", "the_scream", "seated_nude", "composition_vii"]


@pytest.mark.parametrize("figure", RATIOS)
def test_settings(figure):
    paper, name = figure.split("/")
    made = load_paper(paper).figures[name]
    assert made.ratios == RATIOS[figure]
    assert made.preset == paper
    content, *paintings = made.images["paper"].values()
    assert (content, paintings) == ("neckarfront", PAINTINGS)
    assert list(made.images["bundled"]) == list(made.images["paper"])
    assert [role[0] for role in made.images["paper"] if role != "content"] == list("BCDEF")


@pytest.mark.parametrize("figure", RATIOS)
def test_each_panel_has_its_edition_s_ratio(small_studio, figure):
    studio = small_studio()
    drawn = draw_figure(studio, figure)
    assert [result.job.preset.ratio for result in studio.drawn] == pytest.approx(RATIOS[figure])
    assert len({result.job.style.sha256 for result in studio.drawn if result.job.style}) == 5
    assert len(drawn.grids[0].panels) == 6
    assert "stand in for the paintings" in drawn.caption


def test_a_painting_that_cannot_be_had_is_left_out(small_studio, monkeypatch):
    studio = small_studio(inputs="paper")
    without(monkeypatch, "E Picasso")
    drawn = draw_figure(studio, "gatys2016/fig3")
    assert [result.job.label for result in studio.drawn] == [
        "B Turner", "C van Gogh", "D Munch", "F Kandinsky",
    ]  # fmt: skip
    assert studio.drawn[-1].job.preset.ratio == pytest.approx(5e-4)
    assert "for want of the painting: E Picasso." in drawn.caption


def test_without_any_painting_there_is_no_figure(small_studio, monkeypatch):
    studio = small_studio(inputs="paper")
    roles = [role for role in load_paper("gatys2015").figures["fig2"].images["paper"]]
    without(monkeypatch, *roles[1:])
    with pytest.raises(ImageError, match="no B Turner"):
        draw_figure(studio, "gatys2015/fig2")


def without(monkeypatch: pytest.MonkeyPatch, *roles: str) -> None:
    there = Studio.picture

    def picture(self: Studio, role: str) -> Any:
        if role in roles:
            raise ImageError(f"There is no {role}.")
        return there(self, role)

    monkeypatch.setattr(Studio, "picture", picture)


GOOD = {
    "style_left": 0.3,
    "edge_correlation": 0.3,
    "edges_of_another": 0.05,
    "palette_distance": 0.05,
    "palettes_apart": 0.3,
}


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({}, []),
        ({"style_left": 0.9}, ["style"]),
        ({"edges_of_another": 0.28}, ["arrangement"]),
        ({"palette_distance": 0.2}, ["colours"]),
        ({"palettes_apart": 0.09, "palette_distance": 0.01}, ["colours"]),  # cannot be told
    ],
)
def test_a_transfer_has_both(failing, changes, fails):
    assert failing("gatys2016/fig3", lambda role: {**GOOD, **changes}) == fails


FLAT = {
    "psnr": 20.0,
    "ssim": 0.5,
    "ssim_to_painting": 0.5,
    "edge_correlation": 0.3,
    "structure_size": 5.0,
    "mean_lab_shift": 10.0,
    "style_left": 0.4,
    "total_loss": 1.0,
    **{f"gram_distance/relu{block}_1": 0.1 for block in range(1, 6)},
}


@pytest.mark.parametrize(
    ("figure", "fails"),
    [
        ("gatys2016/fig1", ["order", "shallow", "deep", "content-stays", "scale", "added"]),
        ("gatys2015/fig3", ["rows"]),
        ("gatys2016/fig4", ["interpolation", "extremes"]),
        ("gatys2016/fig5", ["structure"]),
        ("gatys2016/fig6", ["bias"]),
    ],
)
def test_what_is_said_of_differences_fails_where_all_panels_are_alike(
    failing, monkeypatch, figure, fails
):
    monkeypatch.setattr(Reader, "similarity", lambda *_: 0.5)
    monkeypatch.setattr("replicate.papers.gatys2016.ssim", lambda *_: 0.1)
    assert failing(figure, lambda key: FLAT) == fails
