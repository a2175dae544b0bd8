"""What SECURITY.md promises: what is kept, who sees it, and what one visitor may take."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from PIL import Image

from demo import fields, line, pictures
from demo.__main__ import main
from demo.layers import Layers
from demo.limits import InputError, Limits
from demo.line import in_turn
from demo.results import Results
from demo.session import Drawings
from demo.stops import Stop, Stops
from demo.uploads import Sweeper, Uploads, sweep
from demo.visitors import COOKIE, HOUR, Quota, Visitor
from replicate.engine.engine import Engine
from replicate.images import bundled
from replicate.storage.store import ResultStore

ROOT = Path(__file__).resolve().parents[2]
ANN, BOB = Visitor(browser="a" * 32), Visitor(browser="b" * 32)
SECONDS = 120
"""A busy machine is no fault."""


def until(true):
    """Whether it becomes true in time."""
    end = time.monotonic() + SECONDS
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


# Results


def test_a_drawing_is_found_again_by_whom_it_was_made_for_and_gone_within_the_hour(backend, job):
    def drawn(visitor, job):
        *_, last = Drawings(backend).draw(job, "auto", Stop(), visitor=visitor)
        return last.remark

    assert drawn(ANN, job) == drawn(BOB, job) == ""
    assert drawn(ANN, job).startswith("Drawn before")

    shared = replace(job, content=bundled("coffee"), style=bundled("rocket"))
    assert drawn(ANN, shared) == "" and drawn(BOB, shared).startswith("Drawn before")
    blended = replace(shared, blend=((job.style, 1.0),))
    assert drawn(ANN, blended) == drawn(BOB, blended) == "", "of a painting of one's own as well"

    for path in backend.store.folder.rglob("*.png"):
        age(path, 3600)
    backend.sweep()
    assert len(backend.store) == 1 and drawn(BOB, shared).startswith("Drawn before")
    assert drawn(ANN, job) == ""


def test_what_make_figures_drew_is_found_but_never_added_to(tmp_path, backend, job):
    figures = ResultStore(tmp_path / "figures")
    backend.store.figures = figures
    shared = replace(job, content=bundled("coffee"), style=bundled("rocket"))
    Engine("cpu", store=figures).run(shared)

    (frame,) = Drawings(backend).draw(shared, "auto", Stop(), visitor=ANN)
    list(Drawings(backend).draw(job, "auto", Stop(), visitor=ANN))

    assert frame.remark.startswith("Drawn before") and len(figures) == 1


def test_over_its_size_the_oldest_results_go(tmp_path):
    store = Results(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)
    paths = []
    for number, store.owner in enumerate(["", "ann", "bob", ""]):
        paths.append(store.put(store.key({"n": number}), pixels, {}))
        age(paths[-1], 100 - number)

    store.sweep(3600, size=2 * paths[0].stat().st_size + 50)

    assert [path.exists() for path in paths] == [False, False, True, True]


# Uploads


def test_whatever_is_old_goes_whoever_left_it(tmp_path):
    uploads, gone = Uploads(tmp_path), Uploads(tmp_path)  # the second was killed
    example, mine = uploads.examples / "cat.png", uploads.new("") / "mine.png"
    left = [
        uploads.folder / "tmpabc",  # an upload broken off
        uploads.folder / "deep_links" / "x" / "state.json",
        gone.new("") / "theirs.png",
        uploads.folder / "link",
    ]
    for path in (example, mine, *left[:-1]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    left[-1].symlink_to("/nowhere")
    for path in (example, *left):
        age(path, 3600)

    assert uploads.sweep(3000) == 4
    assert example.is_file() and mine.is_file()
    while gone.folder.exists():  # a folder is as old as what was last removed from it
        for folder in (gone.folder, *filter(Path.is_dir, gone.folder.rglob("*"))):
            age(folder, 3600)
        uploads.sweep(3000)
    assert not any(map(os.path.lexists, left))
    assert sweep(tmp_path / "nowhere", 0) == 0, "a folder that is not there is no error"
    uploads.close()
    assert not uploads.folder.exists()


def test_the_sweeper_goes_on_after_an_error(capsys):
    asked, twice = Counter(), threading.Event()

    def fails():
        asked["fails"] += 1
        raise RuntimeError("set changed size during iteration")

    def counts():
        asked["counts"] += 1
        if asked["counts"] == 2:
            twice.set()

    sweeper = Sweeper([fails, counts], seconds=0.01)
    assert twice.wait(SECONDS)
    sweeper.close()
    assert asked["fails"] >= 2 and "changed size" in capsys.readouterr().out


def upload(server, data=b"picture", name="a.png", **options):
    return httpx.post(f"{server}gradio_api/upload", files={"files": (name, data)}, **options)


def fetch(server, path, visitor=None):
    cookies = {COOKIE: visitor.browser} if visitor else {}
    return httpx.get(f"{server}gradio_api/file={path}", cookies=cookies)


def test_an_upload_is_read_by_the_browser_that_made_it_alone(server, backend):
    cookies = httpx.get(server).cookies
    (path,) = upload(server, cookies=cookies).json()
    (same,) = upload(server, cookies=cookies).json()
    ours = Visitor(browser=cookies[COOKIE])

    assert path != same, "an address tells nothing of what it holds"
    assert [fetch(server, path, who).status_code for who in (ours, BOB, None)] == [200, 403, 403]
    data = [{"path": path}, {"path": path}, "gatys2016-code", 48, 5, 0, "auto", 0, "", ""]
    assert "no longer on the server" in call(server, data)
    assert "not a picture" in call(server, data, cookies=cookies)


def test_an_upload_broken_off_leaves_nothing(server, backend):
    def parts():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        yield b"picture" * 1000
        assert until(lambda: len(list(backend.uploads.folder.rglob("tmp*"))) == 1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        httpx.post(f"{server}gradio_api/upload", content=parts(), headers=headers)

    assert until(lambda: os.listdir(backend.uploads.folder) == ["examples"])


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"uploads": 1}, 429),
        ({"uploaded_megabytes": 0}, 429),
        ({"megabytes": 0}, 413),
    ],
    ids=["number", "bytes in all", "bytes of one"],
    indirect=["limits"],
)
def test_uploads_over_a_limit_are_refused_and_not_kept(server, backend, status):
    answers = [upload(server).status_code for _ in range(4)]

    assert answers[-1] == status
    assert len(os.listdir(backend.uploads.folder)) == 1 + answers.count(200)


# Events


TRANSFER = "gradio_api/call/transfer"


def ask(server, data, session=None, **options):
    """Ask for a transfer as a program does; its event."""
    body = {"data": data, "session_hash": session}
    return httpx.post(server + TRANSFER, json=body, **options).json()["event_id"]


def hear(server, event, **options):
    """What a program hears of an event, line by line, until its end."""
    end = time.monotonic() + SECONDS
    address = f"{server}{TRANSFER}/{event}"
    with httpx.stream("GET", address, timeout=SECONDS, **options) as stream:
        for line in stream.iter_lines():
            assert time.monotonic() < end, "the event does not end"
            yield line


def call(server, data, **options):
    """All that a program hears of a transfer."""
    return "\n".join(hear(server, ask(server, data, **options), **options))


@pytest.fixture
def pair(backend):
    """Two pictures that everybody may have, as a program names them."""
    files = map(Path, map(backend.example, ("coffee", "rocket")))
    return [{"path": str(shutil.copy(file, backend.uploads.examples))} for file in files]


def asked(files, **changes):
    """The values of a transfer."""
    form = {"content": files[0], "style": files[1], "preset": "gatys2016-code", "size": 48}
    form |= {"evaluations": 5, "seed": 0, "network": "auto", "ratio": 0}
    return list({**form, "content_layers": "", "style_layers": "", **changes}.values())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"content": {"path": "http://127.0.0.1:1/a.png"}}, "fetches no addresses"),
        (
            {
                "content": {
                    "path": "https://example.org/a.png",
                    "meta": {"_type": "gradio.FileData"},
                }
            },
            "fetches no addresses",
        ),
        ({"content": {"path": "/etc/passwd"}}, "no longer on the server"),
        ({"size": None}, "Size is a whole number from 16 to 128, not 'nothing'"),
        ({"evaluations": "x" * 900_000}, "Evaluations is a whole number"),
    ],
    ids=["address", "address of a file", "server's file", "empty", "long"],
)
def test_a_hostile_event_is_one_sentence(server, pair, backend, changes, says):
    heard = call(server, asked(pair, **changes))

    assert says in heard and "event: error" in heard
    assert str(backend.uploads.base) not in heard and len(heard) < 500
    assert "Something went wrong on this server" in call(server, [1])


def test_a_question_of_a_megabyte_is_refused(server):
    answer = httpx.post(f"{server}gradio_api/call/transfer", content=b" " * 1_000_001)

    assert answer.status_code == 413


def test_only_what_the_page_uses_is_there(server):
    places = {
        "gradio_api/file=http://127.0.0.1:1/x": 403,
        "gradio_api/file=https:/example.org/x": 403,
        "gradio_api/proxy=http://127.0.0.1:1/x": 404,
        "gradio_api/deep_link?session_hash=x": 404,
        "gradio_api/vibe-code": 404,
        f"gradio_api/file={ROOT}/pyproject.toml": 403,
        "gradio_api/file=/etc/hostname": 403,
        "gradio_api/run-history/buckets": 404,
        "monitoring/summary": 404,
        "examples/../examples.webp": 404,
        "examples/coffee.webp": 200,
        "own/page.js": 200,
        "own/grid/../../page.py": 404,
        "own/parts/base.js": 404,
    }
    assert {place: httpx.get(server + place).status_code for place in places} == places
    assert httpx.post(f"{server}gradio_api/process_recording").status_code == 404
    assert httpx.post(f"{server}gradio_api/run/transfer", json={"data": []}).status_code != 200


def test_no_path_of_the_server_is_in_the_page(server, backend):
    secrets = {str(backend.uploads.base), str(ROOT), str(Path.home()), sys.prefix}

    for place in ("", "config", "gradio_api/info", "gradio_api/openapi.json"):
        text = httpx.get(server + place).text
        assert not [secret for secret in secrets if f"{secret}/" in text], place


@pytest.mark.parametrize("field", [fields.Slider, fields.Number, fields.Dropdown, fields.Radio])
def test_what_was_entered_reaches_our_own_sentences(field):
    bounds = {"minimum": 0} if field in (fields.Slider, fields.Number) else {"choices": ["a"]}

    assert [field(**bounds).preprocess(value) for value in (None, -1, "x")] == [None, -1, "x"]


def test_a_picture_too_flat_for_the_size_is_a_sentence(backend, tmp_path, scene):
    flat = str(scene(1600, 20).save(tmp_path / "flat.png"))

    with pytest.raises(InputError, match="At this size the picture has 64 × 1 pixels"):
        Layers(Drawings(backend), Stops()).look(flat, "relu4_2", 64, "auto")


@pytest.mark.parametrize("limits", [{"turn": 0.0}], indirect=True)
def test_a_long_drawing_ends_with_the_picture_so_far_where_others_wait(server, pair, endless):
    long, short = (
        hear(server, ask(server, asked(pair, evaluations=count, seed=count))) for count in (60, 5)
    )
    with ThreadPoolExecutor() as pool:  # both listen at once
        drawn = [pool.submit("\n".join, heard) for heard in (long, short)]

    assert "Others are waiting: this is the picture so far." in drawn[0].result()
    assert '"evaluation": 5' in drawn[1].result()


# Reading pictures


READ = """
import sys
from demo import pictures
from demo.limits import Limits
peak = lambda: int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
before = peak()
pictures.load_image(sys.argv[1], Limits(128, 60).pixels)
print((peak() - before) / 1000)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_the_largest_deep_grey_picture_takes_under_400_megabytes(tmp_path):
    Image.new("I;16", (5000, 5000)).save(tmp_path / "grey.png")

    command = [sys.executable, "-c", READ, str(tmp_path / "grey.png")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert float(done.stdout) < 400


def test_one_picture_is_read_at_a_time(files, few_pictures, monkeypatch):
    reading, most, both = Counter(), [], threading.Barrier(2)

    def load(path, pixels):
        reading["now"] += 1
        most.append(reading["now"])
        time.sleep(0.05)  # the other thread is on its way
        reading["now"] -= 1
        return bundled("coffee")

    def read():
        both.wait()
        pictures.read(files[0], "content", Limits(128, 60))

    monkeypatch.setattr(pictures, "load_image", load)
    threads = [threading.Thread(target=read) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1, 1]


# The queue


def event(address, at, name):
    client = SimpleNamespace(host=address)
    return SimpleNamespace(request=SimpleNamespace(client=client), enqueue_time=at, name=name)


def test_everybody_s_first_job_comes_before_anybody_s_second():
    waiting = [event("1.1.1.1", at, f"greedy {at}") for at in range(3)]
    waiting += [event("2.2.2.2", 3, "late"), event("2001:db8::1", 4, "later")]
    waiting += [event("2001:db8::ffff", 5, "the same house")]

    order = [each.name for each in in_turn(waiting, [event("2.2.2.2", -1, "at work")])]

    assert order == ["greedy 0", "later", "greedy 1", "late", "the same house", "greedy 2"]


@pytest.mark.parametrize("limits", [{"jobs": 1}], indirect=True)
def test_more_jobs_than_a_visitor_may_have_are_refused_with_a_sentence(server, pair, backend):
    with backend.lock:  # so that no job ends
        _, second = (ask(server, asked(pair), "greedy") for _ in range(2))
        said = next(line for line in hear(server, second) if line.startswith("data: {"))

    assert "You have too many jobs waiting already" in said


def test_a_job_that_nobody_listens_to_is_dropped(server, pair, backend, monkeypatch):
    monkeypatch.setattr(line, "GRACE", 0.0)
    monkeypatch.setattr(line, "LOOKS", 0.01)
    with backend.lock:  # so that no job is over before it is dropped
        for seed in range(3):
            ask(server, asked(pair, seed=seed))

        def waiting():
            return httpx.get(f"{server}gradio_api/queue/status").json()["queue_size"]

        assert until(lambda: waiting() == 0)


def test_a_quota_is_for_an_hour_and_for_each_visitor():
    now = [0.0]
    quota = Quota(10, "evaluations", clock=lambda: now[0])
    first, second = (replace(who, address="192.0.2.1") for who in (ANN, BOB))
    quota.take(first, 6)

    with pytest.raises(InputError, match=r"gives one visitor 10 evaluations an hour, .* in 60 min"):
        quota.take(first, 5)
    with pytest.raises(InputError, match="ask for less"):
        quota.take(Visitor(browser="c"), 11)
    quota.take(second, 10)
    quota.take(Visitor(session="s", address="192.0.2.1"), 10)
    with pytest.raises(InputError, match="room again"):
        quota.take(Visitor(session="t", address="192.0.2.1"), 5)
    now[0] = HOUR
    quota.take(first, 10)


@pytest.mark.parametrize("limits", [{"evaluations_an_hour": 20}], indirect=True)
def test_evaluations_are_counted_but_not_those_that_are_found(backend, job):
    def draw(size):
        list(Drawings(backend).draw(replace(job, size=size), "auto", Stop(), visitor=ANN))

    for size in (40, 48, 40, 48, 40):
        draw(size)
    with pytest.raises(InputError, match="20 evaluations an hour"):
        draw(56)


@pytest.mark.parametrize("options", ["--port 99999", "--port x", "--keep 0"])
def test_a_number_out_of_range_is_one_sentence(options, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(options.split())
    assert stopped.value.code == 2
    *_, sentence = capsys.readouterr().err.strip().splitlines()
    assert "needs a whole number from 1 to" in sentence and len(sentence) < 120
