"""Which device and which precision to use on this machine, and what is said when it is full."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

import torch

from ..errors import ReplicateError

Precision = Literal["auto", "bf16", "float32", "exact"]


def choose_device(name: str = "auto") -> torch.device:
    """The torch device ``name``, which must be there.

    ``auto`` is what the environment variable REPLICATE_DEVICE says, else CUDA, MPS or the CPU.

    Raises:
        ReplicateError: no such device.
    """
    if name == "auto":
        name = os.environ.get("REPLICATE_DEVICE") or "auto"
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ReplicateError(
            f"'{name}' is no device; use auto, cpu, cuda, cuda:1 or mps."
        ) from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ReplicateError(f"There is no device '{name}' on this machine; use cpu or auto.")
    return device


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulation is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        capabilities = torch.backends.cpu.get_cpu_capability()
        return capabilities.startswith("AVX512") and torch.cpu._is_avx512_bf16_supported()
    return False


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of weights and feature maps."""
    if precision not in ("auto", "bf16", "float32", "exact"):
        raise ReplicateError(f"'{precision}' is no precision; use auto, bf16, float32 or exact.")
    if precision == "bf16" or (precision == "auto" and has_bf16(device)):
        return torch.bfloat16
    return torch.float32


@contextlib.contextmanager
def arithmetic(exact: bool) -> Iterator[None]:
    """Float32 products and convolutions without TF32, and cuDNN's deterministic ones, if exact."""
    if not exact or not torch.cuda.is_available():
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = False, False, True
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = before


@contextlib.contextmanager
def memory_said() -> Iterator[None]:
    """Turn "out of memory", of the device or of the machine, into a sentence.

    Raises:
        ReplicateError: the work in the block did not fit into memory.
    """
    too_large = "The picture does not fit into memory at this size; choose a smaller one."
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ReplicateError(too_large) from error
    except RuntimeError as error:  # what torch raises on a CPU
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise ReplicateError(too_large) from error
        raise
