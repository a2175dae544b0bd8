"""The web demo under load: ``python -m benchmarks.demo_load --minutes 10``.

Many visitors at once, each from an address of its own, ask one server for small transfers, each for
the next as soon as it has its own.  Some of them break an upload off, cancel what they asked for
or open the page anew.  Every transfer has a seed of its own, so that none comes from the store.

The load is borne if every accepted job is finished, cancelled by its visitor or refused with a
sentence; if the server's memory stays flat; if no file of a visitor's is older than promised; and
if the median visitor sees a first preview soon.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

# The client asks the hub for something about itself when it starts.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

FLAT = 0.05
"""Share by which memory may have grown from the second quarter of the time to the last."""

SOON = 15.0
"""Seconds in which the median visitor is to see a preview."""

KEEP = 1
"""Minutes for which the server of a load keeps files, so that a load of minutes can tell."""

LATE = KEEP * 60 + 90.0
"""Seconds after which a file is older than promised: a sweep comes every minute."""

WHIMS = ("stay", "stay", "stay", "cancel", "break off", "reload")
"""What a visitor does, one after the other."""

REFUSALS = ("waiting already", "an hour")
"""In the sentences of a server that has no room just now."""

START = 400.0
"""Seconds that a server may take to start on a busy machine."""


@dataclass(frozen=True)
class Order:
    """What every client asks for."""

    size: int = 64
    evaluations: int = 20
    network: str = "auto"
    preset: str = "gatys2016"


@dataclass
class Load:
    """What came of it.

    Attributes:
        seconds: from the first question to the last answer.
        waits: seconds from asking to the finished picture, of each finished job.
        firsts: seconds from asking to the first preview.
        previews: answers in all.
        failures: a sentence for each accepted job that was not finished.
        broken: uploads broken off.
        memory: (seconds since the start, megabytes) of the server.
        oldest: seconds since the oldest of the visitors' files was written, at most.
    """

    clients: int
    accepted: int = 0
    refused: int = 0
    cancelled: int = 0
    broken: int = 0
    reloads: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    previews: int = 0
    failures: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    oldest: float = 0.0

    def add(self, times: Sequence[float], error: str, cancelled: bool = False) -> None:
        """Count a job: seconds from asking to each answer, and what went wrong, if anything."""
        if any(refusal in error for refusal in REFUSALS):
            self.refused += 1
            return
        self.accepted += 1
        self.previews += len(times)
        self.firsts += times[:1]
        if cancelled:
            self.cancelled += 1
        elif error:
            self.failures.append(error)
        else:
            self.waits.append(times[-1])

    @property
    def growth(self) -> float | None:
        """Memory in the last quarter over that in the second, less one; None if not measured."""
        if len(self.memory) < 8:
            return None
        end = self.memory[-1][0]
        second = [size for at, size in self.memory if end / 4 <= at < end / 2]
        last = [size for at, size in self.memory if at >= end * 3 / 4]
        return statistics.median(last) / statistics.median(second) - 1

    @property
    def wrong(self) -> list[str]:
        """A sentence for each promise that was not kept."""
        found = list(dict.fromkeys(self.failures))
        if not self.waits:
            found.append("no picture was finished")
        if self.accepted != len(self.waits) + self.cancelled + len(self.failures):
            found.append("accepted jobs were lost")
        if self.growth is not None and self.growth > FLAT:
            found.append(f"memory grew by {self.growth:.1%}")
        if self.oldest > LATE:
            found.append(f"a file was kept for {self.oldest:.0f} seconds")
        if self.firsts and statistics.median(self.firsts) > SOON:
            found.append("the median visitor waited too long for the first preview")
        return found

    def report(self) -> str:
        """The figures, a line each."""
        growth = "not measured" if self.growth is None else f"{self.growth:+.1%}"
        lines = [
            f"clients                    {self.clients}",
            f"seconds                    {self.seconds:.0f}",
            f"jobs accepted              {self.accepted}",
            f"finished, cancelled        {len(self.waits)}, {self.cancelled}",
            f"refused with a sentence    {self.refused}",
            f"uploads broken off         {self.broken}",
            f"pages opened anew          {self.reloads}",
            f"previews                   {self.previews}",
            f"first preview, seconds     {_spread(self.firsts)}",
            f"finished, seconds          {_spread(self.waits)}",
            f"oldest file, seconds       {self.oldest:.0f}",
        ]
        if self.memory:
            sizes = [f"{size:.0f}" for _, size in self.memory]
            lines.append(f"memory, MB                 {sizes[0]} at first, {sizes[-1]} at last")
        lines.append(f"memory's growth            {growth}")
        lines += [f"wrong: {sentence}" for sentence in self.wrong]
        return "\n".join([*lines, "NOT BORNE" if self.wrong else "borne"])


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"median {statistics.median(values):.1f}, at most {max(values):.1f}"


@dataclass
class Crowd:
    """Clients of the server at ``address``.

    Attributes:
        files: content and style picture.
        process: the server's process id, to watch its memory.
        folder: where the server keeps visitors' files, to watch their age.
    """

    address: str
    files: tuple[Path, Path]
    order: Order
    process: int | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def load(self, clients: int, seconds: float) -> Load:
        """Let so many clients ask for so long, and wait for the last answer."""
        found, begun, done = Load(clients), time.monotonic(), threading.Event()
        with ThreadPoolExecutor(clients + 1) as pool:
            watched = pool.submit(self._watch, found, begun, done)
            working = [
                pool.submit(self.visit, place, math.inf, found, begun + seconds)
                for place in range(clients)
            ]
            for each in working:
                each.result()
            found.seconds = time.monotonic() - begun
            done.set()
            watched.result()
        return found

    def visit(self, place: int, turns: float, found: Load, end: float = math.inf) -> None:
        """One visitor: does as the whims come, so often, or until the time is over."""
        headers = {"X-Forwarded-For": f"8.8.{place // 250}.{place % 250 + 1}"}
        client = self._opened(headers)
        try:
            for turn in count():
                whim = WHIMS[(place + turn) % len(WHIMS)] if turn else "stay"
                if whim == "break off":
                    self._break_off(headers)
                    found.broken += 1
                elif whim == "reload":
                    client.close()
                    client = self._opened(headers)
                    found.reloads += 1
                else:
                    self._job(client, 1000 * place + turn, found, whim == "cancel")
                if turn + 1 >= turns or time.monotonic() >= end:
                    return
        finally:
            client.close()

    def _opened(self, headers: dict[str, str]) -> Any:
        from gradio_client import Client

        return Client(self.address, verbose=False, download_files=False, headers=headers)

    def _break_off(self, headers: dict[str, str]) -> None:
        """Begin to send a picture, and vanish."""

        def halves() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            yield self.files[0].read_bytes()[:10_000]
            raise ConnectionError

        multipart = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
        address = f"{self.address}gradio_api/upload"
        with contextlib.suppress(ConnectionError, httpx.HTTPError):
            httpx.post(address, content=halves(), headers=multipart, timeout=60)

    def _job(self, client: Any, seed: int, found: Load, cancel: bool) -> None:
        from gradio_client import handle_file

        content, style = map(handle_file, self.files)
        asked, times, last, error = time.monotonic(), [], {}, ""
        try:
            job = client.submit(
                content=content, style=style, seed=seed, api_name="/transfer", **asdict(self.order)
            )
            for _, progress in job:
                last = progress
                times.append(time.monotonic() - asked)
                if cancel:
                    job.cancel()
                    break
            else:
                job.result()
        except Exception as problem:  # whatever a client meets is a figure here
            error = str(problem) or type(problem).__name__
        done = last.get("evaluation")
        if not error and not cancel and done != self.order.evaluations:
            error = f"ended after {done} evaluations"
        with self._lock:
            found.add(times, error, cancel and not error)

    def _watch(self, found: Load, begun: float, done: threading.Event) -> None:
        while self.process is not None and not done.wait(0.5):
            size = _megabytes(self.process)
            if size is not None:
                found.memory.append((time.monotonic() - begun, size))
            if self.folder is not None:
                found.oldest = max(found.oldest, oldest(self.folder))


def oldest(folder: Path) -> float:
    """Seconds since the oldest file of a visitor's below ``folder`` was written."""
    written = time.time()
    for path in visitors_files(folder / "uploads", folder / "cache"):
        with contextlib.suppress(OSError):  # gone meanwhile
            written = min(written, path.stat().st_mtime)
    return time.time() - written


