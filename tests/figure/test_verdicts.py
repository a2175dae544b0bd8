"""Verdicts follow from values, bounds and orderings alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from replicate.figure import claims
from replicate.figure.claims import Check, Claim, format_number, format_value, readable, tally

NAN, INF = math.nan, math.inf
HEAD = ("depth", "Detail is lost with depth.", "Gatys et al. 2016, Fig. 1")


def series(*values: float) -> dict[str, float]:
    return {f"conv{place}_1": value for place, value in enumerate(values, 1)}


@pytest.mark.parametrize(
    ("values", "direction", "options", "verdict"),
    [
        ((3, 2, 1), "decreasing", {}, "holds"),
        ((1, 2, 3), "decreasing", {}, "fails"),
        ((1, 2, 3), "increasing", {}, "holds"),
        ((3, 2, 2), "decreasing", {}, "fails"),
        ((3, 2, 2), "decreasing", {"strict": False}, "holds"),
        ((2, 2, 2), "increasing", {"strict": False}, "holds"),
        ((3, 1, 2), "decreasing", {"strict": False}, "fails"),
        ((3, NAN, 1), "decreasing", {}, "fails"),
        ((3, 2, NAN), "decreasing", {"strict": False}, "fails"),
        ((INF, 2, 1), "decreasing", {}, "fails"),
        ((1, 2, INF), "increasing", {}, "fails"),
        ((NAN, NAN), "increasing", {"strict": False}, "fails"),
    ],
)
def test_ordered(values, direction, options, verdict):
    check = claims.ordered("SSIM", series(*values), direction, **options)
    claim = Claim.of(*HEAD, [check])
    assert claim.verdict == verdict
    assert claim.holds == check.holds == (verdict == "holds")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (1.5, "holds"),
        (1.5000001, "holds"),
        (1.4999999, "fails"),
        (NAN, "fails"),
        (INF, "fails"),
        (-INF, "fails"),
        (series(1.5, 2), "holds"),
        (series(1.5, 1), "fails"),
        (series(2, NAN), "fails"),
        ([1.6, 1.7], "holds"),
        ([1.6, INF], "fails"),
        (np.float32(1.5), "holds"),
        (2, "holds"),
    ],
)
def test_at_least(value, verdict):
    assert claims.at_least("SSIM", value, 1.5).holds == (verdict == "holds")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.1, "holds"),
        (0.1000001, "fails"),
        (-5, "holds"),
        (-INF, "fails"),
        (NAN, "fails"),
        (series(0, 0.1), "holds"),
        (series(0, 0.2), "fails"),
    ],
)
def test_at_most(value, verdict):
    assert claims.at_most("SSIM", value, 0.1).holds == (verdict == "holds")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (-0.1, "holds"),
        (0.1, "holds"),
        (0.11, "fails"),
        (-0.11, "fails"),
        (NAN, "fails"),
        (series(-0.1, 0, 0.1), "holds"),
        (series(-0.1, 0.2), "fails"),
    ],
)
def test_within(value, verdict):
    assert claims.within("SSIM", value, -0.1, 0.1).holds == (verdict == "holds")


@pytest.mark.parametrize(
    ("values", "largest", "smallest"),
    [
        (series(3, 2, 1), "holds", "fails"),
        (series(1, 2, 3), "fails", "holds"),
        (series(3, 3, 1), "fails", "fails"),
        (series(1, 1, 3), "fails", "fails"),
        (series(3, 2, NAN), "fails", "fails"),
        (series(INF, 2, 1), "fails", "fails"),
    ],
)
def test_largest_and_smallest(values, largest, smallest):
    assert claims.largest("SSIM", values, "conv1_1").holds == (largest == "holds")
    assert claims.smallest("SSIM", values, "conv1_1").holds == (smallest == "holds")


def checks(*bounds: float) -> list[Check]:
    return [claims.at_least(f"measure {place}", 1.0, bound) for place, bound in enumerate(bounds)]


def test_a_claim_holds_only_with_all_its_checks():
    assert Claim.of(*HEAD, checks(1, 0.5)).verdict == "holds"
    failing = Claim.of(*HEAD, checks(1, 2, 3), note="seen twice")
    assert failing.verdict == "fails"
    assert failing.note == "fails on measure 1 and measure 2; seen twice"
    assert failing.value == {"measure 0": 1, "measure 1": 1, "measure 2": 1}
    assert failing.threshold == "measure 0: ≥ 1; measure 1: ≥ 2; measure 2: ≥ 3"


def test_a_claim_of_one_check_says_what_the_check_says():
    (check,) = checks(2)
    claim = Claim.of(*HEAD, [check], note="once")
    said = (claim.measure, claim.value, claim.threshold, claim.verdict, claim.note)
    assert said == ("measure 0", 1.0, "≥ 2", "fails", "once")
    assert Claim.of(*HEAD, [check], measure="in all").measure == "in all"


def test_a_claim_keeps_every_value_beside_its_label():
    both = Claim.of(
        *HEAD,
        [claims.ordered("SSIM", series(2, 1)), claims.within("edges", [0.1, 0.2], 0, 1)],
    )
    assert both.value == {
        "SSIM: conv1_1": 2,
        "SSIM: conv2_1": 1,
        "edges 1": 0.1,
        "edges 2": 0.2,
    }
    assert both.measure == "SSIM; edges"


def test_threshold_says_what_and_from_where():
    assert claims.ordered("SSIM", series(2, 1)).threshold == "strictly decreasing"
    assert claims.ordered("SSIM", series(2, 1), strict=False).threshold == "decreasing or equal"
    assert claims.at_least("SSIM", 2, 1.5, basis="published: 2.2").threshold == (
        "≥ 1.5 (published: 2.2)"
    )
    assert claims.at_most("SSIM", series(1, 2), 0.1).threshold == "each ≤ 0.1"
    assert claims.within("SSIM", 0, -0.25, 0.25).threshold == "from −0.25 to 0.25"
    assert claims.largest("SSIM", series(2, 1), "conv1_1").threshold == "largest for conv1_1"


@pytest.mark.parametrize(
    "value", [np.float64(0.5), 1, 0.5, [np.float32(0.5)], series(1, 2), {"a": np.int64(3)}]
)
def test_values_are_json(value):
    check = claims.at_least("SSIM", value, 0)
    assert json.loads(json.dumps(check.value)) == check.value
    assert isinstance(check.value, float | list | dict)


def test_labels_keep_their_order():
    values = {"10⁻⁵": 3.0, "10⁻⁴": 2.0, "10⁻³": 1.0}
    assert list(claims.ordered("SSIM", values).value) == list(values)


@pytest.mark.parametrize(
    "make",
    [
        lambda: claims.ordered("SSIM", series(1)),
        lambda: claims.ordered("SSIM", {}),
        lambda: claims.ordered("SSIM", series(1, 2), "upwards"),
        lambda: claims.at_least("SSIM", {}, 1),
        lambda: claims.at_most("SSIM", [], 1),
        lambda: claims.within("SSIM", 1, 2, 1),
        lambda: claims.within("SSIM", 1, NAN, 1),
        lambda: claims.largest("SSIM", series(1, 2), "conv9_1"),
        lambda: claims.smallest("SSIM", series(1), "conv1_1"),
        lambda: Claim.of(*HEAD, []),
        lambda: Claim.of(*HEAD, checks(1) + checks(2)),
    ],
)
def test_senseless_claims(make):
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (20, "20"),
        (0.1, "0.1"),
        (0.12345, "0.123"),
        (23.04, "23.0"),
        (-1.5, "−1.5"),
        (0.99999, "1.00"),
        (999.96, "1000"),
        (1234.4, "1234"),
        (1e5, "1×10⁵"),
        (123456, "1.23×10⁵"),
        (0.001, "0.001"),
        (0.00012345, "1.23×10⁻⁴"),
        (-2e-9, "−2×10⁻⁹"),
        (NAN, "undefined"),
        (INF, "∞"),
        (-INF, "−∞"),
    ],
)
def test_format_number(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("edge_correlation", "edge correlation"),
        ("psnr", "PSNR"),
        ("mean_lab_shift", "mean Lab shift"),
        ("gram_distance/relu3_1", "Gram distance relu3_1"),
        ("relu4_2", "relu4_2"),
        ("SSIM to the photograph", "SSIM to the photograph"),
        ("A photograph", "A photograph"),
        ("10⁻⁴", "10⁻⁴"),
        ("", ""),
    ],
)
def test_names_of_metrics_are_spelled_out(name, text):
    assert readable(name) == text


def test_the_parts_of_a_joint_claim_are_named_once():
    values = {"10⁻²": 0.25, "10⁻¹": 0.5}
    joint = Claim.of(
        *HEAD,
        [claims.ordered(name, values, "increasing") for name in ("edge_correlation", "ssim")],
    )
    assert joint.shown_value == (
        "edge correlation (10⁻²: 0.25 · 10⁻¹: 0.5); SSIM (10⁻²: 0.25 · 10⁻¹: 0.5)"
    )
    assert joint.threshold == "each strictly increasing"
    assert joint.measure == "edge correlation; SSIM"
    assert list(joint.value) == ["edge_correlation: 10⁻²", "edge_correlation: 10⁻¹",
                                 "ssim: 10⁻²", "ssim: 10⁻¹"]  # fmt: skip


def test_a_colon_in_a_label_makes_no_group():
    values = {"a: conv1_1": 2.0, "b: + conv2_1": 1.0}
    assert format_value(values) == "a: conv1_1: 2 · b: + conv2_1: 1"
    joint = Claim.of(*HEAD, [claims.ordered("PSNR", values), claims.at_least("edges", 3, 1)])
    assert joint.shown_value == "PSNR (a: conv1_1: 2 · b: + conv2_1: 1); edges: 3"
    assert joint.threshold == "PSNR: strictly decreasing; edges: ≥ 1"


def test_format_value():
    assert format_value(series(26.31, 8)) == "conv1_1: 26.3 · conv2_1: 8"
    assert format_value([1.0, NAN]) == "1, undefined"
    assert Claim.of(*HEAD, checks(0)).shown_value == "1"


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((), "0 claims: 0 hold, 0 fail"),
        ((0,), "1 claim: 1 holds, 0 fail"),
        ((0, 0, 9), "3 claims: 2 hold, 1 fails"),
    ],
)
def test_tally(bounds, text):
    assert tally([Claim.of(*HEAD, [check]) for check in checks(*bounds)]) == text
