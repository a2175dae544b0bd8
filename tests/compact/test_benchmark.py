"""The benchmark of the compact network: what it chooses, measures, keeps and writes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import compact as benchmark
from benchmarks import compact_record as record
from benchmarks import compact_report as report
from benchmarks import peak_memory
from benchmarks.compact_record import (
    CONTENT,
    STYLE_LAYERS,
    Agreement,
    Differing,
    Errors,
    Measured,
    Pace,
    Pair,
    Reconstructions,
    Speed,
    Transfers,
)
from replicate import method
from replicate.errors import ReplicateError
from replicate.figure.verdicts import Row, write_rows
from replicate.images import Picture
from replicate.networks import networks as networks_module
from replicate.networks.stored import Weights
from replicate.networks.table import network_entry, read_table
from replicate.photographs import is_held_out

# Made-up measurements


def pair(compact: float = 0.001, content: float = 0.1, vgg19: float = 0.001) -> Pair:
    def distances(gram: float, error: float) -> dict[str, float]:
        return {**dict.fromkeys(STYLE_LAYERS, gram), CONTENT: error}

    return Pair(
        photograph=distances(0.5, 0.0),
        compact=distances(compact, content),
        vgg19=distances(vgg19, 0.1),
    )


DRAWN: dict[str, Any] = {"machine": "a slow one", "engine": 1, "size": 256, "evaluations": 200}


def transfers(**changes: Any) -> Transfers:
    found = {**DRAWN, "inputs": "held-out", "pairs": {"a × b": pair()}}
    return Transfers(**{**found, **changes})


def speed(compact: float = 20.0, memory: float = 500.0) -> Speed:
    pace = Pace(
        precision="bf16", compact=compact, vgg19=3.0, compact_memory=memory, vgg19_memory=900.0
    )
    return Speed(machine="a slow one", size=256, torch_memory=400.0, paces=[pace])


def agreement(differing: int = 1) -> Agreement:
    one = Differing(claim="gatys2016/fig5/style", text="It is so.", vgg19="holds", compact="fails")
    return Agreement(profile="gallery", inputs="bundled", claims=20, differing=[one] * differing)


def depths(compact: dict[str, float]) -> Reconstructions:
    vgg19 = {"relu1_2": 30.0, "relu2_2": 25.0, "relu3_2": 20.0}
    psnr = {"coffee": {"vgg19": vgg19, "compact": compact}}
    return Reconstructions(**DRAWN, psnr=psnr)


SAME = {"relu1_2": 29.0, "relu2_2": 22.0, "relu3_2": 21.0}
OTHER = {"relu1_2": 29.0, "relu2_2": 20.0, "relu3_2": 21.0}


# Tables


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (pair(), 0),
        (pair(compact=0.0025), 1),  # too far at relu1_1 alone
        (pair(compact=0.012), 3),
        (pair(content=0.114), 0),
        (pair(content=0.116), 1),
        (pair(compact=0.4, content=0.2), 6),
    ],
)
def test_transfers_against_their_bounds(found, missed):
    measured = transfers(pairs={"a × b": found})
    assert report.transfers_met(measured) == 6 - missed
    assert report.transfers_table(measured).count("**missed**") == missed


@pytest.mark.parametrize(
    ("found", "missed"),
    [(speed(), 0), (speed(compact=14.9), 1), (speed(memory=601.0), 1), (speed(3.0, 900.0), 2)],
)
def test_speed_and_memory_against_their_bounds(found, missed):
    assert report.speed_table(found).count("**missed**") == missed


def test_each_bound_has_its_verdict():
    """How it is written shows in the committed page, which is compared below."""
    assert report.measured_text(Measured(sha256="a")) == report.MISSING
    good = Measured(
        sha256="a",
        transfers=transfers(),
        reconstructions=depths(SAME),
        speed=speed(),
        agreement=agreement(),
    )
    text = report.measured_text(good)
    assert text.count("| met |") == 5 and "missed" not in text
    bad = good.having(
        transfers=transfers(pairs={"a × b": pair(compact=0.0025)}),
        reconstructions=depths(OTHER),
        speed=speed(3.0, 900.0),
        agreement=agreement(3),
    )
    assert report.measured_text(bad).count("**missed**") == 5
    assert "**another**" in report.reconstructions_text(bad.reconstructions)


# The model card


@pytest.mark.parametrize("text", ["nothing", "<!-- one -->\n<!-- /one -->\n" * 2])
def test_a_block_must_be_there_once(text):
    with pytest.raises(ReplicateError, match="'one'"):
        report.fill(text, {"one": "new"})


def test_the_cards_picture_credits_are_complete():
    card = report.CARD.read_text()
    assert all(f"*{photograph}*" in card for photograph, _ in benchmark.STRIP_PAIRS)


# The record


def test_the_record_is_kept_for_one_file_alone(tmp_path):
    path = tmp_path / "compact.json"
    measured = Measured(sha256="a", transfers=transfers(), speed=speed(compact=20.123456789))
    record.save(measured, path)
    found = record.load("a", path)
    assert found.transfers == measured.transfers
    assert found.speed is not None and found.speed.paces[0].compact == 20.123
    assert record.load("a", tmp_path / "none.json") == Measured(sha256="a")


def test_what_vgg19_drew_is_kept_for_another_file(tmp_path):
    path = tmp_path / "compact.json"
    measured = Measured(
        sha256="a", transfers=transfers(), reconstructions=depths(SAME), speed=speed()
    )
    record.save(measured, path)
    found = record.load("b", path)
    assert (found.sha256, found.speed) == ("b", None)
    assert found.transfers is not None and found.reconstructions is not None
    (kept,) = found.transfers.pairs.values()
    assert (kept.vgg19, kept.photograph, kept.compact) == (pair().vgg19, pair().photograph, None)
    assert found.transfers.by_both() == found.reconstructions.by_both() == {}
    assert report.page_of(found) == report.page_of(Measured(sha256="b"))
    assert report.measured_text(found) == report.MISSING
    record.save(found, path)
    assert record.load("b", path) == found


def test_pairs_add_up_over_runs_drawn_alike():
    first, second = transfers(pairs={"a": pair()}), transfers(pairs={"b": pair(0.5)})
    assert list(second.after(first).pairs) == ["a", "b"]
    again = transfers(pairs={"a": pair(0.7)})
    assert again.after(first).pairs["a"] == pair(0.7)
    for other in ({"evaluations": 100}, {"size": 128}, {"engine": 2}, {"inputs": "bundled"}):
        assert list(second.after(transfers(pairs={"a": pair()}, **other)).pairs) == ["b"]


# Choosing pictures


@pytest.fixture
def folder(tmp_path: Path, scene: Callable[..., Picture]) -> Path:
    """Photographs, paintings and textures; some of each are held out, and only these are real."""
    for kind, count in (("photos", 400), ("paintings", 40), ("dtd_subset", 60)):
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for index in range(count):
            path = tmp_path / "pictures" / kind / f"{kind}{index}.png"
            if is_held_out(path):
                scene(24, 20, seed=index + count).save(path)
            else:
                path.touch()
    return tmp_path / "pictures"


def test_only_held_out_pictures_are_chosen(folder):
    inputs = benchmark.choose_inputs(folder)
    assert inputs.kind == "held-out"
    assert len(inputs.photographs) == 8 and len(inputs.styles) == 4
    for picture in inputs.photographs:
        assert is_held_out(Path("photos") / picture.name) and picture.name.startswith("photos")
    for picture in inputs.styles:
        assert is_held_out(Path("paintings") / picture.name)
    numbered: Any = list(range(20))
    assert benchmark.spread(numbered, 4) == [0, 6, 13, 19]
    pairs = inputs.pairs()
    assert len({(a.name, b.name) for a, b in pairs}) == 32
    assert len({b.name for _, b in pairs[:4]}) == len({a.name for a, _ in pairs[:4]}) == 4


def test_too_few_pictures_are_an_error(folder, tmp_path):
    with pytest.raises(ReplicateError, match="8 and 4 are needed"):
        benchmark.choose_inputs(folder / "paintings")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ReplicateError, match="no held-out pictures"):
        benchmark.choose_inputs(empty)


def test_bundled_pictures_serve_where_there_is_no_folder(scene, monkeypatch):
    monkeypatch.setattr(benchmark, "bundled", lambda name: replace(scene(), name=name))
    inputs = benchmark.choose_inputs(None)
    assert inputs.kind == "bundled" and inputs.photographs[0].name == "astronaut"
    assert [p.name for p in inputs.styles] == ["swirls", "shards", "facets", "wave"]


def test_pairs_are_counted_from_one():
    pairs: Any = list(range(32))
    for text, first, last in (("1-8", 0, 7), ("3", 2, 2), ("31-99", 30, 31)):
        chosen = benchmark.part(pairs, benchmark.span(text))
        assert (chosen[0], chosen[-1]) == (first, last)
    for text in ("0", "a", "1-", "1-2-3"):
        with pytest.raises(argparse.ArgumentTypeError, match="pairs such as"):
            benchmark.span(text)
    with pytest.raises(ReplicateError, match="32 pairs"):
        benchmark.part(pairs, benchmark.span("40-50"))


# Measuring, with tiny networks in the place of both


@pytest.fixture
def networks(
    tiny_engine: Callable[..., Any],
    tiny_tensors: Callable[..., dict[str, torch.Tensor]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Both networks are tiny, the compact one another than VGG-19; nothing is written outside."""
    tiny_engine()
    ours = Weights(tiny_tensors(seed=7), "ours")
    load = networks_module.load_weights
    monkeypatch.setattr(
        networks_module, "load_weights", lambda name: ours if "compact" in name else load(name)
    )
    monkeypatch.setattr(networks_module, "channel_means", lambda *_: {})
    monkeypatch.setattr(benchmark, "load_weights", lambda name: ours)
    monkeypatch.setattr(benchmark, "find_weights", Path)
    named = replace(network_entry("vgg19-compact"), sha256="ours")
    monkeypatch.setitem(read_table(), "vgg19-compact", named)
    (tmp_path / "card.md").write_text(report.CARD.read_text())
    monkeypatch.setattr(report, "CARD", tmp_path / "card.md")
    monkeypatch.setattr(report, "PAGE", tmp_path / "compact.md")
    monkeypatch.setattr(benchmark, "RECORD", tmp_path / "compact.json")
    monkeypatch.setattr(benchmark, "STRIPS", tmp_path / "card")
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))


