"""Peak memory of a process that does one transfer and nothing else.

    python -m benchmarks.peak_memory NETWORK PRECISION SIZE EVALUATIONS

Prints megabytes, Python and PyTorch included; without arguments, those of importing PyTorch.
Imports no more than a program does that uses the engine as a library.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch  # noqa: F401

if TYPE_CHECKING:
    from replicate.engine.job import Job


def square_transfer(size: int, evaluations: int) -> Job:
    """A square transfer that goes to relu5_1, from pictures that are there everywhere."""
    from replicate.config import load_preset
    from replicate.engine.job import Job
    from replicate.images import bundled

    preset = load_preset("gatys2016-code")
    content, style = bundled("astronaut"), bundled("coffee")
    return Job(preset, content, style, size=size, evaluations=evaluations)


def peak() -> float:
    """Peak memory of this process in MB.

    Linux's ``ru_maxrss`` would count the parent's memory before the exec as well.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def transfer(network: str, precision: str, size: str, evaluations: str) -> None:
    """Do the first evaluations of a transfer."""
    from replicate.engine.engine import Engine

    engine = Engine(device="cpu", network=network, precision=precision)  # type: ignore[arg-type]
    engine.run(square_transfer(int(size), int(evaluations)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        transfer(*sys.argv[1:])
    print(peak())
