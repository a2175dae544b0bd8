"""Pixels bounded to [0, 1] while they are optimized, beside free ones: what people get of both.

    REPLICATE_WEIGHTS=... python -m benchmarks.bounding --write

The first pairs of the evaluation set in the preset ``gatys2016``, as transfers and as
reconstructions of the artwork's style, from noise.  What a free minimiser leaves outside of the
range is clipped when the picture is saved; the loss of the saved picture is what counts.  Each
picture is measured at both budgets on its way, by its objective in float32.  ``bounding.json``
keeps the measurements, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import geometric_mean

from benchmarks.page import table, write_page
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.images import bundled
from replicate.images.evaluation import pairs
from replicate.storage.files import write_atomic

ROWS = Path(__file__).with_suffix(".json")
PAIRS, SIZES, BUDGETS = 6, (64, 96), (500, 2000)
KINDS = {"transfer": {"ratio": 1e-2}, "style alone": {"content_layers": []}}


@dataclass(frozen=True)
class Case:
    """One picture; ``bounded`` or free."""

    kind: str
    pair: str
    size: int
    bounded: bool
    network: str


@dataclass(frozen=True)
class Row:
    """The losses of a case after so many evaluations: of its floats, and of its 8-bit picture."""

    case: Case
    evaluations: int
    floats: float
    picture: float


def cases(network: str) -> Iterator[tuple[Case, Job]]:
    base = load_preset("gatys2016").with_(ratio_pixels=None)
    for size, (kind, changes), pair in product(SIZES, KINDS.items(), pairs("bundled")[:PAIRS]):
        for bounded in (True, False):
            preset = base.with_(clamp=bounded, **changes)
            content, style = bundled(pair.content), bundled(pair.style)
            job = Job(preset, content, style, size=size, evaluations=max(BUDGETS))
            yield Case(kind, f"{pair.content} × {pair.style}", size, bounded, network), job


def drawn(case: Case, job: Job, engine: Engine, judge: Engine) -> list[Row]:
    """Draw the case, and measure it at both budgets."""
    rows = []
    for snapshot in engine.stream(job, math.gcd(*BUDGETS)):
        if snapshot.step in BUDGETS:
            picture, _ = judge.reader.losses(job, snapshot.image)
            rows.append(Row(case, snapshot.step, snapshot.loss, picture))
    return rows


def read() -> list[Row]:
    if not ROWS.exists():
        return []
    return [Row(**{**row, "case": Case(**row["case"])}) for row in json.loads(ROWS.read_text())]


def write(rows: list[Row]) -> None:
    text = ",\n".join(json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    write_atomic(ROWS, f"[\n{text}\n]\n".encode())


def page(rows: list[Row]) -> str:
    """Geometric means over the pairs for which both ways are there."""
    found = {(row.case, row.evaluations): row for row in rows}
    lines, names = [], list(dict.fromkeys(row.case.network for row in rows))
    for network, kind, size, budget in product(names, KINDS, SIZES, BUDGETS):
        case = {"network": network, "kind": kind, "size": size}
        both = [
            (row, found.get((replace(row.case, bounded=False), budget)))
            for row in rows
            if row.case == replace(row.case, bounded=True, **case) and row.evaluations == budget
        ]
        whole = [(mine, free) for mine, free in both if free]
        if whole:
            head = [network, kind, f"{size} px", f"{budget:,}", str(len(whole))]
            lines.append([*head, *_compared(whole)])
    return table(
        [
            "network", "drawn", "size", "evaluations", "pairs",
            "bounded: PNG / floats", "free: PNG / floats",
            "PNG, bounded / free", "floats, bounded / free", "bounded's PNG is better in",
        ],
        lines,
    )  # fmt: skip


def _compared(both: list[tuple[Row, Row]]) -> list[str]:
    ratios = [
        [mine.picture / mine.floats for mine, _ in both],
        [free.picture / free.floats for _, free in both],
        [mine.picture / free.picture for mine, free in both],
        [mine.floats / free.floats for mine, free in both],
    ]
    wins = sum(mine.picture < free.picture for mine, free in both)
    return [*(f"{geometric_mean(each):.3g}" for each in ratios), f"{wins} of {len(both)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="vgg19-caffe")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/bounding.md")
    arguments = parser.parse_args()
    engine = Engine(network=arguments.network)
    judge = Engine(precision="float32", network=arguments.network)
    rows = read()
    for case, job in cases(engine.networks.chosen):
        if case not in {row.case for row in rows}:
            rows += drawn(case, job, engine, judge)
            write(rows)
            print(*rows[-len(BUDGETS) :], sep="\n", flush=True)
    print(page(rows))
    if arguments.write:
        write_page(__file__, "Bounded pixels beside free ones", page(rows))


if __name__ == "__main__":
    main()
