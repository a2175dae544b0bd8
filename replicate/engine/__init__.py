"""The engine: layers, networks, losses, optimizers, jobs.  Usable alone as a library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._lazy import importer

if TYPE_CHECKING:
    from ..networks.spec import NetworkInfo as NetworkInfo
    from ..networks.spec import NetworkSpec as NetworkSpec
    from ..storage.store import ResultStore as ResultStore
    from .engine import Engine as Engine
    from .job import Job as Job
    from .job import Result as Result
    from .job import Snapshot as Snapshot
    from .preset import Preset as Preset

_HOMES = {
    "Engine": ".engine",
    "Job": ".job",
    "NetworkInfo": "..networks.spec",
    "NetworkSpec": "..networks.spec",
    "Preset": ".preset",
    "Result": ".job",
    "ResultStore": "..storage.store",
    "Snapshot": ".job",
}
__all__ = list(_HOMES)
_import = importer(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    return _import(name)
