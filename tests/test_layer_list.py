"""Layers written in a line, as the command line, links and the demo write them."""

from __future__ import annotations

import pytest

from replicate.layer_list import format_layers, layer_weights, parse_layers


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("relu4_2", ["relu4_2"]),
        (" relu1_1 , relu2_1,", ["relu1_1", "relu2_1"]),
        ("relu1_1=0.5,relu2_1", {"relu1_1": 0.5, "relu2_1": 1.0}),
        ("relu1_1 = 1e-3", {"relu1_1": 1e-3}),
        ("relu1_1=0", {"relu1_1": 0.0}),
        ("none", []),
        (" None ", []),
    ],
)
def test_what_is_written_is_what_is_meant(text, means):
    assert layer_weights(parse_layers(text)) == means


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs a layer, or 'none'"),
        ("=1", "needs a layer before the '='"),
        ("relu1_1=", "needs a weight of 0 or more for relu1_1, not ''"),
        ("relu1_1=much", "not 'much'"),
        ("relu1_1=-1", "not '-1'"),
        ("relu1_1=inf", "not 'inf'"),
        ("relu1_1=nan", "not 'nan'"),
        ("relu1_1,relu2_1,relu1_1=2", "names relu1_1 twice"),
    ],
)
def test_a_mistake_is_named(text, says):
    with pytest.raises(ValueError, match=says):
        layer_weights(parse_layers(text))


@pytest.mark.parametrize("weights", [{}, {"relu1_1": 1 / 3, "conv4_2": 1e-9, "relu5_1": 2.0}])
def test_written_and_read_again(weights):
    found = layer_weights(parse_layers(format_layers(weights)))

    assert (found or {}) == pytest.approx(weights)
