"""Answers: bound to claims that exist, chosen by their verdicts, with numbers of drawn figures."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicate.errors import ConfigError
from replicate.figure.claims import Claim, ordered
from replicate.figure.record import FigureRecord, read_records, write_record
from replicate.figure.runs import runs_in
from replicate.papers import answers as module
from replicate.papers import draw_figure
from replicate.papers.answers import Evidence, Numbers, Question, answers, questions
from replicate.papers.registry import figure_settings
from replicate.papers.studio import Studio

GALLERY = Path(__file__).resolve().parents[2] / "figures" / "gallery"
EVIDENCE = [evidence for question in questions() for evidence in question.evidence]


# The file


@pytest.mark.parametrize("evidence", EVIDENCE, ids=lambda each: each.claim)
def test_every_bound_claim_exists_and_no_measured_number_is_typed(evidence: Evidence) -> None:
    known = figure_settings(evidence.figure).claims
    assert evidence.claim_id in known or not known
    for text in (evidence.holds, evidence.fails):
        assert not re.search(r"\d\.\d|\d ?%", re.sub(r"\{[^}]*\}", "", text))


@pytest.mark.parametrize(
    "figure_id", sorted({e.figure for e in EVIDENCE if "{value[" in e.holds + e.fails})
)
def test_every_label_exists(figure_id: str, small_studio: Callable[..., Studio]) -> None:
    drawn = {claim.id: claim for claim in draw_figure(small_studio(), figure_id).claims}
    for evidence in EVIDENCE:
        if evidence.figure == figure_id:
            for text in (evidence.holds, evidence.fails):
                text.format(value=Numbers(drawn[evidence.claim_id].value))


def test_the_gallery_answers_every_question() -> None:
    records, _ = read_records(GALLERY)
    found = answers(records)
    assert [each.question for each in found] == [each.question for each in questions()]
    assert not any("{" in each.text for each in found)


@pytest.mark.parametrize("each", questions(), ids=lambda each: each.question)
def test_answers_are_short_and_say_what_they_do_not_show(each: Question) -> None:
    assert 1 <= len(each.evidence) <= 3
    assert each.limits.endswith(".")
    texts = [each.fact, each.limits, *(t for e in each.evidence for t in (e.holds, e.fails))]
    assert all(text == "" or text.endswith(".") for text in texts)
    assert not any("  " in text or "\n" in text for text in texts)


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[[answers]]\nquestion = 'Why?'\nlimits = 'None.'\n", "evidence"),
        ("[[answers]]\nquestion = 'Why'\nlimits = ''\n", "question mark"),
        ("[[answers]]\nquestion = 'Why?'\nlimit = ''\n", "unknown key"),
        ("answers = [", "not valid TOML"),
        (
            "[[answers]]\nquestion = 'Why?'\nlimits = 'None.'\n"
            "[[answers.evidence]]\nclaim = 'fig5'\nholds = ''\nfails = ''\n",
            "claim",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, toml: str, named: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(toml)
    with pytest.raises(ConfigError, match=named):
        questions(path)


# Numbers in sentences

JOINT = {"SSIM: a": 0.5, "SSIM: b": 0.25, "edges": 3.0}


@pytest.mark.parametrize(
    ("value", "template", "text"),
    [
        (0.123456, "{value}", "0.123"),
        (0.75, "{value:%}", "75%"),
        ([1.0, 2.0], "{value.first} to {value.last}", "1 to 2"),
        ({"a": 3.0, "b": 1.0, "c": 2.0}, "{value.smallest} {value.largest}", "1 3"),
        ({"a": 3.0, "b b'": 1.0}, "{value[b b']}", "1"),
        (JOINT, "{value[SSIM].first}, {value[SSIM].last}, {value[edges]}", "0.5, 0.25, 3"),
        (JOINT, "{value[SSIM]}", "a: 0.5 · b: 0.25"),
        (math.nan, "{value}", "undefined"),
        ({"a": math.inf}, "{value.largest}", "∞"),
    ],
)
def test_numbers_in_a_sentence(value: Any, template: str, text: str) -> None:
    assert template.format(value=Numbers(value)) == text


@pytest.mark.parametrize("value", [1.0, [1.0], {"a": 1.0}])
def test_a_label_that_is_not_there(value: Any) -> None:
    with pytest.raises(LookupError):
        Numbers(value)["b"]


# From records to answers


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One question with a fact and two claims, and one that nothing here answers."""
    near = Evidence(claim="a/one/close", holds="Near: {value}.", fails="Far: {value}.")
    yes = Evidence(claim="a/two/close", holds="Yes, {value}.", fails="No, {value[x]}.")
    other = Evidence(claim="b/one/other", holds="So.", fails="Not so.")
    made = (
        Question(question="Why?", fact="It is so.", limits="Not more.", evidence=(near, yes)),
        Question(question="How?", limits="All.", evidence=(other,)),
    )
    monkeypatch.setattr(module, "questions", lambda: made)


