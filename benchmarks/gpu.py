"""How much of a GPU the engine uses: seconds an evaluation, beside the bare network and a product.

    python -m benchmarks.gpu --write                             # within four minutes on an H100
    python -m benchmarks.gpu --size 64 --pictures 1,2 --evaluations 5     # a trial on a CPU

An evaluation is one forward and backward pass of a batch with content loss on relu4_2 and style
loss on the first layer of each block, and the optimizer's step after it.  Beside it stand the bare
convolutions, and at the end the twenty panels of ``gatys2015/fig3`` are drawn, timed as a whole.
Weights are random: they do not change the time.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.engine import bare_network, mirrored, processor
from benchmarks.page import write_page
from replicate.engine.engine import Engine
from replicate.engine.graphs import accelerated
from replicate.engine.optimizers import LBFGS
from replicate.networks.spec import NetworkSpec
from replicate.papers.registry import first_jobs
from replicate.papers.studio import Studio

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
FIGURE = "gatys2015/fig3"
RANDOM = NetworkSpec(name="vgg19-random", pooling="average")


def milliseconds(device: torch.device, function: Callable[[], object], rounds: int) -> float:
    """Median over the rounds, after three to warm up; each waits until the device is done."""

    def once() -> float:
        begun = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return 1e3 * (time.perf_counter() - begun)

    taken = [once() for _ in range(rounds + 3)]
    return statistics.median(taken[3:])


def matrix_product(device: torch.device, dtype: torch.dtype) -> float:
    """Tera floating-point operations a second of a large square product."""
    side = 8192 if device.type == "cuda" else 1024
    a = torch.randn(side, side, device=device, dtype=dtype)
    return 2 * side**3 / (milliseconds(device, lambda: a @ a, 10) / 1e3) / 1e12


def measured(engine: Engine, pictures: int, size: int, rounds: int) -> dict[str, float]:
    """Milliseconds of a batch's evaluation, of the optimizer's step and of the bare network."""
    device = engine.device
    network = engine.networks.network(RANDOM)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(pictures, 3, size * 3 // 4, size, generator=generator).to(device)
    objective = mirrored(network, LAYERS, pixels)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    make, evaluate = accelerated(device, LBFGS)
    optimizer = make(pixels)
    for _ in range(20):  # the history fills: the optimizer's full cost
        optimizer.tell(torch.rand(pictures, device=device), torch.randn_like(pixels))
    found = evaluate(objective, network, optimizer.pixels)
    times = {
        "evaluate": milliseconds(
            device, lambda: evaluate(objective, network, optimizer.pixels), rounds
        ),
        "optimizer": milliseconds(
            device, lambda: optimizer.tell(found.total, found.gradient), rounds
        ),
    }
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    bare = bare_network(network, pixels.to(engine.dtype), LAYERS[-1])
    return {**times, "bare": milliseconds(device, bare, rounds), "memory": peak}


def table(engine: Engine, counts: list[int], size: int, evaluations: int, rounds: int) -> str:
    """The whole page as Markdown; printed line by line as it grows."""
    device = engine.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    say(f"Device: {name}, {engine.precision}; torch {torch.__version__}, {platform.system()}.")
    say(f"Matrix product: {matrix_product(device, engine.dtype):.2f} TFLOP/s.")
    say(f"Pictures of {size} x {size * 3 // 4} px; milliseconds of the whole batch.")
    say("")
    say("| pictures | evaluate | optimizer | a picture | bare network | ratio | peak memory |")
    say("|---|---|---|---|---|---|---|")
    for count in counts:
        try:
            found = measured(engine, count, size, rounds)
        except torch.OutOfMemoryError:
            say(f"| {count} | out of memory | | | | | |")
            break
        whole = found["evaluate"] + found["optimizer"]
        memory = f"{found['memory']:.1f} GB" if found["memory"] else "-"
        say(
            f"| {count} | {found['evaluate']:.2f} | {found['optimizer']:.2f} | "
            f"{whole / count:.2f} | {found['bare']:.2f} | {whole / found['bare']:.2f} | {memory} |"
        )
    studio = Studio(engine).at(FIGURE)
    jobs = first_jobs(studio, FIGURE)
    engine.networks.network(jobs[0].preset.network)  # loading is not what is timed
    begun = time.perf_counter()
    resized = [replace(job, size=size, evaluations=evaluations) for job in jobs]
    engine.run_many(resized)
    say("")
    say(
        f"{len(resized)} panels of {FIGURE} at {size} px x {evaluations} evaluations: "
        f"{time.perf_counter() - begun:.1f} s."
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=512, help="longest side in pixels")
    parser.add_argument("--pictures", default="1,4,20,64", help="sizes of batches")
    parser.add_argument("--evaluations", type=int, default=500, help="of each panel at the end")
    parser.add_argument("--rounds", type=int, default=20, help="timed evaluations of each batch")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/gpu.md")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.pictures.split(",")]
    text = table(Engine(), counts, arguments.size, arguments.evaluations, arguments.rounds)
    if arguments.write:
        write_page(__file__, "A GPU's evaluations", text)


if __name__ == "__main__":
    main()
