"""The two pages of a folder of figures, from templates: ``index.html`` and ``README.md``.

The HTML needs no other file, script or font: pictures stand in it as small copies, each a link
to the figure's own file.  What a template prints is escaped, for HTML or for Markdown.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from PIL import Image

from replicate.figure.blocks import Box
from replicate.figure.claims import Claim, counted, format_number, readable
from replicate.figure.record import FigureRecord
from replicate.figure.verdicts import Verdict, tally
from replicate.images.picture import Picture

PREVIEW_WIDTH = 1800
"""Pixels: a gallery's pictures stand in the page as they are, larger ones are reduced."""

THUMBNAIL_WIDTH = 400
"""Pixels: shown at half of that."""


@dataclass(frozen=True)
class Answer:
    """A question that people ask, answered with figures.

    Attributes:
        question: as people ask it.
        text: the answer in Markdown: paragraphs, **strong**, *emphasis*, `code`, [links](#to).
        figures: ids of the figures that show it, such as "gatys2016/fig5".
    """

    question: str
    text: str
    figures: Sequence[str] = ()

    def among(self, figures: Container[str]) -> Answer:
        """The same answer without the figures that are not there."""
        return replace(self, figures=tuple(each for each in self.figures if each in figures))


@dataclass(frozen=True)
class Gallery:
    """What both pages show.

    Attributes:
        records: figures in their order.
        answers: questions that stand above them; they name no other figures.
        verdicts: of the evidence, by ``paper/figure/claim``.
    """

    records: Sequence[FigureRecord]
    answers: Sequence[Answer] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    title: str = "Figures and claims"

    def __getitem__(self, figure: str) -> FigureRecord:
        return next(record for record in self.records if record.figure == figure)

    @property
    def summary(self) -> str:
        """How many figures, and what became of their claims."""
        found = [verdict for record, claim in self.claims if (verdict := self.of(record, claim))]
        open_claims = len(self.claims) - len(found)
        rest = f"; {counted(open_claims, 'claim')} not yet judged" if open_claims else ""
        return f"{counted(len(self.records), 'figure')}. {tally(found)}{rest}."

    def of(self, record: FigureRecord, claim: Claim) -> Verdict | None:
        """What the evidence says of a figure's claim, if there is any."""
        return self.verdicts.get(f"{record.figure}/{claim.id}")

    def judged_by(self, record: FigureRecord) -> str:
        """What drew the pictures that a figure's verdicts rest on; empty if it has none."""
        found = [self.of(record, claim) for claim in record.claims]
        return "; ".join(dict.fromkeys(str(each.setting) for each in found if each))

    @cached_property
    def claims(self) -> list[tuple[FigureRecord, Claim]]:
        return [(record, claim) for record in self.records for claim in record.claims]


def html_page(gallery: Gallery, pictures: Mapping[str, Picture], made_from: str = "") -> str:
    """The page for browsers.

    Args:
        gallery: what it shows.
        pictures: each figure's picture by its id.
        made_from: a key of all this, to stand in the page's head.
    """
    # Title, caption and verdicts stand in the page as text, so a picture shows only the panels.
    images = {
        record.figure: preview(pictures[record.figure], record.panels_box)
        for record in gallery.records
    }
    template = _HTML.get_template("index.html")
    return template.render(gallery=gallery, images=images, made_from=made_from)


def markdown_page(gallery: Gallery) -> str:
    """The page for repositories."""
    return _MARKDOWN.get_template("README.md").render(gallery=gallery)


def claim_items(record: FigureRecord, verdicts: Mapping[str, Verdict]) -> str:
    """The figure's claims with the verdicts of the evidence, as items of an HTML list."""
    macros: Any = _HTML.get_template("claim.html").module
    gallery = Gallery([record], verdicts=verdicts)
    return "".join(macros.item(claim, gallery.of(record, claim)) for claim in record.claims)


