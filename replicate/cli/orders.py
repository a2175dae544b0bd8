"""What ``replicate transfer`` is asked to draw: from the options, or from a recorded picture."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..config import CPU_PROFILE, load_preset, load_profile
from ..engine.device import choose_device, has_bf16
from ..engine.engine import Engine
from ..engine.job import Job
from ..engine.preset import Preset
from ..errors import ImageError, WeightsError, one_line
from ..figure.record import read_record as read_figure
from ..images import Picture, find_image
from ..layer_list import layer_weights, parse_layers
from ..record import Record, engine_version_differs, job_from_record, parse_record, read_record
from ..strict import reason
from ..suggest import nearest
from .commands import STARTS
from .drawing import make_engine
from .parser import UsageError
from .text import notify

_ROLES = ("content", "style", "start")
_NUMBERS = ("size", "evaluations", "seed")
_SETTINGS = (
    *("content", "style", "content_layers", "style_layers", "ratio"),
    *(*_NUMBERS, "init", "network", "precision", "blend", "style_scale", "keep_colour"),
)
"""Options that change the picture."""


@dataclass(frozen=True)
class Order:
    """What is to be drawn, and where its pictures came from.

    Attributes:
        sources: role (content, style, start) to the path or name that found the picture; and
            ``blend`` to those of further style pictures.
        repeats: every setting is the record's, so that the same picture should come out.
    """

    job: Job
    engine: Engine
    sources: Mapping[str, Any]
    record: Record | None = None
    repeats: bool = False


def order_from(args: Namespace) -> Order:
    """The order that the options make.

    Raises:
        ReplicateError: an input, layer, network or record is missing or wrong.
    """
    if args.panel is not None and Path(args.source or "").suffix.lower() != ".json":
        raise UsageError("--panel needs --from with a figure's .json.")
    order = _new(args) if args.source is None else _repeated(args)
    if not any([*order.job.content_layers.values(), *order.job.style_layers.values()]):
        raise UsageError("Every layer's weight is zero: give one layer a weight.")
    return order


def _new(args: Namespace) -> Order:
    if args.content is None or args.style is None:
        raise UsageError(_missing_pictures(args))
    original = load_preset(args.preset or "gatys2016")
    preset = _changed(original, args)
    pictures, sources = _given_pictures(args)
    blend = _given_blend(args)
    engine = make_engine(args, store=None)
    if engine.device.type == "cpu":
        preset = _for_cpu(preset)
        if args.size is None and args.evaluations is None:
            notify("kept small for a CPU; --size and --evaluations make it larger and better.")
    job = Job(
        preset,
        pictures.get("content"),
        pictures.get("style"),
        size=args.size,
        evaluations=args.evaluations,
        seed=args.seed or 0,
        init=_init(args),
        start=pictures.get("start"),
        blend=blend,
        style_scale=args.style_scale or 1.0,
        keep_colour=None if args.keep_colour == "none" else args.keep_colour,
    )
    if args.balanced:
        job = _balanced(engine, job, like=original)
    return Order(job, engine, {**sources, "blend": _names(args)})


def _balanced(engine: Engine, job: Job, like: Preset) -> Job:
    """The job with its layers balanced: content and style pull as hard as in ``like``."""
    preset = engine.reader.balanced(job, like)
    kinds = {"content": preset.content_layers, "style": preset.style_layers}
    weights = [
        f"{kind} " + " ".join(f"{layer}={weight:g}" for layer, weight in layers.items())
        for kind, layers in kinds.items()
    ]
    notify(f"balanced weights: {', '.join(weights)}")
    return replace(job, preset=preset)


def _for_cpu(preset: Preset) -> Preset:
    """The preset as a CPU has the patience for: size, evaluations, and how they are spent."""
    profile = load_profile(CPU_PROFILE)
    return preset.with_(
        size=min(preset.size, profile.size),
        evaluations=min(preset.evaluations, profile.evaluations),
        scales=max(preset.scales, profile.scales),
        content_first=max(preset.content_first, profile.content_first),
    )


def _missing_pictures(args: Namespace) -> str:
    missing = "STYLE is" if args.content else "CONTENT and STYLE are"
    eager = [f"--{k}-layers" for k in ("content", "style") if getattr(args, f"{k}_layers")]
    hint = f"; put both before {eager[0]}, which takes every word that follows" if eager else ""
    return f"{missing} missing: replicate transfer CONTENT STYLE -o out.png{hint}."


def _given_pictures(args: Namespace) -> tuple[dict[str, Picture], dict[str, str]]:
    """The pictures on the command line and what found them, by role."""
    start = args.init if _init(args) == "picture" else None
    named = {"content": args.content, "style": args.style, "start": start}
    sources = {role: name for role, name in named.items() if name is not None}
    if start is not None:
        try:
            find_image(start)
        except ImageError as error:
            if (hint := nearest(start, STARTS)).startswith("; did you mean"):
                raise UsageError(f"--init: there is no start '{start}'{hint}") from error
    return {role: find_image(name) for role, name in sources.items()}, sources


def _given_blend(args: Namespace) -> tuple[tuple[Picture, float], ...]:
    """The further style pictures on the command line, with their weights."""
    return tuple((find_image(name), weight) for name, weight in args.blend or ())


def _names(args: Namespace) -> list[str]:
    return [name for name, _ in args.blend or ()]


def _init(args: Namespace) -> Any:
    if args.init is None:
        return None
    return args.init.lower() if args.init.lower() in STARTS else "picture"


def _changed(preset: Preset, args: Namespace) -> Preset:
    """The preset with what the options change.

    Raises:
        UsageError: the changes do not make a preset; the text says why.
    """
    changes: dict[str, Any] = {}
    for kind in ("content_layers", "style_layers"):
        given = getattr(args, kind)
        if given is not None:
            try:
                changes[kind] = layer_weights(parse_layers(",".join(given)))
            except ValueError as error:
                raise UsageError(f"--{kind.replace('_', '-')} {error}.") from error
    if args.ratio is not None:
        changes["ratio"] = args.ratio
    if args.network not in (None, "auto"):
        # The engine takes the network itself; the preset keeps the input scale it is meant for.
        changes["network"] = preset.network.meant_for(args.network)
    if not changes:
        return preset
    try:
        return preset.with_(**changes)
    except ValidationError as error:
        message = reason(error)
        raise UsageError(f"{message[0].upper()}{message[1:]}.") from error


# Repeating a recorded picture


def _repeated(args: Namespace) -> Order:
    if args.preset is not None:
        raise UsageError("--preset does not go with --from, which takes the recorded one.")
    record = _read(args)
    pictures, sources = _given_pictures(args)
    job = job_from_record(
        _overridden(record, args),
        content=pictures.get("content"),
        style=pictures.get("style"),
        start=pictures.get("start"),
        blend=_given_blend(args),
        folder=Path(args.source).parent,
    )
    engine = _recorded_engine(args, record)
    if args.balanced:
        job = _balanced(engine, job, like=record.preset)
    differs = _other_network(record, job, engine) or engine.precision != record.precision
    if engine_version_differs(record):
        notify("another version of the engine drew the picture, so it may differ.")
    recorded = {role: getattr(record, role) for role in _ROLES}
    sources = {role: each.source for role, each in recorded.items() if each} | sources
    further = _names(args) or [each.source for each in record.blend]
    changed = args.balanced or any(getattr(args, name) is not None for name in _SETTINGS)
    return Order(
        job, engine, {**sources, "blend": further}, record, repeats=not (changed or differs)
    )


def _overridden(record: Record, args: Namespace) -> Record:
    """The record with what the options change."""
    changes = {name: getattr(args, name) for name in _NUMBERS if getattr(args, name) is not None}
    if args.evaluations is not None:
        changes["stopped"] = None
    if args.init is not None:
        changes.update(init=_init(args), start=None)
    if args.style_scale is not None:
        changes["style_scale"] = args.style_scale
    if args.keep_colour is not None:
        changes["keep_colour"] = None if args.keep_colour == "none" else args.keep_colour
    return record.model_copy(update={"preset": _changed(record.preset, args), **changes})


def _read(args: Namespace) -> Record:
    """The record in a picture, or of one panel of a figure."""
    if Path(args.source).suffix.lower() != ".json":
        return read_record(args.source)
    panels = {panel.label: panel for panel in read_figure(args.source).panels}
    if args.panel not in panels:
        wrong = f"There is no panel '{args.panel}'" if args.panel else "Say which --panel"
        hint = nearest(args.panel or "", panels) if panels else "; the figure has none."
        raise UsageError(f"{wrong} of '{args.source}'{hint}")
    return parse_record(panels[args.panel].job, f"The panel '{args.panel}' in '{args.source}'")


def _recorded_engine(args: Namespace, record: Record) -> Engine:
    """An engine with the recorded network and precision, as far as this machine has them."""
    precision = _recorded_precision(args, record)
    if args.network is not None:
        return make_engine(args, store=None, precision=precision)
    try:
        return make_engine(args, store=None, network=record.network.name, precision=precision)
    except WeightsError as error:
        notify(f"{one_line(error).rstrip('.')}; another network draws, so the picture will differ.")
        return make_engine(args, store=None, precision=precision)


def _recorded_precision(args: Namespace, record: Record) -> str:
    slow = record.precision == "bf16" and not has_bf16(choose_device(args.device))
    if not slow or args.precision is not None:
        return record.precision
    notify("the picture was drawn in bf16, in which this machine is slow; float32 draws it now.")
    return "float32"


def _other_network(record: Record, job: Job, engine: Engine) -> bool:
    """Whether another network than the recorded one draws; said where it is not plain to see."""
    info = engine.networks.info(job.preset.network)
    if info.spec == record.network.spec and info != record.network:
        notify(
            f"{info.label} has other weights than when the picture was drawn, so it will differ."
        )
    return info != record.network
