"""Answers: bound to claims that exist, chosen by the verdicts of the evidence, with its numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from math import log

import pytest

from replicate.errors import ConfigError
from replicate.figure.claims import Claim, Definition
from replicate.figure.record import FigureRecord
from replicate.measure.statistics import Estimate
from replicate.papers import answers as module
from replicate.papers.answers import Evidence, Question, answers, questions
from replicate.papers.registry import figure_ids
from replicate.papers.verdicts import definitions

EVIDENCE = [evidence for question in questions() for evidence in question.evidence]


# The file


@pytest.mark.parametrize("evidence", EVIDENCE, ids=lambda each: each.claim)
def test_every_bound_claim_exists_and_no_measured_number_is_typed(evidence):
    assert evidence.claim in definitions()
    for text in (evidence.holds, evidence.fails, evidence.undecided):
        assert not re.search(r"\d\.\d|\d ?%", re.sub(r"\{[^}]*\}", "", text))
        text.format(effect="", interval="", k=1, n=2)


@pytest.mark.parametrize("each", questions(), ids=lambda each: each.question)
def test_answers_are_short_and_say_what_they_do_not_show(each):
    assert len(each.evidence) <= 3 and (each.evidence or each.fact)
    assert each.limits.endswith(".")
    said = (t for e in each.evidence for t in (e.holds, e.fails, e.undecided))
    texts = [each.fact, each.limits, *said]
    assert set(each.figures) <= set(figure_ids())
    assert all(text == "" or text.endswith(".") for text in texts)
    assert not any("  " in text or "\n" in text for text in texts)


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[[answers]]\nquestion = 'Why?'\nlimits = 'None.'\n", "a fact or evidence"),
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
def test_a_wrong_file_is_refused(tmp_path, toml, named):
    path = tmp_path / "answers.toml"
    path.write_text(toml)
    with pytest.raises(ConfigError, match=named):
        questions(path)


# From records to answers


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions with a fact and two claims, with a fact alone, and with a claim of no figure."""
    near = Evidence(claim="a/one/close", holds="Near: {effect}.", fails="Far, {k} of {n}.")
    yes = Evidence(claim="a/two/close", holds="Yes: {interval}.", fails="No.")
    other = Evidence(claim="b/one/other", holds="So.", fails="Not so.")
    made = (
        Question(question="Why?", fact="It is so.", limits="Not more.", evidence=(near, yes)),
        Question(question="What?", fact="That.", limits="Little.", figures=("a/two", "c/none")),
        Question(question="How?", limits="All.", evidence=(other,)),
    )
    monkeypatch.setattr(module, "questions", lambda: made)


@pytest.mark.usefixtures("asked")
def test_the_text_follows_the_evidence(figure, verdict):
    records: list[FigureRecord] = [figure("a/one").record(), figure("a/two").record()]

    def text(**words: str) -> str:
        found = {f"a/{name}/close": verdict(word) for name, word in words.items()}
        why, what = answers(records, found)
        assert what.text == "That.\n\n*Limits:* Little." and what.figures == ("a/two",)
        assert why.figures == ("a/one", "a/two")
        return why.text

    assert text(one="holds", two="fails") == (
        "It is so. Near: 0.25. No.\n\n*Limits:* Not more.\n\n"
        f"Numbers: {verdict('holds').setting}. The figures beside show one pair."
    )
    assert "Far, 20 of 24. Yes: 0.132 to 0.368." in text(one="fails", two="holds")
    undecided = text(one="undecided")
    assert "“It is so” is undecided: 0.25 (0.132 to 0.368), seen in 20 of 24 pairs. " in undecided
    assert "“It is so” is not judged yet." in undecided
    assert "“It is so” could not be judged (reasons)." in text(one="void")


def test_what_is_undecided_may_have_a_sentence_and_a_reason(verdict):
    found, claim = replace(verdict("undecided"), reason="why"), Claim("close", "It is.", "b", "c")
    said = Evidence(claim="a/one/close", holds="Yes.", fails="No.")
    assert said.sentence(claim, found).endswith("seen in 20 of 24 pairs: why.")
    said = Evidence(claim="a/one/close", holds="Yes.", fails="No.", undecided="{effect}, {n}.")
    assert said.sentence(claim, found) == "0.25, 24."


def test_what_falls_is_said_with_its_own_sign(verdict):
    found = verdict("holds")
    trend = {**found.definition.model_dump(), "difference": None, "trend": "falling"}
    found = replace(found, definition=Definition(**trend))
    said = Evidence(claim="a/one/close", holds="{effect} ({interval}).", fails="No.")
    assert said.sentence(Claim("close", "It is.", "b", "c"), found) == "−0.25 (−0.368 to −0.132)."


def test_a_factor_is_spoken(verdict):
    found = verdict("holds")
    ratio = {**found.definition.model_dump(), "difference": None, "ratio": ("a", "b"), "delta": 1.5}
    found = replace(found, definition=Definition(**ratio), estimate=Estimate(log(2), 0.05, 7))
    said = Evidence(claim="a/one/close", holds="{effect} as far ({interval}).", fails="No.")
    claim = Claim("close", "It is so.", "b", "c")
    assert said.sentence(claim, found) == "2 times as far (1.78 to 2.25 times)."


@pytest.mark.usefixtures("asked")
def test_what_is_missing_leaves_out_its_sentence_or_the_answer(figure, verdict):
    holds = {"a/two/close": verdict("holds")}
    why, _ = answers([figure("a/two").record()], holds)
    assert why.figures == ("a/two",) and why.text.startswith("It is so. Yes:")
    for records in ([], [figure("c/one").record()], [figure("a/one", claim="another").record()]):
        assert [each.question for each in answers(records, holds)] == ["What?"]