@pytest.fixture
def drawn(figure: Callable[..., Any], tmp_path: Path) -> Callable[..., FigureRecord]:
    """A figure's record with one claim that holds from 0.5 on; also written, to ``where``."""

    def make(id: str, value: Any = 1.0, where: str = ".", **facts: Any) -> FigureRecord:
        record: FigureRecord = figure(id, value, **facts).record()
        write_record(record, tmp_path / where / f"{id}.json")
        return record

    return make


def text_of(*records: FigureRecord, **options: Any) -> str:
    (answer,) = answers(records, **options)
    return answer.text


@pytest.mark.usefixtures("asked")
def test_the_text_follows_the_verdict(drawn: Callable[..., FigureRecord]) -> None:
    assert text_of(drawn("a/one", 0.75)) == (
        "It is so. Near: 0.75.\n\n*Limits:* Not more.\n\n"
        "Measured with vgg19-caffe, bundled inputs, profile smoke."
    )
    assert "It is so. Far: 0.25." in text_of(drawn("a/one", 0.25))
    assert "Far: undefined." in text_of(drawn("a/one", math.nan))
    both = text_of(drawn("a/one"), drawn("a/two", inputs="paper"))
    assert "Measured with vgg19-caffe, bundled inputs, paper inputs, profile smoke." in both


@pytest.mark.usefixtures("asked")
def test_what_is_missing_leaves_out_its_sentence_or_the_answer(
    drawn: Callable[..., FigureRecord],
) -> None:
    (answer,) = answers([drawn("a/two")])
    assert answer.figures == ("a/two",)
    assert answer.text.startswith("It is so. Yes, 1.\n")
    assert "No, 0.1." in text_of(drawn("a/two", {"x": 0.1}))
    for records in ([], [drawn("c/one")], [drawn("a/one", claim="another")]):
        assert answers(records) == []
    assert answers([drawn("a/two", {"y": 0.1})]) == []  # another label than the sentence wants


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("one", "two", "end"),
    [
        (1.0, 1.0, "Balanced layer weights in a/one and a/two change no verdict."),
        (0.1, 1.0, "Balanced layer weights in a/one and a/two change 1 of 2 verdicts."),
        (0.1, {"x": 0.1}, "in a/one and a/two change 2 of 2 verdicts."),
        (1.0, None, "Balanced layer weights in a/one change no verdict."),
    ],
)
def test_whether_verdicts_survive_balancing(
    drawn: Callable[..., FigureRecord], tmp_path: Path, one: float, two: Any, end: str
) -> None:
    own = [drawn("a/one"), drawn("a/two")]
    drawn("a/one", one, "balanced", balanced=True)
    if two is not None:
        drawn("a/two", two, "balanced", balanced=True)
    drawn("a/one", 0.1, "paper", inputs="paper")
    drawn("a/one", 0.1, "gallery", profile="gallery")
    assert text_of(*own, runs=runs_in(tmp_path)).endswith(end)
    assert "alanced" not in text_of(*own)


def test_real_claims_in_real_sentences(drawn: Callable[..., FigureRecord]) -> None:
    values = {"a: conv1_2": 0.8, "e: conv5_2": 0.1}
    order = Claim.of("order", "", "", [ordered("PSNR", values), ordered("SSIM", values)])
    (answer, *_) = answers([drawn("gatys2016/fig1", claims=[order])])
    assert "from 0.8 at conv1_2 to 0.1 at conv5_2" in answer.text
