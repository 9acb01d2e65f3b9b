"""Decoded audio."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import InvalidWaveform
from pipeline.types import FloatArray, Notice, PcmArray, Segment

SAMPLE_RATE = 16_000
"""Every model here hears 16 kHz; decoding resamples to it."""
FULL_SCALE = 2**15
"""The 16-bit value that stands for 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waveform:
    """A decoded recording at 16 kHz.

    Ten hours are 1.2 GB a channel as they are stored and twice that as floats, so that what listens to it asks for the
    `part` that it needs.
    """

    stored: PcmArray | FloatArray
    """(channels, samples): 16-bit integers, as decoding gives them, or floats in [-1, 1] or slightly beyond."""
    uri: str = "audio"
    """Name of the recording, for people and for RTTM; never a path."""
    notices: tuple[Notice, ...] = ()
    """What decoding noticed: a truncated file, channels in antiphase, …"""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.stored.shape[0])

    @property
    def length(self) -> int:
        """Samples a channel."""
        return int(self.stored.shape[1])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.length / SAMPLE_RATE

    def channel(self, number: int) -> Waveform:
        """Return one channel as a waveform of its own."""
        return replace(self, stored=self.stored[number : number + 1])

    def part(self, first: int, last: int) -> FloatArray:
        """Samples from number `first` up to `last`, as far as there are any, (channels, samples), float32."""
        stretch = self.stored[:, max(0, first) : max(0, last)]
        if stretch.dtype == np.int16:
            return np.multiply(stretch, np.float32(1 / FULL_SCALE), dtype=np.float32)
        return np.asarray(stretch, dtype=np.float32)

    def mono_part(self, first: int, last: int) -> FloatArray:
        """The same of a one-channel waveform, (samples,); of others `pipeline.audio.downmix` makes one.

        Raises `ValueError` where there are more channels.
        """
        if self.channels != 1:
            message = f"expected one channel, got {self.channels}; use pipeline.audio.downmix or .channel(n)"
            raise ValueError(message)
        return np.asarray(self.part(first, last)[0])

    def crop(self, segment: Segment) -> FloatArray:
        """Samples of a one-channel waveform between start and end, (samples,); cut off at the recording's ends."""
        return self.mono_part(round(segment.start * SAMPLE_RATE), round(segment.end * SAMPLE_RATE))

    @property
    def samples(self) -> FloatArray:
        """All samples at once, (channels, samples), float32."""
        return self.part(0, self.length)

    @property
    def mono(self) -> FloatArray:
        """All samples of a one-channel waveform at once, (samples,), float32."""
        return self.mono_part(0, self.length)

    @staticmethod
    def of(samples: FloatArray, uri: str = "audio") -> Waveform:
        """Wrap samples that are at 16 kHz already: (samples,) or (channels, samples), floats, kept as they are.

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
        return Waveform(stored=array.astype(np.float32, copy=False), uri=uri)
