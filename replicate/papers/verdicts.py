"""All claims of all papers, and what the evidence says of them; needs no torch."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from ..config import load_paper, load_preset
from ..engine.job import ENGINE_VERSION
from ..fast.shipped import shipped
from ..figure.claims import Definition
from ..figure.verdicts import Row, Verdict, judged, read_rows
from .registry import figure_ids, figure_settings

_FEWER = {"content_sets", "style_sets", "ratios", "seeds"}
_PANELS = (*_FEWER, "networks", "tv_weight", "balanced")


@cache
def definitions() -> dict[str, Definition]:
    """All claims of all figures by ``paper/figure/claim``, in the order of the figures.

    One that names no source has its figure's.
    """
    return {
        f"{figure}/{name}": claim.model_copy(update={"source": claim.source or config.source})
        for figure in figure_ids()
        for config in [figure_settings(figure)]
        for name, claim in config.claims.items()
    }


@cache
def version(claim: str) -> str:
    """A short digest of what a claim's numbers follow from, pictures apart.

    Of what it measures, and of its figure's preset, layers, ratios, seeds, channels and fast
    networks: rows of another version are of another experiment.
    """
    figure, _, name = claim.rpartition("/")
    config = figure_settings(figure)
    preset = load_paper(figure.split("/")[0]).presets.get(config.preset)
    parts: tuple[Any, ...] = (
        ENGINE_VERSION,
        config.claims[name].measure,
        (preset or load_preset(config.preset)).objective(),
        config.model_dump(
            mode="json", include={**dict.fromkeys(_PANELS, True), "evidence": _FEWER}
        ),
    )
    if config.channels:
        parts += (config.channels, config.evidence.channels)
    if config.fast:
        digests = [shipped(network).sha256 for network in config.fast]
        parts += (*digests, config.shares, config.evidence.shares)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]


def current_rows(folder: str | Path | None = None) -> list[Row]:
    """The rows in a folder that are of the figures as they are now; see :func:`read_rows`.

    Raises:
        ReplicateError: its file is damaged.
    """
    known = definitions()
    rows = read_rows(folder)
    return [row for row in rows if row.claim in known and row.version == version(row.claim)]


def verdicts() -> dict[str, Verdict]:
    """The verdicts of the evidence that comes with the program.

    Raises:
        ReplicateError: its file is damaged.
    """
    return judged(definitions(), current_rows())


def can_be_judged(figure: str) -> bool:
    """Whether a figure claims anything, of pictures that others can take the place of."""
    config = figure_settings(figure)
    roles = config.images.get("bundled", {})
    if {claim.unit for claim in config.claims.values()} == {"draw"}:
        return True
    return bool(config.claims) and any(role.startswith(("content", "style")) for role in roles)
