"""Fast networks: how good the mixer is, whether its sliders do what they say, and how fast it is.

    python -m benchmarks.fast --write
    python -m benchmarks.fast --peer examples/fast_neural_style/neural_style --write

Photographs are bundled ones, of which all but chelsea and rocket never took part in training.
*How good*: the mixer's picture against the optimisation of the same objective from noise, by the
evaluations after which the optimisation is better (Johnson et al. 2016 report 50 to 100 for
networks of one setting).
*Sliders*: a layer's weight goes from a tenth to one, all else as it was; that layer's loss should
fall.  Both are judged of the 8-bit picture, by the network that the mixer was trained with.
``--peer`` is the folder of pytorch/examples with ``transformer_net.py``, fetched by yourself.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean, median

import numpy as np
import torch

from benchmarks.compact_report import fill
from benchmarks.engine import processor
from benchmarks.page import table, write_page
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.fast import Fast
from replicate.fast.beside import one_pass, passed_after, slow_job
from replicate.fast.setting import STYLE_LAYERS, Setting, drawn
from replicate.fast.shipped import FOLDER, shipped_file
from replicate.images import Picture, bundled, bundled_names
from replicate.networks.pixels import to_tensor
from replicate.papers.verdicts import current_rows
from replicate.storage.files import evidence_dir

CARD = FOLDER.parent / "README.md"
SIZE = 256
MOST = 300
"""Evaluations after which an optimisation is given up."""

WORTH = {"mixer": "johnson2016/fast/worth", "mosaic-relu2_2": "johnson2016/fast/reaches"}
"""Claims whose rows count the evaluations after which the optimisation passes a network."""

ROUNDS = 5
Row = tuple[str, ...]


def photographs() -> Iterator[Picture]:
    for name in bundled_names()["photographs"]:
        yield bundled(name).scaled_to(SIZE)


def asked(fast: Fast, photograph: Picture, setting: Setting) -> Job:
    """The optimisation of what the network is asked for."""
    artwork = bundled(setting.style)
    return slow_job(fast, setting, photograph, artwork, size=SIZE, evaluations=MOST)


def quality(fast: Fast, each: int) -> list[Row]:
    """How long the optimisation takes to pass the mixer, by style, for ``each`` settings."""
    engine, rng = Engine("cpu"), np.random.default_rng(0)
    found: dict[str, list[tuple[int, float]]] = {style: [] for style in fast.styles}
    for photograph in photographs():
        for style in fast.styles:
            for _ in range(each):
                setting = replace(drawn(rng, fast.styles), style=style)
                job = asked(fast, photograph, setting)
                drawn_once = one_pass(fast, setting, job, engine)
                begun = time.perf_counter()
                course = ((step.step, step.loss) for step in engine.stream(job))
                count = passed_after(course, drawn_once.loss) or MOST
                factor = (time.perf_counter() - begun) / drawn_once.seconds
                found[style].append((count, factor))
    found["all"] = [each for cases in list(found.values()) for each in cases]
    rows = []
    for style, cases in found.items():
        counts, factors = ([case[i] for case in cases] for i in (0, 1))
        quarters = (f"{value:.0f}" for value in _quartiles(counts))
        n = str(len(counts))
        rows.append((style, n, f"{median(counts):g}", *quarters, f"{median(factors):.0f}"))
    return rows


def _quartiles(counts: list[int]) -> list[float]:
    return [float(value) for value in np.quantile(counts, [0.25, 0.75])]


def sliders(fast: Fast, each: int) -> list[Row]:
    """Share of the cases in which a layer's loss falls when its weight is raised."""
    reader, rng = Engine("cpu").reader, np.random.default_rng(1)
    falls: dict[str, list[float]] = {layer: [] for layer in STYLE_LAYERS}
    moves: dict[str, list[float]] = {layer: [] for layer in STYLE_LAYERS}
    for photograph in photographs():
        for layer in STYLE_LAYERS:
            for _ in range(each):
                setting = drawn(rng, fast.styles)
                low, high = (
                    replace(setting, layers={**setting.layers, layer: weight})
                    for weight in (0.1, 1.0)
                )
                before, after = (fast.draw(photograph, wish) for wish in (low, high))
                job = asked(fast, photograph, high)
                one, other = (
                    reader.losses(job, picture)[1][f"style/{layer}"] for picture in (before, after)
                )
                falls[layer].append(other / one)
                change = before.pixels.astype(float) - after.pixels
                moves[layer].append(float(np.abs(change).mean()))
    return [
        (
            layer,
            str(len(ratios)),
            f"{np.mean(np.array(ratios) < 1):.0%}",
            f"{median(ratios):.2f}",
            f"{median(moves[layer]):.1f}",
        )
        for layer, ratios in falls.items()
    ]


