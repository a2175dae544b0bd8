"""Verdicts follow from values, bounds and orderings alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from replicate.figure.claims import (
    Check,
    Claim,
    at_least,
    at_most,
    format_number,
    format_value,
    largest,
    ordered,
    readable,
    smallest,
    tally,
    within,
)

NAN, INF = math.nan, math.inf
HEAD = ("depth", "Detail is lost with depth.", "Gatys et al. 2016, Fig. 1")


def series(*values: float) -> dict[str, float]:
    return {f"conv{place}_1": value for place, value in enumerate(values, 1)}


def checks(*bounds: float) -> list[Check]:
    return [at_least(f"measure {place}", 1.0, bound) for place, bound in enumerate(bounds)]


def falls(*values: float, **options) -> Check:
    return ordered("SSIM", series(*values), "decreasing", **options)


def rises(*values: float, **options) -> Check:
    return ordered("SSIM", series(*values), "increasing", **options)


@pytest.mark.parametrize(
    "check",
    [
        falls(3, 2, 1),
        rises(1, 2, 3),
        falls(3, 2, 2, strict=False),
        rises(2, 2, 2, strict=False),
        *(at_least("", value, 1.5) for value in (1.5, 1.5000001, 2, np.float32(1.5), [1.6, 1.7])),
        at_least("", series(1.5, 2), 1.5),
        *(at_most("", value, 0.1) for value in (0.1, -5, series(0, 0.1))),
        *(within("", value, -0.1, 0.1) for value in (-0.1, 0.1, series(-0.1, 0, 0.1))),
        largest("", series(3, 2, 1), "conv1_1"),
        smallest("", series(1, 2, 3), "conv1_1"),
    ],
)
def test_what_holds(check):
    assert check.holds
    claim = Claim.of(*HEAD, [check])
    assert (claim.holds, claim.verdict) == (True, "holds")


@pytest.mark.parametrize(
    "check",
    [
        *(falls(*values) for values in ((1, 2, 3), (3, 2, 2), (3, NAN, 1), (INF, 2, 1))),
        *(falls(*values, strict=False) for values in ((3, 1, 2), (3, 2, NAN))),
        rises(1, 2, INF),
        rises(NAN, NAN, strict=False),
        *(at_least("", value, 1.5) for value in (1.4999999, NAN, INF, -INF, [1.6, INF])),
        *(at_least("", value, 1.5) for value in (series(1.5, 1), series(2, NAN))),
        *(at_most("", value, 0.1) for value in (0.1000001, -INF, NAN, series(0, 0.2))),
        *(within("", value, -0.1, 0.1) for value in (0.11, -0.11, NAN, series(-0.1, 0.2))),
        *(largest("", series(*values), "conv1_1") for values in ((1, 2), (3, 3, 1), (3, 2, NAN))),
        largest("", series(INF, 2), "conv1_1"),
        *(smallest("", series(*values), "conv1_1") for values in ((3, 2), (1, 1, 3), (1, 2, NAN))),
    ],
)
def test_what_fails(check):
    assert not check.holds
    claim = Claim.of(*HEAD, [check])
    assert (claim.holds, claim.verdict) == (False, "fails")


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
    assert claim.measured == "Measure 0 — 1. Holds if ≥ 2. Once."


def test_threshold_says_what_and_from_where():
    assert falls(2, 1).threshold == "strictly decreasing"
    assert rises(2, 1, strict=False).threshold == "increasing or equal"
    assert at_least("", 2, 1.5, basis="published: 2.2").threshold == "≥ 1.5 (published: 2.2)"
    assert at_most("", series(1, 2), 0.1).threshold == "each ≤ 0.1"
    assert within("", 0, -0.25, 0.25).threshold == "from −0.25 to 0.25"
    assert largest("", series(2, 1), "conv1_1").threshold == "largest for conv1_1"


@pytest.mark.parametrize(
    "value", [np.float64(0.5), 1, 0.5, [np.float32(0.5)], {"10⁻⁵": 1, "10⁻⁴": np.int64(3)}]
)
def test_values_are_json_and_keep_their_order(value):
    check = at_least("SSIM", value, 0)
    assert isinstance(check.value, float | list | dict)
    assert json.loads(json.dumps(check.value)) == check.value == value
    assert not isinstance(value, dict) or list(check.value) == list(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: falls(1),
        lambda: falls(),
        lambda: ordered("SSIM", series(1, 2), "upwards"),
        lambda: at_least("SSIM", {}, 1),
        lambda: at_most("SSIM", [], 1),
        lambda: within("SSIM", 1, 2, 1),
        lambda: within("SSIM", 1, NAN, 1),
        lambda: largest("SSIM", series(1, 2), "conv9_1"),
        lambda: smallest("SSIM", series(1), "conv1_1"),
        lambda: Claim.of(*HEAD, []),
        lambda: Claim.of(*HEAD, checks(1) + checks(2)),
    ],
)
def test_senseless_claims(make):
    with pytest.raises(ValueError):
        make()


# What readers see


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (series(26.31, 8), "conv1_1: 26.3 · conv2_1: 8"),
        ([1.0, NAN], "1, undefined"),
        (1.0, "1"),
        # A colon in a label makes no group.
        ({"a: conv1_1": 2.0, "b: + conv2_1": 1.0}, "a: conv1_1: 2 · b: + conv2_1: 1"),
    ],
)
def test_format_value(value, text):
    assert format_value(value) == text


def test_the_parts_of_a_joint_claim_are_named_once():
    values = {"a: 10⁻²": 0.25, "b: 10⁻¹": 0.5}
    both = [ordered(name, values, "increasing") for name in ("edge_correlation", "ssim")]
    joint = Claim.of(*HEAD, both)
    assert joint.shown_value == (
        "edge correlation (a: 10⁻²: 0.25 · b: 10⁻¹: 0.5); SSIM (a: 10⁻²: 0.25 · b: 10⁻¹: 0.5)"
    )
    assert joint.threshold == "each strictly increasing"
    assert joint.measure == "edge correlation; SSIM"
    joint = Claim.of(*HEAD, [both[1], within("edges", [3, 4], 1, 5)])
    assert list(joint.value) == ["ssim: a: 10⁻²", "ssim: b: 10⁻¹", "edges 1", "edges 2"]
    assert joint.shown_value == "SSIM (a: 10⁻²: 0.25 · b: 10⁻¹: 0.5); edges 1: 3 · edges 2: 4"
    assert joint.threshold == "SSIM: strictly increasing; edges: each from 1 to 5"


def test_tally():
    claims = [Claim.of(*HEAD, [check]) for check in checks(0, 0, 9)]
    assert tally([]) == "0 claims: 0 hold, 0 fail"
    assert tally(claims[:1]) == "1 claim: 1 holds, 0 fail"
    assert tally(claims) == "3 claims: 2 hold, 1 fails"
