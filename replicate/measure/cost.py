"""What a transfer costs, counted so that it is the same on every machine."""

from __future__ import annotations

from ..engine.job import Job
from ..networks.layers import depth, steps


def multiply_adds(job: Job) -> int:
    """Multiplications with addition in one evaluation of a job by VGG at its full width.

    A convolution from C to N channels on h × w positions takes 9 C N h w, and as much again to
    take the gradient back to its input; the weights are fixed and need none.  The network ends
    with the deepest layer that has a loss.  A layer's Gram matrix F F^T, with F of N × h w, takes
    N² h w, and as much again for its gradient (G - A) F (Gatys et al. 2016, equation 6).  What
    goes with N h w alone is left out: content loss, rectification, pooling.
    """
    architecture = job.preset.network.architecture
    deepest = max(depth(layer, architecture) for layer in (*job.content_layers, *job.style_layers))
    width, height = job.canvas
    before, count = 3, 0
    for step in steps(architecture)[: deepest + 1]:
        if step.kind == "conv":
            count += 9 * before * step.channels * width * height
            before = step.channels
        elif step.kind == "pool":
            width, height = width // 2, height // 2
        if step.name in job.style_layers:
            count += step.channels**2 * width * height
    return 2 * count
