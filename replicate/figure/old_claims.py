"""Claims with their texts in the code, for papers whose texts are not in their TOML yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import claims
from .claims import Check, Claim


def _with_text(check: Callable[..., Check]) -> Callable[..., Claim]:
    def made(
        id: str, text: str, source: str, *values: Any, note: str = "", **options: Any
    ) -> Claim:
        return Claim.of(id, text, source, [check(*values, **options)], note=note)

    return made


at_least = _with_text(claims.at_least)
at_most = _with_text(claims.at_most)
within = _with_text(claims.within)
ordered = _with_text(claims.ordered)
largest = _with_text(claims.largest)
smallest = _with_text(claims.smallest)


def all_of(
    id: str,
    text: str,
    source: str,
    parts: Sequence[Claim],
    *,
    measure: str = "",
    note: str = "",
) -> Claim:
    checks = [Check(part.measure, part.value, part.threshold, part.holds) for part in parts]
    return Claim.of(id, text, source, checks, measure, note)
