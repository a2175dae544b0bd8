"""The presets in the order in which people look for them."""

from __future__ import annotations

from replicate.config import load_paper, paper_names, presets
from replicate.engine.preset import Preset

FIRST = (
    "gatys2016",
    "gatys2015",
    "johnson2016",
    "johnson2016-code",
    "neural-style",
    "crowson",
    "pytorch-tutorial",
    "udacity",
    "fastai-lesson8",
    "gatys2016-code",
)


def ordered() -> list[Preset]:
    """Every preset: those that most people mean, then the others by label."""
    found = presets()
    first = [found[name] for name in FIRST if name in found]
    rest = [preset for name, preset in found.items() if name not in FIRST]
    return [*first, *sorted(rest, key=lambda preset: preset.label)]


def choices() -> list[tuple[str, str]]:
    """Label and name of each: a label says whose it is, the paper that quotes it does not."""
    return [(preset.label, preset.name) for preset in ordered()]


def paper_of(preset: Preset) -> str:
    """The title of the paper that a preset belongs to; empty if it is nobody's."""
    for name in paper_names():
        paper = load_paper(name)
        if preset.name in paper.presets:
            return paper.title
    return ""
