"""``replicate transfer``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..engine.job import Result, Snapshot
from ..errors import DivergedError, ReplicateError
from ..record import Record, save_recorded
from . import BAD_INPUT, STOPPED, one_line
from .drawing import bar, memory_said, precision_label
from .orders import Order, order_from
from .parser import UsageError
from .text import print_json, say

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def run(args: Namespace) -> int:
    """Draw one picture and write it with its record."""
    out = _checked_out(args)
    order = order_from(args)
    say(_plan(order))
    result, stopped = _drawn(order)
    if result is None:
        return _nothing(stopped)
    record = save_recorded(result, out, **order.sources)
    if args.json:
        print_json({"file": str(out), **record.plain()})
    else:
        print(f"{out}  {_summary(result)}")
    if stopped is not None:
        return _say_why(stopped, result, order, out)
    if order.record and order.repeats:
        say(_comparison(result, order.record, args.source))
    return 0


def _checked_out(args: Namespace) -> Path:
    """Where the picture goes; refused before the drawing, not after."""
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
    for role in (args.content, args.style):
        if role is not None and out.exists() and Path(role).exists() and out.samefile(role):
            raise UsageError(f"Cannot write '{out}': it is one of the pictures to work from.")
    if out.is_dir():
        raise UsageError(f"Cannot write '{out}': it is a folder.")
    blocked = next((place for place in out.parents if place.exists() and not place.is_dir()), None)
    if blocked:
        raise UsageError(f"Cannot write '{out}': '{blocked}' is a file.")
    return out


# Drawing


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


def _nothing(stopped: BaseException | None) -> int:
    if isinstance(stopped, DivergedError):
        raise ReplicateError(f"{one_line(stopped)}; nothing was written.")
    say("stopped before the first evaluation; nothing was written.")
    return STOPPED


def _say_why(stopped: BaseException, result: Result, order: Order, out: Path) -> int:
    if isinstance(stopped, DivergedError):
        say(f"{one_line(stopped)}; '{out}' is the last good picture.")
        return BAD_INPUT
    say(
        f"stopped after {result.evaluations} of {order.job.evaluations} evaluations; '{out}' is "
        f"the picture so far. The same command draws it from the start, --init {out} goes on "
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
