"""Where models run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, get_args

import torch
from threadpoolctl import threadpool_limits

from pipeline.errors import DeviceLost, HansardError, InvalidOption, OutOfMemory
from pipeline.memory import is_out_of_memory
from pipeline.options import DeviceName, Precision

_FAULTS: Final = ("cuda error", "cuda failed", "cublas", "cudnn", "cufft", "nvrtc")
"""What the messages of torch and CTranslate2 hold when the GPU has failed."""


def resolve_device(name: str) -> str:
    """Turn `auto` into `cuda` where there is such a device, else `cpu`.

    Raises `InvalidOption` for an unknown name, and for `cuda` where it cannot be had.
    """
    if name not in get_args(DeviceName):
        message = f"device must be auto, cpu or cuda, not {name!r}"
        raise InvalidOption(message)
    usable = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not usable:
        message = f"device cuda was asked for, but torch {torch.__version__} sees no CUDA device; use cpu or auto"
        raise InvalidOption(message)
    return "cuda" if usable else "cpu"


def resolve_precision(name: str, device: str) -> torch.dtype:
    """Turn `auto` into the numbers in which the networks of diarization and the recognizer's encoder compute.

    bfloat16 on a CPU that multiplies them itself (AVX-512 BF16, AMX), which takes half the time there and moves DER by
    0.1 either way (DECISIONS.md); float32 elsewhere. Raises `InvalidOption` for an unknown name.
    """
    if name not in get_args(Precision):
        message = f"precision must be auto, float32 or bfloat16, not {name!r}"
        raise InvalidOption(message)
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    able = torch.cpu.get_capabilities() if device == "cpu" else {}
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def bound_threads() -> None:
    """Let each operation of torch, numpy and scipy have one CPU thread, here and in threads to come.

    The networks here are small: two threads for an operation take a quarter off the wall clock for 40 % more CPU time,
    two batches at the same time half of it for 3 %. Beside other work threads that wait for each other take several
    times as long as one, and OpenBLAS' threads spin between small products: 230 instead of 178 CPU seconds an hour.
    """
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")


def begin_thread() -> None:
    """Hold the operations of a new thread to what `bound_threads` says.

    OpenMP gives a thread all cores until torch tells it otherwise. That happens when torch is first asked how many
    there are, for which a convolution has no reason.
    """
    torch.get_num_threads()


@contextmanager
def threads_kept() -> Iterator[None]:
    """Leave torch as many threads afterwards as it had before, in the thread that calls.

    Libraries loaded after torch find its OpenMP: CTranslate2 sets the threads of its caller while it loads a model.
    """
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def device_errors() -> Iterator[None]:
    """Turn what torch and CTranslate2 raise about the machine into `OutOfMemory` and `DeviceLost`.

    Most faults of a GPU are sticky: every later call of the process fails as well. They are all taken for such.
    """
    try:
        yield
    except HansardError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise OutOfMemory from error
        if isinstance(error, RuntimeError) and any(fault in str(error).lower() for fault in _FAULTS):
            message = (
                f"the GPU has failed, and this process cannot use it any more; start another ({_first_line(error)})"
            )
            raise DeviceLost(message) from error
        raise


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
