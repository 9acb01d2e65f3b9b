"""Samples of unknown number, collected without ever holding them twice."""

from __future__ import annotations

import numpy as np

from pipeline.types import PcmArray
from pipeline.waveform import SAMPLE_RATE

BLOCK_SAMPLES = 1200 * SAMPLE_RATE
"""Twenty minutes, 38 MB a channel: above the 32 MB up to which glibc keeps freed memory, so that each block goes back
to the system as soon as it was copied."""


class Blocks:
    """A (channels, samples) array that grows at its end."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._blocks: list[PcmArray] = []
        self._filled = BLOCK_SAMPLES
        """Samples in use in the last block; an untouched block costs no memory yet."""

    @property
    def length(self) -> int:
        """Samples a channel."""
        return len(self._blocks) * BLOCK_SAMPLES - BLOCK_SAMPLES + self._filled if self._blocks else 0

    def append(self, samples: PcmArray) -> None:
        """Copy samples, (channels, n), to the end."""
        position = 0
        while position < samples.shape[1]:
            if self._filled == BLOCK_SAMPLES:
                self._blocks.append(np.empty((self.channels, BLOCK_SAMPLES), dtype=np.int16))
                self._filled = 0
            count = min(BLOCK_SAMPLES - self._filled, samples.shape[1] - position)
            self._blocks[-1][:, self._filled : self._filled + count] = samples[:, position : position + count]
            self._filled += count
            position += count

    def join(self) -> PcmArray:
        """Give everything as one contiguous array, (channels, samples), and forget it."""
        joined = np.empty((self.channels, self.length), dtype=np.int16)
        position = 0
        while self._blocks:
            block = self._blocks.pop(0)
            count = min(BLOCK_SAMPLES, joined.shape[1] - position)
            joined[:, position : position + count] = block[:, :count]
            position += count
        self._filled = BLOCK_SAMPLES
        return joined
