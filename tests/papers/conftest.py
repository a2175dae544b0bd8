"""Figures from end to end, on networks and pictures small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from replicate.engine.job import Job, Result
from replicate.figure.claims import Claim, Definition
from replicate.papers.panels import Panels
from replicate.papers.registry import figure_function, figure_settings
from replicate.papers.studio import Studio


@pytest.fixture
def small_studio(
    tiny_engine: Callable[..., Any],
    scene: Callable[..., Any],
    measured_means: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Studio]:
    """``small_studio(network="vgg19-random", balanced=True)``: smoke size, scenes for pictures.

    Both VGGs and the bundled network are on the machine unless ``network`` says otherwise.  Each
    role has a picture of its own.
    """

    def picture(self: Studio, role: str) -> Any:
        return scene(64, 48, seed=1 + self.roles.index(role))

    monkeypatch.setattr(Studio, "picture", picture)

    def make(network: str = "auto", **settings: Any) -> Studio:
        engine = tiny_engine(("vgg19-caffe", "vgg16-caffe", "vgg19-compact"), network=network)
        return Studio(engine, profile_name="smoke", **settings)

    return make


@pytest.fixture
def failing(
    small_studio: Callable[..., Studio],
    not_shown: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[str]]:
    """``failing("gatys2016/fig4", numbers, {key: {...}})``: the claims of a figure
    that is not drawn whose effect is not what is asked, or whose condition is not met.

    ``numbers(key)`` is what is measured of a panel, but for what follows.  Content losses in the
    results are 1.
    """

    def draw(self: Studio, jobs: Mapping[Any, Job]) -> dict[Any, Result]:
        results = {}
        for key, job in jobs.items():
            picture = job.content_on_canvas if job.content else job.style_on_canvas
            info = self.engine.networks.info(job.preset.network)
            losses = {"content/any": 1.0}
            results[key] = Result(job, picture, 1.0, losses, [], 1, 0.0, info, "exact")
        return results

    def found(
        figure: str,
        numbers: Callable[[Any], dict[str, float]],
        changes: Mapping[Any, Mapping[str, float]] | None = None,
    ) -> list[str]:
        def take(self: Panels, measure: object, results: Mapping[Any, Result]) -> None:
            for key in results:
                self.metrics[key].update({**numbers(key), **(changes or {}).get(key, {})})

        monkeypatch.setattr(Studio, "draw", draw)
        monkeypatch.setattr(Panels, "_take", take)
        sheet = figure_function(figure)(small_studio().at(figure))
        assert {claim.id for claim in sheet.claims} == set(figure_settings(figure).claims)
        return not_shown(figure, sheet.claims)

    return found


@pytest.fixture
def not_shown() -> Callable[[str, Iterable[Claim]], list[str]]:
    """``not_shown("gatys2016/fig4", claims)``: those whose effect or condition is not there."""

    def shows(asked: Definition, claim: Claim) -> bool:
        effect = asked.effect(claim.value)
        inside = abs(effect) <= asked.bound if asked.equivalent else effect > asked.bound
        return inside and not claim.unmet

    def found(figure: str, claims: Iterable[Claim]) -> list[str]:
        asked = figure_settings(figure).claims
        return [claim.id for claim in claims if not shows(asked[claim.id], claim)]

    return found
