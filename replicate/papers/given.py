"""A figure's settings as its function may read them."""

from __future__ import annotations

from typing import Any

from ..config import FigureConfig
from ..errors import ConfigError


def narrowed(config: FigureConfig) -> FigureConfig:
    """The figure with those panels alone that its claims need."""
    fewer = config.evidence
    changes: dict[str, Any] = {}
    for kind in ("content_sets", "style_sets"):
        if labels := getattr(fewer, kind):
            changes[kind] = {label: getattr(config, kind)[label] for label in labels}
    for kind in ("ratios", "seeds", "channels", "shares"):
        if chosen := getattr(fewer, kind):
            changes[kind] = list(chosen)
    return config.model_copy(update=changes)


class Given:
    """A figure's settings, of which none can be read that the config leaves out."""

    def __init__(self, config: FigureConfig, place: str):
        self._config = config
        self._place = place

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._config, name)
        if value is None or value == [] or value == {}:
            raise ConfigError(f"{self._place}.{name}: the figure needs it, but it is not given")
        return value
