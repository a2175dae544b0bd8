"""Channels of a network, and the store of what was found out about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..engine.engine import Engine
from ..networks.spec import NetworkSpec
from ..storage.store import ResultStore, StoredResult

VERSION = 1
"""Raised when the same channel would give another picture; part of every key of the store."""


@dataclass(frozen=True)
class Channel:
    """A channel of a layer; its index counts from 0."""

    layer: str
    index: int

    @property
    def label(self) -> str:
        """``conv4_1 · 12``."""
        return f"{self.layer} · {self.index}"


@dataclass(frozen=True)
class ChannelStore:
    """The engine's store for one question about channels; without a store it keeps nothing.

    Attributes:
        settings: what decides the answer beside the network and the channel, as plain values.
    """

    engine: Engine
    spec: NetworkSpec
    settings: Mapping[str, Any]

    def get(self, channel: Channel) -> StoredResult | None:
        store = self.engine.store
        return store.get(self._key(channel)) if store is not None else None

    def put(self, channel: Channel, pixels: np.ndarray, record: Mapping[str, Any]) -> None:
        """Keep (H, W, 3) uint8 pixels and what JSON knows of them."""
        if self.engine.store is not None:
            self.engine.store.put(self._key(channel), pixels, record)

    def _key(self, channel: Channel) -> str:
        return ResultStore.key(
            {
                "visualise": VERSION,
                "network": self.engine.networks.info(self.spec).description(),
                "precision": self.engine.precision,
                "channel": asdict(channel),
                **self.settings,
            }
        )
