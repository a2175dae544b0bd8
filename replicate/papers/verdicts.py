"""All claims of all papers, and what the evidence says of them; needs no torch."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..figure.claims import Definition
from ..figure.verdicts import Verdict, judged, read_rows
from .registry import figure_ids, figure_settings


@cache
def definitions() -> dict[str, Definition]:
    """All claims of all figures by ``paper/figure/claim``, in the order of the figures."""
    return {
        f"{figure}/{name}": claim
        for figure in figure_ids()
        for name, claim in figure_settings(figure).claims.items()
    }


def verdicts(folder: str | Path | None = None) -> dict[str, Verdict]:
    """The verdicts of the evidence in a folder, unless given of that which comes with the program.

    Raises:
        ReplicateError: its file is damaged.
    """
    return judged(definitions(), read_rows(folder))


def can_be_judged(figure: str) -> bool:
    """Whether a figure claims anything, of pictures that a pair can take the place of."""
    config = figure_settings(figure)
    roles = config.images.get("bundled", {})
    return bool(config.claims) and any(role.startswith(("content", "style")) for role in roles)
