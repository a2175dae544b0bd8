"""Devices and precisions that are there, that are not, and that are none."""

from __future__ import annotations

import pytest
import torch

from replicate.engine.device import arithmetic, choose_device, choose_dtype
from replicate.engine.engine import Engine
from replicate.errors import ReplicateError


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x"])
def test_what_is_no_device(name):
    with pytest.raises(ReplicateError, match="auto, cpu, cuda"):
        Engine(device=name)


@pytest.mark.parametrize("name", ["cuda", "cuda:99", "mps", "meta", "xpu"])
def test_a_device_that_is_not_here(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ReplicateError, match=f"no device '{name}' on this machine"):
        choose_device(name)


def test_auto_prefers_the_faster_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    monkeypatch.setenv("REPLICATE_DEVICE", "cpu")
    assert choose_device("auto").type == "cpu"


@pytest.mark.parametrize("precision", ["float16", ""])
def test_unknown_precision(precision):
    with pytest.raises(ReplicateError, match="auto, bf16, float32 or exact"):
        Engine(device="cpu", precision=precision)


def test_precisions(monkeypatch):
    cpu = torch.device("cpu")
    assert choose_dtype("bf16", cpu) == torch.bfloat16
    assert choose_dtype("float32", cpu) == choose_dtype("exact", cpu) == torch.float32
    for here, dtype, label in [(True, torch.bfloat16, "bf16"), (False, torch.float32, "float32")]:
        monkeypatch.setattr("replicate.engine.device.has_bf16", lambda device, here=here: here)
        assert choose_dtype("auto", cpu) == dtype
        assert Engine(device="cpu").precision == label
    assert Engine(device="cpu", precision="exact").precision == "exact"


def test_exact_arithmetic_turns_tf32_off_and_back(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    with pytest.raises(ZeroDivisionError), arithmetic(exact=True):
        assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic) == (False, False, True)
        raise ZeroDivisionError
    assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic) == before
    with arithmetic(exact=False):
        assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic) == before
