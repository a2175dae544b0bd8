"""``replicate evidence``: the papers' figures drawn from many pairs, and their claims measured."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..engine.device import memory_said
from ..engine.job import Job
from ..errors import ImageError, ReplicateError, StoppedError
from ..figure.claims import counted
from ..figure.tables import write_tables
from ..figure.verdicts import Row, judged, tally, write_rows
from ..images.evaluation import pairs
from ..papers import match_figures
from ..papers.evidence import Task, known, measured, tasks
from ..papers.registry import first_jobs
from ..papers.studio import Studio
from ..papers.verdicts import can_be_judged, current_rows, definitions
from . import BAD_INPUT, STOPPED
from .claims import HERE, match_claims
from .drawing import FigureBar, notify_above_bars, precision_label, shows_bars
from .figures import draw_at_once, make_studio, part_of, tell_of_shard
from .text import notify, print_json


def run(args: Namespace) -> int:
    """Draw what is missing, pair by pair; each row is kept as soon as it is measured."""
    folder = Path(args.folder or HERE)
    figures = _figures(args)
    studio = make_studio(args, "evidence", "paper")
    if not studio.profile.judged:
        raise ReplicateError(
            f"Profile '{studio.profile_name}' draws previews, on which no verdict can rest; take "
            "evidence or paper."
        )
    chosen = pairs(studio.inputs)[: args.pairs]
    rows = current_rows(folder)
    wanted = [
        task for task in tasks(figures, chosen) if args.force or not known(studio, task, rows)
    ]
    notify(
        f"{counted(len(wanted), 'figure')} of {counted(len(chosen), 'pair')} to draw and measure: "
        f"{studio.profile.size} px, {studio.profile.evaluations} evaluations, on "
        f"{studio.engine.device} in {precision_label(studio.engine.precision)}"
    )
    try:
        if args.executor or args.shard or studio.engine.device.type != "cpu":
            found = part_of(_jobs(studio, wanted), args.shard)
            errors = draw_at_once(studio, found, alone=bool(args.shard))
            if args.shard:
                return tell_of_shard(studio, args, len(found), errors)
        problems = _measure(studio, wanted, rows, folder)
    except (KeyboardInterrupt, StoppedError):
        notify("stopped; run the same command again to go on: finished rows and panels are kept.")
        return STOPPED
    finally:
        write_tables(definitions(), current_rows(folder), folder, notify)
    rows = current_rows(folder)
    if args.json:
        print_json({"folder": str(folder), "rows": len(rows), "errors": problems})
    else:
        verdicts = judged(definitions(), rows)
        print(f"{folder}  {counted(len(rows), 'row')}, {tally(verdicts.values())}")
    return BAD_INPUT if problems else 0


def _figures(args: Namespace) -> list[str]:
    """The figures that are asked for, of those that can be judged over pairs.

    Raises:
        ReplicateError: none of them can.
    """
    if args.claim:
        figures = list(dict.fromkeys(name.rpartition("/")[0] for name in match_claims(args.claim)))
    else:
        figures = match_figures(args.names)
    able = [figure for figure in figures if can_be_judged(figure)]
    if not able:
        raise ReplicateError(
            f"Nothing in {', '.join(figures)} can be judged over pairs of pictures."
        )
    return able


def _jobs(studio: Studio, wanted: Sequence[Task]) -> dict[str, Job]:
    """The panels with which the tasks begin, by their keys in the store."""
    found: dict[str, Job] = {}
    for figure, pair in wanted:
        for job in first_jobs(replace(studio, pair=pair), figure):
            label = f"{figure}, {pair}: {job.label}"
            found.setdefault(studio.engine.key(job), replace(job, label=label))
    return found


def _measure(studio: Studio, wanted: Sequence[Task], rows: list[Row], folder: Path) -> list[str]:
    """Write the rows with the new ones; a sentence for each task that could not be done."""
    problems = []
    for number, (figure, pair) in enumerate(wanted, 1):
        if studio.stop():
            raise StoppedError(number - 1, len(wanted))
        place = f"{figure}, {pair}"
        studio.progress = bar = FigureBar(f"{place} ({number} of {len(wanted)})")
        if not shows_bars():
            notify(f"{place} ({number} of {len(wanted)})")
        try:
            with memory_said():
                rows = rows + measured(studio, (figure, pair))
        except StoppedError:
            raise
        except (ImageError, ReplicateError) as error:
            problems.append(f"{place}: {error}")
            notify_above_bars(problems[-1])
            continue
        finally:
            bar.close()
        write_rows(rows, folder)
    return problems
