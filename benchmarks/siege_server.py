"""The siege of the web demo: what SECURITY.md promises of it, tried on servers of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from .demo_load import server as started
from .demo_load import visitors_files
from .siege import Tries, area

SWEPT = 75.0
"""Seconds within which something old is gone: a sweep comes every minute."""

PEAK = 400.0
"""Megabytes that reading a picture may take."""

SMALL = {"preset": "gatys2016-code", "size": 64, "evaluations": 3, "network": "auto"}
KEYS = ("content", "style", "preset", "size", "evaluations", "seed", "network", "ratio")
PATHS = re.compile(r"/(tmp|root|home|usr|opt|work)/[\w.-]+/")
"""What a path of a server looks like."""


class Visitor:
    """A browser or a program at an address of its own."""

    def __init__(self, server: str, address: str = "8.8.8.8"):
        headers = {"X-Forwarded-For": address}
        self.web = httpx.Client(base_url=server, headers=headers, timeout=600)
        self.session = f"siege{random.getrandbits(48):x}"

    def open(self) -> Visitor:
        """As a browser, which gets a cookie."""
        self.web.get("/")
        return self

    def upload(self, data: bytes, name: str = "a.png") -> httpx.Response:
        return self.web.post("/gradio_api/upload", files={"files": (name, data)})

    def picture(self, seed: int = 0, side: int = 64) -> dict[str, str]:
        """An uploaded picture of noise."""
        noise = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
        return {"path": self.upload(encoded(Image.fromarray(noise))).json()[0]}

    def ask(self, **form: Any) -> str:
        """Ask for a transfer; its event."""
        values = [({**SMALL, "seed": 0, "ratio": 0} | form).get(key) for key in KEYS]
        body = {"data": [*values, "", ""], "session_hash": self.session}
        answer = self.web.post("/gradio_api/call/transfer", json=body)
        return str(answer.json().get("event_id"))

    def hear(self, event: str) -> Iterator[str]:
        """What the server tells of an event, as it comes."""
        with self.web.stream("GET", f"/gradio_api/call/transfer/{event}") as stream:
            yield from (line for line in stream.iter_lines() if line.startswith("data: "))

    def transfer(self, **form: Any) -> str:
        """The last that is told of a transfer."""
        heard = list(self.hear(self.ask(**form)))
        return next((line for line in reversed(heard) if line != "data: null"), "")


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    return true()


@contextlib.contextmanager
def besieged(folder: Path, *options: str) -> Iterator[tuple[str, Any]]:
    """A server whose cache is that of the areas before."""
    with started(folder, *options, cache=folder.parent / "cache") as running:
        yield running


def kept(folder: Path) -> list[Path]:
    """Visitors' files that the server of ``folder`` keeps."""
    return visitors_files(folder / "uploads", folder.parent / "cache")


def aged(paths: list[Path]) -> None:
    """Make the files look an hour older."""
    for path in paths:
        with contextlib.suppress(OSError):
            os.utime(path, 2 * (time.time() - 3600,))


def break_off(server: str) -> None:
    """Send half an upload and close the connection."""
    host, port = server.removeprefix("http://").rstrip("/").split(":")
    head = 'Content-Disposition: form-data; name="files"; filename="a.png"'
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            + f"--x\r\n{head}\r\n\r\n".encode()
            + b"half a picture" * 1000
        )


# Areas


@area("drawings of visitors")
def drawings(tries: Tries, folder: Path) -> None:
    """Found by their visitor alone, and gone after the time promised."""
    with besieged(folder) as (server, _):
        ann, bob = Visitor(server).open(), Visitor(server).open()
        for size in (48, 64, 80):
            form = {"size": size}
            first = ann.transfer(content=ann.picture(), style=ann.picture(1), **form)
            again = ann.transfer(content=ann.picture(), style=ann.picture(1), **form)
            other = bob.transfer(content=bob.picture(), style=bob.picture(1), **form)
            tries.check("Drawn before" not in first, f"at first, of {size} px: {first[:200]}")
            tries.check("Drawn before" in again, f"a visitor's own, of {size} px: {again[:200]}")
            tries.check("Drawn before" not in other, f"another visitor's, of {size} px")
        files = kept(folder)
        tries.check(len(files) > 6, "results and uploads are kept for a while")
        aged(files)
        gone = until(lambda: not any(path.exists() for path in files), SWEPT)
        tries.check(gone, f"{sum(path.exists() for path in files)} files older than an hour")


