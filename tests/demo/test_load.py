"""The load script: what it counts, on made-up numbers and on a started server."""

import pytest

from benchmarks.demo_load import Crowd, Load, Order


def loaded(memory, **jobs):
    found = Load(2, memory=list(enumerate(memory)))
    for _ in range(3):
        found.add([0.5, 1.0], "")
    for error in jobs.get("errors", ()):
        found.add([], error)
    return found


FLAT = [100.0] * 4 + [500.0] * 12
RISING = [500.0 + 20 * at for at in range(16)]


def test_a_borne_load():
    found = loaded(FLAT)

    assert found.borne and found.growth == 0
    assert "median 1.0, at most 1.0" in found.report() and found.report().endswith("\nborne")


def test_memory_that_rises_is_not_borne():
    assert not loaded(RISING).borne


@pytest.mark.parametrize("error", ["ended after 3 evaluations", "Connection lost"])
def test_a_job_that_was_accepted_and_lost_is_not_borne(error):
    found = loaded(FLAT, errors=[error])

    assert not found.borne
    assert f"failure: {error}" in found.report() and found.report().endswith("NOT BORNE")


def test_a_full_queue_is_no_failure():
    found = loaded(FLAT, errors=["24 people are waiting already: try again in a few minutes."])

    assert found.borne and found.refused == 1


def test_nothing_at_all_is_not_borne():
    assert not Load(2).borne


def test_a_crowd_gets_all_its_pictures(server, scene, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    content, style = (scene(48, 32, seed).save(tmp_path / f"{seed}.png") for seed in range(2))

    crowd = Crowd(server, (content, style), Order(size=32, evaluations=3, preset="gatys2016-code"))
    found = crowd.load(clients=3, seconds=0.5)

    assert found.borne, found.report()
    assert found.accepted >= 3 and found.refused == 0
