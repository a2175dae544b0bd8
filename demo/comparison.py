"""Several presets or layer sets on the same pictures: jobs, drawing, measures.  No Gradio here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from replicate.config import load_preset
from replicate.engine.job import Job, Result
from replicate.images import Picture
from replicate.measure import metrics
from replicate.networks.spec import NetworkSpec
from replicate.papers.measures import ruler

from .backend import Backend
from .limits import InputError, Limits
from .links import layers_from_text
from .settings import Settings

MOST = 4
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
MEASURES = {
    "style distance": "mean over relu1_1 … relu5_1 of the squared relative distance of the Gram "
    "matrices to the style picture's; smaller is nearer",
    "content cosine": "cosine of the relu4_2 features to the content picture's; 1 is the same",
    "edges kept": "correlation of the edges with the content picture's; 1 is the same",
    "structure, px": "side of the squares into which the style could be cut to be as unlike",
}


@dataclass(frozen=True)
class Entry:
    """One of the things compared."""

    label: str
    settings: Settings
    job: Job


def entries(
    names: Sequence[str],
    sets: str,
    common: Settings,
    content: Picture | None,
    style: Picture | None,
    limits: Limits,
) -> list[Entry]:
    """Jobs for the presets ``names`` and for the layer sets, one a line, ``content | style``.

    Args:
        sets: lines such as ``relu4_2 | relu1_1,relu2_1``; they change the preset ``common.base``.
        common: size, evaluations, seed and network for all.

    Raises:
        ReplicateError: fewer than two or more than four; an unknown layer; a missing picture.
    """
    wanted = [_of_preset(name, common, limits) for name in names]
    wanted += [_of_layers(line, common) for line in sets.splitlines() if line.strip()]
    if not 2 <= len(wanted) <= MOST:
        raise InputError(f"Compare two to {MOST} presets or layer sets, not {len(wanted)}.")
    return [Entry(label, settings, settings.job(content, style)) for label, settings in wanted]


def _of_preset(name: str, common: Settings, limits: Limits) -> tuple[str, Settings]:
    preset = load_preset(name)
    settings = Settings.of(preset, limits)
    settings = replace(
        settings,
        size=common.size,
        evaluations=common.evaluations,
        seed=common.seed,
        network=common.network,
    )
    return preset.label, settings


def _of_layers(line: str, common: Settings) -> tuple[str, Settings]:
    if line.count("|") != 1:
        raise InputError(
            f"A layer set is written 'relu4_2 | relu1_1,relu2_1', not '{line.strip()[:60]}'."
        )
    content, style = (
        layers_from_text(",".join(part.replace(",", " ").split()) or "none", common.base)
        for part in line.split("|")
    )
    label = " | ".join(" ".join(part) or "none" for part in (content, style))
    return label, replace(common, content_layers=content, style_layers=style)


def measures(backend: Backend, result: Result, network: str) -> dict[str, float]:
    """The measures of a finished picture by their names in :data:`MEASURES`.

    All pictures are measured by one network at the same layers, whatever drew them: losses of
    different presets do not compare.
    """
    job = result.job
    style = None if job.style is None else job.style_on_canvas
    return measured(backend, result.picture, job.content, style, network)


def measured(
    backend: Backend,
    picture: Picture,
    content: Picture | None,
    style: Picture | None,
    network: str,
) -> dict[str, float]:
    """The same of any picture beside what it was made from."""
    engine, found = backend.viewer(network), dict.fromkeys(MEASURES, float("nan"))
    with backend.lock:
        if style is not None:
            distances = engine.reader.style_distances(picture, style, STYLE_LAYERS, NetworkSpec())
            found["style distance"] = float(np.mean(list(distances.values())))
            found["structure, px"] = ruler(style).side(picture)
        if content is not None:
            content = content.resized(*picture.size)
            found["content cosine"] = engine.reader.similarity(
                picture, content, "relu4_2", NetworkSpec()
            )
            found["edges kept"] = metrics.edge_correlation(picture.pixels, content.pixels)
    return found
