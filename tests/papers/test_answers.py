"""Answers: bound to claims that exist, told by their verdicts, with numbers of drawn figures."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from replicate.errors import ConfigError
from replicate.figure.claims import Claim
from replicate.figure.old_claims import all_of, at_least, ordered
from replicate.figure.page import Answer
from replicate.figure.panels import Grid, Panel
from replicate.figure.record import FigureRecord, read_records, write_record
from replicate.figure.report import Figure
from replicate.figure.runs import runs_in
from replicate.networks.spec import NetworkInfo
from replicate.papers import answers as module
from replicate.papers import draw_figure, figure_ids
from replicate.papers.answers import Evidence, Numbers, Question, answers, questions
from replicate.papers.studio import Studio

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = [evidence for question in questions() for evidence in question.evidence]
TEXTS = [text for each in EVIDENCE for text in (each.holds, each.fails)]
FIELD = re.compile(r"\{[^}]*\}")


# The file


@cache
def claim_patterns() -> list[re.Pattern[str]]:
    """What the papers' modules may call a claim: strings that a call takes first, the holes of
    f-strings as any text."""
    patterns = []
    for path in (ROOT / "replicate" / "papers").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and len(call.args) > 3:
                parts = getattr(call.args[0], "values", [call.args[0]])
                texts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[a-z-]+"
                    for part in parts
                ]
                patterns.append(re.compile("".join(texts)))
    return patterns


@pytest.mark.parametrize("evidence", EVIDENCE, ids=lambda each: each.claim)
def test_every_bound_claim_exists(evidence: Evidence) -> None:
    assert evidence.figure in figure_ids()
    assert any(pattern.fullmatch(evidence.claim_id) for pattern in claim_patterns())


BY_LABEL = sorted({e.figure for e in EVIDENCE if "{value[" in e.holds + e.fails})


@pytest.mark.parametrize("figure_id", BY_LABEL)
def test_every_label_exists(figure_id: str, small_studio: Callable[..., Studio]) -> None:
    drawn = {claim.id: claim for claim in draw_figure(small_studio(), figure_id).claims}
    for evidence in EVIDENCE:
        if evidence.figure == figure_id:
            for text in (evidence.holds, evidence.fails):
                text.format(value=Numbers(drawn[evidence.claim_id].value))


def test_every_sentence_of_the_gallery_can_be_told() -> None:
    records, problems = read_records(ROOT / "figures" / "gallery")
    assert problems == []
    by_figure = {record.figure: record for record in records}
    for evidence in EVIDENCE:
        for claim in by_figure[evidence.figure].claims if evidence.figure in by_figure else ():
            if claim.id == evidence.claim_id:
                assert "{" not in evidence.told(claim)


@pytest.mark.parametrize("text", TEXTS)
def test_no_measured_number_is_typed(text: str) -> None:
    assert not re.search(r"\d\.\d|\d ?%", FIELD.sub("", text))


@pytest.mark.parametrize("each", questions(), ids=lambda each: each.question)
def test_answers_are_short_and_say_what_they_do_not_show(each: Question) -> None:
    assert 1 <= len(each.evidence) <= 3
    assert each.limits.endswith(".")
    texts = [each.fact, each.limits, *(t for e in each.evidence for t in (e.holds, e.fails))]
    assert all(text == "" or text.endswith(".") for text in texts)
    assert not any("  " in text or "\n" in text for text in texts)


def test_the_questions_of_the_issue_are_answered() -> None:
    asked = " ".join(each.question for each in questions())
    for words in ("conv4_2", "several style layers", "conv_5", "sum or average", "VGG-16 or VGG-19",
                  "lower the style weight", "fine or coarse", "larger style artefacts",
                  "Outlines", "sixteen", "colours", "relu1_2"):  # fmt: skip
        assert words in asked
    assert len({each.question for each in questions()}) == len(questions())


@pytest.mark.parametrize(
    ("toml", "told"),
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
def test_a_wrong_file_is_refused(tmp_path: Path, toml: str, told: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(toml)
    with pytest.raises(ConfigError, match=told):
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
    made = (
        Question(
            question="Why?",
            fact="It is so.",
            limits="Nothing else.",
            evidence=(
                Evidence(claim="a/one/close", holds="Near: {value}.", fails="Far: {value}."),
                Evidence(claim="a/two/close", holds="Yes, {value}.", fails="No, {value[x]}."),
            ),
        ),
        Question(
            question="How?",
            limits="All.",
            evidence=(Evidence(claim="b/one/other", holds="So.", fails="Not so."),),
        ),
    )
    monkeypatch.setattr(module, "questions", lambda: made)


@pytest.fixture
def drawn(scene: Callable[..., Any], tmp_path: Path) -> Callable[..., FigureRecord]:
    """A figure's record with one claim that holds from 0.5 on; also written, to ``where``."""

    def make(
        figure: str, value: Any = 1.0, where: str = ".", name: str = "close", **given: Any
    ) -> FigureRecord:
        claim = at_least(name, "It is so.", "a paper", "SSIM", value, 0.5)
        record = Figure(
            **{
                "id": figure,
                "title": "A figure",
                "source": "a paper",
                "grids": [Grid.of_rows([[Panel(scene(64, 64))]])],
                "profile": "smoke",
                "inputs": "bundled",
                "networks": [NetworkInfo(name="vgg19-caffe", sha256="0")],
                "claims": [claim],
                **given,
            }
        ).record()
        write_record(record, tmp_path / where / f"{figure}.json")
        return record

    return make


