"""``replicate evidence``: pair by pair, resumable, in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from replicate.config import Profile
from replicate.errors import ImageError
from replicate.figure.verdicts import read_rows
from replicate.images.evaluation import Pair
from replicate.papers.studio import Studio

FIG5 = "evidence gatys2016/fig5 --precision exact --network vgg19-random"
PAIRS = [Pair("astronaut", "one"), Pair("chelsea", "two"), Pair("coffee", "one", 1)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, scene: Callable[..., Any]) -> None:
    """Three pairs of scenes at the size of the profile smoke, without its shortcuts."""
    tiny = Profile(size=64, evaluations=6, judged=True)

    def picture(self: Studio, role: str) -> Any:
        assert self.pair is not None
        name = self.pair.content if role == "content" else self.pair.style
        return scene(64, 48, seed=len(name) + ord(name[0]))

    monkeypatch.setattr("replicate.papers.studio.load_profile", lambda _: tiny)
    monkeypatch.setattr("replicate.cli.evidence.pairs", lambda _: PAIRS)
    monkeypatch.setattr("replicate.papers.studio.unsettled", lambda results: "")
    monkeypatch.setattr(Studio, "picture", picture)


def test_each_pair_has_a_row_a_claim_and_the_run_goes_on_where_it_was(typed, folder, stored):
    first = typed(f"{FIG5} --pairs 2")
    assert first.code == 0 and "2 figures of 2 pairs to draw" in first.err
    rows = read_rows(folder / "figures/evidence")
    assert len(stored) == 4
    assert {(row.claim[15:], row.photograph, row.artwork) for row in rows} == {
        (claim, pair.content, pair.style) for claim in ("structure", "style") for pair in PAIRS[:2]
    }
    assert {(row.network, row.size, row.evaluations) for row in rows} == {("vgg19-random", 64, 6)}
    assert "figures/evidence  4 rows, 2 claims judged" in first.out
    again = typed(FIG5)
    assert "1 figure of 3 pairs to draw" in again.err
    assert len(stored) == 6 and len(read_rows(folder / "figures/evidence")) == 6
    assert "0 figures of 3 pairs" in typed(FIG5).err
    claim = typed(f"{FIG5.replace('gatys2016/fig5', '')} --claim gatys2016/fig5/style --force")
    assert "3 figures of 3 pairs" in claim.err and len(stored) == 12
    assert "figures/evidence  6 rows, 2 claims judged" in claim.out


def test_parts_draw_and_measure_nothing(typed, folder, stored):
    for part in ("1/2", "2/2"):
        assert typed(f"{FIG5} --shard {part}").code == 0
    assert len(stored) == 6
    assert not (folder / "figures/evidence/rows.jsonl").exists()
    typed(FIG5)
    assert len(stored) == 6 and len(read_rows(folder / "figures/evidence")) == 6


def test_one_pair_that_fails_does_not_stop_the_others(typed, folder, monkeypatch):
    there = Studio.picture

    def picture(self: Studio, role: str) -> Any:
        if self.pair == PAIRS[0]:
            raise ImageError("The picture is gone.")
        return there(self, role)

    monkeypatch.setattr(Studio, "picture", picture)
    ran = typed(FIG5)
    assert ran.code == 2 and "astronaut × one, seed 0: The picture is gone." in ran.err
    assert len(read_rows(folder / "figures/evidence")) == 4


def test_refused(typed, monkeypatch):
    assert "can be judged over pairs" in typed("evidence fastai/sum_or_mean").refused()
    assert "did you mean" in typed("evidence --claim gatys2016/fig5/stile").refused()
    preview = Profile(size=64, evaluations=6)
    monkeypatch.setattr("replicate.papers.studio.load_profile", lambda _: preview)
    assert "no verdict can rest" in typed(FIG5).refused()
