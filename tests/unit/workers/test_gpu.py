"""The GPU's memory, with a torch that says what a machine without one cannot."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from workers import metrics
from workers.gpu import watch_gpu

GIB = 2**30
DEVICE = {"device": "0"}


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"hansard_gpu_memory_{name}_bytes", DEVICE)


def test_memory_in_use_is_what_the_driver_says_whenever_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    free = [20 * GIB]
    answers: dict[str, Any] = {
        "is_available": lambda: True,
        "current_device": lambda: 0,
        "mem_get_info": lambda _: (free[0], 80 * GIB),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    assert watch_gpu()
    assert (gauge("used"), gauge("size")) == (60 * GIB, 80 * GIB)
    free[0] = 5 * GIB
    assert gauge("used") == 75 * GIB
    metrics.GPU_MEMORY.clear()
    metrics.GPU_MEMORY_SIZE.clear()


def test_without_a_gpu_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not watch_gpu()
    assert gauge("used") is None
