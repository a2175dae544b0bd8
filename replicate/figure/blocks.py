"""Blocks of a page: rectangles that hold pictures, lines of text and rules, put beside and
under one another before anything is painted, so that every place is known and can be checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import numpy as np
from PIL import Image, ImageDraw

from replicate.figure.panels import Drawable
from replicate.figure.text import Colour, Type
from replicate.images.picture import Picture

Role = Literal[
    "title", "heading", "axis", "label", "text", "panel", "inset", "zoom", "window", "rule", "badge"
]


@dataclass(frozen=True)
class Box:
    """Pixels from (left, top) up to, not including, (right, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    def moved(self, right: int, down: int) -> Box:
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down)

    def grown(self, margin: int) -> Box:
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def contains(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class Element(Protocol):
    """Something with a place on the page."""

    @property
    def role(self) -> Role: ...

    @property
    def box(self) -> Box: ...

    def moved(self, right: int, down: int) -> Self: ...

    def paint(self, page: Image.Image) -> None: ...


@dataclass(frozen=True)
class _Placed:
    role: Role
    box: Box

    def moved(self, right: int, down: int) -> Self:
        return replace(self, box=self.box.moved(right, down))


@dataclass(frozen=True)
class PlacedPicture(_Placed):
    """A picture resampled to its box; `of` is the place in the grid that it belongs to."""

    picture: Picture
    of: tuple[int, int] | None = None

    def paint(self, page: Image.Image) -> None:
        page.paste(self.picture.resized(*self.box.size).pil(), (self.box.left, self.box.top))


@dataclass(frozen=True)
class PlacedDrawing(_Placed):
    """A plot, drawn at the size of its box."""

    drawing: Drawable
    text_size: int

    def paint(self, page: Image.Image) -> None:
        picture = self.drawing.draw(*self.box.size, self.text_size)
        page.paste(picture.pil(), (self.box.left, self.box.top))


@dataclass(frozen=True)
class PlacedLine(_Placed):
    """One line of text."""

    line: str
    type: Type

    def paint(self, page: Image.Image) -> None:
        self.type.draw(page, self.box.left, self.box.top, self.line)


@dataclass(frozen=True)
class PlacedFill(_Placed):
    """A filled rectangle, with round corners if there is a radius."""

    colour: Colour
    radius: int = 0

    def paint(self, page: Image.Image) -> None:
        box = self.box
        corners = (box.left, box.top, box.right - 1, box.bottom - 1)
        if not self.radius:
            ImageDraw.Draw(page).rectangle(corners, fill=self.colour)
            return
        fine = 4  # Pillow's round corners have steps; drawn larger and reduced they have none
        mask = Image.new("L", (box.width * fine, box.height * fine), 0)
        ImageDraw.Draw(mask).rounded_rectangle(
            (0, 0, box.width * fine - 1, box.height * fine - 1), self.radius * fine, fill=255
        )
        mask = mask.resize(box.size, Image.Resampling.BOX)
        page.paste(self.colour, (box.left, box.top), mask)


@dataclass(frozen=True)
class PlacedOutline(_Placed):
    """A frame of `stroke` pixels that lies inside its box."""

    colour: Colour
    stroke: int

    def paint(self, page: Image.Image) -> None:
        box = self.box
        corners = (box.left, box.top, box.right - 1, box.bottom - 1)
        ImageDraw.Draw(page).rectangle(corners, outline=self.colour, width=self.stroke)


@dataclass(frozen=True)
class Block:
    """Elements within a rectangle from (0, 0) to (width, height)."""

    width: int
    height: int
    elements: tuple[Element, ...] = ()

    def placed(self, left: int, top: int) -> tuple[Element, ...]:
        """The elements with the block's corner at (left, top)."""
        return tuple(element.moved(left, top) for element in self.elements)

    def indented(self, left: int) -> Block:
        """The block with `left` empty pixels at its left."""
        return Block(self.width + left, self.height, self.placed(left, 0))

    def painted(self, margin: int, ground: Colour = (255, 255, 255)) -> Picture:
        """The block as a picture, with an empty margin around it."""
        page = Image.new("RGB", (self.width + 2 * margin, self.height + 2 * margin), ground)
        for element in self.placed(margin, margin):
            element.paint(page)
        return Picture.from_array(np.asarray(page))


def paragraph(
    role: Role,
    text: str,
    type: Type,
    width: int,
    align: Literal["left", "centre", "right"] = "left",
) -> Block:
    """Text wrapped to `width`; the block is exactly that wide, or wider for one wide letter."""
    lines = type.wrapped(text, width)
    elements = []
    for place, line in enumerate(lines):
        free = width - type.width(line)
        left = {"left": 0, "centre": free // 2, "right": free}[align]
        top = place * type.line_height
        box = Box(left, top, left + type.width(line), top + type.line_height)
        elements.append(PlacedLine(role, box, line, type))
    return Block(width, len(lines) * type.line_height, tuple(elements))


def stacked(blocks: Iterable[Block], gap: int = 0) -> Block:
    """Blocks under one another, their left sides in line; empty ones take no gap."""
    elements: list[Element] = []
    width = bottom = 0
    for block in blocks:
        if not block.height:
            continue
        top = bottom + gap if elements else 0
        elements += block.placed(0, top)
        width, bottom = max(width, block.width), top + block.height
    return Block(width, bottom, tuple(elements))


def beside(blocks: Sequence[Block], gap: int = 0) -> Block:
    """Blocks beside one another, their tops in line; empty ones take no gap."""
    elements: list[Element] = []
    height = right = 0
    for block in blocks:
        if not block.width:
            continue
        left = right + gap if right else 0
        elements += block.placed(left, 0)
        right, height = left + block.width, max(height, block.height)
    return Block(right, height, tuple(elements))
