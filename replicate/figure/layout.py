"""How a page is laid out: the sizes that its parts share, and where each part of a grid goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from replicate.figure.blocks import (
    Block,
    Box,
    Element,
    PlacedDrawing,
    PlacedFill,
    PlacedOutline,
    PlacedPicture,
    beside,
    paragraph,
    stacked,
)
from replicate.figure.claims import Claim
from replicate.figure.panels import Grid, Panel, Window, crop
from replicate.figure.text import Colour, Type
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
_HOLDS: Colour = (15, 110, 86)
_FAILS: Colour = (190, 74, 20)

_Place = tuple[int, int] | None


@dataclass(frozen=True)
class Sheet:
    """Sizes in pixels that the parts of a page share, and its kinds of type."""

    cell: int
    text: int
    panels: int = 0  # width of the widest row of panels
    row_labels: int = 0
    inputs: int = 0

    def spaced(self, lines: float) -> int:
        """A distance in heights of the text."""
        return round(self.text * lines)

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

    @property
    def title(self) -> Type:
        return self._strong(1.55)

    @property
    def subtitle(self) -> Type:
        return self._plain(1.1)

    @property
    def heading(self) -> Type:
        return self._strong(1.1)

    @property
    def label(self) -> Type:
        return self._strong(0.95)

    @property
    def name(self) -> Type:
        """Of a panel's own label."""
        return self._strong(0.85)

    @property
    def axis(self) -> Type:
        return self._plain(0.85)

    @property
    def small(self) -> Type:
        return self._plain(0.82)

    @property
    def fine(self) -> Type:
        return self._plain(0.78)

    @property
    def body(self) -> Type:
        return Type(self.text, _INK)

    @property
    def badge(self) -> Type:
        return replace(self._strong(0.7), colour=_WHITE)

    def _plain(self, scale: float) -> Type:
        return Type(self.spaced(scale), _GREY)

    def _strong(self, scale: float) -> Type:
        return Type(self.spaced(scale), _INK, "Semibold")


