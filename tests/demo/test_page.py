"""The page: the tabs' functions directly, and a started server through gradio_client."""

from __future__ import annotations

import io
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from demo import pictures
from demo.comparison import entries
from demo.figures import Figures
from demo.limits import InputError
from demo.session import Stops
from demo.settings import Settings
from demo.transfer import Transfer
from demo.workshop import Workshop
from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.record import read_record, save_recorded

VISITOR: Any = SimpleNamespace(session_hash="visitor", query_params={})


@pytest.fixture
def tab(workshop: Workshop) -> Transfer:
    return Transfer(workshop, Stops())


@pytest.fixture
def files(tmp_path: Path, scene: Callable[..., Any]) -> tuple[str, str]:
    """A visitor's content and style picture."""
    paths = [str(tmp_path / name) for name in ("my photo.png", "my art.png")]
    for seed, path in enumerate(paths):
        scene(48, 32, seed).save(path)
    return paths[0], paths[1]


def values(files: tuple[str | None, str | None], **changes: Any) -> list[Any]:
    """The form's values in their order."""
    form = {
        "base": None,
        "preset": "gatys2016-code",
        "content": files[0],
        "style": files[1],
        "size": 48,
        "evaluations": 6,
        "exponent": -3.0,
        "seed": 0,
        "init": "content",
        "network": "auto",
        "rows": [["relu4_2", 1, 0], ["relu1_1", 0, 0.5], ["relu2_1", 0, 0.5]],
    }
    return list({**form, **changes}.values())


def test_a_space_installs_what_the_package_needs() -> None:
    root = Path(__file__).resolve().parents[2]
    package = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (root / "requirements.txt").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == package


# The Transfer tab's functions


def test_run_ends_with_all_that_is_taken_home(tab: Transfer, files: tuple[str, str]) -> None:
    seen = []
    for update in tab.run(VISITOR, *values(files)):
        seen.append(update)
        if isinstance(update[4], gr.DownloadButton):
            path = Path(
                update[4].value["path"] if isinstance(update[4].value, dict) else update[4].value
            )
            record = read_record(path) if path.is_file() else None

    first, last = seen[0], seen[-1]
    assert "replicate transfer 'my photo.png' 'my art.png'" in first[5]
    assert "load_preset('gatys2016-code').with_(" in first[6]
    assert "Done: 6 of 6 evaluations" in last[1]
    assert "style relu2_1" in last[2]
    assert last[3][0].size == last[3][1].size == (48, 32)
    assert record is not None and record.evaluations == 6


