"""Runs of the same figures under other settings, and how their verdicts compare.

A run is a folder of figures' records. It may lie within another one: the folders ``balanced`` and
``paper`` in ``figures`` are other runs of what ``figures`` shows, with balanced layer weights, say,
or from the papers' own pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from replicate.figure.claims import Claim, Verdict, counted
from replicate.figure.record import FigureRecord, read_records


@dataclass(frozen=True)
class Run:
    """The figures of one folder.

    Attributes:
        name: the folder's.
        records: by figure.
    """

    name: str
    records: dict[str, FigureRecord]

    def verdict(self, record: FigureRecord, claim: Claim) -> Verdict | None:
        """This run's verdict on a claim of another run's ``record``.

        None if it has none, or if it drew the figure with the very same settings: balanced
        weights, for one, leave figures alone that compare no layers.
        """
        mine = self.records.get(record.figure)
        if mine is None or mine.settings == record.settings:
            return None
        return next((each.verdict for each in mine.claims if each.id == claim.id), None)

    def agreement(self, records: Iterable[FigureRecord]) -> str:
        """On how many claims the verdict is the same here: a sentence, empty if none is in both."""
        pairs = [
            (claim.verdict, self.verdict(record, claim))
            for record in records
            for claim in record.claims
        ]
        both = [(one, other) for one, other in pairs if other is not None]
        if not both:
            return ""
        same = sum(one == other for one, other in both)
        settings = common_settings(self.records.values())
        return (
            f"Run {self.name} ({settings}): {same} of {counted(len(both), 'claim')} "
            f"{'has' if same == 1 else 'have'} the same verdict."
        )


def common_settings(records: Iterable[FigureRecord]) -> str:
    """What these figures were drawn with, each once: "vgg19-caffe, vgg16-caffe, bundled inputs"."""
    records = list(records)
    networks = [name for each in records for name in (info.name for info in each.networks)]
    inputs = [f"{each.inputs} inputs" for each in records]
    weights = ["balanced weights" for each in records if each.balanced]
    profiles = [f"profile {each.profile}" for each in records]
    return ", ".join(dict.fromkeys([*networks, *inputs, *weights, *profiles]))


def runs_in(folder: str | Path) -> list[Run]:
    """The other runs that lie in a folder of figures, by name."""
    runs = [Run(path.name, _by_figure(path)) for path in _subfolders(folder)]
    return [run for run in runs if run.records]


def records_below(folder: str | Path) -> Iterator[FigureRecord]:
    """All records of a folder and of the runs in it, the folder's own first."""
    yield from read_records(folder)[0]
    for path in _subfolders(folder):
        if any(path.glob("*/*.json")):
            yield from records_below(path)


def _subfolders(folder: str | Path) -> list[Path]:
    return sorted(path for path in Path(folder).glob("[!.]*") if path.is_dir())


def _by_figure(folder: Path) -> dict[str, FigureRecord]:
    return {record.figure: record for record in read_records(folder)[0]}
