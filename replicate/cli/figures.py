"""``replicate figures``."""

from __future__ import annotations

import math
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..engine.device import memory_said
from ..engine.executors import EXECUTORS
from ..engine.job import Job
from ..errors import ReplicateError, StoppedError
from ..figure.claims import Claim, counted
from ..figure.index import write_index
from ..figure.record import read_records, standing_record
from ..papers import draw_figure, figure_ids, match_figures
from ..papers.answers import answers
from ..papers.freshness import FigureKeys
from ..papers.registry import figure_settings, first_jobs
from ..papers.studio import Studio
from ..papers.verdicts import definitions, verdicts
from ..storage.files import require_room
from ..storage.store import ResultStore
from . import BAD_INPUT, STOPPED
from .drawing import (
    FigureBar,
    FreshStore,
    make_engine,
    notify_above_bars,
    precision_label,
    shows_bars,
)
from .text import notify, print_json


@dataclass(frozen=True)
class Made:
    """A figure that lies in the folder.

    Attributes:
        drawn: by this run; else an earlier one made it from the same things.
    """

    image: Path
    claims: Sequence[Claim]
    drawn: bool

    @property
    def line(self) -> str:
        said = f"{self.image}  {counted(len(self.claims), 'claim')} measured"
        return said if self.drawn else f"{said}, up to date"


@dataclass
class Outcome:
    """What became of the figures so far."""

    made: dict[str, Made] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    index: Path | None = None

    @property
    def claims(self) -> int:
        return sum(len(made.claims) for made in self.made.values())


def run(args: Namespace) -> int:
    """Draw the figures that are asked for; each is written as soon as it is drawn.

    One that an earlier run made from the same things is left as it is.  Where batches are worth
    it, the panels of all figures are drawn before any figure is laid out.
    """
    ids = _asked_for(args)
    folder = Path(args.out or ("figures/balanced" if args.balanced else "figures"))
    require_room(folder)
    studio = make_studio(args, "preview", "paper")
    notify(
        f"{counted(len(ids), 'figure')} with profile {studio.profile_name} "
        f"({studio.profile.size} px, {studio.profile.evaluations} evaluations a panel"
        f"{'' if studio.profile.judged else ', a preview'}), "
        f"{studio.inputs} pictures{', balanced weights' if studio.balanced else ''}, on "
        f"{studio.engine.device} in {precision_label(studio.engine.precision)}"
    )
    keys = FigureKeys(studio, args.format)
    outcome = Outcome()
    panels: Mapping[str, Job] = {}
    by_figure = False
    try:
        if args.executor or args.shard or args.minutes or studio.engine.device.type != "cpu":
            panels = part_of(_panels(keys, ids, folder, args), args.shard)
            outcome.errors.update(draw_at_once(studio, panels, alone=bool(args.shard)))
        if args.shard:
            return tell_of_shard(studio, args, len(panels), outcome.errors)
        by_figure = True
        for number, figure_id in enumerate(ids, 1):
            _make(keys, figure_id, f"{number} of {len(ids)}", folder, args, outcome)
    except (KeyboardInterrupt, StoppedError) as stopped:
        again = "run the same command again" + (" without --force" if args.force else "")
        done = f"stopped with {len(outcome.made)} of {counted(len(ids), 'figure')} drawn"
        if isinstance(stopped, StoppedError) and not by_figure:
            done = str(stopped)
        notify(f"{done}; {again} to go on: finished panels are kept.")
        return STOPPED
    finally:
        _write_index(folder, outcome)
    if args.json:
        print_json(_plain(studio, outcome))
    else:
        _summarise(outcome)
    if outcome.errors:
        notify(f"{counted(len(outcome.errors), 'figure')} missing: {', '.join(outcome.errors)}.")
    return BAD_INPUT if outcome.errors else 0


def _asked_for(args: Namespace) -> list[str]:
    """The figures' ids; balanced weights are drawn for those alone that they change."""
    ids = match_figures(args.names)
    if not args.balanced:
        return ids
    changed = [figure_id for figure_id in ids if figure_settings(figure_id).compares_layers]
    if args.names and len(changed) < len(ids):
        same = ", ".join(figure_id for figure_id in ids if figure_id not in changed)
        notify(f"no layers are compared in {same}: balanced weights change nothing there.")
    return ids if args.names else changed


def make_studio(args: Namespace, on_cpu: str, on_gpu: str) -> Studio:
    """What the options ask for, with these profiles where they do not say which."""
    store = FreshStore() if args.force else ResultStore()
    executor = EXECUTORS[args.executor]() if args.executor else None
    engine = make_engine(args, store, workers=args.workers, executor=executor)
    profile = args.profile or (on_cpu if engine.device.type == "cpu" else on_gpu)
    end = time.monotonic() + 60 * args.minutes if args.minutes else math.inf
    stop = lambda: time.monotonic() >= end  # noqa: E731
    return Studio(engine, profile, args.inputs, stop=stop, balanced=args.balanced)


def _panels(keys: FigureKeys, ids: Sequence[str], folder: Path, args: Namespace) -> dict[str, Job]:
    """By their keys in the store, the panels with which the figures begin that must be made."""
    studio = keys.studio
    found: dict[str, Job] = {}
    for figure_id in ids:
        if args.force or not _standing(keys, figure_id, folder):
            for job in first_jobs(studio, figure_id):
                job = replace(job, label=f"{figure_id}: {job.label}")
                found.setdefault(studio.engine.key(job), job)
    return found