@area("what visitors leave behind")
def leftovers(tries: Tries, folder: Path) -> None:
    """Uploads under traffic, uploads broken off, states of pages; SIGTERM and kill -9."""
    with besieged(folder) as (server, process):
        crowd = [Visitor(server, f"8.8.4.{number}") for number in range(20)]
        data = encoded(Image.new("RGB", (64, 64)))
        with ThreadPoolExecutor(20) as pool:
            for _ in range(5):
                list(pool.map(lambda visitor: [visitor.upload(data) for _ in range(20)], crowd))
                aged(kept(folder))
            list(pool.map(break_off, [server] * 60))
        for visitor in crowd:
            answer = visitor.web.get("/gradio_api/deep_link?session_hash=x")
            tries.check(answer.status_code == 404, "a state of the page is written to the disk")
        tries.check(until(lambda: not kept(folder), 2 * SWEPT), f"{len(kept(folder))} files kept")
        tries.check("sweeping:" not in (folder / "log").read_text(), "an error of the sweeper's")
        crowd[0].upload(data)
        process.send_signal(signal.SIGTERM)
        tries.check(process.wait(60) == 0, "the exit status after SIGTERM")
        tries.check(not kept(folder), "files left by SIGTERM")
    with besieged(folder) as (server, process):
        Visitor(server).upload(data)
        process.kill()
        process.wait(60)
        tries.check(len(kept(folder)) == 1, "a killed server leaves its upload")
        aged(kept(folder))
    with besieged(folder) as (server, process):
        tries.check(until(lambda: not kept(folder), 10), "what kill -9 left is kept by the next")


LARGEST = {"WebP": 20_000_000, "JPEG 2000": 10_000_000}
"""Pixels that are read of some kinds of files; of others it is 25 million."""


def large(kind: str, pixels: int) -> bytes:
    """A picture of so many pixels in a small file."""
    size = (int(pixels**0.5),) * 2
    turned = Image.Exif()
    turned[0x0112] = 6
    tiff = {"kind": "TIFF", "compression": "tiff_lzw"}
    made: dict[str, Callable[[], bytes]] = {
        "deep grey": lambda: encoded(Image.new("I;16", size, 9000)),
        "RGBA": lambda: encoded(Image.new("RGBA", size, (1, 2, 3, 4)), exif=turned),
        "palette": lambda: encoded(Image.new("P", size), transparency=0),
        "JPEG": lambda: encoded(Image.new("RGB", size), "JPEG", exif=turned, progressive=True),
        "CMYK": lambda: encoded(Image.new("CMYK", size), "JPEG", progressive=True),
        "floats": lambda: encoded(Image.new("F", size), **tiff),
        "Lab": lambda: encoded(Image.new("LAB", size), **tiff),
        "WebP": lambda: encoded(Image.new("RGBA", size), "WEBP", lossless=True, method=0),
        "AVIF": lambda: encoded(Image.new("RGB", size), "AVIF", speed=10),
        "JPEG 2000": lambda: encoded(Image.new("RGBA", size), "JPEG2000"),
    }
    return made[kind]()


KINDS = ("deep grey", "RGBA", "palette", "JPEG", "CMYK", "floats", "Lab", "WebP", "AVIF")


@area("memory for large pictures")
def memory(tries: Tries, folder: Path) -> None:
    """Three of a kind at once, at the limit and over it."""
    with besieged(folder) as (server, process):
        visitors = [Visitor(server, f"8.8.4.{number}").open() for number in range(3)]
        style = [visitor.picture(1) for visitor in visitors]
        visitors[0].transfer(content=visitors[0].picture(), style=style[0])
        for kind in (*KINDS, "JPEG 2000"):
            limit = LARGEST.get(kind, 25_000_000)
            for pixels in (limit, 2 * limit):
                data = large(kind, pixels)
                content = [{"path": visitor.upload(data).json()[0]} for visitor in visitors]
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak begins anew
                before = _status(process.pid, "VmRSS")
                with ThreadPoolExecutor(3) as pool:
                    heard = pool.map(_drawn, visitors, content, style)
                    refused = ["over the limit" in said for said in heard]
                taken = _status(process.pid, "VmHWM") - before
                what = f"three of {kind} with {pixels:,} pixels"
                tries.check(taken < PEAK, f"{what} took {taken:.0f} MB")
                tries.check(all(refused) if pixels > limit else not any(refused), what)