def preview(picture: Picture, box: Box) -> Image.Image:
    """The part of the picture in the box, no wider than ``PREVIEW_WIDTH``."""
    part = picture.pil().crop((box.left, box.top, box.right, box.bottom))
    return _at_width(part, PREVIEW_WIDTH) if part.width > PREVIEW_WIDTH else part


def ink(record: FigureRecord, area: Box | None = None) -> str:
    """Where paper, ink and plots are in a part of the figure, all of it but the pictures: a shape
    and its proportions as CSS variables, for a dark page that turns light and dark about in it.
    Empty where nobody noted the pictures' places.

    Args:
        area: the part, in the figure's pixels; by default its panels.
    """
    area = area or record.panels_box
    if record.pictures is None:
        return ""
    # One line around the area, and on its way a detour around each picture, which is a hole.
    line = ["0 0", "100% 0", "100% 100%", "0 100%", "0 0"]
    for box in record.pictures:
        left, right = (_share(x - area.left, area.width) for x in (box.left, box.right))
        top, bottom = (_share(y - area.top, area.height) for y in (box.top, box.bottom))
        if left != right and top != bottom:
            corners = ((left, top), (left, bottom), (right, bottom), (right, top), (left, top))
            line += [*(f"{x} {y}" for x, y in corners), "0 0"]
    return f"--ink:polygon(evenodd,{','.join(line)});--area:{area.width}/{area.height}"


def upper(box: Box) -> Box:
    """The part of the box that a thumbnail shows: its top, no higher than wide."""
    return replace(box, bottom=min(box.bottom, box.top + box.width))


def _share(length: int, whole: int) -> str:
    return f"{100 * min(max(length / whole, 0), 1):.2f}".rstrip("0").rstrip(".") + "%"


def _address(image: Image.Image) -> str:
    """An address that holds the image's file."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _thumbnail(panels: Image.Image) -> Image.Image:
    """The top of the panels, small."""
    top = upper(Box(0, 0, *panels.size))
    return _at_width(panels.crop((0, 0, *top.size)), THUMBNAIL_WIDTH)


def _at_width(image: Image.Image, width: int) -> Image.Image:
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS)


# Markdown


def markdown(text: str, figures: Container[str] = ()) -> Markup:
    """The HTML of Markdown's paragraphs, **strong**, *emphasis*, `code` and [links](to).

    Links go within the page or to neighbouring files; others stay text.  `Code` that is the id of
    one of the figures becomes a link to it.  Everything else is shown as it is.
    """
    return Markup(_READER.render(text, {"figures": figures}))


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return bool(re.fullmatch(r"[#\w][\w./#-]*", url))


def _code(_: Any, tokens: Sequence[Any], place: int, __: Any, env: Mapping[str, Any]) -> str:
    text = tokens[place].content
    code = Markup("<code>{}</code>").format(text)
    if text in env["figures"]:
        return Markup('<a href="#{}">{}</a>').format(_anchor(text), code)
    return code


_READER = _Reader("zero").enable(["emphasis", "backticks", "link"])
_READER.add_render_rule("code_inline", _code)


def _markdown_escaped(value: object) -> str:
    """Text that Markdown shows as it is, on one line; ``Markup`` stays Markdown."""
    if isinstance(value, Markup):
        return value
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(str(value).split()))


# Templates


def _anchor(figure: str) -> str:
    """The name of a figure's place in a page."""
    return figure.replace("/", "-")


def _environment(**escaping: Any) -> Environment:
    environment = Environment(
        loader=PackageLoader("replicate.figure"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        **escaping,
    )
    environment.filters |= {
        "address": _address,
        "anchor": _anchor,
        "counted": counted,
        "ink": ink,
        "markdown": markdown,
        "number": format_number,
        "readable": readable,
        "thumbnail": _thumbnail,
        "upper": upper,
    }
    return environment


_HTML = _environment(autoescape=True)
_MARKDOWN = _environment(finalize=_markdown_escaped)
