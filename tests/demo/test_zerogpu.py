"""A GPU that is lent: drawn in another process, with a duration that fits the job."""

import http.server
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from demo import zerogpu
from demo.limits import InputError
from demo.session import Drawings
from demo.stops import Stop
from demo.visitors import Visitor
from replicate.engine.engine import Engine
from replicate.errors import DivergedError


class Spaces:
    """Does what the package ``spaces`` does: forks, pickles, and loses the text of errors."""

    def __init__(self):
        self.seconds: list[int] = []

    def GPU(self, task, duration):
        def lent(*arguments):
            self.seconds.append(duration(*arguments))
            context = multiprocessing.get_context("fork")
            ours, theirs = context.Pipe()
            sent = pickle.dumps(arguments)
            process = context.Process(target=work, args=(sent, theirs), daemon=True)
            process.start()
            try:
                while (answer := ours.recv()) is not None:
                    given, failure = answer
                    if failure:
                        raise RuntimeError(f"ZeroGPU worker error: {failure}")
                    yield given
            finally:
                process.kill()
                process.join()

        def work(sent, theirs):
            try:
                for each in task(*pickle.loads(sent)):
                    theirs.send((each, ""))
            except Exception as error:
                theirs.send((None, type(error).__name__))
            theirs.send(None)

        return lent


@pytest.fixture
def spaces(monkeypatch):
    fake = Spaces()
    monkeypatch.setattr(zerogpu, "spaces", fake)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    return fake


def slow_clock():
    """A second later at each look, so that every frame is shown; pickled by its name."""
    slow_clock.now += 1.0  # type: ignore[attr-defined]
    return float(slow_clock.now)  # type: ignore[attr-defined]


slow_clock.now = 0.0  # type: ignore[attr-defined]


def drawn(backend, job):
    visitor = Visitor(session="here")
    return list(Drawings(backend).draw(job, "auto", Stop(), slow_clock, visitor))


def test_the_picture_comes_back_from_the_other_process_and_is_kept(spaces, backend, job):
    shown = drawn(backend, job)
    alone = Engine("cpu").run(job)

    assert [frame.step for frame in shown] == list(range(1, 9))
    assert shown[-1].result is not None
    assert np.array_equal(shown[-1].picture.pixels, alone.picture.pixels)
    assert set(shown[-1].course.parts) == set(alone.losses)

    drawn(backend, job)
    assert len(backend.store) == len(spaces.seconds) == 1, "what is stored takes no GPU"


def test_the_duration_is_computed_from_the_job(spaces, backend, job):
    square = replace(job, content=job.style, size=128)
    backend.learn(square, "auto", 5, seconds=10.0)

    drawn(backend, job)
    drawn(backend, replace(job, size=64))

    pace = 10.0 / 5 / (128 * 128)
    expected = [zerogpu.START + round(1.5 * pace * w * h * 8) for w, h in ((48, 32), (64, 43))]
    assert spaces.seconds == expected
    assert list(zerogpu.lent(lambda: iter(()), lambda: 1e6)()) == []
    assert spaces.seconds[-1] == zerogpu.LONGEST


def test_stop_ends_it_with_the_picture_so_far(spaces, backend, job):
    stop = Stop()
    for frame in Drawings(backend).draw(job, "auto", stop, slow_clock):
        if frame.step == 3:
            stop.set()

    assert frame.step == 3 and frame.remark.startswith("Stopped")
    assert frame.result is not None and frame.result.job.stop == 3
    with pytest.raises(InputError, match="Stopped"):
        list(Drawings(backend).draw(replace(job, seed=1), "auto", stop))
    assert len(spaces.seconds) == 1, "a stop before the start takes no GPU"


def test_errors_keep_their_sentences(spaces, backend, job, monkeypatch):
    def stream(*_):
        raise DivergedError("the loss has exploded at evaluation 1", step=1, picture=None)
        yield

    monkeypatch.setattr(Engine, "stream", stream)

    with pytest.raises(InputError, match="exploded"):
        drawn(backend, job)


def test_only_drawing_takes_the_gpu_and_only_where_the_package_is(spaces, backend, monkeypatch):
    assert zerogpu.here() and backend.viewer().device.type == "cpu"

    monkeypatch.setattr(zerogpu, "spaces", None)
    assert zerogpu.lent(iter, len) is iter and not zerogpu.here()  # type: ignore[arg-type]


class Lender(http.server.BaseHTTPRequestHandler):
    """What lends GPUs to a Space, as far as one is refused: the quota is used up."""

    def do_POST(self):
        self.server.asked.append(self.path)
        refused = self.path.startswith("/schedule")
        self.send_response(429 if refused else 200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"left": 7, "wait": 1800}).encode())

    def log_message(self, *_):
        pass


ON_ZEROGPU = """
import spaces
from demo import zerogpu
from demo.messages import Page

def drawing():
    yield

lent = zerogpu.lent(drawing, lambda: 20)
with Page() as page:
    pass
page.launch(prevent_thread_lock=True, quiet=True)
try:
    next(lent())
except zerogpu.InputError as error:
    print("said:", error)
page.close()
"""


def test_the_real_package_reports_its_start_and_refuses_in_a_sentence(tmp_path):
    pytest.importorskip("spaces", reason="needs spaces: make install")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lender) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        surroundings = {
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}",
            "ZEROGPU_OFFLOAD_DIR": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        done = subprocess.run(
            [sys.executable, "-c", ON_ZEROGPU],
            env={**os.environ, **surroundings},
            capture_output=True,
            text=True,
        )
        server.shutdown()

    said = [line for line in done.stdout.splitlines() if line.startswith("said: ")]
    assert server.asked[0] == "/startup-report", done.stderr
    assert f"durationSeconds={zerogpu.START + 30}" in server.asked[1]
    assert len(said) == 1 and "GPU limit" in said[0], done.stdout + done.stderr


@pytest.mark.parametrize(
    ("title", "message", "sentence"),
    [
        ("ZeroGPU quota exceeded", "Try again in 0:30:00. ", "Try again in 0:30:00."),
        ("ZeroGPU worker error", "GPU task aborted", "The GPU was taken back too early"),
        ("ZeroGPU worker error", "ValueError", r"failed \(ValueError\): try again"),
    ],
)
def test_what_goes_wrong_with_a_lent_gpu_is_a_sentence(monkeypatch, title, message, sentence):
    def refused(*_):
        raise gr.Error(message, title=title)
        yield

    monkeypatch.setattr(zerogpu, "spaces", SimpleNamespace(GPU=lambda task, duration: refused))
    with pytest.raises(InputError, match=sentence):
        next(zerogpu.lent(iter, len)())