def text_of(found: list[Answer]) -> str:
    (answer,) = found
    return answer.text


@pytest.mark.usefixtures("asked")
def test_the_text_follows_the_verdict(drawn: Callable[..., FigureRecord]) -> None:
    holding, failing = drawn("a/one", 0.75), drawn("a/one", 0.25)
    assert text_of(answers([holding])) == (
        "It is so. Near: 0.75.\n\n*Limits:* Nothing else.\n\n"
        "Measured with vgg19-caffe, bundled inputs, profile smoke."
    )
    assert "It is so. Far: 0.25." in text_of(answers([failing]))
    assert "Far: undefined." in text_of(answers([drawn("a/one", math.nan)]))


@pytest.mark.usefixtures("asked")
def test_a_missing_figure_leaves_out_its_sentence_or_the_answer(
    drawn: Callable[..., FigureRecord],
) -> None:
    (answer,) = answers([drawn("a/two")])
    assert answer.figures == ("a/two",)
    assert answer.text.startswith("It is so. Yes, 1.\n")
    assert answers([drawn("c/one")]) == [] == answers([])
    assert answers([drawn("a/one", name="another")]) == []


@pytest.mark.usefixtures("asked")
def test_a_record_with_other_labels_leaves_out_the_sentence(
    drawn: Callable[..., FigureRecord],
) -> None:
    assert answers([drawn("a/two", {"y": 0.1})]) == []
    assert "No, 0.1." in text_of(answers([drawn("a/two", {"x": 0.1})]))


@pytest.mark.usefixtures("asked")
def test_all_settings_are_named(drawn: Callable[..., FigureRecord]) -> None:
    text = text_of(answers([drawn("a/one"), drawn("a/two", inputs="paper")]))
    assert "Measured with vgg19-caffe, bundled inputs, paper inputs, profile smoke." in text


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        (1.0, 1.0, "Balanced layer weights in a/one and a/two change no verdict."),
        (0.1, 1.0, "Balanced layer weights in a/one and a/two change 1 of 2 verdicts."),
        (0.1, {"x": 0.1}, "in a/one and a/two change 2 of 2 verdicts."),
        (1.0, None, "Balanced layer weights in a/one change no verdict."),
    ],
)
def test_whether_verdicts_survive_balancing(
    drawn: Callable[..., FigureRecord], tmp_path: Path, one: float, two: Any, told: str
) -> None:
    own = [drawn("a/one"), drawn("a/two")]
    drawn("a/one", one, "balanced", balanced=True)
    if two is not None:
        drawn("a/two", two, "balanced", balanced=True)
    drawn("a/one", 0.1, "paper", inputs="paper")
    assert text_of(answers(own, runs_in(tmp_path))).endswith(told)
    assert "alanced" not in text_of(answers(own))


def test_real_claims_in_real_sentences(drawn: Callable[..., FigureRecord]) -> None:
    values = {"a: conv1_2": 0.8, "e: conv5_2": 0.1}
    order: Claim = all_of("order", "", "", [
        ordered("p", "", "", "PSNR", values), ordered("s", "", "", "SSIM", values)
    ])  # fmt: skip
    (answer, *_) = answers([drawn("gatys2016/fig1", claims=[order])])
    assert "from 0.8 at conv1_2 to 0.1 at conv5_2" in answer.text
