"""What can be set in the page, its way to a job, and its ways in: preset, link, recorded picture.

Settings refer to layers by name and weight, so that the table in the page, a link, the command
line and a recorded picture all say the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from replicate.config import load_paper, load_preset, paper_names
from replicate.engine.job import Job
from replicate.engine.preset import Init, Preset
from replicate.errors import ReplicateError
from replicate.images import Picture
from replicate.layer_list import format_layers, layer_weights, parse_layers
from replicate.networks.layers import layer_names
from replicate.networks.table import network_entry
from replicate.record import Record

from .limits import InputError, Limits, number, one_of, whole

EXPONENTS = (-8.0, 4.0)
STARTS: tuple[Init, ...] = ("noise", "content", "style")
KINDS = ("relu", "conv")
SEEDS = 2**53 - 1
"""Largest seed: the largest whole number that a browser passes on unharmed."""

Row = list[Any]
"""A layer, its content weight, its style weight."""


@dataclass(frozen=True)
class Settings:
    """All that the page sets but the pictures.

    Attributes:
        base: the preset that these settings change.
        ratio: alpha/beta; None where a weight is zero.
        network: ``auto`` or the name of a network, which overrides the preset's.
        scales, content_first: as of :class:`Preset`; the preset's own or this server's, whichever
            is more.
    """

    base: Preset
    size: int
    evaluations: int
    ratio: float | None
    seed: int
    init: Init
    network: str
    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    scales: int = 1
    content_first: float = 0.0

    @classmethod
    def of(cls, preset: Preset, limits: Limits) -> Settings:
        """A preset's settings, kept small for the first try."""
        return cls(
            base=preset,
            size=min(preset.size, limits.first_size, limits.size),
            evaluations=min(preset.evaluations, limits.first_evaluations, limits.evaluations),
            ratio=ratio_of(preset),
            seed=0,
            init=preset.init if preset.init in STARTS else "noise",
            network="auto",
            content_layers=preset.content_layers,
            style_layers=preset.style_layers,
            scales=max(preset.scales, limits.scales),
            content_first=max(preset.content_first, limits.content_first),
        )

    def changes(self) -> dict[str, Any]:
        """What differs from the preset, in the words of :meth:`Preset.with_`."""
        found: dict[str, Any] = {}
        if self.ratio is not None and self.ratio != ratio_of(self.base):
            found["ratio"] = self.ratio
        for kind in ("content_layers", "style_layers"):
            # As dictionaries, whose order does not count: the preset sorts by depth.
            if dict(getattr(self, kind)) != dict(getattr(self.base, kind)):
                found[kind] = dict(getattr(self, kind))
        for key in ("scales", "content_first"):
            if getattr(self, key) != getattr(self.base, key):
                found[key] = getattr(self, key)
        architecture = _architecture(self.network)
        if architecture and architecture != self.base.network.architecture:
            found["network"] = {"name": self.base.network.meant_for(self.network).name}
        return found

    def preset(self) -> Preset:
        """The preset to draw: the paper's own object where nothing is changed.

        Raises:
            InputError: the changes do not make a preset.
        """
        changes = self.changes()
        try:
            return self.base.with_(**changes) if changes else self.base
        except ValidationError as error:
            raise InputError(_sentence(error.errors()[0]["msg"])) from error
        except ReplicateError as error:
            raise InputError(_sentence(error)) from error

    def job(self, content: Picture | None, style: Picture | None) -> Job:
        """The job of these settings.

        Raises:
            InputError: a picture is missing that the layers or the start need; no layer has a
                weight.
        """
        if not any([*self.content_layers.values(), *self.style_layers.values()]):
            raise InputError("Every layer's weight is zero: give one layer a weight.")
        needed = (
            ("content", content, bool(self.content_layers)),
            ("style", style, bool(self.style_layers)),
        )
        for role, picture, has_layers in needed:
            if picture is None and (has_layers or self.init == role):
                raise InputError(f"Choose a {role} picture, or one of the examples under it.")
        return Job(
            self.preset(),
            content,
            style,
            size=self.size,
            evaluations=self.evaluations,
            seed=self.seed,
            init=self.init,
        )


def checked(
    base: Preset,
    limits: Limits,
    size: Any,
    evaluations: Any,
    exponent: Any,
    seed: Any,
    init: Any,
    network: Any,
    rows: Sequence[Sequence[Any]],
    networks: Collection[str],
) -> Settings:
    """Settings from the page's fields.

    Raises:
        InputError: one of them is out of bounds or unknown; one sentence says which.
    """
    content_layers, style_layers = layers_from(rows)
    return Settings(
        base=base,
        size=whole("Size", size, 16, limits.size),
        evaluations=whole("Evaluations", evaluations, 1, limits.evaluations),
        ratio=_ratio(base, exponent),
        seed=whole("Seed", seed, 0, SEEDS),
        init=one_of("start", init, STARTS),  # type: ignore[arg-type]
        network=one_of("network", network, networks),
        content_layers=_with_zeros(content_layers, base.content_layers),
        style_layers=_with_zeros(style_layers, base.style_layers),
        scales=max(base.scales, limits.scales),
        content_first=max(base.content_first, limits.content_first),
    )