def options(*words: str) -> argparse.Namespace:
    return benchmark.parser().parse_args(words)


def forbid_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the store has it")

    monkeypatch.setattr(method, "evaluate", never)


def test_transfers_are_drawn_measured_and_never_drawn_again(networks, folder, monkeypatch):
    scale = benchmark.Scale(32, 3, pairs=3)
    given = options("transfers", "--pictures", str(folder))
    found = benchmark.transfers(given, scale, None)
    assert len(found.pairs) == 3
    for measured in found.pairs.values():
        assert measured.photograph[CONTENT] == 0
        assert measured.vgg19 != measured.compact
        assert measured.vgg19["relu1_1"] < measured.photograph["relu1_1"]
    forbid_drawing(monkeypatch)
    assert benchmark.transfers(given, scale, None).pairs == found.pairs


def test_vgg19_does_not_draw_what_was_measured_before(networks, folder, monkeypatch):
    scale = benchmark.Scale(32, 3, pairs=2, photographs=1)
    given = options("transfers", "--pictures", str(folder))
    pairs = benchmark.transfers(given, scale, None)
    depths = benchmark.reconstructions(given, scale, None)
    (psnr,) = depths.psnr.values()
    assert psnr["vgg19"] != psnr["compact"]
    assert all(list(each) == list(benchmark.DEPTHS) for each in psnr.values())
    drew = benchmark.draw

    def compact_alone(jobs: dict[str, Any], network: str, workers: int = 1) -> dict[str, Any]:
        assert network == benchmark.COMPACT or not jobs
        return drew(jobs, network, workers)

    monkeypatch.setattr(benchmark, "draw", compact_alone)
    assert benchmark.transfers(given, scale, pairs.by_vgg19()).pairs == pairs.pairs
    again = benchmark.reconstructions(given, scale, depths.by_vgg19())
    assert again.psnr == depths.psnr
    with pytest.raises(AssertionError):  # drawn otherwise, so drawn anew
        benchmark.transfers(given, replace(scale, evaluations=4), pairs.by_vgg19())


