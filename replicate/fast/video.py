"""Videos: frame by frame through ffmpeg, where this machine has it.

Every frame is drawn for itself, so strokes flicker where the video's noise does.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import ImageError, ReplicateError
from ..images import Picture
from ..storage.files import written_whole

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""ffmpeg's names by suffix."""

TOLD_EVERY = 100
_FRAMES = ("-f", "image2pipe", "-c:v", "ppm")
# Most players want brightness and colours of even width and height, at half the colours' detail.
_PLAYABLE = ("-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-pix_fmt", "yuv420p")


def is_video(name: str | Path) -> bool:
    return Path(name).suffix.lower() in FORMATS


def draw_video(
    source: Path,
    out: Path,
    draw: Callable[[Picture], Picture],
    notify: Callable[[str], None] = lambda text: None,
) -> int:
    """Draw every frame of ``source`` and write them to ``out`` with its sound, whole or not at all.

    Args:
        draw: from a frame to a picture, of the same size each time.
        notify: hears of every :data:`TOLD_EVERY` frames.

    Returns:
        The number of frames.

    Raises:
        ReplicateError: there is no ffmpeg, it cannot read or write one of the files, or ``draw``
            refuses a frame.
    """
    rate, count, kind = _rate(source), 0, FORMATS[out.suffix.lower()]
    sound = ("-i", f"file:{source}", "-map", "0:v", "-map", "1:a?")
    with (
        written_whole(out) as path,
        _ffmpeg(source, "-i", f"file:{source}", "-r", rate, *_FRAMES, "-") as reader,
        _ffmpeg(
            out,
            *(*_FRAMES, "-framerate", rate, "-i", "-", *sound, *_PLAYABLE),
            *("-f", kind, f"file:{path}"),
            stdin=subprocess.PIPE,
        ) as writer,
    ):
        for frame in _frames(reader.stdout):
            writer.stdin.write(_ppm(draw(frame)))
            count += 1
            if count % TOLD_EVERY == 0:
                notify(f"{count} frames of '{source}' are drawn")
    return count


def _rate(source: Path) -> str:
    """Frames a second, as a fraction; asked of a format whose first line tells it."""
    tiny = ("-frames:v", "1", "-vf", "scale=16:16", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe")
    with _ffmpeg(source, "-i", f"file:{source}", *tiny, "-") as process:
        fields = process.stdout.read().split(b"\n")[0].decode("ascii", "replace").split()
    rate = next((field[1:] for field in fields if field.startswith("F")), "")
    if not rate:
        raise ImageError(f"There is no picture in '{source}'.")
    return rate.replace(":", "/")


def _frames(stream: IO[bytes]) -> Iterator[Picture]:
    """Pictures from a stream of PPM files."""
    while stream.readline():  # P6
        width, height = map(int, stream.readline().split())
        stream.readline()  # 255
        pixels = np.frombuffer(bytearray(stream.read(3 * width * height)), np.uint8)
        yield Picture(pixels.reshape(height, width, 3))


def _ppm(picture: Picture) -> bytes:
    return b"P6\n%d %d\n255\n" % picture.size + picture.pixels.tobytes()


@contextmanager
def _ffmpeg(file: Path, *arguments: str, **pipes: Any) -> Iterator[Any]:
    """A running ffmpeg, which has done its work when the block is over; killed if the block fails.

    Raises:
        ReplicateError: there is none, or it fails; with what it said first, and ``file``.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise ReplicateError("A video needs ffmpeg, and there is none on this machine.")
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **pipes}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([program, "-v", "error", "-y", *arguments], stderr=said, **pipes)
        try:
            with suppress(BrokenPipeError):  # it has ended; its status tells why
                yield process
                if process.stdin:
                    process.stdin.close()
            if process.stdout:
                process.stdout.close()
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        if status:
            said.seek(0)
            first = said.readline().decode("utf-8", "replace")
            reason = re.sub(r"^(\[[^]]*\] )*", "", first).strip().rstrip(".")
            raise ReplicateError(f"ffmpeg cannot do it with '{file}': {reason or status}.")
