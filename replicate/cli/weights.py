"""``replicate weights``."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import asdict

from ..networks.table import network_entry
from ..networks.weights import WeightsStatus, fetch_weights, weights_status
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
    found = weights_status()
    if as_json:
        print_json([asdict(each) for each in found])
        return 0
    print_table(["WEIGHTS", "SIZE", "WHERE"], [_row(each) for each in found])
    print()
    print(f"REPLICATE_WEIGHTS: {os.environ.get('REPLICATE_WEIGHTS') or 'not set'}")
    print(f"cache: {cache_dir() / 'weights'}")
    return 0


def _row(status: WeightsStatus) -> tuple[str, str, str]:
    size = f"{status.bytes / 1e6:.0f} MB" if status.bytes else ""
    where = _PLACES[status.where]
    return status.name, size, f"{where}: {status.place}" if status.place else where
