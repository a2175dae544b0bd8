"""Answers to the questions that people ask, with the numbers of figures already drawn.

``paper_configs/answers.toml`` holds the sentences: two for a claim, of which its verdict chooses
one, with the claim's values in it.  A sentence whose figure is not there is left out, and so is an
answer without any sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator

from ..figure.claims import Claim, Value, counted, format_number, format_value
from ..figure.page import Answer
from ..figure.record import FigureRecord
from ..figure.runs import Run, common_settings
from ..storage.files import configs_dir
from ..strict import Strict, read_config


class Evidence(Strict):
    """A sentence of an answer.

    Attributes:
        claim: ``paper/figure/claim``.
        holds, fails: what is said when the claim does; ``{value}`` and what belongs to it (see
            :class:`Numbers`) stand for the claim's values.
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

    def sentence(self, claim: Claim) -> str:
        """What is said of this claim.

        Raises:
            LookupError: the sentence wants a value that the claim lacks.
        """
        text = self.holds if claim.holds else self.fails
        return text.format(value=Numbers(claim.value)).strip()


class Question(Strict):
    """A question and how it is answered.

    Attributes:
        fact: what is true without a measurement; may be empty.
        evidence: what the figures say.
        limits: what the evidence does not show.
    """

    question: str
    fact: str = ""
    evidence: tuple[Evidence, ...] = Field(min_length=1)
    limits: str

    @field_validator("question")
    @classmethod
    def _asks(cls, text: str) -> str:
        if not text.endswith("?"):
            raise ValueError("a question ends in a question mark")
        return text


class Questions(Strict):
    """The file of all answers."""

    answers: tuple[Question, ...]


@dataclass(frozen=True)
class Number:
    """A value in a sentence: three digits, or with ``:%`` a percentage."""

    value: float

    def __format__(self, spec: str) -> str:
        return f"{self.value:.0%}" if spec == "%" else format_number(self.value)


class Numbers:
    """A claim's values in a sentence.

    ``{value}`` is all of them, ``{value.first}``, ``{value.last}``, ``{value.smallest}`` and
    ``{value.largest}`` one, ``{value[label]}`` the one of that label.  In a joint claim
    ``{value[part]}`` is the values of one part, which can be asked the same.
    """

    def __init__(self, value: Value):
        self._value = value

    @property
    def _listed(self) -> list[float]:
        if isinstance(self._value, dict):
            return list(self._value.values())
        return self._value if isinstance(self._value, list) else [self._value]

    @property
    def first(self) -> Number:
        return Number(self._listed[0])

    @property
    def last(self) -> Number:
        return Number(self._listed[-1])

    @property
    def smallest(self) -> Number:
        return Number(min(self._listed))

    @property
    def largest(self) -> Number:
        return Number(max(self._listed))

    def __getitem__(self, label: str) -> Number | Numbers:
        if not isinstance(self._value, dict):
            raise LookupError(f"a claim of one value has none for '{label}'")
        if label in self._value:
            return Number(self._value[label])
        part = {
            name.removeprefix(f"{label}: "): each
            for name, each in self._value.items()
            if name.startswith(f"{label}: ")
        }
        if not part:
            raise LookupError(f"there is no value for '{label}' among {', '.join(self._value)}")
        return Numbers(part)

    def __format__(self, spec: str) -> str:
        return format(self.first, spec) if spec else format_value(self._value)


@dataclass(frozen=True)
class _Sentence:
    """What a drawn figure's claim contributes to an answer."""

    text: str
    record: FigureRecord
    claim: Claim


@cache
def questions(path: Path | None = None) -> tuple[Question, ...]:
    """All questions, in the order in which they are answered.

    Raises:
        ConfigError: the file is missing or something in it is wrong.
    """
    return read_config(path or configs_dir() / "answers.toml", Questions).answers


def answers(records: Sequence[FigureRecord], runs: Sequence[Run] = ()) -> list[Answer]:
    """The questions that these figures answer.

    Args:
        runs: others of the same figures; said is whether balanced weights change a verdict.
    """
    by_figure = {record.figure: record for record in records}
    found = ((each, _sentences(each, by_figure)) for each in questions())
    return [_answer(each, sentences, runs) for each, sentences in found if sentences]


def _sentences(question: Question, records: Mapping[str, FigureRecord]) -> list[_Sentence]:
    sentences = []
    for evidence in question.evidence:
        record = records.get(evidence.figure)
        for claim in record.claims if record else ():
            if record and claim.id == evidence.claim_id:
                with suppress(LookupError):  # drawn by a version that measured something else
                    sentences.append(_Sentence(evidence.sentence(claim), record, claim))
    return sentences


def _answer(question: Question, found: Sequence[_Sentence], runs: Sequence[Run]) -> Answer:
    said = [question.fact, *(each.text for each in found)]
    measured = f"Measured with {common_settings(each.record for each in found)}."
    paragraphs = [
        " ".join(filter(None, said)),
        f"*Limits:* {question.limits}",
        " ".join(filter(None, [measured, _once_balanced(found, runs)])),
    ]
    figures = dict.fromkeys(each.record.figure for each in found)
    return Answer(question.question, "\n\n".join(paragraphs), tuple(figures))


def _once_balanced(found: Sequence[_Sentence], runs: Sequence[Run]) -> str:
    """Whether these verdicts stay when the layers' weights are balanced; empty if not drawn."""
    verdicts = [
        (each.record.figure, each.claim.verdict == verdict)
        for each in found
        for run in runs
        if _balanced_instead(each.record, run.records.get(each.record.figure))
        and (verdict := run.verdict(each.record, each.claim))
    ]
    if not verdicts:
        return ""
    figures = " and ".join(dict.fromkeys(figure for figure, _ in verdicts))
    changed = sum(not same for _, same in verdicts)
    what = f"{changed} of {counted(len(verdicts), 'verdict')}" if changed else "no verdict"
    return f"Balanced layer weights in {figures} change {what}."


def _balanced_instead(record: FigureRecord, other: FigureRecord | None) -> bool:
    """Whether the other was drawn with balanced weights and otherwise alike."""
    if other is None or record.balanced or not other.balanced:
        return False
    return (record.networks, record.inputs) == (other.networks, other.inputs)
