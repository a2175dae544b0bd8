"""Evidence: what was measured on many pairs of pictures, and the verdicts that it carries.

One :class:`Row` a claim and pair.  Rows hold the numbers and not the effect, so that another
definition of a claim, or another ``delta``, judges them anew without drawing anything.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from replicate.errors import ReplicateError
from replicate.figure.claims import Definition, Values, counted
from replicate.measure.statistics import (
    LEVEL,
    Estimate,
    Sample,
    Word,
    decision,
    estimate,
    holm,
)
from replicate.storage.files import evidence_dir, json_text, open_file, write_atomic

ROWS = "rows.jsonl"
MOST_LEFT_OUT = 0.25
"""With a larger share of pairs that say nothing, the claim is void."""

WORDS: tuple[Word, ...] = ("holds", "fails", "undecided", "void")


@dataclass(frozen=True)
class Setting:
    """How pairs were drawn: all of a verdict alike.

    Attributes:
        pictures: the set that they are of: ``bundled`` or ``paper``.
        network: those that drew, joined by "and".
        size: of every panel, in pixels of its longest side.
        evaluations: likewise; 0 where pictures were only read, or drawn in one pass.
    """

    pictures: str
    network: str
    size: int
    evaluations: int

    def __str__(self) -> str:
        text = f"{self.network}, {self.size} px"
        return f"{text}, {self.evaluations} evaluations" if self.evaluations else text


@dataclass(frozen=True)
class Row:
    """The numbers of one claim on one pair.

    Attributes:
        claim: ``paper/figure/claim``.
        photograph, artwork: by name; empty where the claim does not depend on it.
        version: of measure and settings; see :func:`replicate.papers.verdicts.version`.
        unmet: why the pair says nothing of the claim; empty if it does.
        rounded: the layers whose weights were kept in few bits, of the networks that drew or
            measured; empty if none.
    """

    claim: str
    photograph: str
    artwork: str
    seed: int
    pictures: str
    network: str
    size: int
    evaluations: int
    values: Values = field(default_factory=dict)
    unmet: str = ""
    version: str = ""
    rounded: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """What it was measured on: a newer row of the same key takes its place."""
        return self.claim, self.setting, self.photograph, self.artwork, self.seed

    @property
    def setting(self) -> Setting:
        return Setting(self.pictures, self.network, self.size, self.evaluations)


_ROW = TypeAdapter(Row)


def read_rows(folder: str | Path | None = None) -> list[Row]:
    """The rows in a folder, unless given those that come with the program; none if there are none.

    Raises:
        ReplicateError: the file is damaged; one sentence names the line.
    """
    path = Path(folder or evidence_dir()) / ROWS
    if not path.is_file():
        return []
    rows = []
    with open_file(path) as file:
        for number, line in enumerate(file, 1):
            try:
                rows.append(_ROW.validate_python(json.loads(line)))
            except (ValueError, ValidationError) as error:
                raise ReplicateError(f"'{path}' is damaged in line {number}.") from error
    return rows


def write_rows(rows: Iterable[Row], folder: str | Path) -> Path:
    """Write the rows, of those with the same key the last, in the order of their keys."""
    last = {row.key: row for row in rows}
    ordered = sorted(last.values(), key=lambda row: [str(each) for each in row.key])
    lines = (json_text(asdict(row), indent=None) for row in ordered)
    return write_atomic(Path(folder) / ROWS, "".join(f"{line}\n" for line in lines).encode())


# Verdicts


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of a claim.

    Attributes:
        word: holds, fails, undecided or void.
        agreeing, pairs: k of n: pairs (photographs, artworks) that by themselves show as much as
            the claim asks for, of all that say something.
        left_out: pairs of which a condition was not met.
        estimate: of the mean effect.
        p: two-sided, after Holm's correction within the claim's family.
        reason: of a void verdict, or of one that only Holm's correction leaves undecided.
    """

    claim: str
    definition: Definition
    setting: Setting
    word: Word
    agreeing: int
    pairs: int
    left_out: int
    estimate: Estimate
    p: float
    reason: str = ""

    @property
    def bound(self) -> float:
        """What the effect was held against."""
        return self.definition.bound

    @property
    def share(self) -> str:
        """k of n: "21/24"."""
        return f"{self.agreeing}/{self.pairs}"

    @property
    def effect(self) -> str:
        """ "× 2.3"."""
        return self.definition.shown(self.estimate.effect)

    @property
    def interval(self) -> str:
        """ "× 1.9 to × 2.8"; empty where too few pictures were drawn for any."""
        low, high = self.estimate.interval
        if not np.isfinite([low, high]).all():
            return ""
        return f"{self.definition.shown(low)} to {self.definition.shown(high)}"

    def __str__(self) -> str:
        """In a sentence beside a preview: "holds in 21 of 24 pairs: × 2.3 (× 1.9 to × 2.8)"."""
        if self.word == "void":
            return f"void: {self.reason} ({self.setting})"
        known = f" ({self.interval})" if self.interval else ""
        units = counted(self.pairs, self.definition.unit)
        why = f"; {self.reason}" if self.reason else ""
        return (
            f"{self.word}: {self.effect}{known}, in {self.agreeing} of {units} {self._asked}{why} "
            f"({self.setting})"
        )

    @property
    def _asked(self) -> str:
        bound = self.definition.shown(self.bound)
        return f"within {bound}" if self.definition.equivalent else f"above {bound}"