def test_pairs_and_networks_may_be_drawn_apart(networks, folder, monkeypatch):
    monkeypatch.setattr(benchmark, "FULL", benchmark.Scale(32, 3))
    words = ["transfers", "--pictures", str(folder), "--pairs", "2-3"]
    for network in benchmark.KEYS:
        assert benchmark.run(options(*words, "--only", network)) == "2 pairs are drawn."
    assert not benchmark.RECORD.exists()
    forbid_drawing(monkeypatch)
    benchmark.run(options(*words))
    benchmark.run(options("transfers", "--pictures", str(folder), "--pairs", "3"))
    kept = record.load("ours", benchmark.RECORD).transfers
    assert kept is not None and len(kept.pairs) == 2
    assert "Medians over 2 pairs" in report.PAGE.read_text()
    assert "of 6 bounds met, over 2 pairs" in report.CARD.read_text()


def test_trying_writes_nothing(networks, folder, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "QUICK", benchmark.Scale(32, 4, pairs=1))
    card = report.CARD.read_text()
    benchmark.main(["transfers", "--quick", "--pictures", str(folder)])
    assert "Medians over 1 pairs" in capsys.readouterr().out
    assert not benchmark.RECORD.exists() and not report.PAGE.exists()
    assert report.CARD.read_text() == card


