"""Figures from end to end, on networks and pictures small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from replicate.papers.studio import Studio


@pytest.fixture
def small_studio(
    tiny_engine: Callable[..., Any],
    scene: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Studio]:
    """``small_studio(network="vgg19-random", balanced=True)``: smoke size, scenes for pictures.

    Both VGGs are on the machine unless ``network`` says otherwise.  Each role has a picture of
    its own.  Channel means are measured on a scene, because the packaged ones are of wider
    networks.
    """
    from replicate.networks.means import measure_means

    def means(network: Any, *_: Any) -> dict[str, Any]:
        found = measure_means(network, [scene(64, 64)])
        return {layer: mean.clamp(min=0.01) for layer, mean in found.items()}

    def picture(self: Studio, role: str) -> Any:
        return scene(64, 48, seed=1 + self.roles.index(role))

    monkeypatch.setattr("replicate.engine.engine.channel_means", means)
    monkeypatch.setattr(Studio, "picture", picture)

    def make(network: str = "auto", **settings: Any) -> Studio:
        return Studio(tiny_engine(network=network), profile_name="smoke", **settings)

    return make
