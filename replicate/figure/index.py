"""The index of all figures: `README.md` for repositories, `index.html` for browsers.

Both are made from the JSON beside the figures alone, so that a run that draws one figure can
renew the whole index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from replicate.errors import ReplicateError
from replicate.figure.claims import Claim, counted, tally
from replicate.figure.page import html_page
from replicate.figure.record import FigureRecord, natural_key, read_records
from replicate.figure.runs import Run, agreements, runs_in
from replicate.images.picture import Picture, load_image
from replicate.storage.files import file_digest, program_digest, write_atomic

_TITLE = "Figures and claims"
_HEAD = 2000  # bytes of the page within which its key stands
_SMALL = 160  # pixels: height of the pictures beside an answer in the README


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
    `problems`.  Verdicts of other runs that lie in the folder stand beside those of its own; see
    :mod:`replicate.figure.runs`.  A page that was made from the very same files is left as it is,
    since its small pictures take some seconds.

    Args:
        folder: the folder of all figures, one folder a paper in it.
        answers: questions to stand above the figures.
        order: papers or figure ids that come first; the others follow by name.

    Raises:
        ReplicateError: the folder cannot be written.
    """
    folder = Path(folder)
    records, problems = read_records(folder)
    records.sort(key=lambda record: _rank(record, order))
    runs = runs_in(folder)
    page = folder / "index.html"
    key = "" if problems else _key(folder, records, runs, answers, order)
    if not key or not _stands(page, key):
        pictures, missing = _pictures(folder, records)
        problems += missing
        records = [record for record in records if record.figure in pictures]
        entries = [(a.question, a.text, a.among(pictures).figures) for a in answers]
        text = html_page(_TITLE, records, pictures, entries, runs, "" if missing else key)
        write_atomic(page, text.encode())
    figures = {record.figure for record in records}
    readme = _readme(records, [answer.among(figures) for answer in answers], runs)
    return Index(
        readme=write_atomic(folder / "README.md", readme.encode()),
        page=page,
        problems=tuple(problems),
    )


def _pictures(
    folder: Path, records: Sequence[FigureRecord]
) -> tuple[dict[str, Picture], list[str]]:
    """The figures' pictures, and a sentence for each that cannot be read."""
    pictures: dict[str, Picture] = {}
    problems = []
    for record in records:
        try:
            pictures[record.figure] = load_image(folder / record.image_path)
        except ReplicateError as error:
            problems.append(f"Figure {record.figure} is left out: {error}")
    return pictures, problems


def _key(
    folder: Path,
    records: Sequence[FigureRecord],
    runs: Sequence[Run],
    answers: Sequence[Answer],
    order: Sequence[str],
) -> str:
    """SHA-256 of all that the page is made from; empty if a picture is missing."""
    own = [name for each in records for name in (f"{each.figure}.json", each.image_path)]
    others = [f"{run.name}/{figure}.json" for run in runs for figure in run.records]
    try:
        files = {name: file_digest(folder / name) for name in [*own, *others]}
    except OSError:
        return ""
    parts = [program_digest(), files, [asdict(answer) for answer in answers], list(order)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _stands(page: Path, key: str) -> bool:
    """Whether the page says in its head that it was made from the things of this key."""
    try:
        with open(page, "rb") as file:
            return f'content="{key}"'.encode() in file.read(_HEAD)
    except OSError:
        return False


def _rank(record: FigureRecord, order: Sequence[str]) -> tuple[int, list[tuple[int, int, str]]]:
    places = [order.index(name) for name in (record.figure, record.paper) if name in order]
    return min(places, default=len(order)), natural_key(record.figure)


def _readme(records: Sequence[FigureRecord], answers: Sequence[Answer], runs: Sequence[Run]) -> str:
    claims = [claim for record in records for claim in record.claims]
    parts = [
        f"# {_TITLE}",
        "<!-- Made by the run that draws the figures; changes here are lost with the next. -->",
        f"{counted(len(records), 'figure')}. {tally(claims)}. "
        "The same, with a table that sorts and filters, is the page `index.html` that a run makes "
        "beside this file.",
    ]
    parts += [f"- {_escaped(line)}" for line in agreements(records, runs)]
    if answers:
        images = {record.figure: record.image_path for record in records}
        parts += ["## Answers", *(_readme_answer(answer, images) for answer in answers)]
    if records:
        parts += ["## Figures", *(_readme_figure(record, runs) for record in records)]
    return "\n\n".join(parts) + "\n"


def _readme_answer(answer: Answer, images: Mapping[str, str]) -> str:
    links = ", ".join(f"[{each}](#{_anchor(each)})" for each in answer.figures)
    small = " ".join(
        f'<a href="#{_anchor(each)}"><img src="{images[each]}" height="{_SMALL}" alt="{each}"></a>'
        for each in answer.figures
    )
    shown = f"{small}\n\nShown by {links}." if links else ""
    parts = [f"### {_escaped(answer.question)}", answer.text.strip(), shown]
    return "\n\n".join(filter(None, parts))


def _readme_figure(record: FigureRecord, runs: Sequence[Run]) -> str:
    title = _escaped(record.title)
    parts = [
        f'<a id="{_anchor(record.figure)}"></a>\n\n### {title}',
        _escaped(record.question),
        f"`{record.figure}` after {_escaped(record.source)}",
        f"[![{title}]({record.image_path})]({record.image_path})",
        _escaped(record.caption),
        _readme_claims(record, runs),
        f"Drawn by {_escaped(record.settings)}. [All numbers]({record.figure}.json)",
    ]
    return "\n\n".join(part for part in parts if part)


def _readme_claims(record: FigureRecord, runs: Sequence[Run]) -> str:
    if not record.claims:
        return ""
    head = ["| Claim | Measured | Holds if | Verdict |", "| --- | --- | --- | --- |"]
    rows = []
    for claim in record.claims:
        note = f" ({_escaped(claim.note)})" if claim.note else ""
        rows.append(
            f"| {_escaped(claim.text)} | {_escaped(claim.measure)} — {_escaped(claim.shown_value)} "
            f"| {_escaped(claim.threshold)}{note} | **{claim.verdict}**"
            f"{_readme_elsewhere(record, claim, runs)} |"
        )
    return "\n".join([*head, *rows])


def _readme_elsewhere(record: FigureRecord, claim: Claim, runs: Sequence[Run]) -> str:
    verdicts = [(run.name, run.verdict(record, claim)) for run in runs]
    return "".join(f", {_escaped(name)}: {verdict}" for name, verdict in verdicts if verdict)


def _anchor(figure: str) -> str:
    return figure.replace("/", "-")


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = " ".join(text.split()).replace("\\", "\\\\")
    for letter in "`*_[]<>|#":
        text = text.replace(letter, "\\" + letter)
    return text
