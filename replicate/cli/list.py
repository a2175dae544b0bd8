"""``replicate list``."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from ..config import load_paper, paper_names, presets, profiles
from ..engine.preset import Preset
from ..images import bundled_names, paper_image_keys
from ..images.papers import paper_image_entry
from ..networks.layers import BLOCKS, aliases, receptive_field, steps
from ..papers.registry import figure_ids, figure_settings
from .text import print_indented, print_json, print_table

_INDENT = 4


def run(args: Namespace) -> int:
    """Print one topic, or figures and presets."""
    topics = [args.topic] if args.topic else ["figures", "presets"]
    if args.json:
        found = {topic: _COLLECT[topic]() for topic in topics}
        print_json(found)
        return 0
    for number, topic in enumerate(topics):
        if number:
            print()
        _PRINT[topic]()
    return 0


# Figures


def _figures() -> list[dict[str, Any]]:
    return [
        {
            "figure": i,
            "title": s.title,
            "source": s.source,
            "caption": s.caption,
            "preset": s.preset,
        }
        for i, s in ((figure_id, figure_settings(figure_id)) for figure_id in figure_ids())
    ]


def _print_figures() -> None:
    rows = [(each["figure"], each["source"], each["title"]) for each in _figures()]
    print_table(["FIGURE", "AFTER", "SHOWS"], rows)


# Presets


def _presets() -> list[dict[str, Any]]:
    papers = {preset: paper for paper in paper_names() for preset in load_paper(paper).presets}
    return [{**p.model_dump(mode="json"), "ratio": _ratio(p), "paper": papers[p.name]}
            for p in presets().values()]  # fmt: skip


def _ratio(preset: Preset) -> float | None:
    """alpha/beta; None where one of the two losses does not count."""
    return preset.ratio if preset.style_weight and preset.content_weight else None


def _print_presets() -> None:
    print("PRESETS")
    for preset in presets().values():
        print(f"{preset.name}  ({preset.label})")
        for line in (preset.note, _layers_line(preset), _means_line(preset)):
            print_indented(line, _INDENT)


def _layers_line(preset: Preset) -> str:
    parts = [
        f"{kind} from {' '.join(layers)}"
        for kind, layers in (("content", preset.content_layers), ("style", preset.style_layers))
        if layers
    ]
    return "; ".join(parts)


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


def _layers() -> list[dict[str, Any]]:
    return [layer for architecture in BLOCKS for layer in _layers_of(architecture)]


def _layers_of(architecture: str) -> list[dict[str, Any]]:
    others = aliases(architecture)
    found = []
    for step in steps(architecture):
        field, stride = receptive_field(step.name, architecture)
        names = [alias for alias, name in others.items() if name == step.name]
        found.append(
            {
                "network": architecture,
                "layer": step.name,
                "channels": step.channels,
                "receptive_field": field,
                "stride": stride,
                "elsewhere": {
                    program: next((name for name in names if re.fullmatch(form, name)), None)
                    for program, form in _CALLED.items()
                },
            }
        )
    return found


def _print_layers() -> None:
    print("convN_M is the value before the ReLU, reluN_M after it; papers that write conv mean")
    print("relu. A unit SEES a square of the picture this wide; its neighbour is a STEP further.")
    for architecture in BLOCKS:
        print()
        rows = [
            (
                each["layer"],
                each["channels"],
                f"{each['receptive_field']} px",
                f"{each['stride']} px",
                *(name or "" for name in each["elsewhere"].values()),
            )
            for each in _layers_of(architecture)
        ]
        headings = [architecture.replace("vgg", "VGG-"), "CHANNELS", "SEES", "STEP"]
        print_table([*headings, *(program.upper() for program in _CALLED)], rows)


# Pictures


def _images() -> list[dict[str, Any]]:
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


def _print_images() -> None:
    rows = [(each["name"], each["kind"], each["from"], each["credit"]) for each in _images()]
    print_table(["PICTURE", "KIND", "FROM", "CREDIT"], rows)
    print("\nYour folder: the one that REPLICATE_IMAGES names; it goes before any download.")


# Profiles


def _profiles() -> list[dict[str, Any]]:
    return [{"profile": name, **profile.model_dump()} for name, profile in profiles().items()]


def _print_profiles() -> None:
    rows = [(p["profile"], f"{p['size']} px", p["evaluations"], p["note"]) for p in _profiles()]
    print_table(["PROFILE", "SIZE", "EVALUATIONS", "FOR"], rows)


_COLLECT: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "figures": _figures,
    "presets": _presets,
    "layers": _layers,
    "images": _images,
    "profiles": _profiles,
}
_PRINT: dict[str, Callable[[], None]] = {
    "figures": _print_figures,
    "presets": _print_presets,
    "layers": _print_layers,
    "images": _print_images,
    "profiles": _print_profiles,
}
