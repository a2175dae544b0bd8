"""How a page is laid out: the sizes that its parts share, and where each part of a grid goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from replicate.figure.blocks import (
    Block,
    Box,
    Element,
    PlacedFill,
    PlacedOutline,
    PlacedPicture,
    beside,
    paragraph,
    stacked,
)
from replicate.figure.claims import Claim
from replicate.figure.panels import Grid, Panel, Window, crop
from replicate.figure.text import Colour, Type, Weight
from replicate.figure.verdicts import WORDS, Verdict
from replicate.images.picture import Picture

MIN_CELL = 256  # pixels; smaller pictures are enlarged
MIN_WIDTH = 1000
MAX_WIDTH = 3600

_PLOT_PAGE = 1500  # width in pixels of the cells where there are only plots
_INK: Colour = (28, 30, 33)
_GREY: Colour = (98, 103, 110)
_PALE: Colour = (222, 225, 229)
_EMPTY: Colour = (240, 241, 243)
_WHITE: Colour = (255, 255, 255)
_WINDOW: Colour = (255, 196, 0)
# Told apart by lightness as well, for readers who see red and green alike.
_BADGES: dict[str, Colour] = {"holds": (15, 110, 86), "fails": (190, 74, 20)}
_OPEN: Colour = (91, 97, 104)

Style = Literal["title", "heading", "label", "name", "axis", "body", "small", "fine", "badge"]
_STYLES: dict[Style, tuple[float, Colour, Weight]] = {  # size in heights of the text
    "title": (1.55, _INK, "Semibold"),
    "heading": (1.1, _INK, "Semibold"),
    "label": (0.95, _INK, "Semibold"),
    "name": (0.85, _INK, "Semibold"),  # a panel's own label
    "axis": (0.85, _GREY, "Regular"),
    "body": (1, _INK, "Regular"),
    "small": (0.82, _GREY, "Regular"),
    "fine": (0.78, _GREY, "Regular"),
    "badge": (0.7, _WHITE, "Semibold"),
}
_Place = tuple[int, int] | None


@dataclass(frozen=True)
class Sizes:
    """Sizes in pixels that the parts of a page share."""

    cell: int
    text: int
    panels: int = 0  # width of the widest row of panels
    row_labels: int = 0
    inputs: int = 0

    def spaced(self, lines: float) -> int:
        """A distance in heights of the text."""
        return round(self.text * lines)

    def type(self, style: Style) -> Type:
        scale, colour, weight = _STYLES[style]
        return Type(self.spaced(scale), colour, weight)

    @property
    def gap(self) -> int:
        """Distance of neighbouring panels."""
        return self.spaced(0.5)

    @property
    def stroke(self) -> int:
        return max(2, self.spaced(0.11))

    @property
    def indent(self) -> int:
        """Where the first column begins."""
        return self.row_labels + 2 * self.gap if self.row_labels else 0

    def width(self, slots: int) -> int:
        """Width of so many cells and the gaps between them."""
        return slots * (self.cell + self.gap) - self.gap


def sizes_for(grids: Sequence[Grid]) -> Sizes:
    """Cells that suit the largest picture, and letters in proportion to the page."""
    slots = max(grid.slots for grid in grids)
    natural = max(grid.natural_width for grid in grids) or _PLOT_PAGE // slots
    factor = 1
    while factor * natural < MIN_CELL or factor * natural * slots < 0.94 * MIN_WIDTH:
        factor += 1
    # Labels and inputs take up to a fifth of the page beside the cells.
    cell = min(factor * natural, round(0.8 * MAX_WIDTH / slots))
    sizes = Sizes(cell, text=max(17, round((cell * slots + 300) / 72)))
    inputs = round(0.66 * cell) if any(grid.inputs for grid in grids) else 0
    labels = _row_label_width(grids, sizes, limit=slots * cell // 6)
    return replace(sizes, panels=sizes.width(slots), row_labels=labels, inputs=inputs)


def laid_out(grid: Grid, sizes: Sizes) -> Block:
    """A grid with its heading, labels and inputs."""
    if not grid.natural_width:
        # Plots have no width of their own: their row is as wide as the widest row elsewhere.
        sizes = replace(sizes, cell=(sizes.panels + sizes.gap) // grid.slots - sizes.gap)
    gap = sizes.gap * 2 if grid.has_text else sizes.gap
    rows = stacked((_row(grid, row, sizes) for row in range(grid.row_count)), gap)
    table = stacked([_labels_above(grid, sizes), rows], sizes.gap)
    if sizes.inputs:
        table = _with_inputs(grid, table, sizes)
    heading = paragraph("heading", grid.heading, sizes.type("heading"), table.width)
    return stacked([heading, table], sizes.gap)


def verdict(claim: Claim, found: Verdict | None, sizes: Sizes, width: int) -> Block:
    """A badge, the claim, what the evidence says of it, and what was measured here."""
    badge = _badge(found.word if found else "not judged", sizes)
    room = width - badge.width - 2 * sizes.gap
    lines = [
        paragraph("text", claim.text, sizes.type("body"), room),
        paragraph("text", f"Evidence: {found}." if found else "", sizes.type("small"), room),
        paragraph("text", f"Here: {claim.measured}", sizes.type("small"), room),
    ]
    return beside([badge, stacked(lines)], 2 * sizes.gap)


def rule(width: int) -> Block:
    """A pale line."""
    return Block(width, 2, (PlacedFill("rule", Box(0, 0, width, 2), _PALE),))


def _row_label_width(grids: Sequence[Grid], sizes: Sizes, limit: int) -> int:
    """Width of the widest line of all row labels once they are wrapped."""
    label, axis = sizes.type("label"), sizes.type("axis")
    texts = [(label, row) for grid in grids for row in grid.rows]
    texts += [(axis, grid.row_title) for grid in grids]
    widths = [type.width(line) for type, text in texts for line in type.wrapped(text, limit)]
    return max(widths, default=0)


def _with_inputs(grid: Grid, table: Block, sizes: Sizes) -> Block:
    """The table with the inputs at its left, level with the first row of pictures."""
    top = min(element.box.top for element in table.elements if element.role in ("panel", "plot"))
    column = stacked([_input(panel, sizes) for panel in grid.inputs], 2 * sizes.gap)
    left = Block(sizes.inputs, top + column.height, column.placed(0, top))
    gap = 4 * sizes.gap
    joined = beside([left, table], gap)
    if not grid.inputs:
        return joined
    middle = sizes.inputs + gap // 2
    line = PlacedFill("rule", Box(middle, top, middle + 2, joined.height), _PALE)
    return replace(joined, elements=(*joined.elements, line))


def _input(panel: Panel, sizes: Sizes) -> Block:
    width, small = sizes.inputs, sizes.type("small")
    size = _fitted(panel, width, width)
    picture = Block(width, size[1], tuple(_picture(panel, Box(0, 0, *size), sizes, None)))
    lines = [paragraph("text", each, small, width) for each in (panel.label, *panel.lines)]
    return stacked([picture, stacked(lines)], sizes.gap // 2)


def _labels_above(grid: Grid, sizes: Sizes) -> Block:
    """Column labels and both titles, at the bottom of a band above the panels."""
    cells, axis = sizes.width(grid.slots), sizes.type("axis")
    title = paragraph("axis", grid.column_title, axis, cells, "centre")
    texts, label = grid.columns, sizes.type("label")
    if grid.slots > grid.column_count:
        texts = [text for column in grid.columns for text in (column, "detail")]
    names = [paragraph("label", text, label, sizes.cell, "centre") for text in texts]
    corner = paragraph("axis", grid.row_title, axis, sizes.row_labels, "right")
    names_height = max((name.height for name in names), default=0)
    height = max(names_height + title.height, corner.height)
    elements = [*corner.placed(0, height - corner.height)]
    elements += title.placed(sizes.indent, height - names_height - title.height)
    for place, name in enumerate(names):
        left = sizes.indent + place * (sizes.cell + sizes.gap)
        elements += name.placed(left, height - name.height)
    return Block(sizes.indent + cells, height, tuple(elements))


def _row(grid: Grid, row: int, sizes: Sizes) -> Block:
    """One row of panels and its label, which stands at the middle of the pictures."""
    panels = {column: panel for (r, column), panel in sorted(grid.panels.items()) if r == row}
    limit = _cell_height(grid, sizes)
    fitted = {column: _fitted(panel, sizes.cell, limit) for column, panel in panels.items()}
    height = max((size[1] for size in fitted.values()), default=0)
    pitch = (sizes.cell + sizes.gap) * grid.slots // grid.column_count
    elements: list[Element] = []
    bottom = 0
    for column, panel in panels.items():
        block = _panel(grid, panel, (row, column), fitted[column], height, sizes)
        elements += block.placed(sizes.indent + column * pitch, 0)
        bottom = max(bottom, block.height)
    if grid.rows:
        label = paragraph("label", grid.rows[row], sizes.type("label"), sizes.row_labels, "right")
        top = max(0, (height - label.height) // 2)
        elements += label.placed(0, top)
        bottom = max(bottom, top + label.height)
    return Block(sizes.indent + sizes.width(grid.slots), bottom, tuple(elements))


def _panel(
    grid: Grid, panel: Panel, place: _Place, size: tuple[int, int], row_height: int, sizes: Sizes
) -> Block:
    """The picture, its enlarged window and its text."""
    box = Box(0, 0, *size).moved((sizes.cell - size[0]) // 2, (row_height - size[1]) // 2)
    picture = Block(sizes.cell, row_height, tuple(_picture(panel, box, sizes, place)))
    texts: list[tuple[str, Style]] = [(panel.label, "name")]
    texts += [(line, "small") for line in panel.lines]
    text = stacked(
        paragraph("text", each, sizes.type(style), sizes.cell, "centre") for each, style in texts
    )
    detail = _detail(panel, sizes, place)
    if grid.detail == "beside":
        return beside([stacked([picture, text], sizes.gap // 2), detail], sizes.gap)
    return stacked([stacked([picture, detail], sizes.gap), text], sizes.gap // 2)


def _picture(panel: Panel, box: Box, sizes: Sizes, place: _Place) -> Iterator[Element]:
    """The panel's picture in its box, with window frame and inset."""
    content, small = panel.picture, sizes.type("small")
    if content is None:
        note = paragraph("text", "not drawn", small, box.width, "centre")
        yield PlacedFill("panel", box, _EMPTY)
        yield from note.placed(box.left, box.top + (box.height - note.height) // 2)
        return
    if not isinstance(content, Picture):
        yield PlacedPicture("plot", box, content.draw(*box.size, small.size), place)
        return
    yield PlacedPicture("panel", box, content, place)
    if panel.window:
        yield PlacedOutline("window", _within(panel.window, box), _WINDOW, sizes.stroke)
    if panel.inset:
        yield from _inset(panel.inset, box, sizes.stroke, place)


def _within(window: Window, box: Box) -> Box:
    left, top, right, bottom = window
    return Box(
        round(left * box.width),
        round(top * box.height),
        round(right * box.width),
        round(bottom * box.height),
    ).moved(box.left, box.top)


def _inset(picture: Picture, box: Box, stroke: int, place: _Place) -> Iterator[Element]:
    """A small picture in the lower left corner, in a white frame."""
    width, height = picture.size
    scale = min(box.width * 0.28 / width, box.height * 0.34 / height)
    inner = Box(0, 0, max(1, round(width * scale)), max(1, round(height * scale)))
    inner = inner.moved(box.left + stroke, box.bottom - stroke - inner.height)
    yield PlacedFill("rule", inner.grown(stroke), _WHITE)
    yield PlacedPicture("inset", inner, picture, place)


def _detail(panel: Panel, sizes: Sizes, place: _Place) -> Block:
    """The window of the panel's picture, as wide as a cell."""
    if panel.window is None or not isinstance(panel.picture, Picture):
        return Block(0, 0)
    part = crop(panel.picture, panel.window)
    width, height = part.size
    box = Box(0, 0, sizes.cell, max(1, round(sizes.cell * height / width)))
    frame = PlacedOutline("window", box, _WINDOW, sizes.stroke)
    return Block(*box.size, (PlacedPicture("zoom", box, part, place), frame))


def _fitted(panel: Panel, width: int, height: int) -> tuple[int, int]:
    """The panel's size within width × height, its aspect kept."""
    if panel.aspect * width <= height:
        return width, max(1, round(panel.aspect * width))
    return max(1, round(height / panel.aspect)), height


def _cell_height(grid: Grid, sizes: Sizes) -> int:
    """Where all panels are tall they may be as tall as they are; else none is over square."""
    aspects = [panel.aspect for panel in grid.panels.values()]
    return max(1, round(sizes.cell * min(max(aspects), max(1.0, min(aspects)))))


def _badge(word: str, sizes: Sizes) -> Block:
    type, line = sizes.type("badge"), sizes.type("body").line_height
    width = max(type.width(each.upper()) for each in (*WORDS, "not judged")) + sizes.text
    height = round(type.size * 1.55)
    box = Box(0, 0, width, height).moved(0, (line - height) // 2)
    fill = PlacedFill("badge", box, _BADGES.get(word, _OPEN), round(height * 0.28))
    letters = paragraph("text", word.upper(), type, width, "centre")
    return Block(width, line, (fill, *letters.placed(0, (line - letters.height) // 2)))
