"""What people ask about layers: two finished pictures each, their measures, and links."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from replicate.errors import ReplicateError
from replicate.record import read_record

from . import home, links
from .fields import Shown
from .limits import Limits
from .opening import ASSETS, STARTS, cell


@dataclass(frozen=True)
class Side:
    """One of two pictures: what it is called, and its file in the grid."""

    called: str
    stem: str

    @property
    def address(self) -> str:
        return f"own/grid/{self.stem}.webp"


@dataclass(frozen=True)
class Question:
    """A question and the two pictures that answer it."""

    title: str
    first: Side
    second: Side
    means: str


_DEEP = cell("relu4_2", "relu5_1").stem

QUESTIONS = (
    Question(
        "conv2_2 or conv4_2 for the content?",
        Side("content from relu2_2", cell("relu2_2", "relu5_1").stem),
        Side("content from relu4_2", _DEEP),
        "The shallow layer holds on to edges, so the painting can only colour what is there; the "
        "deep one lets it redraw them.",
    ),
    Question(
        "One style layer or five?",
        Side("style from relu1_1", cell("relu4_2", "relu1_1").stem),
        Side("style from five layers", _DEEP),
        "One shallow layer brings colours and grain; motifs such as tiles need the deep ones.",
    ),
    Question(
        "Start from noise or from the photograph?",
        Side("started from the photograph", STARTS["content"].stem),
        Side("started from noise", STARTS["noise"].stem),
        "Both come equally near to the painting. The photograph as a start leaves more of its "
        "edges; noise gives another picture with every seed.",
    ),
)


def shown(question: Question) -> Shown:
    """Both pictures, with a slider between them."""
    first, second = question.first, question.second
    alt = f"{question.title} To the left {second.called}, to the right {first.called}."
    return Shown(second.address, first.address, alt, left=first.called, right=second.called, at=50)


def text(question: Question, limits: Limits) -> str:
    """The answer, and of both pictures the measures and what to do with them, as HTML."""
    items = "".join(_item(side, limits) for side in (question.first, question.second))
    return (
        f'<div class="figure-text"><h2>{html.escape(question.title)}</h2>'
        f"<p>{html.escape(question.means)}</p>{items}</div>"
    )


def _measured(side: Side) -> str:
    found = _measures().get(side.stem)
    if found is None:
        return ""
    edges, style = found["edges kept"], found["style distance"]
    return f": {edges:.0%} of the edges kept, style distance {style:.2f}"


@cache
def _measures() -> Mapping[str, Mapping[str, float]]:
    """By the grid's files, as the Compare tab measures; made by :mod:`demo.make_opening`."""
    file = ASSETS / "grid" / "measures.json"
    found: Mapping[str, Mapping[str, float]] = json.loads(file.read_text())
    return found


def _item(side: Side, limits: Limits) -> str:
    called = html.escape(side.called[:1].upper() + side.called[1:])
    try:
        query = links.of_record(read_record(ASSETS / "grid" / f"{side.stem}.webp"), limits)
    except ReplicateError:
        query = None
    opened = f'<a href="{html.escape(home.address(query))}">open in Transfer</a>' if query else ""
    download = f'<a href="{side.address}" download>download</a>'
    return f'<p><b>{called}</b>{_measured(side)}</p><p class="links">{opened} {download}</p>'
