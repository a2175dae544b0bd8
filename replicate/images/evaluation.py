"""The evaluation set: the pairs of photograph and artwork over which claims are judged.

Two sets, by kind of inputs.  ``bundled``: buildings, landscapes, people and animals whose licences
are clear, and drawn artworks as different as paintings are; anybody can rebuild it.  ``paper``: the
pictures that the papers and experiments used, which have to be at hand.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from .artworks import ARTWORKS

PHOTOGRAPHS = (
    "astronaut",
    "cameraman",
    "chelsea",
    "coffee",
    "dahlia",
    "hopper",
    "pagoda",
    "rocket",
)
"""Of the bundled ones those whose licence is clear and that are photographs, not silhouettes."""

PAPER_PHOTOGRAPHS = (
    "neckarfront",
    "chicago",
    "hoover_tower",
    "golden_gate",
    "amber",
    "stata",
    "dancing",
    "god_statue",
)

PAINTINGS = (
    "starry_night",
    "the_scream",
    "composition_vii",
    "shipwreck",
    "seated_nude",
    "the_wave",
    "the_muse",
    "udnie",
    "woman_with_hat",
    "stained_glass",
)

PAIRS = 24
REPEATED = 4
"""Pairs that are drawn from five noise seeds."""
SEEDS = 5
_DRAW = 2016
"""Seed of the draw, fixed before anything was judged."""


@dataclass(frozen=True)
class Pair:
    """Names of a photograph and an artwork, for ``find_image``, and the seed of the noise."""

    content: str
    style: str
    seed: int = 0

    def __str__(self) -> str:
        given = f"{self.content} × {self.style}, " if self.content else ""
        return f"{given}seed {self.seed}"


def pairs(inputs: Literal["bundled", "paper"]) -> list[Pair]:
    """24 different pairs at noise seed 0, then the first four of them at seeds 1 to 4.

    Every photograph and every artwork occurs as often as any other, or once more.  The same holds
    for the first so many pairs, so that a few of them are a fair sample.
    """
    photographs, artworks = {
        "bundled": (PHOTOGRAPHS, ARTWORKS),
        "paper": (PAPER_PHOTOGRAPHS, PAINTINGS),
    }[inputs]
    draw = random.Random(_DRAW)
    drawn: list[Pair] = []
    while len(set(drawn)) < PAIRS:
        dealt = zip(_dealt(photographs, draw), _dealt(artworks, draw))
        drawn = [Pair(content, style) for content, style in islice(dealt, PAIRS)]
    again = [replace(pair, seed=seed) for pair in drawn[:REPEATED] for seed in range(1, SEEDS)]
    return drawn + again


def _dealt(names: Sequence[str], draw: random.Random) -> Iterator[str]:
    """The names from a deck that is shuffled anew whenever it is used up."""
    while True:
        yield from draw.sample(names, len(names))
