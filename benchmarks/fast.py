"""Fast networks: how good the mixer is, whether its sliders do what they say, and how fast it is.

    python -m benchmarks.fast --write
    python -m benchmarks.fast --peer examples/fast_neural_style/neural_style --write

Photographs are bundled ones, which never take part in training.  *How good*: the mixer's picture
against the optimisation of the same objective from noise, by the evaluations after which the
optimisation is better (Johnson et al. 2016 report 50 to 100 for networks of one setting).
*Sliders*: a layer's weight goes from a tenth to one, all else as it was; that layer's loss should
fall.  Both are judged of the 8-bit picture, by the network that the mixer was trained with.
``--peer`` is the folder of pytorch/examples with ``transformer_net.py``, fetched by yourself.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.compact_report import fill
from benchmarks.engine import processor
from benchmarks.page import table, write_page
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.engine.terms import objective_of, optimizer_of, start_of
from replicate.fast import Fast
from replicate.fast.setting import STYLE_LAYERS, Setting, drawn
from replicate.fast.use import FOLDER
from replicate.images import Picture, bundled, bundled_names
from replicate.method import Stage, evaluate, transfer
from replicate.networks.pixels import to_tensor

CARD = FOLDER.parent / "README.md"
SIZE = 256
MOST = 300
"""Evaluations after which an optimisation is given up."""

ROUNDS = 5
Row = tuple[str, ...]


class Judge:
    """Losses by the network that the mixer was trained with."""

    def __init__(self, fast: Fast):
        self.fast = fast
        self.networks = Engine("cpu", network="vgg19-compact").networks

    def job(self, photograph: Picture, setting: Setting) -> Job:
        preset = self.fast.slow(setting).with_(size=SIZE, evaluations=MOST)
        return Job(preset, photograph, bundled(setting.style), size=SIZE)

    def losses(self, job: Job, picture: Picture) -> dict[str, float]:
        """The total, and each term's before weighting."""
        network = self.networks.network(job.preset.network)
        objective = objective_of([job], job.levels(), network)
        found = evaluate(objective, network, to_tensor(picture))
        return {"total": float(found.total), **{k: float(v) for k, v in found.losses.items()}}

    def passed_after(self, job: Job, loss: float) -> int:
        """Evaluations after which the optimisation from noise is at ``loss``; MOST at most."""
        network = self.networks.network(job.preset.network)
        stages = [Stage(objective_of([job], job.levels(), network), MOST)]
        steps = transfer(
            network, stages, start_of(job), lambda start: optimizer_of(job.preset, start)
        )
        return next((step.number for step in steps if float(step.loss) <= loss), MOST)


def photographs() -> Iterator[Picture]:
    for name in bundled_names()["photographs"]:
        yield bundled(name).scaled_to(SIZE)


def drawn_by(fast: Fast, photograph: Picture, setting: Setting) -> Picture:
    return fast(
        photograph,
        setting.style,
        layers=setting.layers,
        content=setting.content,
        ratio=setting.ratio,
    )


def quality(fast: Fast, each: int) -> list[Row]:
    """How long the optimisation takes to pass the mixer, by style, for ``each`` settings."""
    judge, rng = Judge(fast), np.random.default_rng(0)
    found: dict[str, list[tuple[int, float]]] = {style: [] for style in fast.styles}
    for photograph in photographs():
        for style in fast.styles:
            for _ in range(each):
                setting = replace(drawn(rng, fast.styles), style=style)
                job = judge.job(photograph, setting)
                begun = time.perf_counter()
                picture = drawn_by(fast, photograph, setting)
                fast_time = time.perf_counter() - begun
                loss = judge.losses(job, picture)["total"]
                begun = time.perf_counter()
                count = judge.passed_after(job, loss)
                found[style].append((count, (time.perf_counter() - begun) / fast_time))
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
    judge, rng = Judge(fast), np.random.default_rng(1)
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
                before, after = (drawn_by(fast, photograph, wish) for wish in (low, high))
                job = judge.job(photograph, high)
                one, other = (
                    judge.losses(job, picture)[f"style/{layer}"] for picture in (before, after)
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
        "mixer, bf16": lambda picture: drawn_by(fast, picture, wish),
        "mixer, float32": lambda picture: drawn_by(plain, picture, wish),
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
    found = [(FOLDER / f"{name}.safetensors", Fast.load(name, "cpu")) for name in Fast.list()]
    columns = [_column(path, fast) for path, fast in found]
    names = [f"`{fast.name}`" for _, fast in found]
    return table(("", *names), [(key, *(c[key] for c in columns)) for key in columns[0]])


def _column(path: Path, fast: Fast) -> dict[str, str]:
    record, data = fast.record, path.read_bytes()
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
        "file": f"{len(data) / 1e6:.1f} MB, float16",
        "SHA-256": f"`{hashlib.sha256(data).hexdigest()}`",
    }


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
