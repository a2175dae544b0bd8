"""Blocks of a page: rectangles that hold pictures, lines of text and rules, put beside and
under one another before anything is painted, so that every place is known and can be checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from PIL import Image, ImageDraw

from replicate.figure.text import Colour, Type
from replicate.images.picture import Picture

Role = Literal[
    "title",
    "heading",
    "axis",
    "label",
    "text",
    "panel",
    "plot",
    "inset",
    "zoom",
    "window",
    "rule",
    "badge",
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

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """The first and the last pixel, as Pillow wants a rectangle."""
        return self.left, self.top, self.right - 1, self.bottom - 1

    def moved(self, right: int, down: int) -> Box:
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down)

    def grown(self, margin: int) -> Box:
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)


@dataclass(frozen=True)
class Element(ABC):
    """Something with a place on the page."""

    role: Role
    box: Box

    def moved(self, right: int, down: int) -> Self:
        return replace(self, box=self.box.moved(right, down))

    @abstractmethod
    def paint(self, page: Image.Image) -> None: ...


@dataclass(frozen=True)
class PlacedPicture(Element):
    """A picture resampled to its box; ``of`` is the place in the grid that it belongs to."""

    picture: Picture
    of: tuple[int, int] | None = None

    def paint(self, page: Image.Image) -> None:
        page.paste(self.picture.resized(*self.box.size).pil(), (self.box.left, self.box.top))


@dataclass(frozen=True)
class PlacedLine(Element):
    """One line of text."""

    line: str
    type: Type

    def paint(self, page: Image.Image) -> None:
        self.type.draw(page, self.box.left, self.box.top, self.line)


@dataclass(frozen=True)
class PlacedFill(Element):
    """A filled rectangle, with round corners if there is a radius."""

    colour: Colour
    radius: int = 0

    def paint(self, page: Image.Image) -> None:
        if not self.radius:
            ImageDraw.Draw(page).rectangle(self.box.corners, fill=self.colour)
            return
        fine = 4  # Pillow's round corners have steps; drawn larger and reduced they have none
        large = Box(0, 0, self.box.width * fine, self.box.height * fine)
        mask = Image.new("L", large.size, 0)
        ImageDraw.Draw(mask).rounded_rectangle(large.corners, self.radius * fine, fill=255)
        mask = mask.resize(self.box.size, Image.Resampling.BOX)
        page.paste(self.colour, (self.box.left, self.box.top), mask)


@dataclass(frozen=True)
class PlacedOutline(Element):
    """A frame of ``stroke`` pixels that lies inside its box."""

    colour: Colour
    stroke: int

    def paint(self, page: Image.Image) -> None:
        pen = ImageDraw.Draw(page)
        pen.rectangle(self.box.corners, outline=self.colour, width=self.stroke)


@dataclass(frozen=True)
class Block:
    """Elements within a rectangle from (0, 0) to (width, height)."""

    width: int
    height: int
    elements: tuple[Element, ...] = ()

    def placed(self, left: int, top: int) -> tuple[Element, ...]:
        """The elements with the block's corner at (left, top)."""
        return tuple(element.moved(left, top) for element in self.elements)

    def painted(self, margin: int) -> Picture:
        """The block as a picture, with a white margin around it."""
        page = Image.new("RGB", (self.width + 2 * margin, self.height + 2 * margin), "white")
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
    """Text wrapped to ``width``; the block is exactly that wide, or wider for one wide letter."""
    elements = []
    for place, line in enumerate(type.wrapped(text, width)):
        free = width - type.width(line)
        left = {"left": 0, "centre": free // 2, "right": free}[align]
        box = Box(0, 0, type.width(line), type.line_height).moved(left, place * type.line_height)
        elements.append(PlacedLine(role, box, line, type))
    return Block(width, len(elements) * type.line_height, tuple(elements))


def stacked(blocks: Iterable[Block], gap: int = 0) -> Block:
    """Blocks under one another, their left sides in line; empty ones take no gap."""
    elements: list[Element] = []
    width, top = 0, 0
    for block in blocks:
        if block.height:
            elements += block.placed(0, top)
            width, top = max(width, block.width), top + block.height + gap
    return Block(width, max(0, top - gap), tuple(elements))


def beside(blocks: Iterable[Block], gap: int = 0) -> Block:
    """Blocks beside one another, their tops in line; empty ones take no gap."""
    elements: list[Element] = []
    left, height = 0, 0
    for block in blocks:
        if block.width:
            elements += block.placed(left, 0)
            left, height = left + block.width + gap, max(height, block.height)
    return Block(max(0, left - gap), height, tuple(elements))
