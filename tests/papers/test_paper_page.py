"""Words on a figure's page that are made from numbers."""

from __future__ import annotations

import pytest

from replicate.config import load_preset
from replicate.papers import draw_figure
from replicate.papers.page import _extent, _proceeding, page
from replicate.papers.panels import ratio_label

NETWORKS = "auto", "vgg19-random"
"""With VGG-16 at hand, and without it."""


@pytest.mark.parametrize(
    ("ratio", "label"),
    [(1e-3, "10⁻³"), (8e-4, "8·10⁻⁴"), (1.25e-5, "1.25·10⁻⁵"), (1, "10⁰"), (20, "2·10¹")],
)
def test_ratio_label(ratio, label):
    assert ratio_label(ratio) == label


def test_extent():
    assert _extent(512 * 512) == "512 × 512 px"
    assert _extent(512 * 384) == "196608 pixels"


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        ((512 * 512,), "of a picture of 512 × 512 px; on this canvas α counts 85.3 times."),
        ((64 * 64, 128 * 128), "64 × 64 px or 128 × 128 px; on this canvas α counts 1.3 to 5.3"),
        ((64 * 48,), ""),
        ((None,), ""),
    ],
)
def test_the_canvas_that_ratios_are_meant_for(small_studio, scene, pixels, said):
    studio = small_studio()
    preset = load_preset("gatys2016")
    jobs = {
        place: studio.job(
            preset.with_(ratio_pixels=each), scene(64, 48), scene(64, 48, seed=1), evaluations=2
        )
        for place, each in enumerate(pixels)
    }
    remarks = [text for text in _proceeding(list(studio.draw(jobs).values())) if "Ratios" in text]
    assert len(remarks) == bool(said)
    assert not said or said in remarks[0]


@pytest.mark.parametrize("kinds", [("average", "average"), ("average", "max")])
def test_pooling_is_only_said_where_it_is_the_same_in_all_panels(small_studio, scene, kinds):
    studio = small_studio().at("gatys2016/fig4")
    variants = {
        f"{place}": studio.job(
            studio.preset.with_(network={"pooling": kind}),
            scene(64, 48),
            scene(64, 48, seed=1),
            evaluations=2,
        )
        for place, kind in enumerate(kinds)
    }
    panels = studio.panels(variants)
    sheet = studio.sheet(panels, grids=[panels.grid()], claims=[])
    figure = page(studio, "gatys2016/fig4", sheet, list(panels.values()))
    assert ("pooling" in figure.caption) == (len(set(kinds)) == 1)


def test_a_network_that_only_measured_is_named(small_studio):
    both, one = (draw_figure(small_studio(network), "gatys2016/fig1") for network in NETWORKS)
    assert "vgg16-caffe drew nothing here, it only measured." in both.caption
    assert "vgg16-caffe" not in [info.name for info in both.networks]
    assert "content-stays" not in [claim.id for claim in one.claims]
    assert "only measured" not in one.caption