def test_errors_by_layer(networks, folder, monkeypatch):
    given = options("layers", "--pictures", str(folder))
    scale = benchmark.Scale(32, checked=2)
    found = benchmark.layers(given, scale)
    assert (found.pictures, len(found.errors)) == (2, 16)
    for errors in found.errors.values():
        assert all(value > 0.01 for value in errors.model_dump().values())
    assert found.errors["2_1"].relu != found.errors["2_1"].relu_average
    monkeypatch.setattr(benchmark, "VGG", "vgg19-compact")
    assert benchmark.layers(given, scale).errors["3_1"] == Errors(
        relu=0, relu_average=0, conv=0, gram=0
    )
    assert "| conv5_4 |" in report.layers_text(found)


def test_speed_takes_both_networks_in_turn(networks, monkeypatch):
    alone = {"vgg19-compact": 300.0, "vgg19-caffe": 900.0}
    monkeypatch.setattr(benchmark, "memory_alone", lambda *told: alone[told[0]] if told else 200.0)
    found = benchmark.speed(benchmark.Scale(32, rounds=2, warm_up=1))
    assert [pace.precision for pace in found.paces][-1] == "float32"
    assert found.torch_memory == 200.0
    for pace in found.paces:
        assert pace.compact > 0 and pace.vgg19 > 0
        assert (pace.compact_memory, pace.vgg19_memory) == (300.0, 900.0)


def test_random_weights_are_timed_where_vgg19_is_not(tiny_engine):
    assert benchmark.full_network() == "vgg19-random"


def test_peak_memory_is_this_process_own():
    block = np.ones(40_000_000)
    assert peak_memory.peak() >= block.nbytes / 1e6


def test_strips_hold_inputs_and_both_transfers(networks, scene, monkeypatch):
    pictures = {"astronaut": scene(64, 48), "swirls": scene(40, 40, seed=1)}
    monkeypatch.setattr(benchmark, "bundled", pictures.__getitem__)
    monkeypatch.setattr(benchmark, "STRIP_PAIRS", (("astronaut", "swirls"),))
    (path,) = benchmark.strips(benchmark.Scale(64, 3))
    assert path == benchmark.STRIPS / "astronaut-swirls.webp"
    with Image.open(path) as image:
        assert image.size == (64 + 48 + 64 + 64 + 3 * 6, 48)
    assert report.strips_text(benchmark.STRIPS) == (
        "![astronaut × swirls](card/astronaut-swirls.webp)"
    )


# Agreement of claims


def test_verdicts_are_compared_claim_by_claim(tmp_path):
    def rows(claim: str, network: str, edges: float) -> list[Row]:
        values = {"Conv2_2": edges, "Conv4_2": 0.1}
        return [
            Row(claim, f"p{i % 4}", f"a{i // 4}", 0, "bundled", network, 256, 500, values)
            for i in range(16)
        ]

    structure, style = "gatys2016/fig5/structure", "gatys2016/fig5/style"
    found = rows(structure, "vgg19-caffe", 0.5) + rows(structure, "vgg19-compact", 0.12)
    found += rows(style, "vgg19-caffe", 0.1) + rows(style, "vgg19-compact", 0.11)
    write_rows([*found, *rows("gatys2016/fig3/style", "vgg19-caffe", 0.1)], tmp_path)
    agreed = benchmark.agreement(tmp_path)
    assert (agreed.claims, agreed.inputs) == (2, "bundled")
    assert agreed.profile == "256 px, 500 evaluations"
    (differing,) = agreed.differing
    assert (differing.claim, differing.vgg19, differing.compact) == (structure, "holds", "fails")
    write_rows(rows(structure, "vgg19-caffe", 0.5), tmp_path)
    with pytest.raises(ReplicateError, match="No claim in"):
        benchmark.agreement(tmp_path)


# The command


def test_errors_are_one_sentence(networks, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="compact: There are no held-out pictures"):
        benchmark.main(["transfers", "--pictures", str(tmp_path / "empty")])


def test_the_record_in_the_repository_belongs_to_the_shipped_file():
    """And the page and the card say what the record says."""

    kept = Path(record.__file__).with_name("compact.json")
    assert kept.is_file() == bool(network_entry("vgg19-compact").sha256)
    if kept.is_file():
        measured = record.load(network_entry("vgg19-compact").sha256, kept)
        assert report.PAGE.read_text() == report.page_of(measured)
        card = report.CARD.read_text()
        assert report.fill(card, report.card_blocks(measured)) == card
        assert report.MISSING not in card + report.PAGE.read_text()
