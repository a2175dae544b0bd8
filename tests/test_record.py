"""The record of a picture: complete, read back, and refused in a sentence when it is not right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from replicate.config import load_preset
from replicate.engine.job import Job, Result
from replicate.errors import ImageError, ReplicateError
from replicate.images import Picture, load_image
from replicate.networks.spec import NetworkInfo, NetworkSpec
from replicate.record import (
    CHUNK,
    engine_version_differs,
    job_from_record,
    parse_record,
    read_record,
    record_of,
    save_recorded,
)


@pytest.fixture
def result(tmp_path: Path, scene: Callable[..., Picture]) -> Result:
    """A finished job of ``photo.png`` and ``art.png`` in a temporary folder."""
    scene(48, 32, seed=1).save(tmp_path / "photo.png")
    scene(40, 40, seed=2).save(tmp_path / "art.png")
    job = Job(
        load_preset("gatys2016").with_(ratio=1e-4, style_layers={"relu1_1": 1.0, "relu3_1": 0.1}),
        load_image(tmp_path / "photo.png"),
        load_image(tmp_path / "art.png"),
        size=32,
        evaluations=7,
        seed=3,
    )
    return Result(
        job=job,
        picture=scene(32, 21, seed=3),
        loss=1.25,
        losses={"content/relu4_2": 0.1 + 0.2, "style/relu1_1": float("inf")},
        curve=[(1, 2.0)],
        evaluations=7,
        seconds=1.23456,
        network=NetworkInfo(name="vgg19-compact", sha256="abc"),
        precision="bf16",
    )


def sources(folder: Path) -> dict[str, Path]:
    return {"content": folder / "photo.png", "style": folder / "art.png"}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_file_gives_back_its_record(result, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    written = save_recorded(result, out, **sources(tmp_path))
    assert read_record(out) == written
    assert load_image(out).size == (32, 21)


def test_the_job_comes_back_whole(result, tmp_path):
    record = record_of(result, **sources(tmp_path))
    again = job_from_record(parse_record(json.loads(json.dumps(record.plain(), allow_nan=False))))
    assert again.description() == result.job.description()
    assert again.preset == result.job.preset
    assert record.network.spec == NetworkSpec(name="vgg19-compact")
    assert record.picture.sha256 == result.picture.sha256
    assert record.losses == {"content/relu4_2": 0.1 + 0.2}, "only finite ones"
    assert {"replicate", "torch", "engine"} <= set(record.versions)
    assert not engine_version_differs(record)


def test_a_start_picture_and_a_missing_style(result, tmp_path, scene):
    start = scene(32, 32, seed=9)
    start.save(tmp_path / "start.png")
    job = replace(result.job, style=None, init="picture", start=start)
    record = record_of(
        replace(result, job=job), content=tmp_path / "photo.png", start=tmp_path / "start.png"
    )
    again = job_from_record(record)
    assert again.style is None
    assert again.start is not None
    assert again.start.sha256 == start.sha256
    assert again.description() == job.description()


def test_without_a_source_the_name_finds_the_picture(result, scene):
    known = {"photo": result.job.content, "art": result.job.style}
    job = job_from_record(record_of(result), find=lambda name: known[name])
    assert job.content is known["photo"]


def test_pictures_beside_the_file(result, tmp_path):
    record = record_of(result, content="elsewhere/photo.png", style="elsewhere/art.png")
    with pytest.raises(ImageError, match=r"content picture 'elsewhere/photo\.png' cannot be found"):
        job_from_record(record)
    job = job_from_record(record, folder=tmp_path)
    assert job.description() == result.job.description()


def test_a_changed_picture_is_refused_unless_the_right_one_is_behind_it(result, tmp_path, scene):
    scene(48, 32, seed=7).save(tmp_path / "other" / "photo.png")
    record = record_of(result, content=tmp_path / "other/photo.png", style=tmp_path / "art.png")
    assert job_from_record(record, folder=tmp_path).content is not None
    with pytest.raises(ImageError, match=r"content picture '.*photo\.png' is no longer the one"):
        job_from_record(record)


def test_given_pictures_take_the_place_of_recorded_ones(result, tmp_path, scene):
    record = record_of(result, content="gone.png", style=tmp_path / "art.png")
    other = scene(50, 20, seed=8)
    assert job_from_record(record, content=other).content is other


def test_a_finder_that_opens_no_files(result, tmp_path):
    asked = []

    def find(name: str) -> Picture:
        asked.append(name)
        raise ImageError("no files here")

    with pytest.raises(ImageError):
        job_from_record(record_of(result, **sources(tmp_path)), find=find)
    assert asked == [str(tmp_path / "photo.png")]


def test_a_file_without_a_record(tmp_path, scene):
    scene().save(tmp_path / "plain.png")
    with pytest.raises(ImageError, match="does not say how it was drawn"):
        read_record(tmp_path / "plain.png")
    with pytest.raises(ImageError, match="does not exist"):
        read_record(tmp_path / "nothing.png")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", "{}", '"text"', '{"format": 1}', "[" * 100_000, '{"a": NaN}'],
)
def test_damaged_text(tmp_path, scene, text):
    scene().save(tmp_path / "out.png", {CHUNK: text})
    with pytest.raises(ReplicateError, match=r"The record in '.*out\.png' is damaged"):
        read_record(tmp_path / "out.png")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 5),
        ("size", 100_000),
        ("size", "large"),
        ("evaluations", 0),
        ("evaluations", 10**9),
        ("seed", 2**70),
        ("init", "nowhere"),
        ("loss", "much"),
        ("content", {"source": "photo.png"}),
        ("network", {"name": "vgg91"}),
        ("preset", {"content_layers": {"relu9_9": 1}}),
        ("preset", {"style_layers": {"relu1_1": -1}}),
        ("surprise", 1),
    ],
)
def test_damaged_values(result, key, value):
    with pytest.raises(ReplicateError, match=f"The record is damaged: .*{key}|relu9_9"):
        parse_record({**record_of(result).plain(), key: value})


def test_a_newer_format(result):
    with pytest.raises(ReplicateError, match="is of format 3; this version of the program"):
        parse_record({**record_of(result).plain(), "format": 3})


def test_a_record_that_calls_networks_by_two_names_still_opens(result):
    data = {**record_of(result).plain(), "format": 1}
    data["network"] |= {"name": "vgg19-compact", "weights": "bundled"}
    data["preset"]["network"] |= {"name": "vgg19", "weights": "torchvision"}
    record = parse_record(data)
    assert record.network.name == "vgg19-compact"
    assert record.preset.network.name == "vgg19-torchvision"


def test_a_path_of_bytes_that_are_no_letters(result, tmp_path):
    written = save_recorded(result, tmp_path / "out.png", content="odd\udcff.png")
    assert read_record(tmp_path / "out.png") == written


def test_no_torch_is_needed():
    import subprocess
    import sys

    program = "import sys, replicate.record; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