def test_stop_while_waiting(tab: Transfer, files: tuple[str, str]) -> None:
    tab.arm(VISITOR, *values(files))
    tab.stop(VISITOR)

    with pytest.raises(gr.Error) as caught:
        list(tab.run(VISITOR, *values(files)))
    assert caught.value.message == "Stopped before the first evaluation."


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"preset": "gatys2061"}, "did you mean"),
        ({"preset": None}, "Choose a preset"),
        ({"content": None}, "Choose a content picture"),
        ({"style": None}, "Choose a style picture"),
        ({"content": "/nowhere/x.png"}, "no longer on the server"),
        ({"size": 10_000}, "Size"),
        ({"evaluations": 10_000}, "Evaluations"),
        ({"exponent": float("nan")}, "ratio"),
        ({"network": "vgg16-caffe"}, "There is no network"),
        ({"rows": [["relu9_9", 1, 1]]}, "relu9_9"),
        ({"rows": []}, "Every layer's weight is zero"),
        ({"rows": [["relu1_1", "x", 0]]}, "relu1_1"),
    ],
)
def test_a_wrong_form_is_one_sentence(
    tab: Transfer, files: tuple[str, str], changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(gr.Error) as caught:
        tab.arm(VISITOR, *values(files, **changes))

    assert says in caught.value.message
    assert "/nowhere" not in caught.value.message


def bomb() -> bytes:
    """A small PNG that claims 100 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = (10_000).to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + b"\x08\x02\x00\x00\x00")
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"hello, I am no picture", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (bomb(), "pixels"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not a picture"),
        (b"x" * 2_000_001, "over 2 MB"),
    ],
    ids=["empty", "text", "svg", "bomb", "broken", "large"],
)
def test_a_bad_upload_is_one_sentence(
    tab: Transfer, files: tuple[str, str], tmp_path: Path, data: bytes, says: str
) -> None:
    bad = tmp_path / "secret-folder" / "bad.png"
    bad.parent.mkdir()
    bad.write_bytes(data)

    with pytest.raises(gr.Error) as caught:
        tab.arm(VISITOR, *values((str(bad), files[1])))

    assert says in caught.value.message
    assert caught.value.message.startswith("The content picture")
    assert "secret-folder" not in caught.value.message


def test_a_dropped_picture_restores_its_settings(
    tab: Transfer, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    for name in ("Warning", "Info"):
        monkeypatch.setattr(gr, name, said.append)
    preset = load_preset("gatys2016-code").with_(ratio=0.03, style_layers=["conv2_1"])
    job = Job(
        preset,
        pictures.bundled("coffee"),
        pictures.bundled("rocket"),
        size=40,
        evaluations=3,
        seed=9,
        init="noise",
    )
    save_recorded(workshop.engine().run(job), tmp_path / "out.png")

    form = tab.restore(str(tmp_path / "out.png"))

    base, name, content, style, size, evaluations, _, seed, init, _network, rows = form[:11]
    assert (name, size, evaluations, seed, init) == ("gatys2016-code", 40, 3, 9, "noise")
    assert Path(content).stem == "coffee" and Path(style).stem == "rocket"
    exponent = form[6].value
    _, again = tab.order(
        base, name, content, style, size, evaluations, exponent, seed, init, "auto", rows
    )
    assert again.description() == job.description()


@pytest.mark.parametrize("data", [b"", b"no picture", None])
def test_a_picture_without_settings_says_so(
    tab: Transfer, tmp_path: Path, scene: Any, data: bytes | None
) -> None:
    path = tmp_path / "secret.png"
    if data is None:
        scene().save(path)
    else:
        path.write_bytes(data)

    with pytest.raises(gr.Error) as caught:
        tab.restore(str(path))

    assert caught.value.message.startswith("This file")
    assert "secret" not in caught.value.message


def test_another_preset_changes_the_table_and_keeps_the_size(tab: Transfer) -> None:
    form = tab.choose("johnson2016", 64, 20, 3, "auto")

    rows = {row[0]: row[1:] for row in form[10]}
    assert rows["relu2_2"] == [1.0, 1.0] and rows["relu3_3"] == [0.0, 1.0]
    assert form[4:6] == [64, 20] and form[7] == 3


def test_a_link_opens_the_form(tab: Transfer, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", said.append)
    query = {"preset": "gatys2015", "size": "64", "content": "coffee", "style": "nothing"}

    form = tab.opened(SimpleNamespace(session_hash="x", query_params=query))  # type: ignore[arg-type]

    assert form[1] == "gatys2015" and form[4] == 64
    assert Path(form[2]).stem == "coffee"
    assert said == ["There is no bundled picture 'nothing' on this server."]


# The Compare and Figures tabs


@pytest.mark.parametrize(
    ("names", "sets", "says"),
    [
        ([], "", "not 0"),
        (["gatys2016"], "", "not 1"),
        (["gatys2016"] * 5, "", "not 5"),
        (["gatys2016"], "relu4_2", "is written"),
        (["gatys2016"], "relu9_9 | relu1_1", "relu9_9"),
        (["gatys2016"], "relu4_2 | relu1_1=x", "relu1_1"),
        (["gatys2016"], " | ", "zero"),
    ],
)
def test_a_wrong_comparison_is_one_sentence(
    workshop: Workshop, scene: Any, names: list[str], sets: str, says: str
) -> None:
    common = Settings.of(load_preset("gatys2016"), workshop.limits)

    with pytest.raises(InputError, match=says):
        entries(names, sets, common, scene(), scene(), workshop.limits)


def test_layer_sets_change_layers_alone(workshop: Workshop, scene: Any) -> None:
    common = Settings.of(load_preset("gatys2016"), workshop.limits)
    wanted = entries(
        ["gatys2016"],
        "relu2_2 | relu1_1 relu3_1=2, relu2_1=1",
        common,
        scene(),
        scene(),
        workshop.limits,
    )

    assert wanted[0].job.preset is load_preset("gatys2016")
    assert wanted[1].job.content_layers == {"relu2_2": 1.0}
    assert wanted[1].job.style_layers == {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 2.0}
    assert wanted[1].job.seed == wanted[0].job.seed


def test_an_empty_gallery_says_how_to_draw_it(workshop: Workshop, tmp_path: Path) -> None:
    figures = Figures(tmp_path, workshop.limits, ["auto"])

    assert "make figures" in figures.summary()
    with pytest.raises(gr.Error) as caught:
        figures.show("gatys2016/fig9")
    assert caught.value.message == "There is no such figure in the gallery."


# A started server


def test_a_program_gets_presets_progress_and_the_picture(
    server: str, files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants
    from gradio_client import Client, handle_file

    # The client, not the server, asks the hub for something about itself when it starts.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    client = Client(server, verbose=False, download_files=str(tmp_path / "got"))
    names = {each["name"] for each in client.predict(api_name="/presets")}
    assert "gatys2016" in names

    def start(content: Any = files[0], **changes: Any) -> Any:
        order = {"preset": "gatys2016-code", "size": 48, "evaluations": 5, "network": "auto"}
        return client.submit(
            content=handle_file(str(content)),
            style=handle_file(files[1]),
            api_name="/transfer",
            **{**order, **changes},
        )

    job = start()
    picture, progress = job.result(timeout=60)
    assert progress["evaluation"] == progress["evaluations"] == 5
    assert job.outputs()[0][1]["evaluation"] == 1
    assert "style/relu1_1" in progress["losses"]
    assert Path(picture if isinstance(picture, str) else picture["path"]).is_file()

    (tmp_path / "bad.png").write_bytes(io.BytesIO(b"no picture").getvalue())
    for wrong, says in (({"size": 9999}, "Size"), ({"content": tmp_path / "bad.png"}, "picture")):
        with pytest.raises(Exception, match=says):
            start(**wrong).result(timeout=60)
    assert start(seed=1).result(timeout=60)[1]["evaluation"] == 5
