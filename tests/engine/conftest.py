"""A small transfer, for whatever takes a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from replicate.engine.job import Job
from replicate.engine.preset import Preset


@pytest.fixture(scope="session")
def transfer() -> Preset:
    return Preset(
        name="tiny",
        content_layers=["relu3_1"],
        style_layers=["relu1_1", "relu2_1"],
        ratio=1e-2,
        evaluations=5,
        size=32,
    )


@pytest.fixture
def job(transfer: Preset, scene: Callable[..., Any]) -> Job:
    return Job(transfer, scene(seed=0), scene(seed=1), label="a panel")
