"""A figure's page: panels in labelled grids, with title, caption, verdicts and provenance.

panels = [[Panel(a, lines=("PSNR 26.3 dB",)), Panel(b)], [Panel(c), Panel(d)]]
grid = Grid.of_rows(panels, rows=("relu1_1", "relu2_1"), columns=("10⁻⁵", "10⁻⁴"))
Montage("Style layers against ratio", (grid,), caption="…").draw().save("figure.png")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from replicate.figure.blocks import Block, Box, paragraph, stacked
from replicate.figure.claims import Claim
from replicate.figure.layout import MIN_WIDTH, Sheet, laid_out, rule, sheet_for, verdict
from replicate.figure.panels import Grid
from replicate.images.picture import Picture


@dataclass(frozen=True)
class Layout:
    """A page before it is painted.

    Attributes:
        page: every element, the margin left out.
        margin: empty pixels to be left around the page.
        panels_box: the part of the finished picture that holds the grids, over its full width.
    """

    page: Block
    margin: int
    panels_box: Box


@dataclass(frozen=True)
class Montage:
    """A figure's page.

    Attributes:
        title: first line.
        grids: one or more, under one another, their columns in line.
        caption: what is to be seen.
        claims: each gets a badge with its verdict, its text and its values.
        provenance: network, inputs, size, evaluations, profile.
    """

    title: str
    grids: Sequence[Grid]
    caption: str = ""
    claims: Sequence[Claim] = ()
    provenance: str = ""

    @cached_property
    def layout(self) -> Layout:
        """Every element in its place."""
        sheet = sheet_for(self.grids)
        grids = [laid_out(grid, sheet) for grid in self.grids]
        width = max(MIN_WIDTH, *(grid.width for grid in grids))
        head = paragraph("title", self.title, sheet.title, width)
        body = stacked(grids, sheet.spaced(1.8))
        gap, margin = sheet.spaced(1.3), width // 40
        page = stacked([head, body, self._foot(sheet, width)], gap)
        top = margin + head.height + gap
        around = Box(0, top - gap // 2, width + 2 * margin, top + body.height + gap // 2)
        return Layout(Block(width, page.height, page.elements), margin, around)

    def draw(self) -> Picture:
        """The page as a picture on white.

        Pictures of 256 pixels or more keep their pixels, unless the page would be narrower than
        1000 (then they grow by a whole factor) or wider than 3600 (then they shrink).
        """
        return self.layout.page.painted(self.layout.margin)

    def _foot(self, sheet: Sheet, width: int) -> Block:
        caption = paragraph("text", self.caption, sheet.body, width)
        verdicts = stacked([verdict(each, sheet, width) for each in self.claims], sheet.gap)
        provenance = paragraph("text", self.provenance, sheet.fine, width)
        line = rule(width if verdicts.height or provenance.height else 0)
        return stacked([caption, line, verdicts, provenance], sheet.spaced(0.9))
