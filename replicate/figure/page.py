"""The report as one HTML page that needs no other file, script or font.

Pictures stand in it as small copies, each a link to the figure's own file.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from string import Template

from PIL import Image

from replicate.figure.blocks import Box
from replicate.figure.claims import (
    Claim,
    counted,
    format_number,
    labelled_numbers,
    readable,
    tally,
)
from replicate.figure.record import FigureRecord, PanelRecord
from replicate.figure.runs import Run, agreements
from replicate.images.picture import Picture

PREVIEW_WIDTH = 1800
"""Pixels: a gallery's pictures stand in the page as they are, larger ones are reduced."""

THUMBNAIL_WIDTH = 400
"""Pixels, and its greatest height: shown at half of that."""

_COLUMNS = ("Paper", "Claim", "Measure", "Value", "Holds if", "Verdict", "Network", "Inputs")


def html_page(
    title: str,
    records: Sequence[FigureRecord],
    pictures: Mapping[str, Picture],
    answers: Iterable[tuple[str, str, Sequence[str]]] = (),
    runs: Sequence[Run] = (),
    made_from: str = "",
) -> str:
    """The page's text.

    Args:
        title: its heading.
        records: figures in their order.
        pictures: each figure's picture by its id.
        answers: (question, Markdown, figure ids).
        runs: other runs, whose verdicts stand beside the records'.
        made_from: a key of all this, to stand in the page's head.
    """
    claims = [claim for record in records for claim in record.claims]
    answers = list(answers)
    questions = "".join(
        f'<li><a href="#answer-{place}">{html.escape(question)}</a></li>'
        for place, (question, _, _) in enumerate(answers, 1)
    )
    cited = {figure for _, _, figures in answers for figure in figures}
    thumbnails = {
        record.figure: _thumbnail(record, pictures[record.figure])
        for record in records
        if record.figure in cited
    }
    answered = "".join(_answer(place, *each, thumbnails) for place, each in enumerate(answers, 1))
    compared = "".join(f"<p>{html.escape(line)}</p>" for line in agreements(records, runs))
    headings = "".join(
        f'<th scope="col"><button type="button">{name}</button></th>' for name in _COLUMNS
    )
    return Template(_asset("page.html")).substitute(
        title=html.escape(title),
        made_from=html.escape(made_from),
        style=_asset("page.css"),
        script=_asset("page.js"),
        headings=headings,
        tally=f"{counted(len(records), 'figure')}. {tally(claims)}.",
        contents="".join(_contents_entry(record) for record in records),
        answers=f'<section id="answers"><h2>Answers</h2>{answered}</section>' if answered else "",
        questions=f'<ul class="questions">{questions}</ul>' if questions else "",
        compared=compared,
        gallery="".join(_figure(record, pictures[record.figure], runs) for record in records),
        filters="".join(_filters(records)),
        rows="".join(
            _claim_row(record, claim, runs) for record in records for claim in record.claims
        ),
    )


def _asset(name: str) -> str:
    return (resources.files("replicate.figure") / "assets" / name).read_text("utf-8")


def preview(picture: Picture, box: Box) -> Image.Image:
    """The part of the picture in the box, no wider than `PREVIEW_WIDTH`."""
    part = picture.pil().crop((box.left, box.top, box.right, box.bottom))
    if box.width <= PREVIEW_WIDTH:
        return part
    height = max(1, round(box.height * PREVIEW_WIDTH / box.width))
    return part.resize((PREVIEW_WIDTH, height), Image.Resampling.LANCZOS)


