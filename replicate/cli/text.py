"""Text on a terminal: tables, wrapped paragraphs, JSON."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from ..errors import one_line
from ..storage.files import json_text

_GAP = "  "


def notify(sentence: str) -> None:
    """One remark beside the result, on stderr."""
    print(f"replicate: {one_line(sentence)}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """JSON on stdout; numbers that it lacks become "nan", "inf" and "-inf"."""
    print(json_text(value))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as they need be; on a terminal the last one is wrapped to the width."""
    texts = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(headings))]
    before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    for row in texts:
        left = "".join(cell.ljust(width) + _GAP for cell, width in zip(row, widths[:-1]))
        for line in _wrapped(row[-1], before):
            print((left + line).rstrip())
            left = " " * before


def print_indented(text: str, indent: int) -> None:
    """A paragraph, wrapped on a terminal."""
    for line in _wrapped(text, indent):
        print(" " * indent + line)


def _wrapped(text: str, indent: int) -> list[str]:
    if not sys.stdout.isatty():  # a program reads whole lines
        return [text]
    width = max(30, shutil.get_terminal_size().columns - indent)
    return textwrap.wrap(text, width, break_long_words=False) or [""]
