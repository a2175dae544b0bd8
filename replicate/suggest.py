"""Names that are asked for: which are meant, and the nearest to one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

from .errors import ConfigError

_MOST_LETTERS = 240


def matching(what: str, patterns: Sequence[str], known: Sequence[str]) -> list[str]:
    """Those of the ``known`` names ``a/b`` or ``a/b/c`` that are meant, in their order.

    A pattern is a name, what stands before a slash in some, or a glob such as ``gatys*/fig1``;
    without any, all are meant.

    Raises:
        ConfigError: a pattern matches nothing; the message names the nearest.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        text = pattern.strip("/").lower()
        found = {name for name in known if name.startswith(f"{text}/") or fnmatch(name, text)}
        if not found:
            groups = dict.fromkeys(name.split("/")[0] for name in known)
            raise ConfigError(f"There is no {what} '{pattern}'{nearest(text, [*known, *groups])}")
        chosen |= found
    return [name for name in known if name in chosen or not patterns]


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
