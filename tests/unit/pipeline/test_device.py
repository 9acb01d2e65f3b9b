from __future__ import annotations

import pytest
import torch

from pipeline.device import resolve_device, use_threads
from pipeline.errors import InvalidOption


@pytest.mark.parametrize(
    ("name", "cuda", "expected"),
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_devices_resolve_to_what_is_there(
    monkeypatch: pytest.MonkeyPatch, name: str, cuda: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert resolve_device(name) == expected


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidOption, match="no CUDA device"):
        resolve_device("cuda")
    with pytest.raises(InvalidOption, match="auto, cpu or cuda"):
        resolve_device("tpu")


def test_threads_bound_those_of_torch_and_are_one_unless_said() -> None:
    before = torch.get_num_threads()
    try:
        use_threads(3)
        assert torch.get_num_threads() == 3
        use_threads(None)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
