"""``replicate transfer``."""

from __future__ import annotations

import os
import tempfile
from argparse import Namespace
from pathlib import Path

from ..engine.device import memory_said
from ..engine.job import Result, Snapshot
from ..errors import DivergedError, ReplicateError, one_line
from ..record import Record, save_recorded
from ..storage.files import require_room
from . import BAD_INPUT, STOPPED
from .drawing import bar, precision_label
from .orders import Order, order_from
from .parser import UsageError
from .text import notify, print_json

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def run(args: Namespace) -> int:
    """Draw one picture and write it with its record."""
    out = _checked_out(args)
    order = order_from(args)
    order.engine.check(order.job)
    width, height = order.job.canvas
    require_room(out.parent, 3 * width * height)  # before the drawing, not after
    notify(_plan(order))
    result, stopped = _drawn(order)
    if result is None:
        return _nothing(stopped)
    record, file = _saved(result, out, order)
    if args.json:
        print_json({"file": str(file), **record.plain()})
    else:
        print(f"{file}  {_summary(result)}")
    if stopped is not None:
        return _say_why(stopped, result, order, file)
    if order.record and order.repeats:
        notify(_comparison(result, order.record, args.source))
    return 0 if file == out else BAD_INPUT


def _checked_out(args: Namespace) -> Path:
    """Where the picture goes, by its name."""
    if args.source is not None and not Path(args.source).name:
        raise UsageError(f"--from needs the name of a file, not '{args.source}'.")
    if args.out is not None:
        out = Path(args.out)
    elif args.source is None:
        out = Path("out.png")
    else:
        source = Path(args.source)
        suffix = source.suffix if source.suffix.lower() in _SUFFIXES else ".png"
        out = source.with_name(f"{source.stem}-again{suffix}")
    if out.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"Cannot write '{out}': its name must end in .png, .jpg or .webp.")
    if out.is_dir():
        raise UsageError(f"Cannot write '{out}': it is a folder.")
    for role in (args.content, args.style):
        if role and os.path.exists(role) and os.path.exists(out) and out.samefile(role):
            raise UsageError(f"Cannot write '{out}': it is one of the pictures to work from.")
    return out


def _drawn(order: Order) -> tuple[Result | None, BaseException | None]:
    """The result as far as it came, and what stopped it if something did."""
    last: Snapshot | None = None
    stopped: BaseException | None = None
    progress = bar("drawing", order.job.evaluations)
    try:
        with memory_said():
            for last in order.engine.stream(order.job):
                progress.set_postfix_str(f"loss {last.loss:.4g}", refresh=False)
                progress.update()
    except (KeyboardInterrupt, DivergedError) as error:
        stopped = error
    finally:
        progress.close()
    return (last.result() if last else None), stopped


def _saved(result: Result, out: Path, order: Order) -> tuple[Record, Path]:
    """Write the picture; where ``out`` cannot be written after all, beside other temporary files.

    Raises:
        ReplicateError: neither can be written.
    """
    try:
        return save_recorded(result, out, **order.sources), out
    except ReplicateError as error:
        refuge = Path(tempfile.mkdtemp(prefix="replicate-")) / out.name
        record = save_recorded(result, refuge, **order.sources)
        notify(f"{str(error).rstrip('.')}; the picture lies in '{refuge}'.")
        return record, refuge


def _nothing(stopped: BaseException | None) -> int:
    if isinstance(stopped, DivergedError):
        raise ReplicateError(f"{one_line(stopped)}; nothing was written.")
    notify("stopped before the first evaluation; nothing was written.")
    return STOPPED


def _say_why(stopped: BaseException, result: Result, order: Order, file: Path) -> int:
    if isinstance(stopped, DivergedError):
        notify(f"{one_line(stopped)}; '{file}' is the last good picture.")
        return BAD_INPUT
    notify(
        f"stopped after {result.evaluations} of {order.job.evaluations} evaluations; '{file}' is "
        f"the picture so far. The same command draws it from the start, --init {file} goes on "
        "from here."
    )
    return STOPPED


# What is said


def _plan(order: Order) -> str:
    job, engine = order.job, order.engine
    width, height = job.canvas
    text = f"{width} × {height} px, {job.evaluations} evaluations, on {engine.device} in "
    info = engine.networks.info(job.preset.network)
    return f"{text}{precision_label(engine.precision)}, by {info.label}"


def _summary(result: Result) -> str:
    width, height = result.picture.size
    return (
        f"{width} × {height} px, {result.evaluations} evaluations in {result.seconds:.0f} s, "
        f"loss {result.loss:.4g}"
    )


def _comparison(result: Result, record: Record, source: str) -> str:
    if result.picture.sha256 == record.picture.sha256:
        return f"the same picture as '{source}', to the last bit."
    return (
        f"not the same picture as '{source}' to the last bit, as rounding differs between machines "
        f"(that one was drawn in {precision_label(record.precision)} by torch "
        f"{record.versions.get('torch', 'of unknown version')})."
    )
