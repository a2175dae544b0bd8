"""Type for figures: one typeface in two weights, wrapping by measured width, raised exponents.

The typeface is Source Sans Pro (SIL Open Font License), which comes as a Python package, so
that a figure looks the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain, groupby
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

Weight = Literal["Regular", "Semibold"]
Colour = tuple[int, int, int]

_PACKAGE = "font_source_sans_pro"
_LINE_HEIGHT = 1.3
_FINE = 4
_OVERHANG = 2  # pixels that a letter may reach beyond its advance width
_SMALL = 0.68  # size of exponents and indices
_RAISED, _LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "₀₁₂₃₄₅₆₇₈₉₊₋"
_SHIFTS = dict.fromkeys(_RAISED, -0.30) | dict.fromkeys(_LOWERED, 0.16)  # in sizes
_PLAIN = str.maketrans(_RAISED + _LOWERED, 2 * "0123456789+−")
_MISSING = str.maketrans({"∈": "in", "∪": "+", "⊂": "in", "\t": " ", "‑": "-"})


def font_file(weight: Weight) -> Path:
    """The typeface's file in this weight."""
    return Path(str(resources.files(_PACKAGE))) / "files" / f"SourceSansPro-{weight}.ttf"


@dataclass(frozen=True)
class Type:
    """How a text is set: size of the letters in pixels, weight and colour."""

    size: int
    colour: Colour = (0, 0, 0)
    weight: Weight = "Regular"

    @property
    def line_height(self) -> int:
        """Distance from line to line in pixels."""
        return round(self.size * _LINE_HEIGHT)

    def width(self, line: str) -> int:
        """Width of one line in pixels, rounded up."""
        return math.ceil(sum(run.width for run in self._runs(line)))

    def wrapped(self, text: str, limit: int) -> list[str]:
        """The text in lines no wider than ``limit`` pixels; a longer word is broken.

        Line breaks in the text are kept. One letter stands on each line at the least.
        """
        lines: list[str] = []
        for paragraph in text.splitlines():
            line = ""
            for piece in chain.from_iterable(self._broken(w, limit) for w in paragraph.split()):
                longer = f"{line} {piece}".lstrip()
                if line and self.width(longer) > limit:
                    lines.append(line)
                    longer = piece
                line = longer
            lines += [line] if line else []
        return lines

    def draw(self, page: Image.Image, left: int, top: int, line: str) -> None:
        """Draw one line; its box is ``width(line)`` by ``line_height`` from (left, top)."""
        # Set finely and then reduced: at its own size each letter would snap to whole pixels.
        size = self.width(line) + 2 * _OVERHANG, self.line_height
        mask = Image.new("L", (size[0] * _FINE, size[1] * _FINE), 0)
        pen = ImageDraw.Draw(mask)
        baseline = self.line_height / 2 + self.size * 0.33
        x: float = _OVERHANG * _FINE
        for run in self._runs(line):
            y = (baseline + self.size * run.shift) * _FINE
            pen.text((x, y), run.letters, 255, run.font, anchor="ls")
            x += run.width * _FINE
        mask = mask.resize(size, Image.Resampling.BOX)
        page.paste(self.colour, (left - _OVERHANG, top), mask)

    def _runs(self, line: str) -> Iterator[_Run]:
        for shift, letters in groupby(line.translate(_MISSING), lambda each: _SHIFTS.get(each, 0)):
            size = self.size * (_SMALL if shift else 1)
            font = _font(self.weight, round(size * _FINE))
            yield _Run("".join(letters).translate(_PLAIN), font, shift)

    def _broken(self, word: str, limit: int) -> list[str]:
        """The word in pieces no wider than ``limit``."""
        if self.width(word) <= limit:
            return [word]
        pieces = [""]
        for letter in word:
            if pieces[-1] and self.width(pieces[-1] + letter) > limit:
                pieces.append("")
            pieces[-1] += letter
        return pieces


@dataclass(frozen=True)
class _Run:
    """Letters of one line that stand at one height."""

    letters: str
    font: ImageFont.FreeTypeFont
    shift: float

    @property
    def width(self) -> float:
        return self.font.getlength(self.letters) / _FINE


@cache
def _font(weight: Weight, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_file(weight)), size)
