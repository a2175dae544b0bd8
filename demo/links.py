"""Settings' ways into the page and out: links, recorded pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from replicate.config import load_preset
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.layer_list import format_layers, layer_weights, parse_layers
from replicate.record import PictureRecord, Record

from . import pictures
from .limits import InputError, Limits, number, one_of, whole
from .settings import (
    SCALES,
    SEEDS,
    STARTS,
    WEIGHTS,
    Settings,
    colours_of,
    ratio_of,
    sentence,
)

ROLES = ("content", "style", "second")
"""The pictures that a link names; the second is a painting to blend with the first."""


def from_query(
    query: Mapping[str, str], limits: Limits, networks: Collection[str]
) -> tuple[Settings, dict[str, str], list[str]]:
    """Settings of a link, the names of its pictures by role, and a sentence for what is wrong.

    A wrong value is left out, the rest of the link counts.
    """
    problems: list[str] = []

    def tried(read: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return read()
        except ReplicateError as error:
            problems.append(str(error))
        return otherwise

    name = query.get("preset", "gatys2016")
    preset = tried(lambda: load_preset(name), None) or load_preset("gatys2016")
    settings = Settings.of(preset, limits)
    readers: dict[str, Callable[[str], Any]] = {
        "size": lambda text: whole("Size", text, 16, limits.size),
        "evaluations": lambda text: whole("Evaluations", text, 1, limits.evaluations),
        "seed": lambda text: whole("Seed", text, 0, SEEDS),
        "init": lambda text: one_of("start", text, STARTS),
        "network": lambda text: one_of("network", text, networks),
        "keep_colour": colours_of,
        "style_scale": lambda text: number("The size of the painting's strokes", text, *SCALES),
        "second_weight": lambda text: number("The second painting's weight", text, *WEIGHTS),
    }
    for key, read in readers.items():
        if key in query:
            old = getattr(settings, key)
            settings = replace(settings, **{key: tried(lambda r=read, k=key: r(query[k]), old)})
    if "ratio" in query:
        ratio = tried(lambda: number("The ratio", query["ratio"], 1e-8, 1e4), None)
        if ratio:
            settings = replace(settings, ratio=ratio)
    for key in ("content_layers", "style_layers"):
        if key in query:
            found = tried(lambda k=key: layers_from_text(query[k], preset), getattr(settings, key))
            settings = replace(settings, **{key: found})
    pictures = {role: query[role] for role in ROLES if role in query}
    return settings, pictures, problems


def to_query(settings: Settings, pictures: Mapping[str, str]) -> dict[str, str]:
    """The link's fields that bring these settings back; ``pictures`` are bundled ones by role."""
    query = {
        "preset": settings.base.name,
        **pictures,
        "size": str(settings.size),
        "evaluations": str(settings.evaluations),
        "seed": str(settings.seed),
        "init": settings.init,
    }
    changes = settings.changes()
    if "ratio" in changes:
        query["ratio"] = f"{changes['ratio']:g}"
    for key in ("content_layers", "style_layers"):
        if key in changes:
            query[key] = format_layers(changes[key])
    if settings.network != "auto":
        query["network"] = settings.network
    if settings.keep_colour:
        query["keep_colour"] = settings.keep_colour
    for key in ("style_scale", "second_weight"):
        if getattr(settings, key) != 1:
            query[key] = f"{getattr(settings, key):g}"
    return query


def layers_from_text(text: str, preset: Preset) -> dict[str, float]:
    """Canonical layers of the preset's network and their weights, from the command line's words.

    Raises:
        InputError: an unknown layer, one named twice, or a weight that is none.
    """
    try:
        given = layer_weights(parse_layers(text))
    except ValueError as error:
        raise InputError(f"The list of layers {error}.") from error
    if not given:
        return {}
    try:
        return dict(Preset(network=preset.network, style_layers=given).style_layers)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"The layers '{text[:60]}' do not go: {message}.") from error
    except ReplicateError as error:
        raise InputError(sentence(error)) from error


# Recorded pictures


def from_record(
    record: Record, limits: Limits, networks: Collection[str]
) -> tuple[Settings, list[str]]:
    """The settings of a recorded picture, and a sentence for each that this server changes."""
    remarks: list[str] = []
    size, evaluations = min(record.size, limits.size), min(record.evaluations, limits.evaluations)
    if (size, evaluations) != (record.size, record.evaluations):
        remarks.append(
            f"The picture was drawn at {record.size} px with {record.evaluations} evaluations; "
            f"this server draws up to {limits.size} px and {limits.evaluations}."
        )
    if record.stopped and record.stopped < evaluations:
        remarks.append(
            f"The picture was stopped after {record.stopped} of {record.evaluations} evaluations; "
            "Run goes on to the end."
        )
    network = record.network.name
    if network not in networks:
        remarks.append(f"The picture was drawn by {network}, which is not on this server.")
        network = "auto"
    init = record.init
    if init not in STARTS:
        remarks.append("The picture started from a third picture; noise takes its place here.")
        init = "noise"
    if len(record.blend) > 1:
        remarks.append("The picture blends more than two paintings: only the command line does.")

    def within(called: str, value: float, low: float, high: float) -> float:
        if not low <= value <= high:
            remarks.append(f"{called} was {value:g}; this page goes from {low:g} to {high:g}.")
        return min(max(value, low), high)

    base, second = record.preset, record.blend[0].weight if record.blend else 1.0
    settings = Settings(
        base=base,
        size=size,
        evaluations=evaluations,
        ratio=ratio_of(base),
        seed=record.seed if 0 <= record.seed <= SEEDS else 0,
        init=init,
        network=network,
        content_layers=base.content_layers,
        style_layers=base.style_layers,
        scales=base.scales,
        content_first=base.content_first,
        keep_colour=record.keep_colour,
        style_scale=within("The size of the painting's strokes", record.style_scale, *SCALES),
        second_weight=within("The second painting's weight", second, *WEIGHTS),
    )
    return settings, remarks


def used(record: Record) -> dict[str, PictureRecord | None]:
    """The pictures of a record by :data:`ROLES`."""
    second = record.blend[0] if record.blend else None
    return {"content": record.content, "style": record.style, "second": second}


def of_record(record: Record, limits: Limits) -> dict[str, str] | None:
    """The link's fields that open a drawn picture's settings; None if this page cannot draw it."""
    names = {
        role: "none" if each is None else each.source
        for role, each in used(record).items()
        if each or role != "second"
    }
    if len(record.blend) > 1 or not {*names.values()} <= {"none", *pictures.names()}:
        return None
    try:
        named = load_preset(record.preset.name)
    except ReplicateError:
        return None
    recorded, _ = from_record(record, limits, ["auto"])
    layers = {
        f"{role}_layers": getattr(record.preset, f"{role}_layers") if names[role] != "none" else {}
        for role in ("content", "style")
    }
    # By the named preset: a link holds what differs from it, not the whole of it.
    wanted: Settings = replace(
        recorded,
        base=named,
        ratio=ratio_of(record.preset),
        network="auto",
        scales=named.scales,
        content_first=named.content_first,
        **layers,
    )
    return to_query(wanted, names)
