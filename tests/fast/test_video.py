"""Videos: every frame drawn, in order, at its rate; with a stand-in for ffmpeg."""

import sys

import numpy as np
import pytest

from replicate.cli import main
from replicate.errors import ReplicateError
from replicate.fast import video
from replicate.images import Picture

STAND_IN = """#!{python}
import os, sys
words = sys.argv[1:]
source = words[words.index("-i") + 1]
if source == "-":  # writes
    if "-framerate 30000/1001 " not in " ".join(words) or os.path.basename(os.getcwd()) == "full":
        sys.exit("no space for you")
    data = sys.stdin.buffer.read()
    open(words[-1].removeprefix("file:"), "wb").write(data)
elif os.path.getsize(source.removeprefix("file:")) == 0:
    sys.exit("[mov @ 0x5] moov atom not found\\nanother remark")
elif "yuv4mpegpipe" in words:
    sys.stdout.write("YUV4MPEG2 W16 H16 F30000:1001 Ip A1:1\\nFRAME\\n")
else:
    for frame in range(3):
        sys.stdout.buffer.write(b"P6\\n20 16\\n255\\n" + bytes([40 * frame + 10]) * (20 * 16 * 3))
"""


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A video of three grey frames for a stand-in of ffmpeg, in the working folder."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"frames")
    return source


def inverted(picture: Picture) -> Picture:
    return Picture(255 - picture.pixels)


def test_every_frame_is_drawn_in_order(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "TOLD_EVERY", 2)
    said: list[str] = []
    assert video.draw_video(clip, tmp_path / "out.mkv", inverted, said.append) == 3
    assert said == [f"2 frames of '{clip}' are drawn"]
    frames = (tmp_path / "out.mkv").read_bytes().split(b"P6\n20 16\n255\n")[1:]
    assert [set(frame) for frame in frames] == [{245}, {205}, {165}]
    assert all(len(frame) == 20 * 16 * 3 for frame in frames)


def test_what_goes_wrong_is_told_and_leaves_nothing(clip, tmp_path, monkeypatch):
    def refused(picture: Picture) -> Picture:
        raise ReplicateError("not this one")

    out = tmp_path / "drawn" / "out.mp4"
    with pytest.raises(ReplicateError, match="not this one"):
        video.draw_video(clip, out, refused)
    (tmp_path / "full").mkdir()
    monkeypatch.chdir(tmp_path / "full")
    big = Picture(np.zeros((600, 600, 3), np.uint8))  # more than a pipe holds
    with pytest.raises(ReplicateError, match=r"out\.mp4': no space for you"):
        video.draw_video(clip, out, lambda picture: big)
    clip.write_bytes(b"")
    with pytest.raises(ReplicateError, match=r"clip\.mp4': moov atom not found"):
        video.draw_video(clip, out, inverted)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ReplicateError, match="needs ffmpeg"):
        video.draw_video(clip, out, inverted)
    assert list(out.parent.iterdir()) == []


def test_the_command_draws_a_video(clip, capsys):
    assert main(["fast", "apply", "clip.mp4", "--size", "40", "--style", "wave"]) == 0
    frames = (clip.parent / "out.mp4").read_bytes()
    assert frames.count(b"P6\n40 32\n255\n") == 3
    assert capsys.readouterr().out.startswith("out.mp4")
    assert main(["fast", "apply", "clip.mp4", "-o", "out.png"]) == 2
    assert "must end in one of .mp4" in capsys.readouterr().err
