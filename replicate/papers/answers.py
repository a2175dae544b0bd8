"""Answers to the questions that people ask, with the numbers of figures already drawn.

``paper_configs/answers.toml`` holds the sentences: two for a claim, of which the verdict of the
evidence chooses one, with its numbers; where the evidence decides nothing,
that is said instead.  A sentence whose figure is not there is left out, and so is an answer
without any sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from ..figure.claims import Claim, counted
from ..figure.page import Answer
from ..figure.record import FigureRecord, common_settings
from ..figure.verdicts import Verdict
from ..storage.files import configs_dir
from ..strict import Strict, read_config


class Evidence(Strict):
    """A sentence of an answer.

    Attributes:
        claim: ``paper/figure/claim``.
        holds, fails: what is said when the claim does; ``{effect}``, its ``{interval}`` and
            ``{k}`` of ``{n}`` pairs are those of the evidence.
    """

    claim: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+/[a-z0-9-]+$")
    holds: str
    fails: str

    @property
    def figure(self) -> str:
        return self.claim.rpartition("/")[0]

    @property
    def claim_id(self) -> str:
        return self.claim.rpartition("/")[2]

    def sentence(self, claim: Claim, verdict: Verdict | None) -> str:
        """What is said of this claim."""
        texts = {"holds": self.holds, "fails": self.fails}
        if verdict is None or verdict.word not in texts:
            return f"“{claim.text.rstrip('.')}” {_open(verdict)}."
        numbers = {
            "effect": _spoken(verdict.effect),
            "interval": _spoken(verdict.interval),
            "k": verdict.agreeing,
            "n": verdict.pairs,
        }
        return texts[verdict.word].format_map(numbers).strip()


def _open(verdict: Verdict | None) -> str:
    """Why the evidence answers neither way."""
    if verdict is None:
        return "is not judged yet"
    if verdict.word == "void":
        return f"could not be judged ({verdict.reason})"
    shown = counted(verdict.pairs, verdict.definition.unit)
    few = ", too few to be sure" if verdict.agreeing == verdict.pairs else ""
    return f"is undecided: it shows in {verdict.agreeing} of {shown}{few}"


def _spoken(shown: str) -> str:
    """ "× 1.9 to × 2.8" as a sentence has it: "1.9 to 2.8 times"."""
    return f"{shown.replace('× ', '')} times" if "× " in shown else shown


class Question(Strict):
    """A question and how it is answered.

    Attributes:
        fact: what is true without a measurement; may be empty.
        evidence: what the figures say.
        limits: what the evidence does not show.
    """

    question: str
    fact: str = ""
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
    return [_answer(each, sentences) for each, sentences in found if sentences or not each.evidence]


def _sentences(
    question: Question, records: Mapping[str, FigureRecord], verdicts: Mapping[str, Verdict]
) -> list[_Sentence]:
    sentences = []
    for evidence in question.evidence:
        record = records.get(evidence.figure)
        for claim in record.claims if record else ():
            if record and claim.id == evidence.claim_id:
                text = evidence.sentence(claim, verdicts.get(evidence.claim))
                sentences.append(_Sentence(text, record))
    return sentences


def _answer(question: Question, found: Sequence[_Sentence]) -> Answer:
    said = [question.fact, *(each.text for each in found)]
    paragraphs = [" ".join(filter(None, said)), f"*Limits:* {question.limits}"]
    if found:
        drawn = common_settings(each.record for each in found)
        paragraphs.append(f"The figures beside were drawn with {drawn}.")
    figures = dict.fromkeys(each.record.figure for each in found)
    return Answer(question.question, "\n\n".join(paragraphs), tuple(figures))
