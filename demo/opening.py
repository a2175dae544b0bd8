"""What the page opens with, drawn beforehand: the grid of layers and the examples.

``python -m demo.make_opening`` draws them from bundled pictures; the page shows the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ASSETS = Path(__file__).resolve().parent / "assets"

# The grid: one photograph in one painting's style, for each content layer and depth of style.
PHOTOGRAPH, PAINTING = "chelsea", "mosaic"
CONTENT = {
    "relu1_2": "every whisker and hair stays, with much of its colour",
    "relu2_2": "whiskers and pupils stay, their colours go",
    "relu3_2": "the face keeps its features, the fur becomes tiles",
    "relu4_2": "eyes, nose and ears stay in place; all between is repainted",
}
STYLE = {
    "relu1_1": "the painting gives its colours alone",
    "relu2_1": "colours and dark outlines",
    "relu3_1": "whole tiles appear",
    "relu4_1": "tiles that join along straight lines",
    "relu5_1": "tiles, and how they lie together",
}
FIRST = ("relu3_2", "relu4_1")
"""Where the two sliders stand at first."""


WORDS = "One photograph, one painting: only the layers change"


def cell(content: str, style: str) -> Path:
    """The picture with this content layer and the first layers of all blocks down to ``style``."""
    return ASSETS / "grid" / f"{content}-{style}.webp"


STARTS = {init: ASSETS / "grid" / f"from-{init}.webp" for init in ("noise", "content")}
"""One objective, begun with noise and with the photograph."""


@dataclass(frozen=True)
class Example:
    """A photograph and a painting whose picture is there already."""

    content: str
    style: str
    ratio: float
    preset: str = "gatys2016"

    @property
    def name(self) -> str:
        return f"{self.content}-{self.style}"

    @property
    def pictures(self) -> dict[str, str]:
        """Their names by role."""
        return {"content": self.content, "style": self.style}

    @property
    def path(self) -> Path:
        """The finished picture, with its settings."""
        return ASSETS / "examples" / f"{self.name}.webp"


EXAMPLES = (
    Example("astronaut", "mosaic", 1e-2),
    Example("chelsea", "shards", 5e-3),
    Example("coffee", "wave", 1e-2),
    Example("motorcycle", "facets", 5e-3),
    Example("astronaut", "wave", 1e-2),
    Example("chelsea", "swirls", 1e-2),
)
