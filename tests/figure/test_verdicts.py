"""Verdicts follow from rows and definitions alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from replicate.errors import ReplicateError
from replicate.figure.claims import Definition
from replicate.figure.verdicts import (
    Row,
    effects_by_pair,
    judged,
    read_rows,
    tally,
    write_rows,
)

CLAIM = "gatys2016/fig5/structure"
PAIRS = [(f"photo {i % 4}", f"art {i // 4}") for i in range(16)]


def defined(**facts: Any) -> Definition:
    given = {"text": "So.", "measure": "SSIM", "delta": 0.1, "basis": "ours", "family": "one"}
    return Definition.model_validate({"difference": ("a", "b"), **given, **facts})


def rows(effect: float = 0.5, claim: str = CLAIM, **facts: Any) -> list[Row]:
    """16 pairs with effects around ``effect``."""
    given = {"pictures": "bundled", "network": "vgg19-compact", "size": 256, "evaluations": 500}
    return [
        Row(
            claim=claim,
            photograph=photograph,
            artwork=artwork,
            seed=0,
            values={"a": effect + 0.02 * (place % 3), "b": 0.02},
            **{**given, **facts},
        )
        for place, (photograph, artwork) in enumerate(PAIRS)
    ]


def verdict(found: list[Row], deltas: dict[str, float] | None = None, **facts: Any) -> Any:
    return judged({CLAIM: defined(**facts)}, found, deltas)[CLAIM]


@pytest.mark.parametrize(
    ("effect", "facts", "word", "agreeing"),
    [
        (0.5, {}, "holds", 16),
        (-0.5, {}, "fails", 0),
        (0.03, {}, "fails", 0),
        (0.1, {}, "undecided", 5),
        (0.03, {"equivalent": True}, "holds", 16),
        (0.5, {"equivalent": True}, "fails", 0),
    ],
)
def test_words(effect, facts, word, agreeing):
    found = verdict(rows(effect), **facts)
    assert (found.word, found.agreeing, found.pairs) == (word, agreeing, 16)
    low, high = found.estimate.interval
    assert low < found.estimate.effect < high


def test_seeds_are_the_sample_where_no_picture_is_given():
    drawn = [replace(row, photograph="", artwork="", seed=n) for n, row in enumerate(rows())]
    found = verdict(drawn, unit="draw")
    assert (found.word, found.agreeing, found.pairs) == ("holds", 16, 16)
    assert "16 of 16 draws" in str(found)
    assert verdict(drawn, unit="pair").pairs == 1


def test_another_delta_judges_anew():
    assert verdict(rows(0.5), {CLAIM: 0.9}).word == "fails"
    assert verdict(rows(0.5), {CLAIM: 0.9}).definition.delta == 0.9


def test_pairs_that_say_nothing_are_left_out_and_too_many_make_it_void():
    found = rows()
    some = [replace(row, unmet="the loss was still falling") for row in found[:4]]
    few = verdict([*some, *found[4:]])
    assert (few.word, few.pairs, few.left_out) == ("holds", 12, 4)
    more = [replace(row, unmet="the loss was still falling") for row in found[:5]]
    void = verdict([*more, *found[5:]])
    assert void.word == "void"
    assert str(void).startswith("void: of 16 rows 5 do not count: the loss was still falling")
    assert verdict([replace(row, values={"c": 1.0}) for row in found]).reason.endswith(
        "measured by another version"
    )


def test_what_is_said_of_a_canvas_is_not_judged_on_a_smaller_one():
    size = rows()[0].size
    enough, small = (
        judged({CLAIM: defined(canvas=canvas)}, rows())[CLAIM] for canvas in (size, size + 1)
    )
    assert (enough.word, small.word, small.left_out) == ("holds", "void", 16)
    assert small.reason.endswith(f"the canvas is smaller than the {size + 1} px that it is said of")


def test_seeds_of_a_pair_are_one_pair():
    again = [replace(row, seed=seed) for row in rows() for seed in (0, 1)]
    assert verdict(again).pairs == 16


def test_holm_within_a_family():
    """By itself each claim is decided; among twenty undecided ones of its family it is not."""
    noisy = [
        replace(row, values={"a": 0.25 + 0.05 * (place % 4), "b": 0.0})
        for place, row in enumerate(rows())
    ]
    alone = verdict(noisy)
    assert alone.word == "holds"
    others = {f"{CLAIM}{n}": defined() for n in range(20)}
    more = [replace(row, claim=name) for name in others for row in rows(0.1)]
    family = judged({CLAIM: defined(), **others}, [*noisy, *more])
    assert family[CLAIM].word == "undecided"
    assert family[CLAIM].reason == "alone it holds, as one of 21 it may be chance"
    assert "above +0.1; alone it holds" in str(family[CLAIM])
    assert alone.reason == family[f"{CLAIM}0"].reason == ""
    assert family[CLAIM].p == pytest.approx(min(1, 21 * alone.p))
    apart = judged({CLAIM: defined(family="own"), **others}, [*noisy, *more])
    assert apart[CLAIM].word == "holds"


def test_the_setting_with_most_pairs_counts():
    few = rows(-0.5, network="vgg19-caffe", size=512)[:6]
    assert verdict([*few, *rows()]).setting.network == "vgg19-compact"
    many = rows(-0.5, network="vgg19-caffe", size=512)
    found = verdict([*many, *rows()])
    assert (found.setting.size, found.word) == (512, "fails")
    assert "(vgg19-caffe, 512 px, 500 evaluations)" in str(found)
    assert verdict([*rows(pictures="paper"), *rows()[:4]]).setting.pictures == "bundled"


def test_rows_of_no_claim_and_claims_without_rows():
    assert judged({CLAIM: defined()}, rows(claim="gatys2016/fig5/gone")) == {}


def test_written_rows_are_read_and_newer_ones_take_their_place(tmp_path):
    found = rows()
    newer = replace(found[0], values={"b": float("nan"), "a": 2.0})
    write_rows([*found, newer], tmp_path)
    read = read_rows(tmp_path)
    assert len(read) == 16
    (again,) = (row for row in read if row.key == newer.key)
    assert list(again.values) == ["b", "a"] and again.values["a"] == 2
    path = write_rows(reversed(read), tmp_path)
    assert read_rows(tmp_path)[1:] == read[1:]
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(ReplicateError, match=r"rows.jsonl' is damaged in line 17\.$"):
        read_rows(tmp_path)
    assert read_rows(tmp_path / "nowhere") == []


def test_what_is_said():
    found = verdict(rows())
    assert str(found).startswith("holds: +0.499 (+0.4")
    assert str(found).endswith(
        "in 16 of 16 pairs above +0.1 (vgg19-compact, 256 px, 500 evaluations)"
    )
    assert (found.share, len(list(effects_by_pair(found, rows())))) == ("16/16", 16)
    two = verdict(rows()[:2])
    assert two.word == "undecided" and two.interval == ""
    assert tally([found, two]) == "2 claims judged: 1 holds, 0 fail, 1 undecided, 0 void"
