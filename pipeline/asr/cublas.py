"""The CUDA library that ctranslate2 looks for, loaded before it looks."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import MissingDependency

_LIBRARIES = ("libcublasLt.so.12", "libcublas.so.12")
# In this order: cublas needs cublasLt, which the loader would not find in a wheel by itself.


@cache
def preload_cublas() -> None:
    """Make CUDA 12's cuBLAS known to the process, from the wheel nvidia-cublas-cu12 or from the system.

    ctranslate2 opens libcublas.so.12 by name when it first computes, while torch 2.13 brings CUDA 13. Opened before,
    the name resolves. Raises `MissingDependency` where the library is nowhere: ctranslate2 would end the process.
    """
    for name in _LIBRARIES:
        bundled = [path for path in (folder / name for folder in _wheel_folders()) if path.is_file()]
        try:
            ctypes.CDLL(str(bundled[0]) if bundled else name, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            message = f'speech recognition on a GPU needs {name}; run: pip install "hansard[gpu]"'
            raise MissingDependency(message) from error


def _wheel_folders() -> list[Path]:
    spec = find_spec("nvidia")
    return [Path(place) / "cublas" / "lib" for place in (spec.submodule_search_locations or ())] if spec else []
