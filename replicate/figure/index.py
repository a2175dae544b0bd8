"""The index of all figures: `README.md` for repositories, `index.html` for browsers.

Both are made from the JSON beside the figures alone, so that a run that draws one figure can
renew the whole index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from replicate.errors import ReplicateError
from replicate.figure.claims import Claim, counted, tally
from replicate.figure.page import html_page
from replicate.figure.record import FigureRecord, natural_key, read_records
from replicate.images.picture import Picture, load_image
from replicate.paths import write_atomic

_TITLE = "Figures and claims"


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


@dataclass(frozen=True)
class Index:
    """The two files written, and a sentence for each record or picture that was left out."""

    readme: Path
    page: Path
    problems: tuple[str, ...]


def write_index(
    folder: str | Path, answers: Sequence[Answer] = (), order: Sequence[str] = ()
) -> Index:
    """Write `README.md` and `index.html` for all figures in a folder.

    A record that cannot be read, or whose picture is missing, is left out and named in
    `problems`.

    Args:
        folder: the folder of all figures, one folder a paper in it.
        answers: questions to stand above the figures.
        order: papers or figure ids that come first; the others follow by name.

    Raises:
        ReplicateError: the folder cannot be written.
    """
    folder = Path(folder)
    records, problems = read_records(folder)
    pictures: dict[str, Picture] = {}
    for record in records:
        try:
            pictures[record.figure] = load_image(folder / record.image_path)
        except ReplicateError as error:
            problems.append(f"Figure {record.figure} is left out: {error}")
    shown = [record for record in records if record.figure in pictures]
    shown.sort(key=lambda record: _rank(record, order))
    page = html_page(_TITLE, shown, pictures, [(a.question, a.text, a.figures) for a in answers])
    return Index(
        readme=write_atomic(folder / "README.md", _readme(shown, answers).encode()),
        page=write_atomic(folder / "index.html", page.encode()),
        problems=tuple(problems),
    )


def _rank(record: FigureRecord, order: Sequence[str]) -> tuple[int, list[tuple[int, int, str]]]:
    places = [order.index(name) for name in (record.figure, record.paper) if name in order]
    return min(places, default=len(order)), natural_key(record.figure)


def _readme(records: Sequence[FigureRecord], answers: Sequence[Answer]) -> str:
    claims = [claim for record in records for claim in record.claims]
    parts = [
        f"# {_TITLE}",
        "<!-- Made by the run that draws the figures; changes here are lost with the next. -->",
        f"{counted(len(records), 'figure')}. {tally(claims)}. "
        "The same with a table that sorts and filters: [index.html](index.html).",
    ]
    if answers:
        parts += ["## Answers", *(_readme_answer(answer) for answer in answers)]
    if records:
        parts += ["## Figures", *(_readme_figure(record) for record in records)]
    return "\n\n".join(parts) + "\n"


def _readme_answer(answer: Answer) -> str:
    links = ", ".join(f"[{each}](#{_anchor(each)})" for each in answer.figures)
    shown = f"\n\nShown by {links}." if links else ""
    return f"### {_escaped(answer.question)}\n\n{answer.text.strip()}{shown}"


def _readme_figure(record: FigureRecord) -> str:
    title = _escaped(record.title)
    parts = [
        f'<a id="{_anchor(record.figure)}"></a>\n\n### {title}',
        _escaped(record.question),
        f"`{record.figure}` after {_escaped(record.source)}",
        f"[![{title}]({record.image_path})]({record.image_path})",
        _escaped(record.caption),
        _readme_claims(record.claims),
        f"Drawn by {_escaped(record.network.label)}, {_escaped(record.inputs)} inputs, profile "
        f"{_escaped(record.profile)}. [All numbers]({record.figure}.json)",
    ]
    return "\n\n".join(part for part in parts if part)


def _readme_claims(claims: Sequence[Claim]) -> str:
    if not claims:
        return ""
    head = ["| Claim | Measured | Holds if | Verdict |", "| --- | --- | --- | --- |"]
    rows = []
    for claim in claims:
        note = f" ({_escaped(claim.note)})" if claim.note else ""
        rows.append(
            f"| {_escaped(claim.text)} | {_escaped(claim.measure)} — {_escaped(claim.shown_value)} "
            f"| {_escaped(claim.threshold)}{note} | **{claim.verdict}** |"
        )
    return "\n".join([*head, *rows])


def _anchor(figure: str) -> str:
    return figure.replace("/", "-")


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = " ".join(text.split()).replace("\\", "\\\\")
    for letter in "`*_[]<>|#":
        text = text.replace(letter, "\\" + letter)
    return text
