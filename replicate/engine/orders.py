"""Jobs on their way to another process.

Their pictures travel by digest through the result store, as the results do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..errors import ReplicateError
from ..images import Picture
from ..storage.store import ResultStore
from .device import Precision
from .job import Job

PICTURES = ("content", "style", "start")


@dataclass(frozen=True)
class Order:
    """Jobs for another process, and how to draw them.

    Attributes:
        jobs: their fields, with digests for pictures.
        folder: of the store that holds the pictures and takes the results.
    """

    jobs: tuple[dict[str, Any], ...]
    folder: str
    precision: Precision
    network: str


def order_of(
    jobs: Sequence[Job], store: ResultStore | None, precision: Precision, network: str
) -> Order:
    """The order for these jobs; their pictures are filed in the store.

    Raises:
        ReplicateError: there is no store, or one that cannot be written.
    """
    if store is None:
        raise ReplicateError("an executor needs a result store that all its machines see")
    listed = []
    for job in jobs:
        values = {each.name: getattr(job, each.name) for each in fields(job)}
        for kind in PICTURES:
            picture = values[kind]
            if picture is not None:
                values[kind] = _filed(store, picture)
        values["blend"] = tuple((_filed(store, each), weight) for each, weight in job.blend)
        listed.append(values)
    return Order(tuple(listed), str(store.folder.resolve()), precision, network)


def jobs_of(order: Order) -> list[Job]:
    """The jobs of an order, with their pictures.

    Raises:
        ReplicateError: a picture is not in the store: its folder is another one here.
    """
    store, jobs = ResultStore(order.folder), []
    for values in order.jobs:
        pictures = {kind: _found(store, values[kind]) for kind in PICTURES if values[kind]}
        blend = tuple((_found(store, digest), weight) for digest, weight in values["blend"])
        jobs.append(Job(**{**values, **pictures, "blend": blend}))
    return jobs


def _filed(store: ResultStore, picture: Picture) -> str:
    known = {"name": picture.name, "credit": picture.credit}
    if not store.path(picture.sha256).exists() and (
        store.put(picture.sha256, picture.pixels, known) is None
    ):
        raise ReplicateError(f"'{store.folder}' takes no pictures for other processes")
    return picture.sha256


def _found(store: ResultStore, digest: str) -> Picture:
    found = store.get(digest)
    if found is None:
        raise ReplicateError(f"'{store.folder}' does not hold the picture {digest[:12]}…")
    return Picture(found.pixels, found.record["name"], found.record["credit"])
