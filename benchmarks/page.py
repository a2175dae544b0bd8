"""The benchmarks' pages: Markdown beside the module that measured, with the command for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def page(module: str, title: str, text: str, options: str = "") -> str:
    """The page of the benchmark whose file is ``module``."""
    command = f"python -m benchmarks.{Path(module).stem}{options}"
    return f"# {title}\n\nWritten by `{command}`.\n\n{text}\n"


def write_page(module: str, title: str, text: str) -> None:
    """Write a page beside its module's file."""
    Path(module).with_suffix(".md").write_text(page(module, title, text, " --write"))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
