"""To 16 kHz, as a stream: chunk after chunk, all channels at once, whatever rate each chunk has."""

from __future__ import annotations

import numpy as np
import soxr

from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE

QUALITY = "HQ"
"""soxr's 20-bit setting: its noise lies below that of 16-bit audio. 0.4 CPU s an hour from 48 kHz; VHQ adds 4 %."""


class Resampler:
    """A stream to 16 kHz whose input may change its rate on the way."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._rate = SAMPLE_RATE
        self._stream: soxr.ResampleStream | None = None

    def push(self, samples: FloatArray, rate: int) -> list[FloatArray]:
        """Take samples, (channels, n), and give back those that are ready at 16 kHz, each (channels, m)."""
        ready = self.flush() if rate != self._rate else []
        if rate == SAMPLE_RATE:
            return [*ready, samples]
        if self._stream is None:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, self._channels, dtype="float32", quality=QUALITY)
            self._rate = rate
        # (n, channels): soxr wants the samples of one instant side by side.
        resampled = self._stream.resample_chunk(np.ascontiguousarray(samples.T))
        return [*ready, resampled.T]

    def flush(self) -> list[FloatArray]:
        """Give back what is still inside, and start afresh."""
        if self._stream is None:
            return []
        tail = self._stream.resample_chunk(np.empty((0, self._channels), dtype=np.float32), last=True)
        self._stream, self._rate = None, SAMPLE_RATE
        return [tail.T]
