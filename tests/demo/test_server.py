"""A started server: programs that use it, its queue, and what it gives away."""

import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.utils import Status

SECONDS = 120
"""A busy machine is no fault."""


@pytest.fixture
def clients(server, tmp_path, monkeypatch):
    """Makes programs that use the server."""
    import huggingface_hub.constants

    # The client, not the server, asks the hub for something about itself when it starts.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    made: list[Client] = []

    def make():
        made.append(Client(server, verbose=False, download_files=str(tmp_path / "got")))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def submit(tmp_path, scene):
    """``submit(client, seed=1)``: asks for a small transfer."""
    files = [scene(48, 32, seed).save(tmp_path / f"{seed}.png") for seed in range(2)]

    def start(client, content=files[0], **changes):
        order = {"preset": "gatys2016-code", "size": 48, "evaluations": 5, "network": "auto"}
        return client.submit(
            content=handle_file(str(content)),
            style=handle_file(str(files[1])),
            api_name="/transfer",
            **{**order, **changes},
        )

    return start


def until(true):
    """Whether it becomes true in time."""
    end = time.monotonic() + SECONDS
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


@pytest.fixture
def busy(monkeypatch):
    """The page does not answer itself in time when it starts."""
    monkeypatch.setattr("gradio.networking.url_ok", lambda address: False)


def test_a_machine_that_is_busy_at_the_start_serves_the_page(busy, server):
    assert "Which layers?" in httpx.get(server, timeout=SECONDS).text


# Programs


def test_a_program_gets_presets_progress_and_the_picture(clients, submit, tmp_path):
    client = clients()
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/presets", "/transfer"}
    assert all(each["description"] for each in named.values())
    assert "gatys2016" in {each["name"] for each in client.predict(api_name="/presets")}

    job = submit(client)
    picture, progress = job.result(timeout=SECONDS)
    assert progress["evaluation"] == progress["evaluations"] == 5
    assert job.outputs()[0][1]["evaluation"] == 1
    assert "style/relu1_1" in progress["losses"]
    assert Path(picture if isinstance(picture, str) else picture["path"]).is_file()

    (tmp_path / "bad.png").write_bytes(b"no picture")
    for wrong, says in (({"size": 9999}, "Size"), ({"content": tmp_path / "bad.png"}, "picture")):
        with pytest.raises(Exception, match=says):
            submit(client, **wrong).result(timeout=SECONDS)
    assert submit(client, seed=1).result(timeout=SECONDS)[1]["evaluation"] == 5


def test_a_cancelled_drawing_frees_the_engine(clients, submit, backend, endless):
    first = submit(clients(), evaluations=60)
    assert until(lambda: len(first.outputs()) > 0)
    first.cancel()
    assert endless.wait(SECONDS)

    _, progress = submit(clients(), seed=2).result(timeout=SECONDS)

    assert progress["evaluation"] == 5
    assert len(backend.store) == 1, "what was cancelled is not finished behind the scenes"


# The queue


def test_the_others_see_their_place(clients, submit, backend):
    with backend.lock:  # the first one's drawing cannot go on
        first = submit(clients())
        assert until(lambda: first.status().code in (Status.PROCESSING, Status.ITERATING))
        second = submit(clients(), seed=1)
        assert until(lambda: second.status().rank == 0)
        third = submit(clients(), seed=2)
        assert until(lambda: third.status().rank == 1)

    done = [job.result(timeout=SECONDS)[1]["evaluation"] for job in (first, second, third)]
    assert done == [5, 5, 5]


def test_who_finds_the_queue_full_is_told_so(clients, submit, backend):
    with backend.lock:
        accepted = [submit(clients())]
        assert until(lambda: accepted[0].status().code in (Status.PROCESSING, Status.ITERATING))
        for seed in range(1, backend.limits.waiting + 1):
            accepted.append(submit(clients(), seed=seed))
            assert until(lambda: accepted[-1].status().code == Status.IN_QUEUE)
        refused = submit(clients(), seed=99)
        with pytest.raises(Exception, match="3 people are waiting already"):
            refused.result(timeout=SECONDS)

    for job in accepted:
        assert job.result(timeout=SECONDS)[1]["evaluation"] == 5
