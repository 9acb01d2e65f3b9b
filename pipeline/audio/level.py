"""Levels over time, without a copy of the recording."""

from __future__ import annotations

import numpy as np

from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE, Waveform

FLOOR = 1e-10
"""Power of digital silence: -100 dBFS, just below what 16 bits can hold."""
SLAB_FRAMES = 512
"""Frames worked on at once."""


def levels(waveform: Waveform, frame: float) -> FloatArray:
    """Give the level of each frame in dBFS, (channels, frames); a constant offset does not count.

    Args:
        waveform: what is measured.
        frame: length of a frame in seconds; what is left at the end is a frame of its own only if there is no other.
    """
    size = min(round(frame * SAMPLE_RATE), waveform.length)
    count = waveform.length // size if size else 0
    power = np.empty((waveform.channels, count), dtype=np.float32)
    for first in range(0, count, SLAB_FRAMES):
        last = min(count, first + SLAB_FRAMES)
        frames = waveform.part(first * size, last * size).reshape(waveform.channels, last - first, size)
        power[:, first:last] = frames.var(axis=2, dtype=np.float32)
    return np.asarray(10 * np.log10(np.maximum(power, FLOOR)), dtype=np.float32)
