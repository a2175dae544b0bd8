"""What ``torch.compile`` saves of an evaluation, and after how many it has paid for itself.

    python -m benchmarks.compiling --write

As the engine would use it: on a GPU by graphs, for the layers, precisions and sizes that figures
ask for.  ``replicate/engine/compiling.py`` rests on these numbers.  Weights are random: they do
not change the time.
"""

from __future__ import annotations

import argparse
import platform
import time

import torch
import torch._inductor.config

from benchmarks.engine import mirrored, processor, seconds
from benchmarks.page import table, write_page
from replicate.engine.compiling import compiled
from replicate.engine.engine import Engine
from replicate.engine.graphs import accelerated
from replicate.engine.optimizers import LBFGS
from replicate.networks.spec import NetworkSpec

CASES = {
    "relu1_1": ("relu1_1",),
    "relu1_1 to relu5_1": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}


def measured(engine: Engine, network_name: str, layers: tuple[str, ...], size: int, pictures: int,
             rounds: int) -> tuple[float, float, float]:  # fmt: skip
    """Seconds of an evaluation of the batch, plain and compiled, and of compiling."""
    network = engine.networks.network(NetworkSpec(name=network_name, pooling="average"))
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(pictures, 3, size * 3 // 4, size, generator=generator).to(engine.device)
    objective = mirrored(network, layers, pixels)
    begun = time.perf_counter()
    faster = compiled(objective, network, pixels)
    taken = time.perf_counter() - begun

    def run(evaluates: object, which: object) -> None:
        evaluates(objective, which, pixels)  # type: ignore[operator]
        if engine.device.type == "cuda":
            torch.cuda.synchronize()

    ways = [(accelerated(engine.device, LBFGS)[1], which) for which in (network, faster)]
    for evaluates, which in ways:
        for _ in range(5):  # graphs are made after some plain calls
            run(evaluates, which)
    plain, fast = seconds(*(lambda way=way: run(*way) for way in ways), rounds=rounds)
    return plain, fast, taken


def rows(size: int, counts: list[int], rounds: int) -> list[list[str]]:
    found = []
    for precision in dict.fromkeys(Engine(precision=p).precision for p in ("auto", "float32")):
        engine = Engine(precision=precision)
        for network in ("vgg19-random", "vgg19-compact"):
            for name, layers in CASES.items():
                for pictures in counts:
                    plain, fast, taken = measured(engine, network, layers, size, pictures, rounds)
                    saved = plain - fast
                    found.append([
                        network, precision, name, str(pictures), f"{1e3 * plain:.1f}",
                        f"{1e3 * fast:.1f}", f"{plain / fast:.2f}", f"{taken:.0f}",
                        f"{taken / saved:,.0f}" if saved > 0 else "never",
                    ])  # fmt: skip
                    print(*found[-1], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=512, help="longest side in pixels")
    parser.add_argument("--pictures", help="sizes of batches; default: 1, on a GPU 1,20")
    parser.add_argument("--rounds", type=int, default=9, help="timed evaluations of each case")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/compiling.md")
    arguments = parser.parse_args()
    torch._inductor.config.force_disable_caches = True  # else an earlier run's work would count
    gpu = torch.cuda.is_available()
    counts = [int(c) for c in (arguments.pictures or ("1,20" if gpu else "1")).split(",")]
    machine = torch.cuda.get_device_name() if gpu else processor()
    text = (
        f"Machine: {machine}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{platform.system()}. Pictures of {arguments.size} x {arguments.size * 3 // 4} px; "
        "milliseconds of an evaluation of the whole batch.\n\n"
    )
    header = ["network", "precision", "style layers", "pictures", "plain", "compiled", "gain",
              "seconds to compile", "pays after evaluations"]  # fmt: skip
    text += table(header, rows(arguments.size, counts, arguments.rounds))
    print(text)
    if arguments.write:
        write_page(__file__, "torch.compile, by measurement", text)


if __name__ == "__main__":
    main()
