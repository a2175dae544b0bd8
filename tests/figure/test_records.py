"""The JSON beside a figure: its keys, its layout, and what is said of a broken one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from replicate.errors import ReplicateError
from replicate.figure import Claim, PanelRecord, read_records, report
from replicate.figure.record import (
    natural_key,
    read_record,
    standing_record,
)
from replicate.networks.spec import NetworkInfo
from replicate.storage import files

GALLERY = Path(__file__).resolve().parents[2] / "figures" / "gallery"
FIG5 = "gatys2016/fig5"
PANEL = PanelRecord(
    label="conv2_2",
    job={"seed": 1, "content": "coffee"},
    evaluations=60,
    seconds=2.5,
    losses={"style/relu1_1": 0.5},
    metrics={"PSNR": math.inf, "edges": math.nan, "SSIM": 0.5},
)
NETWORKS = (
    NetworkInfo(name="vgg19-caffe", sha256="12ab"),
    NetworkInfo(name="vgg19-compact", sha256="34cd"),
)


def claim(value, name="close") -> Claim:
    return Claim(
        name, "Text.", "source", "SSIM", value if isinstance(value, dict) else {"value": value}
    )


def keys(*text: str) -> list[str]:
    return " ".join(text).split()


def test_the_json_has_the_contracts_keys_and_is_strict(figure, tmp_path):
    series = {"10⁻⁵": 3.0, "10⁻⁴": 2.0}
    drawn = figure(panels=[PANEL], claims=[claim(series)], versions={"torch": "2.14.1"})
    texts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert drawn.write(folder) == folder / "gatys2016" / "fig5.png"
        texts.append((folder / "gatys2016" / "fig5.json").read_text())
    assert texts[0] == texts[1] and texts[0].endswith("}\n") and '\n  "title": ' in texts[0]
    data = json.loads(texts[0], parse_constant=pytest.fail)
    assert list(data) == keys(
        "figure title source caption image panels_box pictures profile inputs balanced networks",
        "panels claims versions made_from image_sha256 sha256",
    )
    assert data["networks"] == [{"name": "vgg19-caffe", "sha256": "12ab"}]
    assert list(data["panels"][0]) == keys("label job fast evaluations seconds losses metrics")
    assert data["panels"][0]["metrics"] == {"PSNR": "inf", "edges": "nan", "SSIM": 0.5}
    (told,) = data["claims"]
    assert list(told) == keys("id text source measure value note unmet")
    assert list(told["value"]) == list(series)


def test_what_is_written_is_read(figure, tmp_path):
    values = [math.nan, math.inf, {"a": -math.inf, "b": 1.0}, {"a": 1.0}]
    claims = [claim(value, f"c{place}") for place, value in enumerate(values)]
    drawn = figure(panels=[PANEL], claims=claims)
    drawn.write(tmp_path)
    record = read_record(tmp_path / f"{FIG5}.json")
    assert record.claims[1:] == tuple(claims)[1:] and math.isnan(record.claims[0].value["value"])
    assert record.panels[0].metrics["PSNR"] == math.inf
    assert math.isnan(record.panels[0].metrics["edges"])
    assert record.panels_box == drawn.montage.layout.panels_box
    assert record.pictures == drawn.montage.layout.pictures != ()
    assert record.paper == "gatys2016" and record.image_path == f"{FIG5}.png"


def test_a_standing_figure_is_known_by_key_and_picture(figure, tmp_path):
    path = figure().write(tmp_path, made_from="this")
    assert standing_record(tmp_path, FIG5, "this").figure == FIG5
    assert standing_record(tmp_path, FIG5, "that") is None
    assert standing_record(tmp_path, "gatys2016/fig4", "this") is None
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert standing_record(tmp_path, FIG5, "this") is None
    path.unlink()
    assert standing_record(tmp_path, FIG5, "this") is None


def test_it_is_said_what_drew_a_figure(figure):
    record = figure(networks=NETWORKS).record()
    assert record.drawn_by == "vgg19-caffe and vgg19-compact"
    line = figure(size=256, panels=[PANEL]).drawn
    for fact in ("vgg19-caffe", "bundled inputs", "256 px", "60 evaluations", "preview"):
        assert fact in line
    several = figure(panels=[PanelRecord(label="a", evaluations=n) for n in (0, 50, 70)])
    assert "50 to 70 evaluations" in several.drawn


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("jpg", "JPEG")])
def test_image_formats(figure, tmp_path, suffix, kind):
    path = figure().write(tmp_path, suffix)
    drawn = figure().montage.draw()
    with Image.open(path) as image:
        assert (path.suffix, image.format, image.size) == (f".{suffix}", kind, drawn.size)
        assert kind != "PNG" or image.tobytes() == drawn.pixels.tobytes()
    assert read_record(path.with_suffix(".json")).image == f"fig5.{suffix}"


def test_a_large_page_is_kept_in_a_lower_quality(figure, tmp_path, monkeypatch):
    sizes = []
    for most in (10**9, 0):
        monkeypatch.setattr(report, "PAGE_BYTES", most)
        sizes.append(figure().write(tmp_path, "webp").stat().st_size)
    assert sizes[1] < sizes[0]


def test_a_killed_write_leaves_the_old_files(figure, tmp_path, monkeypatch):
    figure().write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def dies(source, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", dies)
        with pytest.raises(ReplicateError, match="No space left"):
            figure(title="Another").write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_picture_is_there_before_its_json(figure, tmp_path, monkeypatch):
    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("replicate.figure.report.write_record", dies)
    with pytest.raises(KeyboardInterrupt):
        figure().write(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["fig5.png"]
    assert read_records(tmp_path) == ([], [])


@pytest.mark.parametrize(
    "facts",
    [
        *({"id": id} for id in ("fig5", "a/", "../fig5", "A/b", "a/b/c", "a/b c", "", "a\n/b")),
        {"networks": ()},
        {"claims": [claim(1)] * 2},
        {"versions": {"torch": 2}},
    ],
)
def test_bad_figures(figure, facts):
    with pytest.raises(ValueError):
        figure(**facts)


@pytest.mark.parametrize(
    "facts", [{"evaluations": -1}, {"seconds": -0.1}, {"losses": {"a": "large"}}, {"metric": {}}]
)
def test_bad_panels(facts):
    with pytest.raises(ValueError):
        PanelRecord(label="a", **facts)


def test_unknown_image_format(figure, tmp_path):
    with pytest.raises(ValueError):
        figure().write(tmp_path, "gif")
    assert not list(tmp_path.iterdir())


def test_figures_sort_by_number():
    expected = ["a/all16", "a/fig2", "a/fig2b", "a/fig10", "b/fig1"]
    assert sorted(reversed(expected), key=natural_key) == expected


# Committed files, and broken ones


def test_the_committed_figures_open():
    records, problems = read_records(GALLERY)
    assert problems == []
    assert len(records) == len(list(GALLERY.glob("*/*.json"))) > 20


def broken(change):
    def make(text: str) -> bytes:
        data = json.loads(text)
        change(data)
        return json.dumps(data).encode()

    return make


BROKEN = {
    "empty": lambda text: b"",
    "cut off": lambda text: text.encode()[:200],
    "not text": lambda text: b"\xff\xfe\x00",
    "a list": lambda text: b"[]",
    "nested too deeply": lambda text: b"[" * 100_000,
    "no title": broken(lambda data: data.pop("title")),
    "no measure": broken(lambda data: data["claims"][0].pop("measure")),
    "odd value": broken(lambda data: data["claims"][0].update(value="large")),
    "unknown key": broken(lambda data: data.update(colour="red")),
    "no network": broken(lambda data: data.update(network=None)),
    "image elsewhere": broken(lambda data: data.update(image="../../fig5.png")),
    "image of a script": broken(lambda data: data.update(image="fig5.svg")),
    "other figure": broken(lambda data: data.update(figure="gatys2016/fig6")),
    "odd id": broken(lambda data: data.update(figure="../x")),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_json_is_named_in_one_sentence_and_skipped(figure, tmp_path, kind):
    figure().write(tmp_path)
    figure("gatys2016/fig6").write(tmp_path)
    path = tmp_path / f"{FIG5}.json"
    path.write_bytes(BROKEN[kind](path.read_text()))
    records, (problem,) = read_records(tmp_path)
    assert [record.figure for record in records] == ["gatys2016/fig6"]
    assert str(path) in problem
    assert problem.endswith(".") and "\n" not in problem and len(problem) < 300


def test_a_missing_json_is_named(tmp_path):
    with pytest.raises(ReplicateError, match=r"nothing\.json"):
        read_record(tmp_path / "nothing.json")
    assert read_records(tmp_path / "nowhere") == ([], [])