def _data_address(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def inline_markdown(text: str, known: Iterable[str] = ()) -> str:
    """Markdown's paragraphs, **strong**, *emphasis*, `code` and [links](to) as HTML.

    Links go within the page or to neighbouring files; others stay text. `Code` that is a known
    figure's id becomes a link to it. Everything else is shown as it is.
    """
    figures = set(known)
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "".join(f"<p>{_spans(paragraph, figures)}</p>" for paragraph in paragraphs if paragraph)


def _spans(text: str, figures: set[str]) -> str:
    pieces = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(
        _code(piece[1:-1], figures) if place % 2 else _emphasised(html.escape(piece))
        for place, piece in enumerate(pieces)
    )


def _code(text: str, figures: set[str]) -> str:
    code = f"<code>{html.escape(text)}</code>"
    return f'<a href="#{_anchor(text)}">{code}</a>' if text in figures else code


def _emphasised(text: str) -> str:
    text = re.sub(r"\*\*(\S(?:.*?\S)?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(\S(?:.*?\S)?)\*", r"<em>\1</em>", text)
    return re.sub(r"\[([^\]]+)\]\(([#\w][\w./#-]*)\)", r'<a href="\2">\1</a>', text)


def _answer(
    place: int, question: str, text: str, figures: Sequence[str], thumbnails: Mapping[str, str]
) -> str:
    shown = "".join(thumbnails[each] for each in figures if each in thumbnails)
    return (
        f'<article id="answer-{place}"><div><h3>{html.escape(question)}</h3>'
        f'{inline_markdown(text, thumbnails)}</div><div class="thumbs">{shown}</div></article>'
    )


def _thumbnail(record: FigureRecord, picture: Picture) -> str:
    """The top of the panels, small, as a link to the figure."""
    part = preview(picture, record.panels_box)
    height = max(1, round(part.height * THUMBNAIL_WIDTH / part.width))
    small = part.resize((THUMBNAIL_WIDTH, height), Image.Resampling.LANCZOS)
    small = small.crop((0, 0, THUMBNAIL_WIDTH, min(height, THUMBNAIL_WIDTH)))
    return (
        f'<a class="thumb" href="#{_anchor(record.figure)}"><img src="{_data_address(small)}" '
        f'width="{small.width}" height="{small.height}" alt="" loading="lazy">'
        f"<span>{html.escape(record.figure)}</span></a>"
    )


def _contents_entry(record: FigureRecord) -> str:
    marks = "".join(
        f'<i class="{claim.verdict}" title="{claim.verdict}"></i>' for claim in record.claims
    )
    return (
        f'<li><a href="#{_anchor(record.figure)}"><span>{html.escape(record.title)}</span> '
        f"<small>{html.escape(record.figure)}</small></a><b>{marks}</b></li>"
    )


def _figure(record: FigureRecord, picture: Picture, runs: Sequence[Run]) -> str:
    shown = html.escape
    # Title, caption and verdicts stand here as text, so the picture shows only the panels.
    panels = preview(picture, record.panels_box)
    question = f'<p class="question">{shown(record.question)}</p>' if record.question else ""
    claims = "".join(
        f"<li>{_badge(claim)}<div>{shown(claim.text)}<small>{shown(claim.measure)} — "
        f"{_pairs(claim)}. Holds if {shown(claim.threshold)}."
        f"{f' {shown(_sentence(claim.note))}' if claim.note else ''}</small>"
        f"{_elsewhere(record, claim, runs)}</div></li>"
        for claim in record.claims
    )
    return f"""
<figure id="{_anchor(record.figure)}">
<h3>{shown(record.title)}</h3>
{question}<p class="source"><code>{shown(record.figure)}</code> after {shown(record.source)}</p>
<a class="picture" href="{shown(record.image_path)}"><img src="{_data_address(panels)}"
 width="{panels.width}" height="{panels.height}" alt="{shown(record.title)}" loading="lazy"></a>
<figcaption><p>{shown(record.caption)}</p>{f'<ul class="claims">{claims}</ul>' if claims else ""}
<p class="provenance">Drawn by {shown(record.settings)}.
<a href="{shown(record.figure)}.json">All numbers</a></p>
{_panels(record)}</figcaption>
</figure>"""


def _panels(record: FigureRecord) -> str:
    """A table of the panels' numbers, closed until it is asked for."""
    panels = record.panels
    if not panels:
        return ""
    metrics = list(dict.fromkeys(name for panel in panels for name in panel.metrics))
    names = ["panel", "evaluations", *map(readable, metrics)]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{_panel_name(record.paper, panel)}</td><td>{panel.evaluations}</td>"
        + "".join(
            f"<td>{format_number(panel.metrics[name]) if name in panel.metrics else ''}</td>"
            for name in metrics
        )
        + "</tr>"
        for panel in panels
    )
    return (
        f"<details><summary>{counted(len(panels), 'panel')} in numbers</summary><div class='wide'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _panel_name(paper: str, panel: PanelRecord) -> str:
    label = html.escape(panel.label)
    return f'<a href="{html.escape(f"{paper}/{panel.file}")}">{label}</a>' if panel.file else label


def _claim_row(record: FigureRecord, claim: Claim, runs: Sequence[Run]) -> str:
    shown = html.escape
    note = f"<small>{shown(claim.note)}</small>" if claim.note else ""
    network = record.network
    told = network.name.endswith(network.weights)  # vgg19-random has random weights
    weights = "" if told else f"<small>{shown(network.weights)} weights</small>"
    facts = _facts(record, claim).items()
    data = " ".join(f'data-{name}="{shown(value)}"' for name, value in facts)
    contents = (
        f'<a href="#{_anchor(record.figure)}">{shown(record.figure)}</a>'
        f"<small>{shown(claim.source)}</small>",
        shown(claim.text),
        shown(claim.measure),
        _pairs(claim),
        shown(claim.threshold) + note,
        _badge(claim) + _elsewhere(record, claim, runs),
        shown(record.network.name) + weights,
        shown(record.inputs) + ("<small>balanced weights</small>" if record.balanced else ""),
    )
    cells = "".join(
        f'<td data-name="{name}"><div>{content}</div></td>'
        for name, content in zip(_COLUMNS, contents, strict=True)
    )
    return f"<tr {data}>{cells}</tr>"


def _facts(record: FigureRecord, claim: Claim) -> dict[str, str]:
    """What the table can be filtered by."""
    return {
        "paper": record.paper,
        "verdict": claim.verdict,
        "network": record.network.name,
        "inputs": record.inputs,
    }


def _filters(records: Sequence[FigureRecord]) -> Iterator[str]:
    facts = [_facts(record, claim) for record in records for claim in record.claims]
    for name in facts[0] if facts else ():
        values = dict.fromkeys(each[name] for each in facts)
        options = "".join(f"<option>{html.escape(value)}</option>" for value in values)
        yield (
            f'<label>{name.capitalize()} <select name="{name}"><option value="">all</option>'
            f"{options}</select></label>"
        )


def _pairs(claim: Claim) -> str:
    """The values, each kept on one line with its label."""
    if not isinstance(claim.value, dict):
        return html.escape(claim.shown_value)
    groups = []
    for name, pairs in labelled_numbers(claim.value):
        shown = " · ".join(f'<span class="pair">{html.escape(pair)}</span>' for pair in pairs)
        text = f"{html.escape(name)} ({shown})" if name else shown
        groups.append(f'<span class="group">{text}</span>')
    return "".join(groups)


def _elsewhere(record: FigureRecord, claim: Claim, runs: Sequence[Run]) -> str:
    """The verdicts of other runs."""
    verdicts = {
        run.name: (verdict, run.records[record.figure].settings)
        for run in runs
        if (verdict := run.verdict(record, claim))
    }
    parts = " ".join(
        f'<span title="{html.escape(settings)}">{html.escape(name)}: '
        f'<b class="{verdict}">{verdict}</b></span>'
        for name, (verdict, settings) in verdicts.items()
    )
    return f'<small class="elsewhere">{parts}</small>' if parts else ""


def _sentence(text: str) -> str:
    """The text with a full stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _badge(claim: Claim) -> str:
    return f'<span class="badge {claim.verdict}">{claim.verdict}</span>'


def _anchor(figure: str) -> str:
    return html.escape(figure.replace("/", "-"))
