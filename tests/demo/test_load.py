"""The load script: what it counts, on made-up numbers and on a started server."""

import os
import time

import pytest

from benchmarks.demo_load import LATE, SOON, WHIMS, Crowd, Load, Order, oldest


def loaded(memory, *errors, **changes):
    found = Load(2, memory=list(enumerate(memory)), **changes)
    for _ in range(3):
        found.add([0.5, 1.0], "")
    found.add([0.7], "", cancelled=True)
    for error in errors:
        found.add([], error)
    return found


FLAT = [100.0] * 4 + [500.0] * 12
RISING = [500.0 + 20 * at for at in range(16)]


def test_a_borne_load():
    found = loaded(FLAT, "24 people are waiting already: try again in a few minutes.")

    assert found.wrong == [] and found.growth == 0
    assert (found.accepted, found.refused, found.cancelled) == (4, 1, 1)
    assert "median 1.0, at most 1.0" in found.report() and found.report().endswith("\nborne")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (loaded(RISING), "memory grew by"),
        (loaded(FLAT, "ended after 3 evaluations"), "ended after 3 evaluations"),
        (loaded(FLAT, oldest=LATE + 1), "a file was kept for"),
        (loaded(FLAT, firsts=[SOON + 1] * 9), "the median visitor waited too long"),
        (loaded(FLAT, accepted=1), "accepted jobs were lost"),
        (Load(2), "no picture was finished"),
    ],
)
def test_a_promise_that_is_not_kept_is_told(found, says):
    assert [sentence for sentence in found.wrong if sentence.startswith(says)]
    assert f"wrong: {says}" in found.report() and found.report().endswith("NOT BORNE")


def test_the_oldest_file_of_a_visitor_is_found(tmp_path):
    for name, age in (("uploads/a.png", 90), ("uploads/examples/b.png", 900)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        os.utime(path, 2 * (time.time() - age,))

    assert 90 <= oldest(tmp_path) < 900


def test_a_crowd_with_all_its_whims_gets_its_pictures(server, scene, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    content, style = (scene(48, 32, seed).save(tmp_path / f"{seed}.png") for seed in range(2))
    order = Order(size=32, evaluations=3, preset="gatys2016-code")

    crowd = Crowd(server, (content, style), order)
    found = Load(1)
    crowd.visit(0, len(WHIMS) + 1, found)

    assert not [sentence for sentence in found.wrong if "too long" not in sentence], found.report()
    assert (found.broken, found.reloads, found.refused) == (1, 1, 0)
