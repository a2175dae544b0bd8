"""``replicate list``."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import load_paper, paper_names, presets, profiles
from ..engine.preset import Preset
from ..images import bundled_names, paper_image_keys
from ..images.papers import paper_image_entry
from ..networks.layers import BLOCKS, aliases, is_chain, receptive_field, steps
from ..networks.table import network_entry
from ..papers.registry import figure_ids, figure_settings
from .parser import UsageError
from .text import print_indented, print_json, print_table

_INDENT = 4

Entry = dict[str, Any]


@dataclass(frozen=True)
class Topic:
    """What can be listed: its entries for a program, and how a reader sees them."""

    entries: Callable[[Namespace], list[Entry]]
    show: Callable[[list[Entry]], None]


def run(args: Namespace) -> int:
    """Print one topic, or figures and presets."""
    topics = [args.topic] if args.topic else ["figures", "presets"]
    if args.network and args.topic != "layers":
        raise UsageError("--network is for 'replicate list layers'.")
    found = {topic: TOPICS[topic].entries(args) for topic in topics}
    if args.json:
        print_json(found)
        return 0
    for number, topic in enumerate(topics):
        if number:
            print()
        TOPICS[topic].show(found[topic])
    return 0


def _table(columns: Mapping[str, str], entries: list[Entry]) -> None:
    """A table with these headings, each filled by a format such as ``{size} px``."""
    rows = [[form.format(**entry) for form in columns.values()] for entry in entries]
    print_table(list(columns), rows)


def _figures(_: Namespace) -> list[Entry]:
    shown = {"title", "source", "caption", "preset"}
    return [{"figure": i, **figure_settings(i).model_dump(include=shown)} for i in figure_ids()]


def _show_figures(entries: list[Entry]) -> None:
    _table({"FIGURE": "{figure}", "AFTER": "{source}", "SHOWS": "{title}"}, entries)


# Presets


def _presets(_: Namespace) -> list[Entry]:
    papers = {preset: paper for paper in paper_names() for preset in load_paper(paper).presets}
    return [
        {**preset.model_dump(mode="json"), "ratio": _ratio(preset), "paper": papers[name]}
        for name, preset in presets().items()
    ]


def _ratio(preset: Preset) -> float | None:
    """alpha/beta; None where one of the two losses does not count."""
    return preset.ratio if preset.style_weight and preset.content_weight else None


def _show_presets(_: list[Entry]) -> None:
    print("PRESETS")
    for preset in presets().values():
        print(f"{preset.name}  ({preset.label})")
        kinds = {"content": preset.content_layers, "style": preset.style_layers}
        layers = [f"{kind} from {' '.join(given)}" for kind, given in kinds.items() if given]
        for line in (preset.note, "; ".join(layers), _means_line(preset)):
            print_indented(line, _INDENT)


def _means_line(preset: Preset) -> str:
    ratio = _ratio(preset)
    parts = [f"alpha/beta {ratio:g}"] if ratio else []
    parts += [preset.network.label, {"lbfgs": "L-BFGS", "adam": "Adam"}[preset.optimizer]]
    parts += [f"starts from {preset.init}", f"{preset.size} px, {preset.evaluations} evaluations"]
    return "; ".join(parts)


# Layers


_CALLED: dict[str, str] = {
    "torchvision": r"features\.\d+",
    "PyTorch tutorial": r"(conv|relu)_\d+",
    "Keras": r"block\d_\w+",
    "Gatys' code": r"r\d\d",
}
"""Other programs, and what their names for layers look like."""


def _layers(args: Namespace) -> list[Entry]:
    found = []
    asked = [network_entry(args.network).architecture] if args.network else BLOCKS
    for architecture in asked:
        others = aliases(architecture)
        for layer, channels, field, stride in _known(architecture):
            names = [alias for alias, meant in others.items() if meant == layer]
            found.append(
                {
                    "network": architecture,
                    "layer": layer,
                    "channels": channels,
                    "receptive_field": field,
                    "stride": stride,
                    "elsewhere": {
                        program: next((name for name in names if re.fullmatch(form, name)), None)
                        for program, form in _CALLED.items()
                        if others
                    },
                }
            )
    return found


def _known(architecture: str) -> Iterator[tuple[str, int, int | None, int]]:
    """Every layer with its channels, field and stride."""
    if is_chain(architecture):
        for step in steps(architecture):
            yield step.name, step.channels, *receptive_field(step.name, architecture)
        return
    from ..networks.networks import outline  # PyTorch takes seconds to import

    network = outline(f"{architecture}-random")
    for layer in network.layers:
        yield layer, network.channels(layer), network.field(layer), network.stride(layer)


def _show_layers(entries: list[Entry]) -> None:
    if entries[0]["elsewhere"]:
        print("convN_M is the value before the ReLU, reluN_M after it; papers that write conv mean")
        print("relu.", end=" ")
    else:
        print("Layers are called as torchvision calls the modules whose output they are.")
    print("A unit SEES a square of the picture this wide; its neighbour is a STEP further.")
    for architecture in dict.fromkeys(entry["network"] for entry in entries):
        print()
        rows = [
            {
                **entry,
                "sees": f"{entry['receptive_field']} px" if entry["receptive_field"] else "all",
                **{name: other or "" for name, other in entry["elsewhere"].items()},
            }
            for entry in entries
            if entry["network"] == architecture
        ]
        columns = {
            architecture.replace("vgg", "VGG-"): "{layer}",
            "CHANNELS": "{channels}",
            "SEES": "{sees}",
            "STEP": "{stride} px",
            **{program.upper(): f"{{{program}}}" for program in rows[0]["elsewhere"]},
        }
        _table(columns, rows)


# Pictures


def _images(_: Namespace) -> list[Entry]:
    ours = [
        {"name": name, "kind": kind.removesuffix("s"), "from": "bundled", "credit": ""}
        for kind, names in bundled_names().items()
        for name in names
    ]
    theirs = [paper_image_entry(key) for key in paper_image_keys()]
    return ours + [
        {
            "name": entry.key,
            "kind": "paper",
            "from": "download" if entry.address else "your folder",
            "credit": entry.credit,
        }
        for entry in theirs
    ]


def _show_images(entries: list[Entry]) -> None:
    columns = {"PICTURE": "{name}", "KIND": "{kind}", "FROM": "{from}", "CREDIT": "{credit}"}
    _table(columns, entries)
    print("\nYour folder: the one that REPLICATE_IMAGES names; it goes before any download.")


def _profiles(_: Namespace) -> list[Entry]:
    return [{"profile": name, **profile.model_dump()} for name, profile in profiles().items()]


def _show_profiles(entries: list[Entry]) -> None:
    size = {"SIZE": "{size} px", "EVALUATIONS": "{evaluations}"}
    _table({"PROFILE": "{profile}", **size, "FOR": "{note}"}, entries)


TOPICS = {
    "figures": Topic(_figures, _show_figures),
    "presets": Topic(_presets, _show_presets),
    "layers": Topic(_layers, _show_layers),
    "images": Topic(_images, _show_images),
    "profiles": Topic(_profiles, _show_profiles),
}
