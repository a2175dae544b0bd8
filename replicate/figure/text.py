"""Type for figures: one typeface in two weights, wrapping by measured width, raised exponents.

The typeface is Source Sans Pro (SIL Open Font License), which comes as a Python package, so
that a figure looks the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from itertools import groupby
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
_RAISE, _LOWER = -0.30, 0.16  # their shift, in sizes
_EXPONENTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+−", strict=True))
_INDICES = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+−", strict=True))
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
        return -int(-sum(run.width for run in self._runs(line)) // 1)

    def wrapped(self, text: str, limit: int) -> list[str]:
        """The text in lines no wider than `limit` pixels; a longer word is broken.

        Line breaks in the text are kept. One letter stands on each line at the least.
        """
        return [line for part in text.splitlines() for line in self._wrapped_paragraph(part, limit)]

    def draw(self, page: Image.Image, left: int, top: int, line: str) -> None:
        """Draw one line; its box is `width(line)` by `line_height` from (left, top)."""
        # Set finely and then reduced: at its own size each letter would snap to whole pixels.
        size = self.width(line) + 2 * _OVERHANG, self.line_height
        mask = Image.new("L", (size[0] * _FINE, size[1] * _FINE), 0)
        pen = ImageDraw.Draw(mask)
        baseline = (self.line_height / 2 + self.size * 0.33) * _FINE
        x: float = _OVERHANG * _FINE
        for run in self._runs(line):
            y = baseline + self.size * run.shift * _FINE
            pen.text((x, y), run.letters, 255, run.font, anchor="ls")
            x += run.width * _FINE
        mask = mask.resize(size, Image.Resampling.BOX)
        page.paste(self.colour, (left - _OVERHANG, top), mask)

    def _runs(self, line: str) -> list[_Run]:
        line = line.translate(_MISSING)
        return [_Run(self, "".join(part), level) for level, part in groupby(line, key=_level)]

    def _wrapped_paragraph(self, text: str, limit: int) -> list[str]:
        lines: list[str] = []
        line = ""
        for word in text.split():
            longer = f"{line} {word}" if line else word
            if self.width(longer) <= limit:
                line = longer
                continue
            if line:
                lines.append(line)
            *broken, line = self._broken(word, limit)
            lines += broken
        return [*lines, line] if line else lines

    def _broken(self, word: str, limit: int) -> list[str]:
        """The word in pieces no wider than `limit`."""
        pieces = [""]
        for letter in word:
            if pieces[-1] and self.width(pieces[-1] + letter) > limit:
                pieces.append("")
            pieces[-1] += letter
        return pieces


@dataclass(frozen=True)
class _Run:
    """Letters of one line that stand at one height."""

    type: Type
    text: str
    level: int

    @property
    def letters(self) -> str:
        table = {1: _EXPONENTS, -1: _INDICES}.get(self.level, {})
        return "".join(table.get(letter, letter) for letter in self.text)

    @cached_property
    def font(self) -> ImageFont.FreeTypeFont:
        scale = 1 if self.level == 0 else _SMALL
        return _font(self.type.weight, round(self.type.size * scale * _FINE))

    @property
    def width(self) -> float:
        return self.font.getlength(self.letters) / _FINE

    @property
    def shift(self) -> float:
        return {0: 0.0, 1: _RAISE, -1: _LOWER}[self.level]


def _level(letter: str) -> int:
    return int(letter in _EXPONENTS) - int(letter in _INDICES)


@cache
def _font(weight: Weight, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_file(weight)), size)
