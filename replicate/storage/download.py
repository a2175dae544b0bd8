"""Downloads that arrive whole or not at all, and that fail within seconds when offline."""

from __future__ import annotations

import builtins
import http.client
import os
import queue
import socket
import ssl
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from ..errors import DownloadError
from .files import file_digest, written_whole

CONNECT_SECONDS = 10.0
MOST_BYTES = 1 << 30
_STALL_SECONDS = 30.0
_CHUNK = 1 << 20
_USER_AGENT = "replicate (figures of neural style transfer; Python urllib)"


@dataclass(frozen=True)
class Digest:
    """A checksum that a file should have.

    Attributes:
        algorithm: a name that hashlib knows, such as "sha256" or "md5".
        expected: hexadecimal digits, all or the first few.
    """

    algorithm: str
    expected: str

    def require(self, path: Path) -> None:
        """Check for files that must not differ.

        Raises:
            DownloadError: the digest differs; the text names both.
        """
        if difference := self._difference(path):
            raise DownloadError(f"The downloaded file {difference}.")

    def advise(self, path: Path) -> None:
        """Check for files whose server re-encodes them: a difference is only a warning."""
        if difference := self._difference(path):
            warnings.warn(f"The downloaded file {difference}; used all the same.", stacklevel=2)

    def _difference(self, path: Path) -> str:
        actual = file_digest(path, self.algorithm)
        if actual.startswith(self.expected.lower()):
            return ""
        return f"has {self.algorithm} {actual} where {self.expected} was expected"


def download(
    url: str,
    path: str | Path,
    *,
    check: Callable[[Path], None] | None = None,
    most: int = MOST_BYTES,
    timeout: float = CONNECT_SECONDS,
) -> Path:
    """Fetch ``url`` to ``path``, with a progress bar on stderr if that is a terminal.

    The file appears at ``path`` only when it is complete and ``check`` has passed, so no partial
    file is ever read.

    Args:
        url: http or https address.
        path: where the file goes; folders are created.
        check: is given the complete temporary file and raises to reject it, for example
            ``Digest("sha256", "d01eb7cb").require``.
        most: bytes that are accepted.
        timeout: seconds until the server must have answered, name look-up included.

    Raises:
        DownloadError: no answer, an error answer, a truncated or too large file, or a failed
            check.
        ReplicateError: the file cannot be written.
    """
    if not url.startswith(("https://", "http://")):
        raise DownloadError(f"Cannot download {url}: only http and https addresses are fetched.")
    request = urllib.request.Request(url, headers={"User-Agent": _USER_AGENT})
    with _answer(request, timeout) as answer, written_whole(path) as temporary:
        _save(answer, url, temporary, most, Path(path).name)
        if check:
            try:
                check(temporary)
            except DownloadError as error:
                reason = str(error)[0].lower() + str(error)[1:]
                raise DownloadError(f"Cannot use {url}: {reason}") from error
    return Path(path)


def _answer(request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    """The opened answer, or a DownloadError within ``timeout``.

    A thread does the waiting: urllib's own timeout does not cover the name look-up, which takes
    minutes on some machines without a network, and starts anew for each address of a host.
    """
    outcome: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            outcome.put(urllib.request.urlopen(request, timeout=max(timeout, _STALL_SECONDS)))
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = outcome.get(timeout=timeout)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {timeout:g} seconds (is this machine online?)")
    if isinstance(answer, Exception):
        raise _failed(request.full_url, _reason(answer)) from answer
    return answer


def _failed(url: str, reason: str) -> DownloadError:
    return DownloadError(f"Cannot download {url}: {reason}.")


def _reason(error: BaseException | str) -> str:
    match error:
        case urllib.error.HTTPError():
            return f"the server answered {error.code} {error.reason}"
        case urllib.error.URLError():
            return _reason(error.reason)
        case socket.gaierror():
            return "the server's name cannot be looked up (is this machine online?)"
        case ssl.SSLError():
            return f"no secure connection ({error.reason or error})"
        case TimeoutError():
            return str(error)
        case OSError():
            return (error.strerror or str(error)).lower()
        case _:
            return str(error) or type(error).__name__


def _save(
    answer: http.client.HTTPResponse, url: str, temporary: Path, most: int, label: str
) -> None:
    total = int(length) if (length := answer.headers.get("Content-Length", "")).isdigit() else None
    off = False if hasattr(builtins, "get_ipython") else None  # in notebooks and on terminals
    bar = tqdm(total=total, desc=label, unit="B", unit_scale=True, disable=off, leave=False)
    received = 0
    with open(temporary, "xb") as file, bar:
        while max(received, total or 0) <= most and (chunk := _chunk(answer, url)):
            file.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if max(received, total or 0) > most:
        raise _failed(url, f"it is larger than the {most:,} bytes that are accepted")
    if total is not None and received < total:
        raise _failed(url, f"the connection ended after {received:,} of {total:,} bytes")


def _chunk(answer: http.client.HTTPResponse, url: str) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(url, _reason(error)) from error
