"""What to say of a name that does not exist: the nearest that does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_LETTERS = 240


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence: "; did you mean 'x'?", or the names that there are, as many as fit."""
    names = sorted(known)
    by_lower = {candidate.lower(): candidate for candidate in names}
    near = difflib.get_close_matches(name.lower()[:100], by_lower, n=1)
    if near:
        return f"; did you mean '{by_lower[near[0]]}'?"
    shown = list(names)
    while len(", ".join(shown)) > _MOST_LETTERS:
        shown.pop()
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"; there are {', '.join(shown)}{more}." if names else "."
