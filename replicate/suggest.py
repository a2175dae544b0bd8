"""What to say of a name that does not exist: the nearest that does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence: "; did you mean 'x'?", or all names when none is near."""
    names = sorted(known)
    by_lower = {candidate.lower(): candidate for candidate in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    if near:
        return f"; did you mean '{by_lower[near[0]]}'?"
    return f"; there are {', '.join(names)}." if names else "."
