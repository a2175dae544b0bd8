"""What was drawn here, kept for whoever drew it: by age, by size, apart from ``make figures``."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

from replicate.storage.files import cache_dir
from replicate.storage.store import ResultStore, StoredResult

from .uploads import sweep

VISITORS = "visitors"


class Results(ResultStore):
    """A store in which each visitor finds their own results, and everybody those of bundled
    pictures.

    Args:
        folder: default ``cache_dir()/demo-results``.
        figures: where results of bundled pictures are looked for as well, but never written.

    Attributes:
        owner: whose results are meant; empty for those of bundled pictures.  Set while the
            engine's lock is held; who does not hold it asks :meth:`of`.
    """

    def __init__(self, folder: str | Path | None = None, figures: ResultStore | None = None):
        super().__init__(cache_dir() / "demo-results" if folder is None else folder)
        self.figures = figures
        self.owner = ""

    def path(self, key: str) -> Path:
        """Where the owner's result of ``key`` lies or would lie."""
        if not self.owner:
            return super().path(key)
        own = hashlib.sha256(f"{self.owner} {key}".encode()).hexdigest()
        return super().path(own).parent / VISITORS / f"{own}.png"

    def get(self, key: str) -> StoredResult | None:
        """The owner's result of ``key``, or None."""
        found = super().get(key)
        if found is None and not self.owner and self.figures is not None:
            found = self.figures.get(key)
        return found

    def of(self, owner: str) -> Results:
        """The same results, for another owner."""
        other = Results(self.folder, self.figures)
        other.owner = owner
        return other

    def sweep(self, age: float, size: int) -> int:
        """Remove visitors' results that are older than ``age`` seconds, then, oldest first, what
        is over ``size`` bytes; returns how many.
        """
        return sweep(self.folder / VISITORS, age) + sweep(self.folder, math.inf, size)

    def __len__(self) -> int:
        return sum(1 for _ in self.folder.rglob("*.png"))