def _drawn(visitor: Visitor, content: dict[str, str], style: dict[str, str]) -> str:
    return visitor.transfer(content=content, style=style, evaluations=1)


def _status(process: int, field: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000


@area("addresses")
def addresses(tries: Tries, folder: Path) -> None:
    """None is fetched, wherever it is written."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, besieged(folder) as (server, _):
        threading.Thread(target=_listen, args=(listener, asked), daemon=True).start()
        visitor, port = Visitor(server).open(), listener.getsockname()[1]
        style = visitor.picture()
        target = f"127.0.0.1:{port}/a.png"
        forms = [f"http://{target}", f"https://{target}", f"HTTP://{target}", f" http://{target}"]
        forms += [f"ftp://{target}", f"//{target}", f"http:/{target}", f"http:\\\\{target}"]
        forms += ["file:///etc/passwd", "/etc/passwd", "../../etc/passwd", "data:image/png;base64,"]
        forms += [f"/gradio_api/file=http://{target}", f"{server}gradio_api/file=http://{target}"]
        for form in forms:
            meta = {"meta": {"_type": "gradio.FileData"}}
            for value in ({"path": form}, {"path": form, "url": form, **meta}, {"url": form}, form):
                said = visitor.transfer(content=value, style=style)
                tries.check('"error"' in said and not PATHS.search(said), f"{value}: {said[:200]}")
            for place in ("file=", "proxy=", "file/"):
                status = visitor.web.get(f"/gradio_api/{place}{form}").status_code
                tries.check(status in (403, 404), f"{place}{form}: {status}")
        tries.check(not asked, f"{len(asked)} addresses were fetched")


def _listen(listener: socket.socket, asked: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # closed in the end
        while True:
            connection, _ = listener.accept()
            asked.append(connection.recv(1000))
            connection.close()


@area("one greedy visitor")
def greed(tries: Tries, folder: Path) -> None:
    """Jobs, sessions, uploads and silence of one client, beside a visitor who wants one picture."""
    with besieged(folder) as (server, _):
        greedy = [Visitor(server, "8.8.8.8") for _ in range(25)]
        picture, style = greedy[0].picture(), greedy[0].picture(1)
        heard: list[str] = []

        def want(visitor: Visitor) -> None:
            form = {"content": picture, "style": style, "size": 512, "evaluations": 2000}
            with contextlib.suppress(httpx.HTTPError):  # the server stops in the end
                heard.extend(visitor.hear(visitor.ask(**form)))

        for visitor in greedy:
            threading.Thread(target=want, args=(visitor,), daemon=True).start()
        refused = until(lambda: sum("too many jobs" in line for line in heard) >= 13, 60)
        tries.check(refused, "25 jobs of one address were taken")

        modest, begun = Visitor(server, "9.9.9.9"), time.monotonic()
        said = modest.transfer(content=modest.picture(), style=modest.picture(1))
        waited = time.monotonic() - begun
        tries.check('"evaluation": 3' in said, f"a modest visitor heard {said[:200]}")
        tries.check(waited < 150, f"a modest visitor waited {waited:.0f} s")

        silent = Visitor(server, "7.7.7.7")
        for _ in range(4):
            silent.ask(content=silent.picture(), style=silent.picture(1))
        status = "/gradio_api/queue/status"
        before = silent.web.get(status).json()["queue_size"]
        dropped = until(lambda: silent.web.get(status).json()["queue_size"] <= before - 3, 60)
        tries.check(dropped, "jobs that nobody listens to wait")

        data = bytes(1000)
        codes = [greedy[0].upload(data).status_code for _ in range(700)]
        tries.check(codes[-1] == 429, f"700 uploads of one address: {codes[-1]}")
        code = silent.upload(bytes(21_000_000)).status_code
        tries.check(code == 413, f"an upload of 21 MB: {code}")
        answer = silent.web.post("/gradio_api/queue/join", content=b"[" * 2_000_000)
        tries.check(answer.status_code == 413, f"a question of 2 MB: {answer.status_code}")


@area("errors and paths")
def errors(tries: Tries, folder: Path) -> None:
    """Nonsense in every field of every event; what is said, and what the log has of it."""
    chance = random.Random(0)
    nonsense: list[Any] = [None, "", "x" * 5000, -1, 1e308, True, [], {}, [[1]], {"path": None}]
    nonsense += [{"path": "/etc/passwd"}, {"value": 1}, "\0", "../..", {"path": 3}, [{}] * 50]
    with besieged(folder) as (server, _):
        visitor = Visitor(server).open()
        picture = visitor.picture()
        for _ in range(150):
            changes = {chance.choice(KEYS): chance.choice(nonsense) for _ in range(2)}
            said = visitor.transfer(**{"content": picture, "style": picture, **changes})
            _told(tries, said, f"{changes}"[:200])
        config = visitor.web.get("/config").text
        tries.check(not PATHS.search(config), "a path in /config")
        for event in json.loads(config)["dependencies"]:
            for _ in range(6):
                data = [chance.choice(nonsense) for _ in event["inputs"]][: chance.randint(0, 20)]
                body = {"data": data, "fn_index": event["id"], "session_hash": visitor.session}
                _told(tries, _joined(visitor, body), f"event {event['id']}: {data}"[:200])
        flat = {"path": visitor.upload(encoded(Image.new("RGB", (1600, 20)))).json()[0]}
        for size in (None, 16, 64):
            said = visitor.transfer(content=flat, style=picture, size=size)
            tries.check("Something went wrong" not in said, f"1600 × 20 at {size}: {said[:200]}")
        said = visitor.transfer(content=picture, style=picture)
        tries.check('"evaluation": 3' in said, "the server draws no more")
        log = (folder / "log").read_text()
        numbers = {number for each in tries.wrong for number in re.findall(r"quote (\w{6})", each)}
        tries.check(all(number in log for number in numbers), "a number that the log lacks")


def _joined(visitor: Visitor, body: dict[str, Any]) -> str:
    """What is told of an event of the page's."""
    answer = visitor.web.post("/gradio_api/queue/join", json=body)
    if answer.status_code != 200:
        return answer.text
    heard = []
    address = f"/gradio_api/queue/data?session_hash={visitor.session}"
    with visitor.web.stream("GET", address) as stream:
        for line in stream.iter_lines():
            heard.append(line)
            if "process_completed" in line or "close_stream" in line:
                break
    return "\n".join(line for line in heard if "error" in line)


def _told(tries: Tries, said: str, attack: str) -> None:
    told = [json.loads(f'"{each}"') for each in re.findall(r'"error": ?"([^"]*)"', said)]
    sentences = all(len(each) < 500 and each[-1:] in ".?…" for each in told)
    clean = "Traceback" not in said and not any(PATHS.search(each) for each in told)
    tries.check(sentences and clean, f"{attack} → {told[:1] or said[:200]}")


@area("files of others")
def files(tries: Tries, folder: Path) -> None:
    """Other visitors' uploads, and the server's own files."""
    with besieged(folder) as (server, _):
        ann, bob = Visitor(server).open(), Visitor(server).open()
        for seed in range(20):
            path = Path(ann.picture(seed)["path"])
            same = Path(bob.picture(seed)["path"])
            tries.check(path.parent != same.parent, "an address tells what a file holds")
            own = ann.web.get(f"/gradio_api/file={path}").status_code
            tries.check(own == 200, f"one's own upload: {own}")
            for guess in (path, path.parent, f"{path.parent}/../{path.parent.name}/{path.name}"):
                status = bob.web.get(f"/gradio_api/file={guess}").status_code
                tries.check(status == 403, f"another's upload as {guess}: {status}")
            said = bob.transfer(content={"path": str(path)}, style=bob.picture())
            tries.check("no longer on the server" in said, f"drawing another's: {said[:200]}")
        places = ["/etc/passwd", str(Path(__file__)), str(folder / "log"), str(folder), "."]
        places += [
            f"{Path(path).parents[2]}/examples/../../../log",
            "~/.bashrc",
            "/proc/self/environ",
        ]
        ways = ["gradio_api/file=", "file=", "gradio_api/file/", "static/", "assets/", "svelte/"]
        ways += ["examples/", "gradio_api/stream/", "gradio_api/custom_component/1/a/b/"]
        for place in places:
            for way in ways:
                for spelt in (place, place.replace("/", "%2f"), f"../../..{place}", f"x/..{place}"):
                    answer = bob.web.get(f"/{way}{spelt}")
                    leaked = answer.status_code == 200 and "<title>" not in answer.text
                    tries.check(not leaked, f"{way}{spelt}: {answer.text[:100]}")
