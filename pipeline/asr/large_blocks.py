"""How long glibc keeps large blocks of memory that a network has freed."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Final

_SETTINGS: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Of mallopt (malloc.h).
LARGEST: Final = 64 << 20
"""Bytes of a block that is kept; no more fits into what glibc reserves for a thread."""


def keep_large_blocks() -> None:
    """Let glibc use freed blocks of up to 64 MB again; by itself it learns to do so up to 32 MB.

    The encoder's attention takes 6 x frames x frames floats a layer (Whisper tiny): 33 MB and more from 23.6 s of audio
    on, which the system then has to clear anew for every layer of every chunk. Kept, such chunks take a quarter less
    CPU time, and a process some 100 MB more. The limits are the whole process's. Does nothing where the environment
    sets any of this, or in another C library.
    """
    if any(name in os.environ for name in _SETTINGS):
        return
    with suppress(AttributeError, OSError, TypeError):  # another C library
        library = ctypes.CDLL(None)
        # Before 2.35 it refuses so much, and what it learns by itself is better than the other limit alone.
        if library.mallopt(_MMAP_THRESHOLD, LARGEST):
            # Setting the one stops glibc from raising the other to twice as much.
            library.mallopt(_TRIM_THRESHOLD, 2 * LARGEST)
