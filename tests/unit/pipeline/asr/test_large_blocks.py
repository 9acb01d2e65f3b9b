from __future__ import annotations

import ctypes
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.asr import large_blocks
from pipeline.asr.large_blocks import LARGEST, keep_large_blocks

FAULTS = """
import resource, sys
import numpy as np
from pipeline.asr.large_blocks import keep_large_blocks
if sys.argv[1] == "keep":
    keep_large_blocks()
def use():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(40 << 20, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
use(), use()
print(use())
"""
# Pages that the system has to clear for a block of 40 MB that is taken for the third time.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What is asked of the C library."""
    calls: list[tuple[int, int]] = []

    def mallopt(name: int, value: int) -> int:
        calls.append((name, value))
        return int(value < refused[0])

    refused = [2**31]
    library = SimpleNamespace(mallopt=mallopt, refused=refused)
    monkeypatch.setattr(large_blocks.ctypes, "CDLL", lambda _: library)  # type: ignore[attr-defined]
    for name in large_blocks._SETTINGS:
        monkeypatch.delenv(name, raising=False)
    return calls


def test_both_limits_are_set_as_glibc_keeps_them_apart(asked: list[tuple[int, int]]) -> None:
    keep_large_blocks()
    assert asked == [(-3, LARGEST), (-1, 2 * LARGEST)]


def test_where_glibc_refuses_it_goes_on_learning_by_itself(asked: list[tuple[int, int]]) -> None:
    """Any limit that is set stops it."""
    large_blocks.ctypes.CDLL(None).refused[0] = LARGEST  # type: ignore[attr-defined]
    keep_large_blocks()
    assert asked == [(-3, LARGEST)]


@pytest.mark.parametrize("name", large_blocks._SETTINGS)
def test_what_the_user_has_set_stays(asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "glibc.malloc.trim_threshold=1")
    keep_large_blocks()
    assert asked == []


def test_another_c_library_is_left_alone(asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: Any) -> None:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", none)
    keep_large_blocks()
    assert asked == []


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="not glibc")
def test_a_block_that_was_freed_is_not_cleared_again() -> None:
    def cleared(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert cleared("keep") < 10 < cleared("leave")
