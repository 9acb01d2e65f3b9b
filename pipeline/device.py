"""Where models run."""

from __future__ import annotations

from typing import get_args

import torch

from pipeline.errors import InvalidOption
from pipeline.options import DeviceName


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


def use_threads(threads: int | None) -> None:
    """Bound the CPU threads of torch for the whole process; None is one.

    The networks here are small: on two idle cores a second thread takes a quarter off the wall clock for 40 % more CPU
    time, and beside other work threads that wait for each other take several times as long as one.
    """
    torch.set_num_threads(threads or 1)
