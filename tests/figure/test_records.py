"""The JSON beside a figure: its keys, its layout, and what is said of a broken one."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from PIL import Image

from replicate.errors import ReplicateError
from replicate.figure import Figure, Grid, NetworkRecord, Panel, PanelRecord, read_records
from replicate.figure import old_claims as claims
from replicate.figure.record import natural_key, read_record, standing_record, write_record
from replicate.storage import files

VGG = NetworkRecord(name="vgg19", weights="caffe", sha256="12ab")
COMPACT = NetworkRecord(name="vgg19-compact", weights="bundled", sha256="34cd")
SERIES = {"10⁻⁵": 3.0, "10⁻⁴": 2.0}


@pytest.fixture
def figure(scene):
    def make(id: str = "gatys2016/fig5", **changes) -> Figure:
        facts = {
            "title": "Content layers",
            "source": "Gatys et al. 2016, Fig. 5",
            "grids": (Grid.of_rows([[Panel(scene(64, 48)), Panel(scene(64, 48, 1))]]),),
            "profile": "smoke",
            "inputs": "bundled",
            "networks": (VGG,),
            "caption": "Low layers keep detail.",
            "claims": (claims.ordered("order", "Falls.", "Gatys", "SSIM", SERIES),),
            "panels": (
                PanelRecord(
                    label="conv2_2",
                    job={"seed": 1, "content": "coffee"},
                    evaluations=60,
                    seconds=2.5,
                    losses={"style/relu1_1": 0.5},
                    metrics={"PSNR": math.inf, "edges": math.nan, "SSIM": 0.5},
                ),
            ),
            "versions": {"torch": "2.14.1"},
        }
        return Figure(id=id, **{**facts, **changes})

    return make


def test_json_has_the_contracts_keys(figure, tmp_path):
    picture = figure().write(tmp_path)
    assert picture == tmp_path / "gatys2016" / "fig5.png"
    data = json.loads((tmp_path / "gatys2016" / "fig5.json").read_text())
    contract = [
        "figure",
        "title",
        "source",
        "profile",
        "inputs",
        "balanced",
        "network",
        "panels",
        "claims",
        "versions",
    ]
    assert set(contract) <= set(data)
    ours = {"caption", "image", "panels_box", "made_from", "image_sha256"}
    assert set(data) - set(contract) == ours
    assert data["figure"] == "gatys2016/fig5"
    assert data["network"] == {"name": "vgg19", "weights": "caffe", "sha256": "12ab"}
    panel = ["label", "job", "evaluations", "seconds", "losses", "metrics"]
    assert list(data["panels"][0]) == panel
    claim = ["id", "text", "source", "measure", "value", "threshold", "verdict", "note"]
    assert list(data["claims"][0]) == claim
    assert data["claims"][0]["verdict"] == "holds"
    assert list(data["claims"][0]["value"]) == list(SERIES)
    assert data["panels"][0]["metrics"] == {"PSNR": "inf", "edges": "nan", "SSIM": 0.5}


def test_json_is_strict_and_the_same_twice(figure, tmp_path):
    texts = []
    for folder in ("a", "b"):
        figure().write(tmp_path / folder)
        texts.append((tmp_path / folder / "gatys2016" / "fig5.json").read_text())
    assert texts[0] == texts[1]
    assert texts[0].endswith("}\n") and '\n  "title": ' in texts[0]

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(texts[0], parse_constant=refuse)


def test_a_standing_figure_is_known_by_key_and_picture(figure, tmp_path):
    path = figure().write(tmp_path, made_from="this")
    record = standing_record(tmp_path, "gatys2016/fig5", "this")
    assert record is not None and record.figure == "gatys2016/fig5"
    assert standing_record(tmp_path, "gatys2016/fig5", "that") is None
    assert standing_record(tmp_path, "gatys2016/fig4", "this") is None
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    assert standing_record(tmp_path, "gatys2016/fig5", "this") is None
    path.write_bytes(whole)
    assert standing_record(tmp_path, "gatys2016/fig5", "this") is not None
    path.unlink()
    assert standing_record(tmp_path, "gatys2016/fig5", "this") is None


def test_what_is_written_is_read(figure, tmp_path):
    drawn = figure()
    drawn.write(tmp_path)
    record = read_record(tmp_path / "gatys2016" / "fig5.json")
    assert record.claims == tuple(drawn.claims)
    assert record.panels[0].metrics["PSNR"] == math.inf
    assert math.isnan(record.panels[0].metrics["edges"])
    assert record.panels_box == drawn.montage.layout.panels_box
    assert record.paper == "gatys2016" and record.image_path == "gatys2016/fig5.png"


def test_claims_without_a_finite_value_are_read_back(figure, tmp_path):
    values = [math.nan, math.inf, {"a": -math.inf, "b": 1.0}]
    failing = [
        claims.at_least(f"c{place}", "t", "s", "m", value, 0) for place, value in enumerate(values)
    ]
    figure(claims=failing).write(tmp_path)
    read = read_record(tmp_path / "gatys2016" / "fig5.json").claims
    assert [claim.verdict for claim in read] == ["fails"] * 3
    assert math.isnan(read[0].value) and read[1].value == math.inf
    assert read[2].value == {"a": -math.inf, "b": 1.0}


def test_a_figure_by_two_networks_names_both(figure):
    network = figure(networks=(VGG, COMPACT)).record().network
    assert network.name == "vgg19 + vgg19-compact"
    assert network.weights == "caffe + bundled"
    assert network.sha256 == "12ab + 34cd"


def test_provenance_says_what_drew_it(figure):
    line = figure(size=256).provenance
    for fact in ("vgg19 (caffe weights)", "bundled inputs", "256 px", "60 evaluations", "smoke"):
        assert fact in line
    bare = figure(networks=(NetworkRecord(name="vgg19-compact", weights="", sha256="0"),))
    assert "Drawn by vgg19-compact · bundled inputs" in bare.provenance
    several = figure(panels=[PanelRecord(label="a", evaluations=n) for n in (0, 50, 70)])
    assert "50 to 70 evaluations" in several.provenance


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("jpg", "JPEG")])
def test_image_formats(figure, tmp_path, suffix, kind):
    path = figure().write(tmp_path, suffix)
    assert path.suffix == f".{suffix}"
    with Image.open(path) as image:
        assert image.format == kind
        assert image.size == figure().montage.draw().size
    assert read_record(path.with_suffix(".json")).image == f"fig5.{suffix}"


def test_png_keeps_every_pixel(figure, tmp_path):
    path = figure().write(tmp_path)
    with Image.open(path) as image:
        assert image.tobytes() == figure().montage.draw().pixels.tobytes()


def test_a_killed_write_leaves_the_old_files(figure, tmp_path, monkeypatch):
    figure().write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    replace, calls = os.replace, []

    def dies(source, target):
        calls.append(target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", dies)
    with pytest.raises(ReplicateError, match="No space left"):
        figure(title="Another").write(tmp_path)
    monkeypatch.setattr(files.os, "replace", replace)
    assert calls
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
    "id", ["fig5", "gatys2016/", "../fig5", "Gatys/fig5", "a/b/c", "a/fig 5", "", "a/b.c", "a\n/b"]
)
def test_bad_ids(figure, id):
    with pytest.raises(ValueError):
        figure(id)


@pytest.mark.parametrize(
    "changes",
    [
        {"networks": ()},
        {"claims": [claims.at_least("a", "t", "s", "m", 1, 0)] * 2},
        {"versions": {"torch": 2}},
    ],
)
def test_bad_figures(figure, changes):
    with pytest.raises(ValueError):
        figure(**changes)


@pytest.mark.parametrize(
    "facts",
    [
        {"evaluations": -1},
        {"seconds": -0.1},
        {"losses": {"a": "large"}},
        {"metric": {}},
    ],
)
def test_bad_panels(facts):
    with pytest.raises(ValueError):
        PanelRecord(label="a", **facts)


def test_unknown_image_format(figure, tmp_path):
    with pytest.raises(ValueError):
        figure().write(tmp_path, "gif")
    assert not list(tmp_path.iterdir())


# Files of earlier versions


GALLERY = Path(__file__).resolve().parents[2] / "figures" / "gallery"


@pytest.mark.parametrize("folder", [GALLERY, GALLERY / "paper"], ids=["gallery", "paper"])
def test_the_committed_figures_open(folder):
    records, problems = read_records(folder)
    assert len(records) == len(list(folder.glob("*/*.json"))) > 20
    assert problems == []


def test_keys_that_nothing_reads_any_more_are_passed_over(figure, tmp_path):
    figure().write(tmp_path)
    path = tmp_path / "gatys2016" / "fig5.json"
    data = json.loads(path.read_text())
    old = {
        **data,
        "question": "Why?",
        "panels": [{**each, "file": "a.png"} for each in data["panels"]],
    }
    path.write_text(json.dumps(old))
    read = read_record(path)
    assert json.loads(write_record(read, path).read_text()) == data


# Broken files


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
    "null": lambda text: b"null",
    "nested too deeply": lambda text: b"[" * 100_000,
    "no title": broken(lambda data: data.pop("title")),
    "no verdict": broken(lambda data: data["claims"][0].pop("verdict")),
    "odd verdict": broken(lambda data: data["claims"][0].update(verdict="maybe")),
    "odd value": broken(lambda data: data["claims"][0].update(value="large")),
    "unknown key": broken(lambda data: data.update(colour="red")),
    "no network": broken(lambda data: data.update(network=None)),
    "image elsewhere": broken(lambda data: data.update(image="../../fig5.png")),
    "image of a script": broken(lambda data: data.update(image="fig5.svg")),
    "panels no list": broken(lambda data: data.update(panels={"label": "a"})),
    "other figure": broken(lambda data: data.update(figure="gatys2016/fig6")),
    "odd id": broken(lambda data: data.update(figure="../x")),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_json_is_named_in_one_sentence_and_skipped(figure, tmp_path, kind):
    figure().write(tmp_path)
    figure("gatys2016/fig6").write(tmp_path)
    path = tmp_path / "gatys2016" / "fig5.json"
    path.write_bytes(BROKEN[kind](path.read_text()))
    with pytest.raises(ReplicateError):
        read_record(path)
    records, problems = read_records(tmp_path)
    assert [record.figure for record in records] == ["gatys2016/fig6"]
    (problem,) = problems
    assert str(path) in problem
    assert problem.endswith(".") and "\n" not in problem and len(problem) < 300


def test_a_missing_json_is_named(tmp_path):
    with pytest.raises(ReplicateError, match=r"nothing\.json"):
        read_record(tmp_path / "nothing.json")
    assert read_records(tmp_path / "nowhere") == ([], [])


def test_figures_sort_by_number():
    names = ["a/fig10", "a/fig2", "a/all16", "b/fig1", "a/fig2b"]
    expected = ["a/all16", "a/fig2", "a/fig2b", "a/fig10", "b/fig1"]
    assert sorted(names, key=natural_key) == expected