def sheet_for(grids: Sequence[Grid]) -> Sheet:
    """Cells that suit the largest picture, and letters in proportion to the page."""
    slots = max(grid.slots for grid in grids)
    natural = max(grid.natural_width for grid in grids) or _PLOT_PAGE // slots
    factor = 1
    while factor * natural < MIN_CELL or factor * natural * slots < 0.94 * MIN_WIDTH:
        factor += 1
    # Labels and inputs take up to a fifth of the page beside the cells.
    cell = min(factor * natural, round(0.8 * MAX_WIDTH / slots))
    sheet = Sheet(cell, text=max(17, round((cell * slots + 300) / 72)))
    inputs = round(0.66 * cell) if any(grid.inputs for grid in grids) else 0
    labels = _row_label_width(grids, sheet, limit=slots * cell // 6)
    panels = slots * (cell + sheet.gap) - sheet.gap
    return replace(sheet, panels=panels, row_labels=labels, inputs=inputs)


def laid_out(grid: Grid, sheet: Sheet) -> Block:
    """A grid with its heading, labels and inputs."""
    if not grid.natural_width:
        # Plots have no width of their own: their row is as wide as the widest row elsewhere.
        sheet = replace(sheet, cell=(sheet.panels + sheet.gap) // grid.slots - sheet.gap)
    gap = sheet.gap * 2 if grid.has_text else sheet.gap
    rows = stacked([_row(grid, row, sheet) for row in range(grid.row_count)], gap)
    table = stacked([_labels_above(grid, sheet), rows], sheet.gap)
    if sheet.inputs:
        table = _with_inputs(grid, table, sheet)
    heading = paragraph("heading", grid.heading, sheet.heading, table.width)
    return stacked([heading, table], sheet.gap)


def verdict(claim: Claim, sheet: Sheet, width: int) -> Block:
    """A badge, the claim, and under it what was measured."""
    badge = _badge(claim, sheet)
    room = width - badge.width - 2 * sheet.gap
    text = stacked(
        [
            paragraph("text", claim.text, sheet.body, room),
            paragraph("text", claim.measured, sheet.small, room),
        ]
    )
    return beside([badge, text], 2 * sheet.gap)


def rule(width: int) -> Block:
    """A pale line, or nothing if it has no length."""
    if not width:
        return Block(0, 0)
    return Block(width, 2, (PlacedFill("rule", Box(0, 0, width, 2), _PALE),))


def _row_label_width(grids: Sequence[Grid], sheet: Sheet, limit: int) -> int:
    """Width of the widest line of all row labels once they are wrapped."""
    labels = [
        line for grid in grids for row in grid.rows for line in sheet.label.wrapped(row, limit)
    ]
    titles = [line for grid in grids for line in sheet.axis.wrapped(grid.row_title, limit)]
    widths = [*map(sheet.label.width, labels), *map(sheet.axis.width, titles)]
    return max(widths, default=0)


def _with_inputs(grid: Grid, table: Block, sheet: Sheet) -> Block:
    """The table with the inputs at its left, level with the first row of pictures."""
    top = min(element.box.top for element in table.elements if element.role == "panel")
    column = stacked([_input(panel, sheet) for panel in grid.inputs], 2 * sheet.gap)
    left = Block(sheet.inputs, top + column.height, column.placed(0, top))
    gap = 4 * sheet.gap
    joined = beside([left, table], gap)
    if not grid.inputs:
        return joined
    middle = sheet.inputs + gap // 2
    line = PlacedFill("rule", Box(middle, top, middle + 2, joined.height), _PALE)
    return Block(joined.width, joined.height, (*joined.elements, line))


def _input(panel: Panel, sheet: Sheet) -> Block:
    size = _fitted(panel, sheet.inputs, sheet.inputs)
    picture = Block(sheet.inputs, size[1], _picture(panel, Box(0, 0, *size), sheet, None))
    lines = [paragraph("text", each, sheet.small, sheet.inputs) for each in panel.lines]
    label = paragraph("text", panel.label, sheet.small, sheet.inputs)
    return stacked([picture, stacked([label, *lines])], sheet.gap // 2)


def _labels_above(grid: Grid, sheet: Sheet) -> Block:
    """Column labels and both titles, at the bottom of a band above the panels."""
    width = _table_width(grid, sheet)
    axis = paragraph("axis", grid.column_title, sheet.axis, width - sheet.indent, "centre")
    names = [
        paragraph("label", text, sheet.label, sheet.cell, "centre") for text in _column_names(grid)
    ]
    corner = paragraph("axis", grid.row_title, sheet.axis, sheet.row_labels, "right")
    names_height = max((name.height for name in names), default=0)
    height = max(names_height + axis.height, corner.height)
    elements = [*corner.placed(0, height - corner.height)]
    elements += axis.placed(sheet.indent, height - names_height - axis.height)
    for place, name in enumerate(names):
        left = sheet.indent + place * (sheet.cell + sheet.gap)
        elements += name.placed(left, height - name.height)
    return Block(width, height, tuple(elements))


def _column_names(grid: Grid) -> Sequence[str]:
    if not grid.columns or grid.slots == grid.column_count:
        return grid.columns
    return [name for column in grid.columns for name in (column, "detail")]


def _row(grid: Grid, row: int, sheet: Sheet) -> Block:
    """One row of panels and its label, which stands at the middle of the pictures."""
    panels = {column: grid.panels[row, column] for column in _columns_of(grid, row)}
    sizes = {
        column: _fitted(panel, sheet.cell, _cell_height(grid, sheet))
        for column, panel in panels.items()
    }
    height = max((size[1] for size in sizes.values()), default=0)
    pitch = (sheet.cell + sheet.gap) * grid.slots // grid.column_count
    blocks = {
        column: _panel(grid, panel, (row, column), sizes[column], height, sheet)
        for column, panel in panels.items()
    }
    elements: list[Element] = []
    for column, block in blocks.items():
        elements += block.placed(sheet.indent + column * pitch, 0)
    bottom = max((block.height for block in blocks.values()), default=0)
    if grid.rows:
        label = paragraph("label", grid.rows[row], sheet.label, sheet.row_labels, "right")
        top = max(0, (height - label.height) // 2)
        elements += label.placed(0, top)
        bottom = max(bottom, top + label.height)
    return Block(_table_width(grid, sheet), bottom, tuple(elements))


def _columns_of(grid: Grid, row: int) -> list[int]:
    return sorted(column for r, column in grid.panels if r == row)


def _table_width(grid: Grid, sheet: Sheet) -> int:
    return sheet.indent + grid.slots * (sheet.cell + sheet.gap) - sheet.gap


def _panel(
    grid: Grid, panel: Panel, place: _Place, size: tuple[int, int], row_height: int, sheet: Sheet
) -> Block:
    """The picture, its enlarged window and its text."""
    left, top = (sheet.cell - size[0]) // 2, (row_height - size[1]) // 2
    box = Box(left, top, left + size[0], top + size[1])
    picture = Block(sheet.cell, row_height, _picture(panel, box, sheet, place))
    name = paragraph("text", panel.label, sheet.name, sheet.cell, "centre")
    lines = [paragraph("text", line, sheet.small, sheet.cell, "centre") for line in panel.lines]
    text = stacked([name, *lines])
    detail = _detail(panel, sheet, place)
    if grid.detail == "beside":
        return beside([stacked([picture, text], sheet.gap // 2), detail], sheet.gap)
    return stacked([stacked([picture, detail], sheet.gap), text], sheet.gap // 2)


def _picture(panel: Panel, box: Box, sheet: Sheet, place: _Place) -> tuple[Element, ...]:
    """The panel's picture in its box, with window frame and inset."""
    content = panel.picture
    if content is None:
        note = paragraph("text", "not drawn", sheet.small, box.width, "centre")
        middle = box.top + (box.height - note.height) // 2
        return (PlacedFill("panel", box, _EMPTY), *note.placed(box.left, middle))
    elements: list[Element] = []
    if isinstance(content, Picture):
        elements.append(PlacedPicture("panel", box, content, place))
    else:
        elements.append(PlacedDrawing("panel", box, content, sheet.small.size))
    if panel.window:
        elements.append(PlacedOutline("window", _within(panel.window, box), _WINDOW, sheet.stroke))
    if panel.inset:
        elements += _inset(panel.inset, box, sheet.stroke, place)
    return tuple(elements)


def _within(window: Window, box: Box) -> Box:
    left, top, right, bottom = window
    return Box(
        box.left + round(left * box.width),
        box.top + round(top * box.height),
        box.left + round(right * box.width),
        box.top + round(bottom * box.height),
    )


def _inset(picture: Picture, box: Box, stroke: int, place: _Place) -> Iterator[Element]:
    """A small picture in the lower left corner, in a white frame."""
    width, height = picture.size
    scale = min(box.width * 0.28 / width, box.height * 0.34 / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    left, bottom = box.left + stroke, box.bottom - stroke
    inner = Box(left, bottom - size[1], left + size[0], bottom)
    yield PlacedFill("rule", inner.grown(stroke), _WHITE)
    yield PlacedPicture("inset", inner, picture, place)


def _detail(panel: Panel, sheet: Sheet, place: _Place) -> Block:
    """The window of the panel's picture, as wide as a cell."""
    if panel.window is None or not isinstance(panel.picture, Picture):
        return Block(0, 0)
    part = crop(panel.picture, panel.window)
    width, height = part.size
    box = Box(0, 0, sheet.cell, max(1, round(sheet.cell * height / width)))
    frame = PlacedOutline("window", box, _WINDOW, sheet.stroke)
    return Block(*box.size, (PlacedPicture("zoom", box, part, place), frame))


def _fitted(panel: Panel, width: int, height: int) -> tuple[int, int]:
    """The panel's size within width × height, its aspect kept."""
    if panel.aspect * width <= height:
        return width, max(1, round(panel.aspect * width))
    return max(1, round(height / panel.aspect)), height


def _cell_height(grid: Grid, sheet: Sheet) -> int:
    """Where all panels are tall they may be as tall as they are; else none is over square."""
    aspects = [panel.aspect for panel in grid.panels.values()]
    return max(1, round(sheet.cell * min(max(aspects), max(1.0, min(aspects)))))


def _badge(claim: Claim, sheet: Sheet) -> Block:
    type, word = sheet.badge, claim.verdict.upper()
    width = max(type.width("HOLDS"), type.width("FAILS")) + sheet.text
    height, line = round(type.size * 1.55), sheet.body.line_height
    top = (line - height) // 2
    colour = _HOLDS if claim.holds else _FAILS
    fill = PlacedFill("badge", Box(0, top, width, top + height), colour, round(height * 0.28))
    letters = paragraph("text", word, type, width, "centre")
    return Block(width, line, (fill, *letters.placed(0, (line - letters.height) // 2)))
