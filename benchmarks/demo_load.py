"""The web demo under load: ``python -m benchmarks.demo_load``.

Many clients at once ask one server for small transfers, each for the next as soon as it has its
own, for a minute.  Every transfer has a seed of its own, so that none comes from the store.  The
load is borne if no job fails, every accepted job is finished and the server's memory stays flat.
"""

from __future__ import annotations

import argparse
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
from pathlib import Path
from typing import Any

# The client asks the hub for something about itself when it starts.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

FLAT = 0.05
"""Share by which memory may have grown from the second quarter of the time to the last."""

START = 400.0
"""Seconds that a server may take to start, and draw the bundled artworks, on a busy machine."""


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
        memory: (seconds since the start, megabytes) of the server.
    """

    clients: int
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    previews: int = 0
    failures: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def add(self, times: Sequence[float], error: str) -> None:
        """Count a job: seconds from asking to each answer, and what went wrong, if anything."""
        if "waiting already" in error:
            self.refused += 1
            return
        self.accepted += 1
        self.previews += len(times)
        if error:
            self.failures.append(error)
        else:
            self.firsts.append(times[0])
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
    def borne(self) -> bool:
        flat = self.growth is None or self.growth <= FLAT
        return not self.failures and self.accepted == len(self.waits) > 0 and flat

    def report(self) -> str:
        """The figures, a line each."""
        growth = "not measured" if self.growth is None else f"{self.growth:+.1%}"
        lines = [
            f"clients                    {self.clients}",
            f"seconds                    {self.seconds:.0f}",
            f"jobs accepted, finished    {self.accepted}, {len(self.waits)}",
            f"jobs refused (queue full)  {self.refused}",
            f"failures                   {len(self.failures)}",
            f"previews                   {self.previews}",
            f"first preview, seconds     {_spread(self.firsts)}",
            f"finished, seconds          {_spread(self.waits)}",
        ]
        if self.memory:
            sizes = [f"{size:.0f}" for _, size in self.memory]
            lines.append(f"memory, MB                 {sizes[0]} at first, {sizes[-1]} at last")
        lines.append(f"memory's growth            {growth}")
        lines += [f"failure: {text}" for text in dict.fromkeys(self.failures)]
        return "\n".join([*lines, "borne" if self.borne else "NOT BORNE"])


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
    """

    address: str
    files: tuple[Path, Path]
    order: Order
    process: int | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def load(self, clients: int, seconds: float) -> Load:
        """Let so many clients ask for so long, and wait for the last answer."""
        found, begun, done = Load(clients), time.monotonic(), threading.Event()
        with ThreadPoolExecutor(clients + 1) as pool:
            watched = pool.submit(self._watch, found, begun, done)
            working = [
                pool.submit(self._client, place, begun + seconds, found) for place in range(clients)
            ]
            for each in working:
                each.result()
            found.seconds = time.monotonic() - begun
            done.set()
            watched.result()
        return found

    def _client(self, place: int, end: float, found: Load) -> None:
        """One client: asks, waits, asks again, until the time is over."""
        from gradio_client import Client

        client = Client(self.address, verbose=False, download_files=False)
        try:
            self._job(client, 1000 * place, found)
            turn = 1
            while time.monotonic() < end:
                self._job(client, 1000 * place + turn, found)
                turn += 1
        finally:
            client.close()

    def _job(self, client: Any, seed: int, found: Load) -> None:
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
            job.result()
        except Exception as problem:  # whatever a client meets is a figure here
            error = str(problem) or type(problem).__name__
        done = last.get("evaluation")
        if not error and done != self.order.evaluations:
            error = f"ended after {done} evaluations"
        with self._lock:
            found.add(times, error)

    def _watch(self, found: Load, begun: float, done: threading.Event) -> None:
        while self.process is not None and not done.wait(0.5):
            size = _megabytes(self.process)
            if size is not None:
                found.memory.append((time.monotonic() - begun, size))


def _megabytes(process: int) -> float | None:
    """Resident memory of a process; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("VmRSS")]
    return int(kilobytes[0]) / 1000 if kilobytes else None


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """A demo of its own, with results and uploads in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        port = free_port()
        surroundings = {
            **os.environ,
            "REPLICATE_CACHE": f"{folder}/cache",
            "GRADIO_TEMP_DIR": f"{folder}/gradio",
        }
        command = [sys.executable, "-m", "demo", "--port", str(port)]
        process = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}/"
            if not answering(address, process):
                raise SystemExit(f"The demo did not start within {START:.0f} seconds.")
            yield address, process.pid
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
    with tempfile.TemporaryDirectory(prefix="load-pictures-") as folder:
        files = pictures(Path(folder))
        if args.address:
            found = Crowd(args.address, files, order).load(args.clients, args.seconds)
        else:
            with server() as (address, process):
                crowd = Crowd(address, files, order, process)
                found = crowd.load(args.clients, args.seconds)
    print(found.report())
    return 0 if found.borne else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo_load", description=__doc__)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0, help="time in which clients ask")
    parser.add_argument("--size", type=int, default=Order.size, help="longest side in pixels")
    parser.add_argument("--evaluations", type=int, default=Order.evaluations)
    parser.add_argument("--network", default=Order.network)
    parser.add_argument("--address", help="of a server that runs already; memory is not watched")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
