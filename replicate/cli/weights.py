"""``replicate weights``."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from ..networks.table import network_entry, read_table
from ..networks.weights import Where, fetch_weights, locate_weights
from ..storage.files import cache_dir
from .parser import UsageError
from .text import print_json, print_table

_PLACES = {
    "folder": "in REPLICATE_WEIGHTS",
    "cache": "in the cache",
    "bundled": "part of this package",
    "absent": "not on this machine",
}


def run(args: Namespace) -> int:
    """Say where weights are, or bring some."""
    if args.action == "fetch":
        return _fetch(args.names, args.json)
    if args.names:
        raise UsageError(
            f"'weights status' takes no name; to download: weights fetch {args.names[0]}"
        )
    return _status(args.json)


def _fetch(names: list[str], as_json: bool) -> int:
    if not names:
        raise UsageError("'weights fetch' needs a name, such as: replicate weights fetch vgg19")
    # All names are right before the first long download.
    wanted = [network_entry(name.lower()).id for name in names]
    found = {}
    for name in wanted:
        found[name] = str(fetch_weights(name))
        if not as_json:
            print(f"{name}  {found[name]}", flush=True)
    if as_json:
        print_json(found)
    return 0


def _status(as_json: bool) -> int:
    names = [name for name, entry in read_table().items() if not entry.random]
    found = {name: locate_weights(name) for name in names}
    if as_json:
        print_json([_plain(name, *found[name]) for name in names])
        return 0
    print_table(["WEIGHTS", "SIZE", "WHERE"], [_row(name, *found[name]) for name in names])
    print()
    print(f"REPLICATE_WEIGHTS: {os.environ.get('REPLICATE_WEIGHTS') or 'not set'}")
    print(f"cache: {cache_dir() / 'weights'}")
    return 0


def _plain(name: str, where: Where, path: Path | None) -> dict[str, Any]:
    size = path.stat().st_size if path else 0
    return {"name": name, "place": path and str(path), "bytes": size, "where": where}


def _row(name: str, where: Where, path: Path | None) -> tuple[str, str, str]:
    size = f"{path.stat().st_size / 1e6:.0f} MB" if path else ""
    return name, size, f"{_PLACES[where]}: {path}" if path else _PLACES[where]
