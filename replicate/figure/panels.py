"""Panels and the grids that they stand in: what a figure shows, before any layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

from replicate.images.picture import Picture

Window = tuple[float, float, float, float]
Detail = Literal["below", "beside"]

_EMPTY_ASPECT = 0.75


@runtime_checkable
class Drawable(Protocol):
    """What draws itself at any size, such as a plot."""

    @property
    def aspect(self) -> float:
        """Height over width."""
        ...

    def draw(self, width: int, height: int, text_size: int) -> Picture:
        """The drawing in so many pixels, its letters ``text_size`` pixels high."""
        ...


@dataclass(frozen=True)
class Panel:
    """One place of a grid.

    Attributes:
        picture: picture or plot; None leaves a pale field that says "not drawn".
        label: name under the picture, where row and column labels do not say enough.
        lines: small text under it, such as "PSNR 23.1 dB".
        inset: small picture laid over the lower left corner, such as the style image.
        window: (left, top, right, bottom) in fractions of width and height, framed on the
            picture and enlarged where the grid's ``detail`` says.
    """

    picture: Picture | Drawable | None
    label: str = ""
    lines: Sequence[str] = ()
    inset: Picture | None = None
    window: Window | None = None

    def __post_init__(self) -> None:
        if self.window is not None:
            left, top, right, bottom = self.window
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise ValueError(f"A window lies within (0, 0, 1, 1), not at {self.window}.")

    @property
    def aspect(self) -> float:
        """Height over width."""
        if isinstance(self.picture, Picture):
            width, height = self.picture.size
            return height / width
        return self.picture.aspect if self.picture else _EMPTY_ASPECT


@dataclass(frozen=True)
class Grid:
    """Panels in rows and columns, with labels and input pictures at the left.

    Attributes:
        cells: rows of panels; None leaves a place empty.
        rows, columns: labels, one each or none at all.
        heading: line above the grid.
        row_title, column_title: what the labels count, such as "α/β".
        inputs: pictures at the left of the grid, each with its label and lines under it.
        detail: where the enlarged window of each panel stands.
    """

    cells: Sequence[Sequence[Panel | None]]
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    heading: str = ""
    row_title: str = ""
    column_title: str = ""
    inputs: Sequence[Panel] = ()
    detail: Detail = "below"

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError("A grid needs panels.")
        for labels, count, what in (
            (self.rows, self.row_count, "row"),
            (self.columns, self.column_count, "column"),
        ):
            if labels and len(labels) != count:
                raise ValueError(f"A grid of {count} {what}s has {len(labels)} {what} labels.")

    @cached_property
    def panels(self) -> dict[tuple[int, int], Panel]:
        """The panels by row and column, counted from 0."""
        return {
            (row, column): panel
            for row, line in enumerate(self.cells)
            for column, panel in enumerate(line)
            if panel is not None
        }

    @property
    def row_count(self) -> int:
        return 1 + max(row for row, _ in self.panels)

    @property
    def column_count(self) -> int:
        return 1 + max(column for _, column in self.panels)

    @property
    def has_text(self) -> bool:
        """Whether any panel has a label or lines under its picture."""
        return any(panel.label or panel.lines for panel in self.panels.values())

    @property
    def slots(self) -> int:
        """Cells that a row is wide, enlarged windows beside their pictures included."""
        windows = any(panel.window for panel in self.panels.values())
        return self.column_count * (2 if windows and self.detail == "beside" else 1)

    @property
    def natural_width(self) -> int:
        """Width of the widest picture in its own pixels; 0 if there are only plots."""
        pictures = [panel.picture for panel in self.panels.values()]
        return max((each.size[0] for each in pictures if isinstance(each, Picture)), default=0)


def crop(picture: Picture, window: Window) -> Picture:
    """The part of the picture in the window, in its own pixels."""
    width, height = picture.size
    left, top = int(window[0] * width), int(window[1] * height)
    right = max(left + 1, round(window[2] * width))
    bottom = max(top + 1, round(window[3] * height))
    pixels = picture.pixels[top:bottom, left:right]
    return Picture(pixels.copy(), picture.name, picture.credit)
