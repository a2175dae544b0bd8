"""``replicate claims``: what the evidence says of each claim."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..figure.claims import Definition, counted, format_value
from ..figure.verdicts import Row, Verdict, effects_by_pair, judged, tally
from ..papers.verdicts import current_rows, definitions
from ..storage.files import evidence_dir
from ..suggest import matching
from .parser import UsageError
from .text import notify, print_indented, print_json, print_table

HERE = Path("figures/evidence")
_INDENT = 7


def evidence_folder(args: Namespace) -> Path:
    """The folder that is asked for; else that of the current one, else the program's own."""
    if args.folder:
        return Path(args.folder)
    return HERE if HERE.is_dir() else evidence_dir()


def match_claims(patterns: Sequence[str]) -> list[str]:
    """Claims by name, by figure, by paper or by glob, in the order of the figures.

    Raises:
        ConfigError: a pattern matches nothing; names the nearest.
    """
    return matching("claim", patterns, list(definitions()))


def run(args: Namespace) -> int:
    """Print the claims with their verdicts, judged from the rows as they lie there."""
    names = match_claims(args.claims)
    if args.delta is not None and not args.claims:
        raise UsageError("--delta is for a claim or some: name them")
    rows = [row for row in current_rows(evidence_folder(args)) if _asked_for(row, args)]
    deltas = dict.fromkeys(names, args.delta) if args.delta is not None else {}
    found = judged(definitions(), rows, deltas)
    shown = {
        name: (definitions()[name], found.get(name))
        for name in names
        if args.verdict in (None, _word(found.get(name)))
    }
    if args.json:
        print_json([_plain(name, *each, rows) for name, each in shown.items()])
    elif not shown:
        notify("no such claim")
    elif args.values:
        for name, (definition, verdict) in shown.items():
            _print_values(name, definition, verdict, rows)
    else:
        print_table(
            ["CLAIM", "VERDICT", "K/N", "EFFECT", "95 %", ""],
            [_cells(name, *each) for name, each in shown.items()],
        )
    if not args.json:
        _summarise([verdict for _, verdict in shown.values()])
    return 0


def _asked_for(row: Row, args: Namespace) -> bool:
    """Whether a row is of the network and the pictures that are asked for."""
    names = row.network.split(" and ")
    return (not args.network or any(name.startswith(args.network) for name in names)) and (
        args.inputs in (None, row.pictures)
    )


def _word(verdict: Verdict | None) -> str:
    return verdict.word if verdict else "not judged"


def _cells(name: str, definition: Definition, verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return [name, "not judged", "", "", "", definition.text]
    shown = verdict.word, verdict.share, verdict.effect, verdict.interval
    return [name, *shown, definition.text]


def _print_values(
    name: str, definition: Definition, verdict: Verdict | None, rows: Sequence[Row]
) -> None:
    print(f"{name} ({definition.kind})")
    print_indented(definition.text, _INDENT)
    asked = verdict.definition.asked if verdict else definition.asked
    print_indented(f"{definition.measure}; asked: {asked} ({definition.basis})", _INDENT)
    print_indented(str(verdict) if verdict else "not judged", _INDENT)
    for row, effect in effects_by_pair(verdict, rows) if verdict else ():
        pair = " × ".join(filter(None, (row.photograph, row.artwork)))
        seed = f"seed {row.seed}" if row.seed or not pair else ""
        name = ", ".join(filter(None, (pair, seed)))
        shown = f"{name}: {definition.shown(effect)} ({format_value(row.values)})"
        print_indented(shown, _INDENT)
    print()


def _summarise(found: Sequence[Verdict | None]) -> None:
    verdicts = [each for each in found if each]
    rest = len(found) - len(verdicts)
    print(f"\n{tally(verdicts)}" + (f"; {rest} not judged yet" if rest else ""))
    for setting, count in Counter(str(verdict.setting) for verdict in verdicts).items():
        notify(f"{counted(count, 'claim')} from {setting}")


def _plain(
    name: str, definition: Definition, verdict: Verdict | None, rows: Sequence[Row]
) -> dict[str, Any]:
    said = {"claim": name, **definition.model_dump(mode="json"), "verdict": _word(verdict)}
    if verdict is None:
        return said
    return said | {
        "bound": verdict.bound,
        "agreeing": verdict.agreeing,
        "pairs": verdict.pairs,
        "left_out": verdict.left_out,
        "effect": verdict.estimate.effect,
        "interval": list(verdict.estimate.interval),
        "p": verdict.p,
        "reason": verdict.reason,
        "network": verdict.setting.network,
        "size": verdict.setting.size,
        "evaluations": verdict.setting.evaluations,
        "effects": [
            {"photograph": row.photograph, "artwork": row.artwork, "seed": row.seed, "effect": e}
            for row, e in effects_by_pair(verdict, rows)
        ],
    }
