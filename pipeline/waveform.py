"""Decoded audio."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import InvalidWaveform
from pipeline.types import FloatArray, Notice, Segment

SAMPLE_RATE = 16_000
"""Every model here hears 16 kHz; decoding resamples to it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waveform:
    """A decoded recording at 16 kHz."""

    samples: FloatArray
    """(channels, samples), float32 in [-1, 1] or slightly beyond."""
    uri: str = "audio"
    """Name of the recording, for people and for RTTM; never a path."""
    notices: tuple[Notice, ...] = ()
    """What decoding noticed: a truncated file, channels in antiphase, …"""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1]) / SAMPLE_RATE

    def channel(self, number: int) -> Waveform:
        """Return one channel as a waveform of its own."""
        return replace(self, samples=self.samples[number : number + 1])

    @property
    def mono(self) -> FloatArray:
        """The samples of a one-channel waveform, (samples,). Downmix first: `pipeline.audio.downmix`."""
        if self.channels != 1:
            message = f"expected one channel, got {self.channels}; use pipeline.audio.downmix or .channel(n)"
            raise ValueError(message)
        return np.asarray(self.samples[0])

    def crop(self, segment: Segment) -> FloatArray:
        """Samples of a one-channel waveform between start and end, (samples,); cut off at the recording's ends."""
        start = max(0, round(segment.start * SAMPLE_RATE))
        return self.mono[start : max(start, round(segment.end * SAMPLE_RATE))]

    @staticmethod
    def of(samples: FloatArray, uri: str = "audio") -> Waveform:
        """Wrap samples that are at 16 kHz already: (samples,) or (channels, samples), floats.

        Raises `InvalidWaveform` for integers, which have another scale, for more channels than samples, and for samples
        that are not finite.
        """
        array = np.atleast_2d(samples)
        if not np.issubdtype(array.dtype, np.floating):
            message = f"samples must be floats in [-1, 1], not {array.dtype}; divide 16-bit integers by 32768"
            raise InvalidWaveform(message)
        if array.ndim != 2 or 0 < array.shape[1] < array.shape[0]:  # noqa: PLR2004
            message = f"samples must be (samples,) or (channels, samples), not {array.shape}; transpose them"
            raise InvalidWaveform(message)
        if not np.isfinite(array).all():
            message = "some samples are not finite numbers"
            raise InvalidWaveform(message)
        return Waveform(samples=array.astype(np.float32, copy=False), uri=uri)
