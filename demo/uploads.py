"""The files that browsers fetch by address: uploads, downloads, examples; and their end.

Each visitor's file lies in a folder of its own whose name nobody guesses and which answers to the
browser that it was made for.  Everything goes by its age, whoever left it behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import math
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

EXAMPLES = "examples"
"""Folder of the bundled pictures, which everybody may have and which stay."""

SWEEP = 60.0
"""Seconds between two looks for what has been kept long enough."""

_TOKEN = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})")


def base_folder() -> Path:
    """Where servers of this user keep their files: GRADIO_TEMP_DIR, or a folder for all users."""
    chosen = os.environ.get("GRADIO_TEMP_DIR")
    return Path(chosen) if chosen else Path(tempfile.gettempdir()) / "style-layers"


class Uploads:
    """The files of one server.

    Args:
        base: folder of all servers; default: :func:`base_folder`.
    """

    def __init__(self, base: Path | None = None):
        self.base = (base or base_folder()).resolve()
        self.base.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="server-", dir=self.base))
        self.examples = self.folder / EXAMPLES
        self.examples.mkdir()
        self._secret = secrets.token_bytes(32)

    def new(self, browser: str) -> Path:
        """A new folder for a file of this browser's."""
        nonce = secrets.token_hex(16)
        path = self.folder / f"{nonce}{self._seal(nonce, browser)}"
        path.mkdir()
        return path

    def allows(self, path: str, browser: str) -> bool:
        """Whether this browser may have the file: an example, or one that was made for it."""
        try:
            inside = Path(os.path.abspath(path)).relative_to(self.folder)
        except ValueError:
            return False
        if len(inside.parts) < 2:
            return False
        if inside.parts[0] == EXAMPLES:
            return True
        token = _TOKEN.fullmatch(inside.parts[0])
        return token is not None and hmac.compare_digest(token[2], self._seal(token[1], browser))

    def _seal(self, nonce: str, browser: str) -> str:
        message = f"{nonce} {browser}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:32]

    def sweep(self, age: float, size: float = math.inf) -> int:
        """As the function of that name, files of all servers; but no examples of this one."""
        for example in self.examples.iterdir():  # not left behind while this server lives
            with contextlib.suppress(OSError):
                os.utime(example)
        return sweep(self.base, age, size)

    def close(self) -> None:
        """Remove all that this server keeps."""
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep(folder: Path, age: float, size: float = math.inf) -> int:
    """Remove files that have not been written for ``age`` seconds, and then, oldest first, what
    is over ``size`` bytes in all; and empty folders as old.  Returns how many files.

    Never raises: what cannot be removed is tried again at the next sweep.
    """
    found: list[tuple[float, int, str]] = []
    limit, total, removed = time.time() - age, 0, 0
    for place, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):  # gone meanwhile
                state = os.lstat(path)
                if stat.S_ISDIR(state.st_mode):
                    if state.st_mtime < limit:
                        os.rmdir(path)  # which fails where it is not empty
                else:
                    found.append((state.st_mtime, state.st_size, path))
    for written, taken, path in sorted(found, reverse=True):
        total += taken
        if written < limit or total > size:
            with contextlib.suppress(OSError):
                os.unlink(path)
                removed += 1
    return removed


class Sweeper:
    """Sweeps at once and then every minute, until it is closed."""

    def __init__(self, sweeps: Iterable[Callable[[], object]], seconds: float = SWEEP):
        self._sweeps, self._seconds = list(sweeps), seconds
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            for sweep in self._sweeps:
                try:
                    sweep()
                except Exception as error:  # the next minute is another chance
                    print(f"demo: sweeping: {error}", flush=True)
            if self._closed.wait(self._seconds):
                return

    def close(self) -> None:
        """Sweep no more."""
        self._closed.set()
        self._thread.join()
