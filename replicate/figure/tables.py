"""Evidence for others: claims and rows as Parquet files with a card, as the Hub reads them."""

from __future__ import annotations

import importlib.util
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from replicate.figure.claims import Definition, counted
from replicate.figure.verdicts import Row, Verdict, judged, tally
from replicate.storage.files import write_atomic

CLAIMS, ROWS = "claims.parquet", "rows.parquet"

_CARD = """\
---
license: mit
pretty_name: Claims on layer choice in neural style transfer, judged
tags: [style-transfer, replication, computer-vision]
configs:
- config_name: claims
  data_files: claims.parquet
- config_name: rows
  data_files: rows.parquet
---

# Claims on layer choice in neural style transfer

What papers and programs say of layers in neural style transfer, each claim measured over pairs of
photographs and artworks by one engine. {tally} All but void ones rest on
{fewest} to {most} pairs, photographs, artworks or draws each, on pictures drawn or read by

{settings}

* `claims`: one row a claim: what is said and where, how it is measured, the least effect that
  matters (`delta`, in the effect's unit `bound`) and why, and the verdict with k of n, the mean
  effect and its 95 % interval from a bootstrap over photographs and artworks. `effect_is` says
  what an effect is: of a ratio its natural logarithm, of a trend the rank correlation with the
  order that is claimed. `reason` says why a claim is void, or undecided only among others.
* `rows`: one row a claim and pair: the numbers by label, the effect that follows from them, and
  `unmet` where a condition was not met or a loss had not come to rest; `rounded` names layers of
  the network whose weights were kept in 8 bits.

`claims.parquet` and `rows.parquet` are made from `rows.jsonl` and the project's `paper_configs` by
`replicate evidence`. The numbers are MIT, like the project; the pictures are not in here.
"""


def write_tables(
    definitions: Mapping[str, Definition],
    rows: Sequence[Row],
    folder: str | Path,
    notify: Callable[[str], None],
) -> None:
    """Write the Parquet files and their card; without pyarrow one sentence says what is missing."""
    if not rows:
        return
    if importlib.util.find_spec("pyarrow") is None:
        notify("the Parquet files need pyarrow: pip install 'style-layers[evidence]'.")
        return
    found = judged(definitions, rows)
    _write(
        [_claim(name, each, found.get(name)) for name, each in definitions.items()], folder, CLAIMS
    )
    _write([_row(row, definitions) for row in rows if row.claim in definitions], folder, ROWS)
    sizes = [verdict.pairs for verdict in found.values() if verdict.word != "void"]
    counts = Counter(str(verdict.setting) for verdict in found.values())
    card = _CARD.format(
        tally=f"{tally(found.values())}.",
        fewest=min(sizes, default=0),
        most=max(sizes, default=0),
        settings="\n".join(
            f"* {setting}: {counted(count, 'claim')}" for setting, count in counts.most_common()
        ),
    )
    write_atomic(Path(folder) / "README.md", card.encode())


def _claim(name: str, definition: Definition, verdict: Verdict | None) -> dict[str, Any]:
    paper, figure, claim = name.split("/")
    contrast = definition.ratio or definition.difference or (definition.trend or "",)
    said = {
        "paper": paper,
        "figure": figure,
        "claim": claim,
        "text": definition.text,
        "kind": definition.kind,
        "source": definition.source,
        "measure": definition.measure,
        "effect_is": definition.contrast,
        "of": [str(each) for each in contrast],
        "equivalent": definition.equivalent,
        "delta": definition.delta,
        "bound": definition.bound,
        "basis": definition.basis,
        "unit": definition.unit,
        "family": definition.family,
        "verdict": verdict.word if verdict else "not judged",
        "reason": verdict.reason if verdict else "",
    }
    counts = ("agreeing", "pairs", "left_out", "effect", "low", "high", "p")
    how = ("size", "evaluations", "network", "pictures")
    if verdict is None:
        nothing = dict.fromkeys((*counts, *how))
        return {**said, **nothing, "network": "", "pictures": ""}
    found = verdict.agreeing, verdict.pairs, verdict.left_out, verdict.estimate.effect
    numbers = (*found, *verdict.estimate.interval, verdict.p)
    setting = {name: getattr(verdict.setting, name) for name in how}
    return {**said, **dict(zip(counts, numbers)), **setting}


def _row(row: Row, definitions: Mapping[str, Definition]) -> dict[str, Any]:
    paper, figure, claim = row.claim.split("/")
    try:
        effect: float | None = definitions[row.claim].effect(row.values)
    except LookupError:
        effect = None
    return {
        "paper": paper,
        "figure": figure,
        "claim": claim,
        "photograph": row.photograph,
        "artwork": row.artwork,
        "seed": row.seed,
        **asdict(row.setting),
        "labels": list(row.values),
        "numbers": list(row.values.values()),
        "effect": effect,
        "unmet": row.unmet,
        "rounded": row.rounded,
    }


def _write(table: Sequence[Mapping[str, Any]], folder: str | Path, name: str) -> None:
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(table)), buffer)
    write_atomic(Path(folder) / name, buffer.getvalue())