def speed(fast: Fast, peer: Path | None) -> list[Row]:
    """Milliseconds a picture, median of rounds in which all networks take turns."""
    wish = fast.setting(fast.styles[0])
    runs: dict[str, Callable[[Picture], object]] = {
        "mixer, bf16": lambda picture: fast.draw(picture, wish),
        "mixer, float32": lambda picture: plain.draw(picture, wish),
    }
    plain = Fast.load(fast.name, device="cpu")
    plain.dtype = torch.float32
    if peer is not None:
        network = _peer(peer)
        runs["pytorch/examples, float32"] = lambda picture: network(to_tensor(picture) * 255)
    rows = []
    for size in (256, 384, 512):
        picture = bundled("astronaut").resized(size, size)
        times: dict[str, list[float]] = {name: [] for name in runs}
        with torch.no_grad():
            for _ in range(ROUNDS + 1):
                for name, run in runs.items():
                    begun = time.perf_counter()
                    run(picture)
                    times[name].append(1000 * (time.perf_counter() - begun))
        rows += [(f"{size}", name, f"{median(each[1:]):.0f}") for name, each in times.items()]
    return rows


def _peer(folder: Path) -> torch.nn.Module:
    """The network of pytorch/examples; its weights do not matter here."""
    spec = importlib.util.spec_from_file_location("transformer_net", folder / "transformer_net.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"There is no transformer_net.py in '{folder}'.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: torch.nn.Module = module.TransformerNet().eval()
    return network


def networks_text() -> str:
    """How the package's networks were made, a column for each."""
    found = [Fast.load(name, "cpu") for name in Fast.list()]
    columns = [_column(fast) for fast in found]
    names = [f"`{fast.name}`" for fast in found]
    return table(("", *names), [(key, *(c[key] for c in columns)) for key in columns[0]])


def _column(fast: Fast) -> dict[str, str]:
    record, size = fast.record, shipped_file(fast.name).stat().st_size
    recipe, progress = record["recipe"], record["progress"]
    return {
        "trained for": "any setting" if fast.units else f"preset `{fast.preset.name}`",
        "styles": ", ".join(fast.styles),
        "losses by": f"`{record['judge']['name']}`",
        "content, style layers": "those of the setting"
        if fast.units
        else "; ".join(", ".join(fast.preset.layers(kind)) for kind in ("content", "style")),
        "content and style weight": "those of the setting"
        if fast.units
        else f"{fast.preset.content_weight:g}, {fast.preset.style_weight:.3g}",
        "photographs": f"{record['photographs']}",
        "length": f"{progress['step']} steps, {progress['seconds'] / 60:.0f} minutes of one core",
        "a step": f"{recipe['batch']} crops of {recipe['size']} px, Adam {recipe['rate']:g}",
        "artwork's longest side": f"{recipe['style_size']} px",
        "width": f"{recipe['width']} channels",
        "one pass is worth": _worth(fast.name),
        "file": f"{size / 1e6:.1f} MB, float16",
        "SHA-256": f"`{fast.sha256}`",
    }


def _worth(name: str) -> str:
    """So many evaluations of the optimisation, geometric mean of the evidence's pictures."""
    rows = [row for row in current_rows(evidence_dir()) if row.claim == WORTH.get(name)]
    if not rows:
        return "not measured"
    counts = [row.values["evaluations"] for row in rows]
    return f"{geometric_mean(counts):.0f} evaluations (mean of {len(counts)} pictures)"


def write_card() -> None:
    CARD.write_text(fill(CARD.read_text(), {"networks": networks_text()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--use", default="mixer", help="a network of 'replicate fast', or a file")
    parser.add_argument("--each", type=int, default=1, help="settings for each picture and style")
    parser.add_argument("--peer", type=Path, help="folder with transformer_net.py")
    parser.add_argument("--write", action="store_true", help="write fast.md")
    parser.add_argument("--note", default="", help="what else the machine did")
    args = parser.parse_args()
    fast = Fast.load(args.use, device="cpu")
    progress = fast.record["progress"]
    parts = [
        f"The mixer `{fast.name}`: {progress['step']} steps in {progress['seconds'] / 60:.0f} "
        f"minutes of one core, styles {', '.join(fast.styles)}.",
        f"## Speed, milliseconds a picture\n\n{processor()}, {torch.get_num_threads()} threads. "
        f"{args.note}",
        table(("side, px", "network", "ms"), speed(fast, args.peer)),
        f"## Evaluations of L-BFGS from noise until it passes the mixer\n\n{SIZE} px, random "
        f"settings, {MOST} evaluations at most.",
        table(
            ("style", "n", "median", "a quarter under", "a quarter over", "times the time"),
            quality(fast, args.each),
        ),
        "## A layer's weight from 0.1 to 1: its own loss, after over before",
        table(
            ("layer", "n", "falls in", "median ratio", "change, grey levels"),
            sliders(fast, 4 * args.each),
        ),
    ]
    page = "\n\n".join(parts)
    print(page)
    if args.write:
        write_page(__file__, "Fast networks", page)
        write_card()


if __name__ == "__main__":
    main()
