"""What a claim's numbers make of it, and how numbers are shown."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from replicate.errors import ReplicateError
from replicate.figure.claims import Claim, Definition, format_number, format_value, readable

NAN, INF = math.nan, math.inf
FIVE = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6, "e": 0.5}


def defined(**facts: Any) -> Definition:
    given = {"text": "So it is.", "measure": "SSIM", "delta": 0.5, "basis": "ours", "family": "one"}
    return Definition.model_validate({**given, **facts})


@pytest.mark.parametrize(
    ("contrast", "values", "effect"),
    [
        ({"ratio": ("a", "b")}, {"a": 3.0, "b": 1.5}, math.log(2)),
        ({"ratio": (1, "value")}, {"value": 0.5}, math.log(2)),
        ({"ratio": ("a", "b")}, {"a": 3.0, "b": -1.0}, NAN),
        ({"difference": ("a", 0.5)}, {"a": 0.75}, 0.25),
        ({"difference": ("a", "b")}, {"a": NAN, "b": 1.0}, NAN),
        ({"trend": "falling"}, FIVE, 1.0),
        ({"trend": "rising"}, FIVE, -1.0),
        # by hand: two neighbours out of place, d² sums to 2, rho = 1 - 6 · 2 / (5 · 24)
        ({"trend": "falling"}, {**FIVE, "a": 0.8, "b": 0.9}, 0.9),
        ({"trend": "falling"}, {"a": 1.0, "b": 1.0}, NAN),
        ({"trend": "falling"}, {"a": 1.0, "b": NAN}, NAN),
    ],
)
def test_effect(contrast, values, effect):
    assert defined(**contrast).effect(values) == pytest.approx(effect, nan_ok=True)


def test_a_label_without_a_number():
    with pytest.raises(LookupError):
        defined(ratio=("a", "b")).effect({"a": 1.0})


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"ratio": ("a", "b"), "trend": "rising"},
        {"ratio": ("a", "b"), "delta": 0},
        {"ratio": ("a", "b"), "delta": 1, "equivalent": True},
        {"trend": "rising", "delta": -1},
        {"trend": "upwards"},
    ],
)
def test_senseless_definitions(facts):
    with pytest.raises(ValidationError):
        defined(**facts)


def test_bounds_and_what_is_asked():
    ratio = defined(ratio=("a", "b"), delta=1.5)
    assert ratio.bound == pytest.approx(math.log(1.5))
    assert ratio.asked == "a over b above 1.5"
    assert ratio.shown(math.log(2.3)) == "× 2.3"
    assert ratio.with_delta(2).bound == pytest.approx(math.log(2))
    assert defined(ratio=("a", 1), delta=1.25, equivalent=True).asked == "within a factor of 1.25"
    assert defined(difference=("a", "b")).shown(0.25) == "+0.25"
    assert defined(difference=("value", 0.5), delta=0.1).asked == "the value above 0.6"
    assert defined(difference=(0.5, "a"), delta=0.1).asked == "a below 0.4"
    assert defined(ratio=(1.0, "value"), delta=2).asked == "1 over the value above 2"
    assert defined(trend="rising").asked == "rank correlation with a rising order above 0.5"
    assert defined(trend="rising").shown(1.07) == "+1"
    assert defined(trend="rising").shown(math.nan) == "undefined"
    with pytest.raises(ReplicateError, match=r"delta of 0 makes no sense here: .* factor"):
        ratio.with_delta(0)


NUMBERS = {
    "0 20 0.1 0.123": (-0.0, 20, 0.1, 0.12345),
    "23.0 −1.5 1.00 1000 1234": (23.04, -1.5, 0.99999, 999.96, 1234.4),
    "1×10⁵ 1.23×10⁵ 0.001 1.23×10⁻⁴ −2×10⁻⁹": (1e5, 123456, 0.001, 0.00012345, -2e-9),
    "undefined ∞ −∞": (NAN, INF, -INF),
}


@pytest.mark.parametrize("texts", NUMBERS)
def test_format_number(texts):
    assert " ".join(map(format_number, NUMBERS[texts])) == texts


def test_names_of_metrics_are_spelled_out():
    names = ("edge_correlation", "psnr", "mean_lab_shift", "gram_distance/relu3_1")
    spelled = ["edge correlation", "PSNR", "mean Lab shift", "Gram distance relu3_1"]
    assert list(map(readable, names)) == spelled
    for other in ("relu4_2", "SSIM to the photograph", "A photograph", ""):
        assert readable(other) == other


def test_values_in_a_line():
    assert format_value({"conv1_1": 26.31, "conv2_1": 8.0}) == "conv1_1: 26.3 · conv2_1: 8"
    assert format_value({"value": 1.0}) == "1"
    claim = Claim("a", "So.", "Fig. 5", "SSIM", {"value": 0.5}, note="one photograph", unmet="no")
    assert claim.measured == "SSIM — 0.5. One photograph. No."