def part_of(panels: Mapping[str, Job], shard: tuple[int, int] | None) -> dict[str, Job]:
    """One part of the panels, the same on every machine; all without a shard."""
    part, parts = shard or (1, 1)
    return {key: panels[key] for key in sorted(panels)[part - 1 :: parts]}


def draw_at_once(studio: Studio, panels: Mapping[str, Job], alone: bool) -> dict[str, str]:
    """Draw the panels of all figures; one that fails is told of when its figure is drawn.

    Args:
        alone: nobody comes after this: one panel must not take the others with it.

    Returns:
        What went wrong with a panel, by its label.
    """
    notify(f"drawing {counted(len(panels), 'panel')}")
    bar = FigureBar("panels")
    run, jobs = studio.engine.run_many, list(panels.values())
    errors: dict[str, str] = {}
    try:
        with memory_said():
            run(jobs, bar(jobs), studio.stop)
    except StoppedError:
        raise
    except ReplicateError:
        for job in jobs if alone else ():
            _draw_alone(studio, job, errors)
    finally:
        bar.close()
    return errors


def _draw_alone(studio: Studio, job: Job, errors: dict[str, str]) -> None:
    try:
        with memory_said():
            studio.engine.run_many([job], stop=studio.stop)
    except StoppedError:
        raise
    except ReplicateError as error:
        errors[job.label] = str(error)
        notify_above_bars(f"{job.label}: {error}")


def tell_of_shard(studio: Studio, args: Namespace, panels: int, errors: Mapping[str, str]) -> int:
    """What was drawn, and what to do with it."""
    part, parts = args.shard
    drawn = panels - len(errors)
    folder = str(studio.engine.store.folder) if studio.engine.store else ""
    if args.json:
        print_json({"shard": f"{part}/{parts}", "panels": drawn, "store": folder})
    else:
        print(f"part {part} of {parts}: {counted(drawn, 'panel')} in {folder}")
    notify(
        "when all parts are drawn, copy the files of their folders into one and run the same "
        f"command there without --shard, with --profile {studio.profile_name} and --precision "
        f"{studio.engine.precision}: it lays the figures out."
    )
    return BAD_INPUT if errors else 0


def _make(
    keys: FigureKeys, figure_id: str, place: str, folder: Path, args: Namespace, outcome: Outcome
) -> None:
    """See that one figure lies in the folder and say so; what goes wrong is said and remembered."""
    try:
        made = None if args.force else _standing(keys, figure_id, folder)
        made = made or _drawn(keys, figure_id, place, folder)
    except StoppedError:
        raise
    except ReplicateError as error:
        outcome.errors[figure_id] = str(error)
        notify_above_bars(f"{figure_id}: {error}")
        return
    outcome.made[figure_id] = made
    if not args.json:
        print(made.line, flush=True)


def _standing(keys: FigureKeys, figure_id: str, folder: Path) -> Made | None:
    """The figure as it lies there, if it would be made from the same things now."""
    record = standing_record(folder, figure_id, keys.of(figure_id))
    return Made(folder / record.image_path, record.claims, drawn=False) if record else None


def _drawn(keys: FigureKeys, figure_id: str, place: str, folder: Path) -> Made:
    """The figure, drawn and written."""
    studio = keys.studio
    studio.progress = bar = FigureBar(f"{figure_id} ({place})")
    if not shows_bars():
        notify(f"drawing {figure_id} ({place})")
    try:
        with memory_said():
            figure = draw_figure(studio, figure_id)
            # The key of now: pictures may have been downloaded in the meantime.
            path = figure.write(folder, keys.image_format, keys.of(figure_id))
    finally:
        bar.close()
    return Made(path, figure.claims, drawn=True)


def _write_index(folder: Path, outcome: Outcome) -> None:
    """The index of the folder, and of one around it that shows this run beside its own."""
    if not outcome.made:
        return
    outcome.index = _indexed(folder)
    around = folder.parent
    if (around / outcome.index.name).exists() and read_records(around)[0]:
        _indexed(around)


def _indexed(folder: Path) -> Path:
    judged = verdicts()
    found = answers(read_records(folder)[0], judged)
    return write_index(folder, found, figure_ids(), judged, definitions()).page


def _summarise(outcome: Outcome) -> None:
    if len(outcome.made) > 1:
        print(f"{counted(outcome.claims, 'claim')} measured in all")
    if outcome.index:
        print(f"index: {outcome.index}")


def _plain(studio: Studio, outcome: Outcome) -> dict[str, Any]:
    return {
        "profile": studio.profile_name,
        "inputs": studio.inputs,
        "balanced": studio.balanced,
        "device": str(studio.engine.device),
        "precision": studio.engine.precision,
        "figures": [
            {
                "figure": figure_id,
                "image": str(made.image),
                "record": str(made.image.with_suffix(".json")),
                "claims": len(made.claims),
                "drawn": made.drawn,
            }
            for figure_id, made in outcome.made.items()
        ],
        "errors": outcome.errors,
        "claims": outcome.claims,
        "index": str(outcome.index) if outcome.index else None,
    }
