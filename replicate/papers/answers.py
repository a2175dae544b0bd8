"""Answers to the questions that people ask, with the numbers of figures already drawn.

``paper_configs/answers.toml`` holds the sentences: two for a claim, of which the verdict of the
evidence chooses one, with its numbers; where the evidence decides nothing,
that is said instead.  A sentence whose figure is not there is left out, and so is an answer
without any sentence.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from ..figure.claims import Claim, counted
from ..figure.page import Answer
from ..figure.record import FigureRecord
from ..figure.verdicts import Verdict
from ..storage.files import configs_dir
from ..strict import Strict, read_config


class Evidence(Strict):
    """A sentence of an answer.

    Attributes:
        claim: ``paper/figure/claim``.
        holds, fails: what is said when the claim does; ``{effect}``, its ``{interval}`` and
            ``{k}`` of ``{n}`` pairs are those of the evidence; of a trend, the effect is the rank
            correlation itself, below 0 where the numbers fall.
        undecided: likewise; unless given, the claim is quoted.
    """

    claim: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+/[a-z0-9-]+$")
    holds: str
    fails: str
    undecided: str = ""

    @property
    def figure(self) -> str:
        return self.claim.rpartition("/")[0]

    @property
    def claim_id(self) -> str:
        return self.claim.rpartition("/")[2]

    def sentence(self, claim: Claim, verdict: Verdict | None) -> str:
        """What is said of this claim."""
        if verdict is None:
            return f"“{claim.text.rstrip('.')}” is not judged yet."
        texts = {"holds": self.holds, "fails": self.fails, "undecided": self.undecided}
        said = texts.get(verdict.word) or _open(verdict)
        falling = verdict.definition.trend == "falling"
        estimate = -verdict.estimate if falling else verdict.estimate
        low, high = (verdict.definition.shown(end) for end in estimate.interval)
        numbers = {
            "effect": _spoken(verdict.definition.shown(estimate.effect)),
            "interval": _spoken(f"{low} to {high}"),
            "k": verdict.agreeing,
            "n": verdict.pairs,
        }
        return said.format_map(numbers).strip()


def _open(verdict: Verdict) -> str:
    """That the evidence answers neither way, and why."""
    text = verdict.definition.text.rstrip(".")
    if verdict.word == "void":
        return f"“{text}” could not be judged ({verdict.reason})."
    units = counted(verdict.pairs, verdict.definition.unit)
    why = f": {verdict.reason}" if verdict.reason else ""
    return f"“{text}” is undecided: {{effect}} ({{interval}}), seen in {{k}} of {units}{why}."


def _spoken(shown: str) -> str:
    """ "× 1.9 to × 2.8" as a sentence has it: "1.9 to 2.8 times"; "+0.12": "0.12"."""
    words = shown.replace("+", "")
    return f"{words.replace('× ', '')} times" if "× " in words else words


class Question(Strict):
    """A question and how it is answered.

    Attributes:
        fact: what is true without a measurement; may be empty.
        figures: that show what is true without a measurement.
        evidence: what the figures say.
        limits: what the evidence does not show.
    """

    question: str
    fact: str = ""
    figures: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    limits: str

    @field_validator("question")
    @classmethod
    def _asks(cls, text: str) -> str:
        if not text.endswith("?"):
            raise ValueError("a question ends in a question mark")
        return text

    @model_validator(mode="after")
    def _answered(self) -> Question:
        if not (self.fact or self.evidence):
            raise ValueError("an answer is a fact or evidence")
        return self


class Questions(Strict):
    """The file of all answers."""

    answers: tuple[Question, ...]


@dataclass(frozen=True)
class _Sentence:
    """What a drawn figure's claim contributes to an answer."""

    text: str
    record: FigureRecord
    verdict: Verdict | None


@cache
def questions(path: Path | None = None) -> tuple[Question, ...]:
    """All questions, in the order in which they are answered.

    Raises:
        ConfigError: the file is missing or something in it is wrong.
    """
    return read_config(path or configs_dir() / "answers.toml", Questions).answers


def answers(
    records: Sequence[FigureRecord], verdicts: Mapping[str, Verdict] | None = None
) -> list[Answer]:
    """The questions that these figures answer.

    Args:
        verdicts: of the evidence, by ``paper/figure/claim``.
    """
    by_figure = {record.figure: record for record in records}
    found = ((each, _sentences(each, by_figure, verdicts or {})) for each in questions())
    return [
        _answer(each, sentences, by_figure)
        for each, sentences in found
        if sentences or not each.evidence
    ]


def _sentences(
    question: Question, records: Mapping[str, FigureRecord], verdicts: Mapping[str, Verdict]
) -> list[_Sentence]:
    sentences = []
    for evidence in question.evidence:
        record = records.get(evidence.figure)
        for claim in record.claims if record else ():
            if record and claim.id == evidence.claim_id:
                verdict = verdicts.get(evidence.claim)
                said = evidence.sentence(claim, verdict)
                sentences.append(_Sentence(said, record, verdict))
    return sentences


def _answer(question: Question, found: Sequence[_Sentence], records: Container[str]) -> Answer:
    said = [question.fact, *(each.text for each in found)]
    paragraphs = [" ".join(filter(None, said)), f"*Limits:* {question.limits}"]
    settings = list(dict.fromkeys(str(each.verdict.setting) for each in found if each.verdict))
    if settings:
        numbers = "; ".join(settings)
        paragraphs.append(f"Numbers: {numbers}. The figures beside show one pair.")
    shown = [*question.figures, *(each.record.figure for each in found)]
    figures = dict.fromkeys(each for each in shown if each in records)
    return Answer(question.question, "\n\n".join(paragraphs), tuple(figures))
