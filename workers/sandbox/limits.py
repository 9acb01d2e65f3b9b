"""What decoding one recording may cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.options import DecodeLimits
from pipeline.waveform import SAMPLE_RATE

FLAC_CHANNELS = 8
"""The most that FLAC can hold (RFC 9639, section 9.1.3)."""
SAMPLE_BYTES = 2
SPARE_BYTES = 2**20
"""Headers, and frames that FLAC stores as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """Limits of the decoder's process, which the kernel or the worker enforces, and of the recording."""

    decode: DecodeLimits = field(default_factory=DecodeLimits)
    """What the recording may be; refused with the decoder's own errors."""
    memory_bytes: int = 1536 * 2**20
    """Address space: 0.25 GB is enough for one or two channels however long, 0.5 GB for 16, 1 GB for 16 at 768 kHz."""
    cpu_seconds: int = 1800
    """CPU time in all. Ten hours of stereo Opus take 90 s."""
    stall_seconds: float = 120.0
    """Longest time without more audio decoded. A video of 5 GB whose sound lies at its end is read in 50 s from a disk
    that gives 100 MB/s."""

    @property
    def output_bytes(self) -> int:
        """Largest FLAC file that the longest recording can become."""
        return round(self.decode.max_seconds * SAMPLE_RATE * 1.02) * SAMPLE_BYTES * FLAC_CHANNELS + SPARE_BYTES
