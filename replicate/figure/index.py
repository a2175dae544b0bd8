"""The index of all figures: ``README.md`` for repositories, ``index.html`` for browsers.

Both are made from the JSON beside the figures alone, so that a run that draws one figure can
renew the whole index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from replicate.errors import ReplicateError
from replicate.figure.page import Answer, Gallery, html_page, markdown_page
from replicate.figure.record import FigureRecord, natural_key, read_records
from replicate.figure.verdicts import Verdict
from replicate.images.picture import Picture
from replicate.images.reading import load_image
from replicate.storage.files import file_digest, program_digest, write_atomic

_HEAD = 2000  # bytes of the page within which its key stands


@dataclass(frozen=True)
class Index:
    """The two files written, and a sentence for each record or picture that was left out."""

    readme: Path
    page: Path
    problems: tuple[str, ...]


def write_index(
    folder: str | Path,
    answers: Sequence[Answer] = (),
    order: Sequence[str] = (),
    verdicts: Mapping[str, Verdict] | None = None,
    known: Container[str] | None = None,
) -> Index:
    """Write ``README.md`` and ``index.html`` for all figures in a folder.

    A record that cannot be read, or whose picture is missing, is left out and named in
    ``problems``.  A page that was made from the very same files is left as it is, since its small
    pictures take some seconds.

    Args:
        folder: the folder of all figures, one folder a paper in it.
        answers: questions to stand above the figures.
        order: papers or figure ids that come first; the others follow by name.
        verdicts: of the evidence, by ``paper/figure/claim``.
        known: the claims that there still are; all unless given.

    Raises:
        ReplicateError: the folder cannot be written.
    """
    folder = Path(folder)
    records, problems = read_records(folder)
    records.sort(key=lambda record: _rank(record, order))
    if known is not None:
        records = [record.only(known) for record in records]
    found = dict(verdicts or {})
    page = folder / "index.html"
    key = "" if problems else _key(folder, records, found, answers, order)
    standing = bool(key) and _stands(page, key)
    if not standing:
        pictures, missing = _pictures(folder, records)
        problems += missing
        records = [record for record in records if record.figure in pictures]
    shown = {record.figure for record in records}
    gallery = Gallery(records, [answer.among(shown) for answer in answers], found)
    if not standing:
        text = html_page(gallery, pictures, "" if problems else key)
        write_atomic(page, text.encode())
    readme = write_atomic(folder / "README.md", markdown_page(gallery).encode())
    return Index(readme, page, tuple(problems))


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
    verdicts: Mapping[str, Verdict],
    answers: Sequence[Answer],
    order: Sequence[str],
) -> str:
    """SHA-256 of all that the page is made from; empty if a picture is missing."""
    own = [name for each in records for name in (f"{each.figure}.json", each.image_path)]
    try:
        files = {name: file_digest(folder / name) for name in own}
    except OSError:
        return ""
    said = {claim: str(verdict) for claim, verdict in verdicts.items()}
    parts = [program_digest(), files, [asdict(answer) for answer in answers], list(order), said]
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