def judged(
    definitions: Mapping[str, Definition],
    rows: Sequence[Row],
    deltas: Mapping[str, float] | None = None,
) -> dict[str, Verdict]:
    """The verdicts on all claims that have rows, in the order of the definitions.

    Of a claim that was measured in several settings, the one with the most pairs counts, and of
    those the largest pictures.  The level is Holm's within a family.

    Args:
        definitions: by ``paper/figure/claim``.
        deltas: instead of the definitions' own.
    """
    by_claim: dict[str, dict[Setting, list[Row]]] = {}
    for row in rows:
        if row.claim in definitions:
            by_claim.setdefault(row.claim, {}).setdefault(row.setting, []).append(row)
    found = {}
    for claim, definition in definitions.items():
        if settings := by_claim.get(claim):
            setting = max(settings, key=lambda each: _weight(each, settings[each]))
            if deltas and claim in deltas:
                definition = definition.with_delta(deltas[claim])
            found[claim] = _alone(claim, definition, setting, settings[setting])
    families: dict[str, dict[str, float]] = {}
    for claim, verdict in found.items():
        if verdict.word != "void":
            families.setdefault(verdict.definition.family, {})[claim] = verdict.p
    for family in families.values():
        for claim, p in holm(family).items():
            alone, reason = found[claim], ""
            if alone.p <= LEVEL < p:
                reason = f"alone it {alone.word}, as one of {len(family)} it may be chance"
            word: Word = alone.word if p <= LEVEL else "undecided"
            found[claim] = replace(alone, word=word, p=p, reason=alone.reason or reason)
    return found


def _weight(setting: Setting, rows: Sequence[Row]) -> tuple[bool, int, int, int]:
    pairs = {(row.photograph, row.artwork) for row in rows}
    return setting.pictures == "bundled", len(pairs), setting.size, setting.evaluations


def _alone(claim: str, definition: Definition, setting: Setting, rows: Sequence[Row]) -> Verdict:
    """The verdict on one claim as if there were no other."""
    effects, reasons = _effects(definition, rows)
    left_out = len(rows) - len(effects)
    drawn = definition.unit == "draw"
    sides = (
        [str(row.seed) if drawn else row.photograph for row, _ in effects],
        [row.artwork for row, _ in effects],
    )
    sample = Sample.of([effect for _, effect in effects], *sides)
    mean, bound = estimate(sample), definition.bound
    inside = np.abs(sample.values) <= bound if definition.equivalent else sample.values > bound
    decided = decision(mean, bound, definition.equivalent)
    word, reason = decided.word, ""
    if left_out > MOST_LEFT_OUT * len(rows):
        most, count = reasons.most_common(1)[0]
        word, reason = "void", f"of {counted(len(rows), 'row')} {count} do not count: {most}"
    return Verdict(
        claim=claim,
        definition=definition,
        setting=setting,
        word=word,
        agreeing=int(inside.sum()),
        pairs=len(sample),
        left_out=left_out,
        estimate=mean,
        p=decided.p,
        reason=reason,
    )


def _effects(
    definition: Definition, rows: Iterable[Row]
) -> tuple[list[tuple[Row, float]], Counter[str]]:
    """The effects of the rows that say something, and why the others do not."""
    effects, reasons = [], Counter[str]()
    for row in rows:
        try:
            effect = definition.effect(row.values)
        except LookupError:
            reasons["measured by another version"] += 1
            continue
        if row.size < definition.canvas:
            reasons[
                f"the canvas is smaller than the {definition.canvas} px that it is said of"
            ] += 1
        elif row.unmet or not np.isfinite(effect):
            reasons[row.unmet or "the effect is not defined"] += 1
        else:
            effects.append((row, effect))
    return effects, reasons


def tally(verdicts: Iterable[Verdict]) -> str:
    """How many are which: "12 claims judged: 8 hold, 1 fails, 3 undecided, 0 void"."""
    words = Counter(verdict.word for verdict in verdicts)
    verbs = {"holds": "hold", "fails": "fail"}
    parts = [
        f"{words[word]} {word if words[word] == 1 else verbs.get(word, word)}" for word in WORDS
    ]
    return f"{counted(sum(words.values()), 'claim')} judged: {', '.join(parts)}"


def effects_by_pair(verdict: Verdict, rows: Iterable[Row]) -> Iterator[tuple[Row, float]]:
    """The rows behind a verdict with their effects."""
    mine = [row for row in rows if (row.claim, row.setting) == (verdict.claim, verdict.setting)]
    yield from _effects(verdict.definition, mine)[0]
