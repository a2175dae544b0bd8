"""Attacks on the program, to be repeated before a release: ``python -m benchmarks.siege``.

An area is a function that tries attacks and tells of each whether it was repelled.  What is quick
is a test; here is what takes minutes, a server of its own, or thousands of tries.  The end is a
table; the exit status is 1 if anything went wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

REPORT = Path(__file__).with_suffix(".md")
HEAD = """# Siege

What `python -m benchmarks.siege --write` tried, and what was not repelled.
"""

AREAS: dict[str, Callable[[Tries, Path], None]] = {}
"""Areas by name, in the order in which they are tried."""

MODULES = ("benchmarks.siege_files", "benchmarks.siege_server")
"""Where areas are."""


def area(name: str) -> Callable[[Callable[[Tries, Path], None]], Callable[[Tries, Path], None]]:
    """Register a function as an area.  It gets where to count, and an empty folder."""

    def register(attack: Callable[[Tries, Path], None]) -> Callable[[Tries, Path], None]:
        AREAS[name] = attack
        return attack

    return register


@dataclass
class Tries:
    """What was tried in an area, and a sentence for each attack that was not repelled."""

    area: str
    count: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def check(self, repelled: bool, attack: str) -> None:
        """Count an attack; ``attack`` says what it was and what came of it."""
        self.count += 1
        if not repelled:
            self.wrong.append(attack)


def besieged(names: Sequence[str], folder: Path) -> list[Tries]:
    """Try the areas one after the other; one that breaks down is wrong."""
    found = []
    for name in names:
        tries, begun = Tries(name), time.monotonic()
        place = folder / name.replace(" ", "-")
        place.mkdir()
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            AREAS[name](tries, place)
        except Exception as error:
            traceback.print_exc()
            tries.check(False, f"the area broke down: {error!r}")
        tries.seconds = time.monotonic() - begun
        found.append(tries)
    return found


def table(found: Sequence[Tries]) -> str:
    """Area, tried, wrong, in Markdown, and below it what is wrong."""
    rows = [f"| {each.area} | {each.count} | {len(each.wrong)} |" for each in found]
    total = f"| in all | {sum(t.count for t in found)} | {sum(len(t.wrong) for t in found)} |"
    wrong = [f"- {each.area}: {sentence}" for each in found for sentence in each.wrong]
    lines = ["| area | tried | wrong |", "|---|---:|---:|", *rows, total]
    return "\n".join(lines + (["", *wrong] if wrong else []))


def main() -> int:
    """Try the areas that are named, or all; 1 if any attack was not repelled."""
    for module in MODULES:
        import_module(module)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.siege", description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--write", action="store_true", help=f"the table of all into {REPORT.name}")
    args = parser.parse_args()
    unknown = [name for name in args.areas if name not in AREAS]
    if unknown:
        parser.error(f"there is no area {', '.join(unknown)}")
    with tempfile.TemporaryDirectory(prefix="siege-") as folder:
        found = besieged(args.areas or list(AREAS), Path(folder))
    print(table(found))
    if args.write:
        REPORT.write_text(f"{HEAD}\n{table(found)}\n", encoding="utf-8")
    return 1 if any(each.wrong for each in found) else 0


if __name__ == "__main__":
    # Areas register with the module of this name, not with a second copy called __main__.
    from benchmarks.siege import main as run

    sys.exit(run())
