"""``replicate claims``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ReplicateError
from ..figure.claims import Claim, counted
from ..figure.record import FigureRecord, read_records
from .parser import UsageError
from .text import print_indented, print_json, print_table, say, verdicts

_DEFAULTS = (Path("figures"), Path("figures/gallery"))
_INDENT = 7


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
            "id": self.claim.id,
            "verdict": self.claim.verdict,
            "text": self.claim.text,
            "source": self.claim.source,
            "measure": self.claim.measure,
            "value": self.claim.value,
            "threshold": self.claim.threshold,
            "note": self.claim.note,
            "network": self.record.network.name,
            "weights": self.record.network.weights,
            "inputs": self.record.inputs,
            "profile": self.record.profile,
        }


def run(args: Namespace) -> int:
    """Print the verdicts of one folder, or where those of two differ."""
    if len(args.folders) > 2:
        raise UsageError(f"'claims' takes one folder, or two to compare, not {len(args.folders)}")
    if len(args.folders) == 2:
        return _compare(args)
    folder = Path(args.folders[0]) if args.folders else _default_folder()
    found = [each for each in _claims(folder, args) if args.verdict in (None, each.claim.verdict)]
    if args.json:
        print_json([each.plain() for each in found])
    elif found:
        _print_claims(found, args.values)
    else:
        say(f"no such claim in '{folder}'.")
    return 0


def _default_folder() -> Path:
    for folder in _DEFAULTS:
        if any(folder.glob("*/*.json")):
            return folder
    return _DEFAULTS[0]


def _claims(folder: Path, args: Namespace) -> list[Found]:
    """All claims in the folder that the options let through.

    Raises:
        ReplicateError: the folder is missing or holds no figure.
    """
    if not folder.is_dir():
        raise ReplicateError(f"There is no folder '{folder}'; 'replicate figures' draws one.")
    records, problems = read_records(folder)
    for problem in problems:
        say(problem)
    if not records:
        raise ReplicateError(f"There are no drawn figures in '{folder}'.")
    return [
        Found(record, claim)
        for record in records
        if args.inputs in (None, record.inputs) and _drawn_by(record, args.network)
        for claim in record.claims
    ]


def _drawn_by(record: FigureRecord, wanted: str | None) -> bool:
    """Whether the network is among those that drew the figure: ``vgg19`` or ``vgg19-caffe``."""
    if wanted is None:
        return True
    names = record.network.name.split(" + ")
    weights = record.network.weights.split(" + ")
    full = [f"{name}-{weight}" for name in names for weight in weights]
    return wanted.lower() in [*names, *full]


def _print_claims(found: Sequence[Found], values: bool) -> None:
    if values:
        for each in found:
            print(f"{each.claim.verdict}  {each.id}")
            print_indented(each.claim.text, _INDENT)
            print_indented(f"{each.claim.measure}: {each.claim.shown_value}", _INDENT)
            print_indented(f"to hold: {each.claim.threshold}", _INDENT)
    else:
        rows = [(each.claim.verdict, each.id, each.claim.text) for each in found]
        print_table(["VERDICT", "CLAIM", ""], rows)
    holding = sum(each.claim.holds for each in found)
    figures = len({each.record.figure for each in found})
    print(f"\n{verdicts(holding, len(found))}, in {counted(figures, 'figure')}")


def _compare(args: Namespace) -> int:
    one, other = (
        {each.id: each for each in _claims(Path(folder), args)} for folder in args.folders
    )
    both = [name for name in one if name in other]
    changed = [name for name in both if one[name].claim.verdict != other[name].claim.verdict]
    if args.verdict:
        changed = [name for name in changed if other[name].claim.verdict == args.verdict]
    if args.json:
        print_json(
            [{"claim": name, "first": one[name].plain(), "second": other[name].plain()}
             for name in changed]
        )  # fmt: skip
        return 0
    if changed:
        rows = [
            (one[name].claim.verdict, other[name].claim.verdict, name, one[name].claim.text)
            for name in changed
        ]
        print_table([*map(str, args.folders), "CLAIM", ""], rows)
        print()
    print(
        f"{len(changed)} of {counted(len(both), 'claim')} in both with another verdict; "
        f"{len(one) - len(both)} only in '{args.folders[0]}', "
        f"{len(other) - len(both)} only in '{args.folders[1]}'"
    )
    return 0
