from __future__ import annotations

import pytest
import torch

from pipeline.device import bound_threads, device_errors, resolve_device, resolve_precision
from pipeline.errors import CorruptMedia, DeviceLost, InvalidOption, OutOfMemory


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


def test_an_operation_has_one_thread() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        bound_threads()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be"), DeviceLost),
        (RuntimeError("CUDA failed with error an illegal memory access was encountered"), DeviceLost),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED"), DeviceLost),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
        (KeyError("cuda error"), KeyError),
        (CorruptMedia("cuda error"), CorruptMedia),
    ],
)
def test_faults_of_the_machine_are_told_from_others(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, device_errors():
        raise raised
    assert type(caught.value) is expected


def test_a_lost_device_says_which_fault_it_was_in_one_line() -> None:
    fault = RuntimeError("CUDA error: device-side assert triggered\nFor debugging consider CUDA_LAUNCH_BLOCKING=1")
    with pytest.raises(DeviceLost, match=r"start another \(CUDA error: .* triggered\)$"), device_errors():
        raise fault


@pytest.mark.parametrize(
    ("name", "device", "able", "expected"),
    [
        ("auto", "cpu", {"avx512_bf16": True}, torch.bfloat16),
        ("auto", "cpu", {"amx_bf16": True}, torch.bfloat16),
        ("auto", "cpu", {"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ("auto", "cuda", {"avx512_bf16": True}, torch.float32),
        ("float32", "cpu", {"avx512_bf16": True}, torch.float32),
        ("bfloat16", "cpu", {}, torch.bfloat16),
    ],
)
def test_half_the_digits_only_where_the_processor_multiplies_them_or_they_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, name: str, device: str, able: dict[str, bool], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert resolve_precision(name, device) is expected


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InvalidOption, match="precision must be auto, float32 or bfloat16, not 'half'"):
        resolve_precision("half", "cpu")
