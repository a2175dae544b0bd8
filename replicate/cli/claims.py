"""``replicate claims``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import ReplicateError
from ..figure.claims import Claim, counted
from ..figure.record import FigureRecord, natural_key, read_records
from ..figure.runs import records_below
from .parser import UsageError
from .text import notify, print_indented, print_json, print_table, verdicts

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

    def without(self, other: Side) -> str:
        """How many claims the other side lacks."""
        missing = {found.id for found in self.claims} - {found.id for found in other.claims}
        return f"{len(missing)} only in '{self.name}'"


def claims_in(folder: Path) -> list[Found]:
    """All claims of a folder's figures.

    Raises:
        ReplicateError: the folder is missing or holds no figure.
    """
    return _claims(_records(folder))


def in_both(first: Iterable[Found], second: Iterable[Found]) -> list[tuple[Found, Found]]:
    """The claims that two runs have in common, in the order of the first."""
    others = {found.id: found for found in second}
    return [(found, others[found.id]) for found in first if found.id in others]


def run(args: Namespace) -> int:
    """Print the verdicts of one run, or where those of two differ."""
    sides = _two_runs(args)
    if sides:
        return _print_comparison(*sides, args)
    folder = _folder(args)
    found = [each for each in _claims(_fitting(folder, args)) if _asked_for(each, args)]
    if args.json:
        print_json([each.plain() for each in found])
    elif found:
        _print_claims(found, args.values)
    else:
        notify(f"no such claim in '{folder}'.")
    return 0


def _folder(args: Namespace) -> Path:
    if args.folders:
        return Path(args.folders[0])
    return next((each for each in _DEFAULTS if any(each.glob("*/*.json"))), _DEFAULTS[0])


def _asked_for(found: Found, args: Namespace) -> bool:
    return args.verdict in (None, found.claim.verdict)


def _claims(records: Iterable[FigureRecord]) -> list[Found]:
    ordered = sorted(records, key=lambda record: natural_key(record.figure))
    return [Found(record, claim) for record in ordered for claim in record.claims]


# Which figures are meant


def _drawn_by(record: FigureRecord, wanted: str) -> bool:
    """Whether this network drew the figure, alone or with others; ``vgg19`` is of any training."""
    return wanted in {name for info in record.networks for name in (info.name, info.family)}


_CHOICES: dict[str, Callable[[FigureRecord, str], bool]] = {
    "network": _drawn_by,
    "inputs": lambda record, wanted: record.inputs == wanted,
    "balanced": lambda record, wanted: record.balanced == (wanted == "yes"),
}
"""Options that say which figures are meant, or with two names which are compared."""


def _fitting(folder: Path, args: Namespace) -> list[FigureRecord]:
    """The folder's figures; with a choice, for each figure the first that fits, which may lie in
    another run within the folder."""
    chosen = {name: getattr(args, name)[0] for name in _CHOICES if getattr(args, name)}
    if not chosen:
        return _records(folder)
    return list(_first_of_each(_chosen(_records(folder, below=True), chosen)).values())


def _chosen(records: Iterable[FigureRecord], choices: dict[str, str]) -> list[FigureRecord]:
    fit = _CHOICES.items()
    return [r for r in records if all(fits(r, choices[n]) for n, fits in fit if n in choices)]


def _first_of_each(records: Sequence[FigureRecord]) -> dict[str, FigureRecord]:
    return {record.figure: record for record in reversed(records)}


def _records(folder: Path, below: bool = False) -> list[FigureRecord]:
    """The records of a folder itself, or with those of the runs in it below them.

    Raises:
        ReplicateError: the folder is missing or holds no figure.
    """
    if not folder.is_dir():
        raise ReplicateError(f"There is no folder '{folder}'; 'replicate figures' draws one.")
    records, problems = read_records(folder)
    for problem in problems:
        notify(problem)
    if below:
        records = list(records_below(folder))
    if not records:
        raise ReplicateError(f"There are no drawn figures in '{folder}'.")
    return records


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
        one, other = (Side(name, _claims(_fitting(Path(name), args))) for name in args.folders)
        return one, other
    return None


def _by_option(name: str, args: Namespace) -> tuple[Side, Side]:
    """The figures in a folder and in the runs within it, by one option.

    What stands on both sides differs in that option alone.  Where a figure has several such
    pairs, the first one of equal profiles is taken.
    """
    fixed = {key: getattr(args, key)[0] for key in _CHOICES if key != name and getattr(args, key)}
    records = _chosen(_records(_folder(args), below=True), fixed)
    names = getattr(args, name)
    one, other = (_chosen(records, {name: wanted}) for wanted in names)
    pairs = [pair for pair in product(one, other) if _differ_in(name, *pair)]
    pairs.sort(key=lambda pair: pair[0].profile != pair[1].profile)
    first, second = _first_of_each(one), _first_of_each(other)
    for figure in first.keys() & second.keys():
        del first[figure], second[figure]
    for left, right in reversed(pairs):
        first[left.figure], second[right.figure] = left, right
    sides = [Side(_NAMES.get(n, n), _claims(s.values())) for n, s in zip(names, (first, second))]
    return sides[0], sides[1]


def _differ_in(name: str, one: FigureRecord, other: FigureRecord) -> bool:
    """Whether two records are of one figure and differ in this option, and in it alone."""
    same = {
        "network": one.networks == other.networks,
        "inputs": one.inputs == other.inputs,
        "balanced": one.balanced == other.balanced,
    }
    return one.figure == other.figure and [key for key in same if not same[key]] == [name]


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
    both = in_both(first.claims, second.claims)
    asked = [(one, other) for one, other in both if _asked_for(other, args)]
    changed = [(one, other) for one, other in asked if one.claim.holds != other.claim.holds]
    listed = asked if args.all else changed
    if args.json:
        print_json([{"claim": a.id, "first": a.plain(), "second": b.plain()} for a, b in listed])
        return 0
    if args.values:
        for one, other in listed:
            print(one.id)
            print_indented(one.claim.text, _INDENT)
            for side, found in ((first, one), (second, other)):
                measured = f"{found.claim.verdict} in '{side.name}': {found.claim.measured}"
                print_indented(measured, _INDENT)
            print()
    elif listed:
        rows = [(a.claim.verdict, b.claim.verdict, a.id, a.claim.text) for a, b in listed]
        print_table([first.name, second.name, "CLAIM", ""], rows)
        print()
    print(
        f"{len(changed)} of {counted(len(both), 'claim')} in both with another verdict; "
        f"{first.without(second)}, {second.without(first)}"
    )
    for before, after in sorted(
        {(one.record.profile, other.record.profile) for one, other in both}
    ):
        if before != after:
            notify(
                f"some are of profile {before} in '{first.name}' and of {after} in "
                f"'{second.name}', which may change a verdict too."
            )
    return 0