def _with_zeros(layers: dict[str, float], preset: Mapping[str, float]) -> dict[str, float]:
    """The layers, and those that the preset names with a weight of zero: a chain begins with one,
    which the table does not tell from a layer that is not named.
    """
    return {layer: 0.0 for layer, weight in preset.items() if not weight} | layers


def ratio_of(preset: Preset) -> float | None:
    """alpha/beta of a preset; None where one of the two weights is zero."""
    return preset.ratio if 0 < preset.ratio < math.inf else None


def exponent_of(ratio: float | None) -> float | None:
    """The slider's place for a ratio: its power of ten to two decimals, within the range."""
    if ratio is None:
        return None
    return min(max(round(math.log10(ratio), 2), EXPONENTS[0]), EXPONENTS[1])


def _ratio(base: Preset, exponent: Any) -> float | None:
    """The ratio at the slider's place: the preset's own, or the roundest that has this place."""
    own = ratio_of(base)
    if own is None or exponent is None:
        return own
    place = round(number("The ratio's power of ten", exponent, *EXPONENTS), 2)
    if place == exponent_of(own):
        return own
    rounded = (float(f"{10**place:.{digits}g}") for digits in (1, 2, 3))
    return next(ratio for ratio in rounded if exponent_of(ratio) == place)


# Presets


def presets_by_paper() -> list[tuple[str, Preset]]:
    """Every preset with its paper's author and year, in the order of the papers."""
    found = []
    for name in paper_names():
        paper = load_paper(name)
        surname = paper.authors.split(",")[0].split(" and ")[0].split()[-1]
        found += [(f"{surname} {paper.year}", preset) for preset in paper.presets.values()]
    return found


def paper_of(preset: Preset) -> str:
    """The title of the paper that a preset belongs to; empty if it is nobody's."""
    for name in paper_names():
        paper = load_paper(name)
        if preset.name in paper.presets:
            return paper.title
    return ""


# The table of layers


def table(settings: Settings, kind: str | None = None) -> list[Row]:
    """One row a convolution from shallow to deep, and one for any other layer with a weight.

    Args:
        kind: ``relu`` or ``conv``, the name under which a layer without weight stands; by default
            what most layers with a weight are.
    """
    architecture = _architecture(settings.network) or settings.base.network.architecture
    used = {**settings.content_layers, **settings.style_layers}
    kind = kind or kind_of(used)
    order = layer_names(architecture)
    shown = set(used) | {
        name
        for name in layer_names(architecture, kind)
        if name[4:] not in {layer[4:] for layer in used}
    }
    ordered = [name for name in order if name in shown]
    ordered += [name for name in used if name not in order]  # refused with a sentence at Run
    return [
        [name, settings.content_layers.get(name, 0.0), settings.style_layers.get(name, 0.0)]
        for name in ordered
    ]


def rows(content: Mapping[str, float], style: Mapping[str, float]) -> list[Row]:
    """A table of these layers alone."""
    names = dict.fromkeys([*content, *style])
    return [[name, content.get(name, 0.0), style.get(name, 0.0)] for name in names]


def kind_of(names: Mapping[str, float]) -> str:
    """``conv`` if most of the layers are convolutions before their rectification."""
    conv = sum(name.startswith("conv") for name in names)
    return "conv" if conv > len(names) / 2 else "relu"


def switched(rows: Sequence[Sequence[Any]], kind: str) -> list[Row]:
    """The table with every convolution named before (conv) or after (relu) its rectification."""
    one_of("kind of layer", kind, KINDS)
    return [
        [kind + str(name)[4:] if str(name)[:4] in KINDS and str(name)[4:] else name, *weights]
        for name, *weights in rows
    ]


def evened(rows: Sequence[Sequence[Any]]) -> list[Row]:
    """The table with equal weights that sum to one, in each column, where there are any."""
    content, style = layers_from(rows)
    shares = [1 / len(column) if column else 0.0 for column in (content, style)]
    return [
        [row[0], shares[0] if row[0] in content else 0.0, shares[1] if row[0] in style else 0.0]
        for row in rows
    ]


def layers_from(rows: Sequence[Sequence[Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style layers of a table; empty cells and zeros are left out.

    Raises:
        InputError: a cell that is no weight.
    """
    found: tuple[dict[str, float], dict[str, float]] = ({}, {})
    if len(rows) > 64:
        raise InputError("The table of layers has more rows than the network has layers.")
    for row in rows:
        cells = [*row, None, None][:3]
        for weights, role, value in zip(found, ("content", "style"), cells[1:]):
            if value is None or str(value).strip() in ("", "nan"):
                continue
            weight = number(f"The {role} weight of {cells[0]}", value, 0, 1e12)
            if weight:
                weights[str(cells[0])] = weight
    return found


# Links


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
    pictures = {role: query[role] for role in ("content", "style") if role in query}
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
        raise InputError(_sentence(error)) from error


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
    if record.blend or record.style_scale != 1 or record.keep_colour:
        remarks.append(
            "The picture blends styles, scales them or keeps colours: only the command line does."
        )
    base = record.preset
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
    )
    return settings, remarks


def _sentence(error: object) -> str:
    text = str(error)
    for prefix in ("Value error, ", "content_layers: ", "style_layers: "):
        text = text.removeprefix(prefix)
    end = "" if text.endswith((".", "?")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def _architecture(network: str) -> str | None:
    """``vgg19`` or ``vgg16``; None where the preset decides."""
    return None if network == "auto" else network_entry(network).architecture
