"""Johnson's issue 18: which style layers, and whether VGG-19 does what VGG-16 does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from replicate.papers import draw_figure
from replicate.papers.johnson2016 import PHOTOGRAPH, Drawn, claims

ID = "johnson2016/issue18"
FIRST, OWN, INDEX = "relu1_1 … 4_1", "relu1_2 … 4_3", "4, 9, 16, 23"
NETWORKS = ("VGG-16", "VGG-19")
JUDGES = [(network, layers) for network in NETWORKS for layers in (FIRST, OWN)]


def judged(
    **changes: Mapping[Drawn, float],
) -> dict[Drawn, dict[Drawn, float]]:
    """Distances of 1 for the photograph and of 0.05 for every picture, with changes by picture."""
    table = {PHOTOGRAPH: dict.fromkeys(JUDGES, 1.0)}
    for picture in [*JUDGES, ("VGG-19", INDEX)]:
        table[picture] = {**dict.fromkeys(JUDGES, 0.05), **changes.get(" ".join(picture), {})}
    return table


# Claims


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({}, []),
        ({f"{network} {FIRST}": {(network, OWN): 0.2} for network in NETWORKS}, ["layers"]),
        # How far the photograph is, and what another judge sees of a picture, is no evidence.
        ({f"VGG-19 {INDEX}": {("VGG-16", OWN): 0.9}}, []),
        ({f"VGG-19 {INDEX}": {("VGG-19", OWN): 0.06}}, []),
        ({f"VGG-19 {INDEX}": {("VGG-19", OWN): 0.07}}, ["indices"]),
        ({f"VGG-19 {OWN}": {("VGG-16", OWN): 0.07}}, []),
        (
            {
                f"VGG-16 {OWN}": {("VGG-19", OWN): 0.2},
                f"VGG-19 {OWN}": {("VGG-16", OWN): 0.2},
            },
            ["networks"],
        ),
    ],
)
def test_each_claim_can_fail(small_studio, not_shown, changes, fails):
    assert not_shown(ID, claims(small_studio().at(ID), judged(**changes))) == fails


# The figure


def test_on_both_networks(small_studio):
    studio = small_studio()
    figure = draw_figure(studio, ID)
    assert [claim.id for claim in figure.claims] == ["layers", "indices", "networks"]
    layers = {
        (result.network.name, tuple(result.job.preset.style_layers)) for result in studio.drawn
    }
    ones, lasts = (
        tuple(f"relu{block}_{number}" for block, number in zip(range(1, 5), numbers))
        for numbers in ((1, 1, 1, 1), (2, 2, 3, 3))
    )
    assert layers == {
        ("vgg16-caffe", ones),
        ("vgg16-caffe", lasts),
        ("vgg19-caffe", ones),
        ("vgg19-caffe", lasts),
        ("vgg19-caffe", ("relu1_2", "relu2_2", "relu3_3", "relu4_2")),
    }
    pictures, table = figure.grids
    assert list(pictures.rows) == ["VGG-16", "VGG-19"]
    assert (0, 2) not in pictures.panels and (1, 2) in pictures.panels
    heat = table.panels[0, 0].picture
    assert heat.values.shape == (4, 6)
    assert heat.columns[0] == "photograph" and heat.columns[-1] == f"VGG-19\n{INDEX}"
    assert (heat.values > 0).all()
    panel = {panel.label: panel for panel in figure.panels}[f"VGG-16, {OWN}"]
    assert panel.metrics[f"gram_distance/VGG-19, {OWN}"] == pytest.approx(heat.values[3, 2])
    assert {result.job.preset.tv_weight for result in studio.drawn} == {1e-6}


def test_where_one_network_stands_in_for_both(small_studio):
    studio = small_studio(network="vgg19-random")
    figure = draw_figure(studio, ID)
    assert [claim.id for claim in figure.claims] == ["layers", "indices"]
    assert len(studio.drawn) == 3
    assert studio.drawn[-1].job.preset.style_layers["relu4_2"] == 1.0
    assert "needs the weights of both" in figure.caption
    assert list(figure.grids[0].rows) == ["VGG-19-random"]
    assert figure.grids[1].panels[0, 0].picture.values.shape == (2, 4)
