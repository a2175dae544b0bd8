"""The result store: pictures filed under the description of the job that drew them.

One result is one PNG file whose text chunk holds the record, so that a picture and its record
appear and vanish together; a checksum over both makes every damaged file a plain miss.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import ReplicateError
from .files import cache_dir, open_file, remove_leftovers, write_atomic

CHUNK = "replicate-result"
"""Keyword of the PNG text chunk that holds the record."""

_COMPRESSION = 4
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
"""PNG's last chunk: decoders forgive its absence, but then the file is not whole."""

_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, eq=False)
class StoredResult:
    """A picture, (H, W, 3) uint8 sRGB, and the record that was stored with it."""

    pixels: np.ndarray
    record: dict[str, Any]


class ResultStore:
    """Results on disk, by content-addressed key.

    Any number of processes may read and write one folder at once: a file appears whole, and of
    several writers of one key the last wins.

    Args:
        folder: created on the first ``put``; default ``cache_dir()/results``.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = cache_dir() / "results" if folder is None else Path(folder)
        self._swept = self._warned = False

    @staticmethod
    def key(description: Mapping[str, Any]) -> str:
        """SHA-256 of the description's canonical JSON, 64 hexadecimal digits.

        The order of keys does not matter, every digit of a float does.

        Raises:
            ValueError: a NaN or an infinity, which equal nothing or say nothing.
            TypeError: a value that JSON does not know.
        """
        return hashlib.sha256(_canonical(description).encode()).hexdigest()

    def path(self, key: str) -> Path:
        """Where the result of ``key`` lies or would lie."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of the result store: {key!r}")
        return self.folder / f"{key}.png"

    def get(self, key: str) -> StoredResult | None:
        """The result of ``key``, or None.

        A file that is damaged, foreign or of another key counts as absent and is removed.
        """
        path = self.path(key)
        try:
            with open_file(path) as file:
                data = file.read()
        except OSError:
            return None
        result = _decoded(data, key)
        if result is None:
            with suppress(OSError):
                path.unlink()
        return result

    def put(self, key: str, pixels: np.ndarray, record: Mapping[str, Any]) -> Path | None:
        """File a result; returns its path, or None where the folder cannot be written.

        A full or read-only disk is only a warning, once: the result itself is at hand.

        Args:
            key: as from ``key``.
            pixels: (H, W, 3) uint8.
            record: anything that JSON knows, without NaN and infinities.

        Raises:
            ValueError, TypeError: wrong pixels or a record that JSON does not know.
        """
        path = self.path(key)
        data = _encoded(key, pixels, record)
        if not self._swept:
            remove_leftovers(self.folder)
            self._swept = True
        try:
            return write_atomic(path, data)
        except ReplicateError as error:
            if not self._warned:
                warnings.warn(f"Results are not kept for the next time: {error}", stacklevel=2)
            self._warned = True
            return None

    def __len__(self) -> int:
        return sum(1 for path in self.folder.glob("*.png") if _KEY.fullmatch(path.stem))


def _canonical(value: Any) -> str:
    """JSON with sorted keys; Python writes floats by ``repr``, which loses nothing."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_as_dict
    )


def _as_dict(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON knows no {type(value).__name__}")


def _checksum(key: str, pixels: np.ndarray, record: Any) -> str:
    height, width, _ = pixels.shape
    digest = hashlib.sha256(f"{key} {width}x{height} {_canonical(record)} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _encoded(key: str, pixels: np.ndarray, record: Mapping[str, Any]) -> bytes:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"pixels must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}")
    # Through JSON and back: the checksum must fit what a reader will see (tuples become lists).
    plain = json.loads(_canonical(record))
    envelope = {"key": key, "checksum": _checksum(key, pixels, plain), "record": plain}
    text = PngInfo()
    text.add_text(CHUNK, json.dumps(envelope, allow_nan=False))
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(buffer, "PNG", pnginfo=text, compress_level=_COMPRESSION)
    return buffer.getvalue()


def _decoded(data: bytes, key: str) -> StoredResult | None:
    if not data.endswith(_END):
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            pixels = np.asarray(image)
            envelope = json.loads(image.text[CHUNK])  # type: ignore[attr-defined]
        record = envelope["record"]
        intact = envelope["checksum"] == _checksum(key, pixels, record)
    except Exception:  # arbitrary bytes make the decoders raise nearly anything
        return None
    return StoredResult(pixels, record) if intact else None
