"""``replicate claims``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import ReplicateError
from ..figure.claims import Claim, counted
from ..figure.record import FigureRecord, natural_key, read_records
from ..figure.runs import records_below
from .parser import UsageError
from .text import print_indented, print_json, print_table, say, verdicts

_DEFAULTS = (Path("figures"), Path("figures/gallery"))
_INDENT = 7
_NAMES = {"no": "not balanced", "yes": "balanced"}


@dataclass(frozen=True)
class Found:
    """A claim and the figure that it belongs to."""

    record: FigureRecord
    claim: Claim

    @property
    def id(self) -> str:
        return f"{self.record.figure}/{self.claim.id}"

    def plain(self) -> dict[str, Any]:
        return {
            "figure": self.record.figure,
            **asdict(self.claim),
            "network": self.record.drawn_by,
            "inputs": self.record.inputs,
            "balanced": self.record.balanced,
            "profile": self.record.profile,
        }


@dataclass(frozen=True)
class Side:
    """One of two runs that are compared."""

    name: str
    claims: list[Found]


@dataclass(frozen=True)
class Comparison:
    """The claims of two runs by id.

    Attributes:
        both: first and second of each claim that is in both, in the order of the first.
        only_first: how many are in the first alone.
        only_second: how many are in the second alone.
    """

    both: list[tuple[Found, Found]]
    only_first: int
    only_second: int

    @property
    def changed(self) -> list[tuple[Found, Found]]:
        """Those whose verdicts differ."""
        return [(one, other) for one, other in self.both if one.claim.holds != other.claim.holds]


def claims_in(folder: Path) -> list[Found]:
    """All claims of a folder's figures.

    Raises:
        ReplicateError: the folder is missing or holds no figure.
    """
    return _found(_records(folder))


def compare(first: Sequence[Found], second: Sequence[Found]) -> Comparison:
    """What two runs say of the same claims."""
    others = {found.id: found for found in second}
    both = [(found, others[found.id]) for found in first if found.id in others]
    return Comparison(both, len(first) - len(both), len(second) - len(both))


def run(args: Namespace) -> int:
    """Print the verdicts of one run, or where those of two differ."""
    sides = _two_runs(args)
    if sides:
        return _print_comparison(*sides, args)
    folder = _folder(args)
    found = [each for each in _found(_fitting(folder, args)) if _asked_for(each, args)]
    if args.json:
        print_json([each.plain() for each in found])
    elif found:
        _print_claims(found, args.values)
    else:
        say(f"no such claim in '{folder}'.")
    return 0


def _folder(args: Namespace) -> Path:
    if args.folders:
        return Path(args.folders[0])
    return next((each for each in _DEFAULTS if any(each.glob("*/*.json"))), _DEFAULTS[0])


def _asked_for(found: Found, args: Namespace) -> bool:
    return args.verdict in (None, found.claim.verdict)


def _found(records: Iterable[FigureRecord]) -> list[Found]:
    return [Found(record, claim) for record in records for claim in record.claims]


# Which figures are meant


def _fitting(folder: Path, args: Namespace) -> list[FigureRecord]:
    """The folder's figures; with a choice, for each figure the first that fits, which may lie in
    another run within the folder."""
    chosen = {name: getattr(args, name)[0] for name in _CHOICES if getattr(args, name)}
    if not chosen:
        return _records(folder)
    first: dict[str, FigureRecord] = {}
    for record in _records(folder, below=True):
        if all(_CHOICES[name](record, wanted) for name, wanted in chosen.items()):
            first.setdefault(record.figure, record)
    return _in_order(first.values())


def _records(folder: Path, below: bool = False) -> list[FigureRecord]:
    """The records of a folder itself, or with those of the runs in it below them.

    Raises:
        ReplicateError: the folder is missing or holds no figure.
    """
    if not folder.is_dir():
        raise ReplicateError(f"There is no folder '{folder}'; 'replicate figures' draws one.")
    records, problems = read_records(folder)
    for problem in problems:
        say(problem)
    if below:
        records = list(records_below(folder))
    if not records:
        raise ReplicateError(f"There are no drawn figures in '{folder}'.")
    return records


def _drawn_by(record: FigureRecord, wanted: str) -> bool:
    """Whether this network drew the figure, alone or with others; ``vgg19`` is of any training."""
    names = {name for info in record.networks for name in (info.name, info.family)}
    return wanted in names


_CHOICES: dict[str, Callable[[FigureRecord, str], bool]] = {
    "network": _drawn_by,
    "inputs": lambda record, wanted: record.inputs == wanted,
    "balanced": lambda record, wanted: record.balanced == (wanted == "yes"),
}
"""Options that say which figures are meant, or with two names which are compared."""


# Two runs


def _two_runs(args: Namespace) -> tuple[Side, Side] | None:
    """The two runs to compare, if two are asked for.

    Raises:
        UsageError: more than two are.
    """
    if len(args.folders) > 2:
        raise UsageError(f"'claims' takes one folder, or two to compare, not {len(args.folders)}")
    compared = [name for name in _CHOICES if len(getattr(args, name) or ()) == 2]
    if len(compared) + (len(args.folders) == 2) > 1:
        raise UsageError("'claims' compares two runs: two folders, or two names of one option")
    if compared:
        return _by_option(compared[0], args)
    if len(args.folders) == 2:
        one, other = (Side(folder, _found(_fitting(Path(folder), args))) for folder in args.folders)
        return one, other
    return None


def _by_option(name: str, args: Namespace) -> tuple[Side, Side]:
    """The figures in a folder and in the runs within it, by one option.

    What stands on both sides differs in that option alone.  Where a figure has several such
    pairs, the first one of equal profiles is taken.
    """
    others = {key: getattr(args, key)[0] for key in _CHOICES if key != name and getattr(args, key)}
    records = [
        record
        for record in _records(_folder(args), below=True)
        if all(_CHOICES[key](record, wanted) for key, wanted in others.items())
    ]
    names = getattr(args, name)
    one, other = ([each for each in records if _CHOICES[name](each, side)] for side in names)
    pairs: dict[str, tuple[FigureRecord, FigureRecord]] = {}
    found = [pair for pair in product(one, other) if _differ_in(name, *pair)]
    for pair in sorted(found, key=lambda pair: pair[0].profile != pair[1].profile):
        pairs.setdefault(pair[0].figure, pair)
    first = [pair[0] for pair in pairs.values()] + _alone(one, other)
    second = [pair[1] for pair in pairs.values()] + _alone(other, one)
    return (
        Side(_NAMES.get(names[0], names[0]), _found(_in_order(first))),
        Side(_NAMES.get(names[1], names[1]), _found(_in_order(second))),
    )


def _differ_in(name: str, one: FigureRecord, other: FigureRecord) -> bool:
    """Whether two records are of one figure and differ in this option, and in it alone."""
    same = {
        "network": one.networks == other.networks,
        "inputs": one.inputs == other.inputs,
        "balanced": one.balanced == other.balanced,
    }
    return one.figure == other.figure and all(same[key] != (key == name) for key in same)


def _alone(records: Sequence[FigureRecord], others: Sequence[FigureRecord]) -> list[FigureRecord]:
    """A record of each figure that is not among the others."""
    known = {record.figure for record in others}
    by_figure = {record.figure: record for record in reversed(records)}
    return [record for figure, record in by_figure.items() if figure not in known]


def _in_order(records: Iterable[FigureRecord]) -> list[FigureRecord]:
    return sorted(records, key=lambda record: natural_key(record.figure))


# Printing


def _print_claims(found: Sequence[Found], values: bool) -> None:
    if values:
        for each in found:
            print(f"{each.claim.verdict}  {each.id}")
            print_indented(each.claim.text, _INDENT)
            print_indented(each.claim.measured, _INDENT)
    else:
        rows = [(each.claim.verdict, each.id, each.claim.text) for each in found]
        print_table(["VERDICT", "CLAIM", ""], rows)
    holding = sum(each.claim.holds for each in found)
    figures = len({each.record.figure for each in found})
    print(f"\n{verdicts(holding, len(found))}, in {counted(figures, 'figure')}")


def _print_comparison(first: Side, second: Side, args: Namespace) -> int:
    comparison = compare(first.claims, second.claims)
    changed = [pair for pair in comparison.changed if _asked_for(pair[1], args)]
    listed = [p for p in comparison.both if _asked_for(p[1], args)] if args.all else changed
    if args.json:
        print_json([{"claim": a.id, "first": a.plain(), "second": b.plain()} for a, b in listed])
        return 0
    if args.values:
        for one, other in listed:
            _print_both({first.name: one, second.name: other})
    elif listed:
        rows = [(a.claim.verdict, b.claim.verdict, a.id, a.claim.text) for a, b in listed]
        print_table([first.name, second.name, "CLAIM", ""], rows)
        print()
    print(
        f"{len(changed)} of {counted(len(comparison.both), 'claim')} in both with another verdict; "
        f"{comparison.only_first} only in '{first.name}', "
        f"{comparison.only_second} only in '{second.name}'"
    )
    profiles = {(a.record.profile, b.record.profile) for a, b in comparison.both}
    for before, after in sorted(profiles):
        if before != after:
            say(
                f"some are of profile {before} in '{first.name}' and of {after} in "
                f"'{second.name}', which may change a verdict too."
            )
    return 0


def _print_both(found: Mapping[str, Found]) -> None:
    """A claim, and under it what was measured in either run."""
    one = next(iter(found.values()))
    print(one.id)
    print_indented(one.claim.text, _INDENT)
    for name, each in found.items():
        print_indented(f"{each.claim.verdict} in '{name}': {each.claim.measured}", _INDENT)
    print()