def visitors_files(uploads: Path, cache: Path) -> list[Path]:
    """Uploads, downloads and results that a server keeps."""
    walks = (*os.walk(uploads), *os.walk(cache / "demo-results" / "visitors"))  # passes over errors
    found = (Path(place) / name for place, _, names in walks for name in names)
    return [path for path in found if "examples" not in path.parts]


def _megabytes(process: int) -> float | None:
    """Resident memory of a process; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("VmRSS")]
    return int(kilobytes[0]) / 1000 if kilobytes else None


@contextmanager
def server(
    folder: Path, *options: str, cache: Path | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A demo of its own, with its log and its uploads in ``folder``.

    Args:
        options: for ``python -m demo``.
        cache: for results; default: in ``folder``.
    """
    port = free_port()
    surroundings = {
        **os.environ,
        "REPLICATE_CACHE": str(cache or folder / "cache"),
        "GRADIO_TEMP_DIR": f"{folder}/uploads",
    }
    command = [sys.executable, "-m", "demo", "--port", str(port), *options]
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(command, env=surroundings, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}/"
        if not answering(address, process):
            raise SystemExit(f"The demo did not start within {START:.0f} seconds.")
        yield address, process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def answering(address: str, process: subprocess.Popen[Any]) -> str:
    """The page as soon as it is served; empty if the program ends or takes too long."""
    end = time.monotonic() + START
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=10) as page:
                return str(page.read().decode())
        except OSError:
            time.sleep(0.5)
    return ""


def pictures(folder: Path) -> tuple[Path, Path]:
    """A content and a style picture as files."""
    from replicate.images import bundled

    content, style = (bundled(name).save(folder / f"{name}.png") for name in ("chelsea", "coffee"))
    return content, style


def main() -> int:
    """Load a server and print the figures; 1 if it does not bear them."""
    args = _arguments()
    order = Order(args.size, args.evaluations, args.network)
    with tempfile.TemporaryDirectory(prefix="load-") as own:
        folder = args.folder or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        files = pictures(Path(own))
        if args.address:
            found = Crowd(args.address, files, order).load(args.clients, args.minutes * 60)
        else:
            with server(folder, "--keep", str(KEEP)) as (address, process):
                crowd = Crowd(address, files, order, process.pid, folder)
                found = crowd.load(args.clients, args.minutes * 60)
    print(found.report())
    return 1 if found.wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo_load", description=__doc__)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0, help="time in which clients ask")
    parser.add_argument("--size", type=int, default=Order.size, help="longest side in pixels")
    parser.add_argument("--evaluations", type=int, default=Order.evaluations)
    parser.add_argument("--network", default=Order.network)
    parser.add_argument("--address", help="of a server that runs already and is not watched")
    parser.add_argument("--folder", type=Path, help="the server's files, and its log; kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
