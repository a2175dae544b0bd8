"""A figure's page: panels in labelled grids, with title, caption, verdicts and provenance.

panels = [[Panel(a, lines=("PSNR 26.3 dB",)), Panel(b)], [Panel(c), Panel(d)]]
grid = Grid(panels, rows=("relu1_1", "relu2_1"), columns=("10⁻⁵", "10⁻⁴"))
Montage("Style layers against ratio", (grid,), caption="…").draw().save("figure.png")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from replicate.figure.blocks import Block, Box, PlacedPicture, paragraph, stacked
from replicate.figure.claims import Claim
from replicate.figure.layout import MIN_WIDTH, Sizes, laid_out, rule, sizes_for, verdict
from replicate.figure.panels import Grid
from replicate.figure.verdicts import Verdict
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

    @property
    def pictures(self) -> tuple[Box, ...]:
        """Where pictures stand in the finished one; all else is paper, ink and plots."""
        return tuple(
            element.box.moved(self.margin, self.margin)
            for element in self.page.elements
            if element.role in ("panel", "zoom") and isinstance(element, PlacedPicture)
        )


@dataclass(frozen=True)
class Montage:
    """A figure's page.

    Attributes:
        title, drawn: first line, and under it how the pictures were drawn.
        grids: one or more, under one another, their columns in line.
        caption: what is to be seen.
        claims: each with its text and its values.
        verdicts: of the evidence, by the claims' ids; each is a badge and a sentence.
        provenance: last line.
    """

    title: str
    grids: Sequence[Grid]
    drawn: str = ""
    caption: str = ""
    claims: Sequence[Claim] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    provenance: str = ""

    @cached_property
    def layout(self) -> Layout:
        """Every element in its place."""
        sizes = sizes_for(self.grids)
        grids = [laid_out(grid, sizes) for grid in self.grids]
        width = max(MIN_WIDTH, *(grid.width for grid in grids))
        title = stacked(
            [
                paragraph("title", self.title, sizes.type("title"), width),
                paragraph("text", self.drawn, sizes.type("body"), width),
            ],
            sizes.gap,
        )
        body = stacked(grids, sizes.spaced(1.8))
        gap, margin = sizes.spaced(1.3), width // 40
        page = stacked([title, body, self._foot(sizes, width)], gap)
        top = margin + title.height + gap
        around = Box(0, top - gap // 2, width + 2 * margin, top + body.height + gap // 2)
        return Layout(Block(width, page.height, page.elements), margin, around)

    def draw(self) -> Picture:
        """The page as a picture on white.

        Pictures of 256 pixels or more keep their pixels, unless the page would be narrower than
        1000 (then they grow by a whole factor) or wider than 3600 (then they shrink).
        """
        return self.layout.page.painted(self.layout.margin)

    def _foot(self, sizes: Sizes, width: int) -> Block:
        caption = paragraph("text", self.caption, sizes.type("body"), width)
        verdicts = [
            verdict(claim, self.verdicts.get(claim.id), sizes, width) for claim in self.claims
        ]
        provenance = paragraph("text", self.provenance, sizes.type("fine"), width)
        below = [stacked(verdicts, sizes.gap), provenance]
        if any(block.height for block in below):
            below = [rule(width), *below]
        return stacked([caption, *below], sizes.spaced(0.9))
