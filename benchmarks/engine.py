"""Seconds per evaluation against this machine's own limit.

    make bench            # or: python -m benchmarks.engine --write

An evaluation is one forward and backward pass with content loss on relu4_2, style loss on the
first layer of each block, and the optimizer's own work.  The limit is the bare network: the same
convolutions, rectifications and poolings, forward and backward by the picture, cut at the same
layer, with nothing else.  Both are timed in turn in one process, so that a busy machine slows
both; ratios are of medians.  Weights are random: they do not change the time.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.page import write_page
from replicate.engine.device import choose_dtype, has_bf16
from replicate.engine.optimizers import LBFGS
from replicate.method import Objective, content, evaluate, style
from replicate.networks.network import Network
from replicate.networks.random import random_weights
from replicate.networks.vgg import VGG

SIZES = (256, 512)
CUTS = {"relu1_1": 1, "relu2_1": 2, "relu3_1": 3, "relu4_1": 4, "relu5_1": 5}
PRECISIONS = ("bf16", "float32")


def seconds(*functions: Callable[[], object], rounds: int) -> list[float]:
    """Median seconds of each function; they take turns, after one call of each to warm up."""
    for function in functions:
        function()
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, times in zip(functions, taken):
            begun = time.perf_counter()
            function()
            times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in taken]


def evaluation(precision: str, size: int, layers: list[str], rounds: int) -> dict[str, float]:
    """Seconds of one evaluation, of the optimizer in it, and of the bare network; peak memory."""
    dtype = choose_dtype(precision, torch.device("cpu"))  # type: ignore[arg-type]
    network = VGG(random_weights().tensors, dtype=dtype)
    pixels = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    objective = mirrored(network, layers, pixels)
    optimizer = LBFGS(pixels)
    spent: list[float] = []

    def step() -> None:
        found = evaluate(objective, network, optimizer.pixels)
        begun = time.perf_counter()
        optimizer.tell(found.total, found.gradient)
        spent.append(time.perf_counter() - begun)

    for _ in range(20):  # the history fills: the optimizer's full cost
        optimizer.tell(torch.rand(1), torch.randn_like(pixels))
    bare = bare_network(network, pixels.to(dtype), layers[-1])
    ours, limit = seconds(step, bare, rounds=rounds)
    return {
        "evaluation": ours,
        "optimizer": statistics.median(spent),
        "bare": limit,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def mirrored(network: Network, layers: Sequence[str], pixels: torch.Tensor) -> Objective:
    """What is timed: the mirrored pixels' style at the layers and, with relu5_1, their content."""
    with torch.no_grad():
        maps = network(pixels.flip(3), [*layers, "relu4_2"] if "relu5_1" in layers else layers)
    objective = sum((style(layer, maps[layer].gram()) for layer in layers), Objective())
    if "relu5_1" in layers:
        objective += 1e-3 * content("relu4_2", maps["relu4_2"].coordinates())
    return objective


def bare_network(network: object, pixels: torch.Tensor, last: str) -> Callable[[], object]:
    """Forward and backward of the convolutions up to ``last``, and nothing else."""
    steps, weights = network._steps, network._convolutions  # type: ignore[attr-defined]
    start = pixels.contiguous(memory_format=torch.channels_last)

    def run() -> None:
        x = leaf = start.detach().requires_grad_(True)
        for step in steps:
            if step.kind == "conv":
                weight, bias = weights[step.name]
                x = F.conv2d(
                    x, weight[:, :3] if step.name == "conv1_1" else weight, bias, padding=1
                )
            elif step.kind == "relu":
                x = F.relu_(x)
            else:
                x = F.max_pool2d(x, 2)
            if step.name == last:
                break
        torch.autograd.grad(x, leaf, torch.ones_like(x))

    return run


def matrix_product(dtype: torch.dtype) -> float:
    """Billion multiply-adds a second of a 2048 x 2048 product."""
    a = torch.rand(2048, 2048).to(dtype)
    (taken,) = seconds(lambda: a @ a, rounds=5)
    return 2048**3 / taken / 1e9


def one_process(arguments: list[str]) -> dict[str, float]:
    """Measure in a process of its own, so that peak memory is of this one case."""
    command = [sys.executable, "-m", "benchmarks.engine", "--case", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = ("evaluation", "optimizer", "bare", "memory")
    return dict(zip(names, map(float, answer.split())))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def table(rounds: int) -> str:
    """The whole table as Markdown."""

    precisions = [p for p in PRECISIONS if p != "bf16" or has_bf16(torch.device("cpu"))]
    lines = [
        f"Machine: {processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}.",
        f"2048 x 2048 matrix product: {matrix_product(torch.float32):.0f} billion multiply-adds "
        f"a second in float32, {matrix_product(torch.bfloat16):.0f} in bfloat16.",
        "",
        "| picture | precision | style layers to | seconds an evaluation | of these L-BFGS | "
        "bare network | ratio | peak memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        for precision in precisions:
            for cut in CUTS:
                found = one_process([precision, str(size), cut, str(rounds)])
                ratio = found["evaluation"] / found["bare"]
                lines.append(
                    f"| {size} x {size} | {precision} | {cut} | {found['evaluation']:.3f} | "
                    f"{found['optimizer']:.3f} | {found['bare']:.3f} | {ratio:.2f} | "
                    f"{found['memory']:.2f} GB |"
                )
                print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="timed evaluations of each case")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/engine.md")
    parser.add_argument("--case", nargs=4, metavar=("PRECISION", "SIZE", "LAST", "ROUNDS"),
                        help="one case, for the table")  # fmt: skip
    arguments = parser.parse_args()
    if arguments.case:
        precision, size, last, rounds = arguments.case
        layers = list(CUTS)[: CUTS[last]]
        found = evaluation(precision, int(size), layers, int(rounds))
        print(*found.values())
        return
    text = table(arguments.rounds)
    print(text)
    if arguments.write:
        write_page(__file__, "Seconds an evaluation", text)


if __name__ == "__main__":
    main()
