"""The engine: layers, networks, losses, optimizers, jobs.  Usable alone as a library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._lazy import importer

if TYPE_CHECKING:
    from ..storage.store import ResultStore as ResultStore
    from .engine import Engine as Engine
    from .job import Job as Job
    from .job import NetworkInfo as NetworkInfo
    from .job import Result as Result
    from .job import Snapshot as Snapshot
    from .preset import NetworkSpec as NetworkSpec
    from .preset import Preset as Preset

_HOMES = {
    "Engine": ".engine",
    "Job": ".job",
    "NetworkInfo": ".job",
    "NetworkSpec": ".preset",
    "Preset": ".preset",
    "Result": ".job",
    "ResultStore": "..storage.store",
    "Snapshot": ".job",
}
__all__ = list(_HOMES)
_import = importer(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    return _import(name)
